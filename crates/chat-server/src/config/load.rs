//! Reading the settings from where they are written.

use std::{collections::HashMap, fs, path::Path};

use config::{Environment, File, FileFormat};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

use super::Config;

/// Why the server does not start: one clear line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file could not be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A setting is unknown, or of the wrong type.
    #[error("{0}")]
    Wrong(String),
}

const PREFIX: &str = "CHAT_";
const FROM_FILE: &str = "_FILE";

/// Reads the settings: defaults, then `file`, then the variables in `environment`.
///
/// # Errors
/// One line that says which setting is wrong, and how. It never repeats a secret.
pub fn load(
    file: Option<&Path>,
    environment: HashMap<String, String>,
) -> Result<Config, ConfigError> {
    let mut sources = config::Config::builder();
    if let Some(path) = file {
        let source = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
        sources = sources.add_source(File::from_str(&source, FileFormat::Toml));
    }
    let variables = Environment::with_prefix("CHAT")
        .prefix_separator("_")
        .separator("__")
        .source(Some(with_files_read(environment)?));
    let merged = sources.add_source(variables).build();
    let config: Config = merged
        .and_then(config::Config::try_deserialize)
        .map_err(|error| ConfigError::Wrong(error.to_string()))?;
    config
        .validate()
        .map_err(|errors| ConfigError::Wrong(first_line(&errors)))?;
    Ok(config)
}

/// `CHAT_AUTH__SECRET_FILE=path` stands for `CHAT_AUTH__SECRET=` and what the file holds.
fn with_files_read(
    environment: HashMap<String, String>,
) -> Result<HashMap<String, String>, ConfigError> {
    let ours = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX));
    let read = |(name, value): (String, String)| match name.strip_suffix(FROM_FILE) {
        Some(setting) => {
            let content = fs::read_to_string(&value)
                .map_err(|source| unreadable(Path::new(&value), source))?;
            Ok((setting.to_owned(), content.trim_end().to_owned()))
        }
        None => Ok((name, value)),
    };
    ours.map(read).collect()
}

fn unreadable(path: &Path, source: std::io::Error) -> ConfigError {
    ConfigError::Unreadable {
        path: path.display().to_string(),
        source,
    }
}

fn first_line(errors: &ValidationErrors) -> String {
    let Some((name, kind)) = errors.errors().iter().next() else {
        return "a setting is wrong".to_owned();
    };
    match kind {
        ValidationErrorsKind::Struct(inner) => format!("{name}.{}", first_line(inner)),
        ValidationErrorsKind::List(_) => format!("{name} is wrong"),
        ValidationErrorsKind::Field(problems) => {
            let message = problems
                .first()
                .map_or_else(|| "is wrong".to_owned(), describe);
            format!("{name}: {message}")
        }
    }
}

fn describe(problem: &validator::ValidationError) -> String {
    if let Some(message) = &problem.message {
        return message.to_string();
    }
    let bound = |name: &str| problem.params.get(name).map(ToString::to_string);
    match (bound("min"), bound("max")) {
        (Some(min), Some(max)) => format!("has to be between {min} and {max}"),
        (None, Some(max)) => format!("has to be at most {max}"),
        (Some(min), None) => format!("has to be at least {min}"),
        (None, None) => "is wrong".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load(None, pairs.collect())
    }

    #[test]
    fn variables_win_over_the_file_and_the_file_over_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.toml");
        fs::write(
            &path,
            "listen = \"127.0.0.1:1\"\n[rooms]\nlarge = 7\nonline_members_listed = 9\n",
        )
        .unwrap();
        let environment = HashMap::from([("CHAT_ROOMS__LARGE".to_owned(), "8".to_owned())]);

        let config = load(Some(&path), environment).unwrap();

        assert_eq!(config.listen.port(), 1);
        assert_eq!(
            (config.rooms.large, config.rooms.online_members_listed),
            (8, 9)
        );
        assert_eq!(config.rooms.members_update_interval_ms, 250);
    }

    #[test]
    fn a_secret_may_come_from_a_file_and_of_digits_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "00000000000000000000000000000042\n").unwrap();

        let config =
            from_environment(&[("CHAT_AUTH__SECRET_FILE", path.to_str().unwrap())]).unwrap();

        assert_eq!(
            config.auth.secret.unwrap().reveal(),
            b"00000000000000000000000000000042"
        );
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let config = from_environment(&[
            ("CHAT_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.0.1"),
            (
                "CHAT_HTTP__CORS_ORIGINS",
                "https://a.example,http://b.example:3000",
            ),
            ("CHAT_HTTP__TRANSPORTS", "websocket"),
        ])
        .unwrap();

        assert!(config.http.trusted_proxies.contain([10, 1, 2, 3].into()));
        assert!(!config.http.trusted_proxies.contain([192, 168, 0, 2].into()));
        assert_eq!(config.http.cors_origins.iter().count(), 2);
        assert_eq!(config.http.transports, super::super::Transports::Websocket);
    }

    #[test]
    fn a_wrong_setting_is_one_clear_line() {
        for (name, value, expected) in [
            ("CHAT_LIMITS__MESAGE_BURST", "1", "mesage_burst"),
            ("CHAT_TYPO", "1", "typo"),
            ("CHAT_LISTEN", "nowhere", "listen"),
            ("CHAT_LIMITS__MESSAGE_BURST", "many", "message_burst"),
            (
                "CHAT_SHUTDOWN__GRACE_MS",
                "9000",
                "grace_ms: has to be at most 8000",
            ),
            (
                "CHAT_DATABASE__URL",
                "mysql://x",
                "database.url: is sqlite://PATH",
            ),
            ("CHAT_HTTP__TRANSPORTS", "telepathy", "telepathy"),
            ("CHAT_AUTH__SECRET", "short", "at least 32 bytes"),
            ("CHAT_AUTH__SECRET_FILE", "/no/such/file", "/no/such/file"),
        ] {
            let line = from_environment(&[(name, value)]).unwrap_err().to_string();

            assert!(line.contains(expected), "{name}: {line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
}
