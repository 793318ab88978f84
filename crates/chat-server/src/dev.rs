//! What `serve --dev` makes for a newcomer: a folder, and a secret that is kept there.

use std::{fs, io, path::Path};

use chat_domain::ports::Dice as _;

use crate::{
    app::system::SystemDice,
    config::{Config, Secret, TokenSource},
};

const SECRET_FILE: &str = "dev-secret";

/// Completes the settings of a development server.
///
/// # Errors
/// The secret cannot be kept or read.
pub fn complete(config: &mut Config) -> io::Result<()> {
    match config.auth.source() {
        None => {}
        Some(TokenSource::Secret(_)) => return Ok(()),
        Some(
            TokenSource::PublicKeyFile(_) | TokenSource::JwksFile(_) | TokenSource::JwksUrl(_),
        ) => {
            let reason = "`serve --dev` signs tokens itself: it takes CHAT_AUTH__SECRET or nothing";
            return Err(io::Error::other(reason));
        }
    }
    let file = config.database.url.sqlite_path();
    let folder = file.and_then(Path::parent).unwrap_or(Path::new("data"));
    make_private(folder)?;
    let path = folder.join(SECRET_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("{:032x}{:032x}", SystemDice.roll(), SystemDice.roll());
            write_private(&path, &text)?;
            text
        }
        Err(error) => return Err(error),
    };
    let secret = Secret::new(text.trim().to_owned());
    config.auth.secret =
        Some(secret.map_err(|problem| io::Error::other(format!("{}: {problem}", path.display())))?);
    Ok(())
}

/// The folder holds the secret and the database.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
