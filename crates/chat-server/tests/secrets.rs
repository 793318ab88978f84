//! No secret of the settings shows, wherever it is written.

use std::{collections::HashMap, fs};

use chat_server::config::{Config, ConfigError, load};

/// What no line may hold.
const MARK: &str = "MARK-THAT-NOBODY-MAY-SEE-0123456789";

/// Every setting that is a secret or may hold one, with such a value.
const SECRETS: [(&str, &str); 7] = [
    ("CHAT_AUTH__SECRET", "MARK-THAT-NOBODY-MAY-SEE-0123456789"),
    (
        "CHAT_AUTH__JWKS_URL",
        "https://id.example/keys?code=MARK-THAT-NOBODY-MAY-SEE-0123456789",
    ),
    ("CHAT_ADMIN__KEY", "MARK-THAT-NOBODY-MAY-SEE-0123456789"),
    (
        "CHAT_DATABASE__URL",
        "postgres://chat:MARK-THAT-NOBODY-MAY-SEE-0123456789@db/chat",
    ),
    (
        "CHAT_REDIS__URL",
        "rediss://chat:MARK-THAT-NOBODY-MAY-SEE-0123456789@cache:6379",
    ),
    (
        "CHAT_REDIS__BUS_URL",
        "redis-cluster://:MARK-THAT-NOBODY-MAY-SEE-0123456789@cache:7000",
    ),
    (
        "CHAT_OTLP__ENDPOINT",
        "https://collector:4318/MARK-THAT-NOBODY-MAY-SEE-0123456789",
    ),
];

/// The other settings that are text: they may show.
const PLAIN: [&str; 14] = [
    "CHAT_LISTEN",
    "CHAT_AUTH__PUBLIC_KEY_FILE",
    "CHAT_AUTH__JWKS_FILE",
    "CHAT_AUTH__ALGORITHM",
    "CHAT_AUTH__ISSUER",
    "CHAT_AUTH__AUDIENCE",
    "CHAT_AUTH__USER_ID_CLAIM",
    "CHAT_HTTP__CORS_ORIGINS",
    "CHAT_HTTP__TRUSTED_PROXIES",
    "CHAT_HTTP__TRANSPORTS",
    "CHAT_TLS__CERT_FILE",
    "CHAT_TLS__KEY_FILE",
    "CHAT_METRICS__LISTEN",
    "CHAT_LOG__FORMAT",
];

fn loaded(name: &str, value: &str) -> Result<Config, ConfigError> {
    load(None, HashMap::from([(name.to_owned(), value.to_owned())]))
}

#[test]
fn a_secret_from_the_environment_or_a_file_does_not_show() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (name, value)) in SECRETS.into_iter().enumerate() {
        let file = folder.path().join(number.to_string());
        fs::write(&file, format!("{value}\n")).unwrap();

        let given = loaded(name, value).unwrap();
        let read = loaded(&format!("{name}_FILE"), file.to_str().unwrap()).unwrap();

        for shown in [format!("{given:?}"), format!("{given:#?}")] {
            assert!(!shown.contains(MARK), "{name}: {shown}");
        }
        assert_eq!(format!("{given:?}"), format!("{read:?}"));
        let nothing = format!("{:?}", Config::default());
        assert_ne!(format!("{given:?}"), nothing, "{name} is there");
    }
}

#[test]
fn what_is_wrong_with_a_secret_is_said_without_it() {
    let too_short = &MARK[..20];
    for (name, _) in SECRETS {
        for wrong in [
            too_short,
            &format!(" {too_short}"),
            &format!("://{too_short}"),
        ] {
            let line = loaded(name, wrong).unwrap_err().to_string();

            assert!(!line.contains(too_short), "{line}");
        }
    }
}

#[test]
fn each_setting_that_is_text_is_known_as_a_secret_or_as_none() {
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/chat.example.toml"
    );
    let example = fs::read_to_string(example).unwrap();
    let mut section = String::new();
    let mut texts = Vec::new();
    for line in example.lines().map(|line| line.trim_start_matches("# ")) {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}__", name.trim_end_matches(']'));
        } else if let Some((name, value)) = line.split_once(" = ")
            && !name.contains(' ')
            && value.starts_with(['"', '['])
        {
            texts.push(format!("CHAT_{section}{name}").to_uppercase());
        }
    }

    let secrets = SECRETS.iter().map(|(name, _)| *name);
    let mut known: Vec<&str> = secrets.chain(PLAIN).collect();
    known.sort_unstable();
    texts.sort_unstable();
    assert_eq!(texts, known);
}
