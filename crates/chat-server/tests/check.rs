//! `chat-server check`: what it says to an operator, and whether it exits as if all were well.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path, process::Command};

use chat_testkit::{chat_server::SECRET, port::Port, postgres::PostgresServer, redis::RedisServer};
use tempfile::{TempDir, tempdir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What it said, and whether it found nothing wrong.
struct Said {
    text: String,
    is_well: bool,
}

impl Said {
    /// The line about that, with how to mend it.
    fn about(&self, what: &str) -> String {
        let start = format!("{what}: ");
        let mut lines = self
            .text
            .lines()
            .skip_while(|line| !line.starts_with(&start));
        let line = lines.next().unwrap_or_default();
        let mend = lines.next().filter(|line| line.starts_with("  "));
        format!("{line}{}", mend.unwrap_or_default())
    }
}

fn run(folder: &TempDir, command: &[&str], settings: &[(&str, &str)]) -> Said {
    let output = Command::new(PROGRAM)
        .args(command)
        .env_clear()
        .envs(settings.iter().copied())
        .current_dir(folder.path())
        .output()
        .unwrap();
    Said {
        text: String::from_utf8(output.stdout).unwrap(),
        is_well: output.status.success(),
    }
}

/// With a secret, and a port that is free.
fn check(folder: &TempDir, settings: &[(&str, &str)]) -> Said {
    let port = Port::reserve();
    let address = format!("127.0.0.1:{}", port.number());
    let mut all = vec![("CHAT_AUTH__SECRET", SECRET), ("CHAT_LISTEN", &address)];
    all.extend_from_slice(settings);
    run(folder, &["check"], &all)
}

#[test]
fn on_a_fresh_machine_all_is_well_and_nothing_is_made() {
    let folder = tempdir().unwrap();

    let said = check(&folder, &[]);

    assert!(said.is_well, "{}", said.text);
    assert!(said.about("database").contains("there is none yet"));
    assert!(said.about("tokens").contains("HS256"));
    assert!(said.about("address").contains("is free"));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}

#[test]
fn a_file_that_is_no_database_is_wrong_and_one_that_was_migrated_is_fine() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("data/chat.db");
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(
        &file,
        "this is no database, however long it may be ".repeat(200),
    )
    .unwrap();

    let broken = check(&folder, &[]);
    fs::remove_file(&file).unwrap();
    assert!(run(&folder, &["migrate"], &[("CHAT_AUTH__SECRET", SECRET)]).is_well);
    let sound = check(&folder, &[]);

    assert!(!broken.is_well);
    assert!(broken.about("database").starts_with("database: wrong: "));
    assert!(broken.about("database").contains("restore a backup"));
    assert!(sound.is_well, "{}", sound.text);
    assert_eq!(sound.about("database"), "database: ok");
}

#[tokio::test]
async fn a_database_server_lacks_its_tables_until_it_is_migrated() {
    let (folder, postgres) = (tempdir().unwrap(), PostgresServer::start().await);
    let url = postgres.url();
    let settings = [("CHAT_DATABASE__URL", &*url)];

    let before = check(&folder, &settings);
    let migrate = [settings[0], ("CHAT_AUTH__SECRET", SECRET)];
    assert!(run(&folder, &["migrate"], &migrate).is_well);
    let after = check(&folder, &settings);

    assert!(!before.is_well);
    assert!(before.about("database").contains("chat-server migrate"));
    assert!(after.is_well, "{}", after.text);
}

#[test]
fn everything_that_is_away_is_named_with_what_to_do() {
    let (folder, nobody) = (tempdir().unwrap(), Port::reserve());
    let database = PostgresServer::url_at(nobody.number());
    let redis = RedisServer::url_at(nobody.number());

    let said = check(
        &folder,
        &[
            ("CHAT_DATABASE__URL", &database),
            ("CHAT_REDIS__URL", &redis),
        ],
    );

    assert!(!said.is_well);
    let line = said.about("database");
    assert!(
        line.contains("could not reach") && line.contains("Start the server"),
        "{line}"
    );
    let line = said.about("redis");
    assert!(
        line.contains("does not answer") && line.contains("redis-cli"),
        "{line}"
    );
    assert!(!said.text.contains("password@"), "{}", said.text);
}

#[tokio::test]
async fn a_redis_that_may_forget_is_a_warning_and_no_more() {
    let (folder, redis) = (tempdir().unwrap(), RedisServer::start().await);
    let url = redis.url();
    let settings = [("CHAT_REDIS__URL", &*url)];

    let sound = check(&folder, &settings);
    redis.ask(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let forgetful = check(&folder, &settings);

    assert_eq!(sound.about("redis"), "redis: ok");
    assert!(sound.is_well && forgetful.is_well);
    let line = forgetful.about("redis");
    assert!(
        line.contains("allkeys-lru") && line.contains("noeviction"),
        "{line}"
    );
}

#[test]
fn tokens_and_certificates_that_cannot_be_used_are_wrong() {
    let folder = tempdir().unwrap();
    let no_pem = folder.path().join("no.pem");
    fs::write(&no_pem, "nothing").unwrap();
    let no_pem = Path::new(&no_pem).to_str().unwrap();

    let key = run(
        &folder,
        &["check"],
        &[("CHAT_AUTH__PUBLIC_KEY_FILE", no_pem)],
    );
    let nothing = run(&folder, &["check"], &[]);
    let tls = [
        ("CHAT_TLS__CERT_FILE", no_pem),
        ("CHAT_TLS__KEY_FILE", no_pem),
    ];
    let tls = check(&folder, &tls);

    assert!(
        !key.is_well && key.about("tokens").starts_with("tokens: wrong: "),
        "{}",
        key.text
    );
    assert!(nothing.about("tokens").contains("CHAT_AUTH__SECRET"));
    assert!(
        !tls.is_well && tls.about("tls").contains("PEM"),
        "{}",
        tls.text
    );
}

#[test]
fn an_address_that_is_taken_and_few_files_are_warnings() {
    let folder = tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let settings = [
        ("CHAT_LISTEN", &*address),
        ("CHAT_LIMITS__CONNECTIONS_PER_NODE", "4000000000"),
    ];

    let said = check(&folder, &settings);

    assert!(said.is_well, "{}", said.text);
    let line = said.about("address");
    assert!(
        line.contains("warning") && line.contains(&address),
        "{line}"
    );
    assert!(said.about("files").contains("LimitNOFILE"), "{}", said.text);
}
