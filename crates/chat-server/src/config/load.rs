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

/// These name a file themselves.
const NAMES_OF_FILES: [&str; 4] = [
    "CHAT_AUTH__PUBLIC_KEY_FILE",
    "CHAT_AUTH__JWKS_FILE",
    "CHAT_TLS__CERT_FILE",
    "CHAT_TLS__KEY_FILE",
];

/// Reads the settings: defaults, then `file`, then the variables in `environment`.
///
/// # Errors
/// One line that says which setting is wrong, and how. It never repeats a secret.
pub fn load(
    file: Option<&Path>,
    environment: HashMap<String, String>,
) -> Result<Config, ConfigError> {
    let Some(path) = file else {
        return read(None, environment);
    };
    let text = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
    read(Some((path, &text)), environment)
}

/// The same, with what stands in the file.
///
/// # Errors
/// As [`load`].
pub fn read(
    file: Option<(&Path, &str)>,
    environment: HashMap<String, String>,
) -> Result<Config, ConfigError> {
    let mut sources = config::Config::builder();
    if let Some((path, text)) = file {
        check_toml(path, text)?;
        sources = sources.add_source(File::from_str(text, FileFormat::Toml));
    }
    let variables = Environment::with_prefix("CHAT")
        .prefix_separator("_")
        .separator("__")
        .source(Some(with_files_read(environment)?));
    let merged = sources.add_source(variables).build();
    let config: Config = merged
        .and_then(config::Config::try_deserialize)
        .map_err(|error| ConfigError::Wrong(without_values(&error.to_string())))?;
    config
        .validate()
        .map_err(|errors| ConfigError::Wrong(first_line(&errors)))?;
    match config.auth.contradiction().or(config.tls.contradiction()) {
        Some(line) => Err(ConfigError::Wrong(line)),
        None => Ok(config),
    }
}

/// What was written may be a secret in the wrong place: the line names the setting, not the value.
fn without_values(line: &str) -> String {
    match (line.find("string \""), line.rfind('"')) {
        (Some(start), Some(end)) => {
            format!("{}{}", &line[..start + "string".len()], &line[end + 1..])
        }
        _ => line.to_owned(),
    }
}

/// Says where a file is no TOML. The parser's own words repeat the line, which may hold a secret.
fn check_toml(path: &Path, text: &str) -> Result<(), ConfigError> {
    let Err(error) = text.parse::<toml::Table>() else {
        return Ok(());
    };
    let before = error
        .span()
        .and_then(|span| text.get(..span.start))
        .unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let path = path.display();
    Err(ConfigError::Wrong(format!(
        "{path} is no valid TOML at line {line}"
    )))
}

/// `CHAT_AUTH__SECRET_FILE=path` stands for `CHAT_AUTH__SECRET=` and what the file holds.
fn with_files_read(
    environment: HashMap<String, String>,
) -> Result<HashMap<String, String>, ConfigError> {
    let ours = environment
        .into_iter()
        .filter(|(name, _)| name.starts_with(PREFIX));
    let (files, mut settings): (HashMap<_, _>, HashMap<_, _>) = ours.partition(|(name, _)| {
        name.ends_with(FROM_FILE) && !NAMES_OF_FILES.contains(&name.as_str())
    });
    for (name, file) in files {
        let path = Path::new(&file);
        let content = fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
        let setting = name.strip_suffix(FROM_FILE).unwrap_or(&name).to_owned();
        if settings
            .insert(setting.clone(), content.trim_end().to_owned())
            .is_some()
        {
            let both = format!("{setting} and {name} are both set: choose one");
            return Err(ConfigError::Wrong(both));
        }
    }
    Ok(settings)
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
    fn a_secret_from_two_places_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "x".repeat(40)).unwrap();
        let secret = "y".repeat(40);

        let refused = from_environment(&[
            ("CHAT_AUTH__SECRET_FILE", path.to_str().unwrap()),
            ("CHAT_AUTH__SECRET", &secret),
        ]);

        let line = refused.unwrap_err().to_string();
        assert_eq!(
            line,
            "CHAT_AUTH__SECRET and CHAT_AUTH__SECRET_FILE are both set: choose one"
        );
    }

    #[test]
    fn one_source_of_keys_is_enough_and_goes_with_the_algorithm() {
        let secret = ("CHAT_AUTH__SECRET", "00000000000000000000000000000042");
        let pem = ("CHAT_AUTH__PUBLIC_KEY_FILE", "/key.pem");
        let file = ("CHAT_AUTH__JWKS_FILE", "/keys.json");
        let url = ("CHAT_AUTH__JWKS_URL", "https://id.example/keys");
        let algorithm = |name| ("CHAT_AUTH__ALGORITHM", name);

        for fine in [
            vec![secret, algorithm("HS256")],
            vec![pem, algorithm("ES256")],
            vec![file, algorithm("RS256")],
            vec![url, algorithm("EdDSA")],
            vec![],
        ] {
            assert!(from_environment(&fine).is_ok(), "{fine:?}");
        }
        for (wrong, line) in [
            (
                vec![secret, url],
                "CHAT_AUTH__SECRET and CHAT_AUTH__JWKS_URL are both set: choose one",
            ),
            (
                vec![file, pem],
                "CHAT_AUTH__PUBLIC_KEY_FILE and CHAT_AUTH__JWKS_FILE are both set: choose one",
            ),
            (
                vec![secret, algorithm("RS256")],
                "auth.algorithm: a secret is for HS256; the others take a public key",
            ),
            (
                vec![url, algorithm("HS256")],
                "auth.algorithm: HS256 takes CHAT_AUTH__SECRET",
            ),
        ] {
            assert_eq!(from_environment(&wrong).unwrap_err().to_string(), line);
        }
    }

    #[test]
    fn a_file_that_is_no_toml_does_not_show_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat.toml");
        fs::write(&path, "[auth]\nsecret = \"TOPSECRET\n").unwrap();

        let line = load(Some(&path), HashMap::new()).unwrap_err().to_string();

        assert!(
            line.ends_with("chat.toml is no valid TOML at line 2"),
            "{line}"
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
                "has to be sqlite://PATH or postgres://",
            ),
            ("CHAT_HTTP__TRANSPORTS", "telepathy", "telepathy"),
            ("CHAT_AUTH__SECRET", "short", "at least 32 bytes"),
            ("CHAT_AUTH", "a secret in the wrong place", "auth"),
            ("CHAT_AUTH__SECRET_FILE", "/no/such/file", "/no/such/file"),
            ("CHAT_AUTH__PUBLIC_KEY", "x", "public_key"),
            (
                "CHAT_AUTH__JWKS_URL",
                "http://id.example/wrong place",
                "has to be https://",
            ),
            ("CHAT_AUTH__ALGORITHM", "none", "algorithm"),
            ("CHAT_AUTH__ALGORITHM", "HS512", "algorithm"),
        ] {
            let line = from_environment(&[(name, value)]).unwrap_err().to_string();

            assert!(line.contains(expected), "{name}: {line}");
            assert!(!line.contains('\n'), "{line}");
            assert!(!line.contains("wrong place"), "{line}");
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        let refused = from_environment(&[("CHAT_TLS__CERT_FILE", "/tls.pem")]).unwrap_err();
        let both = [
            ("CHAT_TLS__CERT_FILE", "/tls.pem"),
            ("CHAT_TLS__KEY_FILE", "/tls.key"),
        ];
        let config = from_environment(&both).unwrap();

        assert!(
            refused.to_string().contains("CHAT_TLS__KEY_FILE"),
            "{refused}"
        );
        assert!(config.tls.files().is_some());
    }
}
