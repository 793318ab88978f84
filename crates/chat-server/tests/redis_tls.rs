//! A fleet whose Redis speaks TLS, with a certificate that some trust and others do not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{fs, process::Command};

use chat_testkit::{
    chat_server::{ChatServer, SECRET},
    port::Port,
    postgres::PostgresServer,
    redis::RedisServer,
};
use rcgen::generate_simple_self_signed;
use serde_json::{Value, json};
use support::Site;
use tempfile::{TempDir, tempdir};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// A Redis that speaks TLS, and who vouches for it.
struct Guarded {
    _redis: RedisServer,
    folder: TempDir,
    _port: Port,
    url: String,
    authority: String,
}

async fn redis_with_tls() -> Guarded {
    let (folder, port) = (tempdir().unwrap(), Port::reserve());
    let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (chain, key) = (file("redis.pem"), file("redis.key"));
    fs::write(&chain, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let settings = [
        format!("tls-port {}", port.number()),
        format!("tls-cert-file {chain}"),
        format!("tls-key-file {key}"),
        format!("tls-ca-cert-file {chain}"),
        "tls-auth-clients no".to_owned(),
    ];
    let settings = settings.each_ref().map(String::as_str);
    Guarded {
        _redis: RedisServer::start_with(&settings).await,
        url: format!("rediss://127.0.0.1:{}", port.number()),
        authority: chain,
        folder,
        _port: port,
    }
}

async fn readiness(server: &ChatServer) -> Value {
    let answer = reqwest::get(format!("{}/readyz", server.url())).await;
    answer.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn nodes_that_trust_its_certificate_are_one_server() {
    let (postgres, redis) = (PostgresServer::start().await, redis_with_tls().await);
    let database = postgres.url();
    let settings = [
        ("CHAT_DATABASE__URL", &*database),
        ("CHAT_REDIS__URL", &redis.url),
        ("SSL_CERT_FILE", &redis.authority),
    ];
    let near = ChatServer::start(PROGRAM, &settings).await;
    let far = ChatServer::start(PROGRAM, &settings).await;
    let [here, there] = [&near, &far].map(|server| Site {
        address: server.address(),
    });
    here.group("g", &["ada", "ben"]).await;
    let mut ada = here.join("ada", "g").await;

    let _ben = there.join("ben", "g").await;
    let joined = ada.wait_for("user_joined_group").await;

    assert_eq!(joined["userId"], "ben");
    let dependencies = json!({"database": "ok", "redis": "ok"});
    assert_eq!(readiness(&near).await["dependencies"], dependencies);
}

#[tokio::test]
async fn a_node_that_does_not_trust_it_goes_on_without_and_says_why() {
    let redis = redis_with_tls().await;
    let settings = [("CHAT_REDIS__URL", &*redis.url)];

    let server = ChatServer::start(PROGRAM, &settings).await;
    let check = Command::new(PROGRAM)
        .arg("check")
        .env_clear()
        .envs([("CHAT_AUTH__SECRET", SECRET), settings[0]])
        .current_dir(redis.folder.path())
        .output()
        .unwrap();

    let state = readiness(&server).await;
    assert_eq!(state["status"], "degraded");
    assert_eq!(state["dependencies"]["redis"], "degraded");
    let log = server.log();
    let why = log.lines().find(|line| line.contains("cannot reach Redis"));
    assert!(
        why.is_some_and(|line| line.contains("InvalidCertificate")),
        "{log}"
    );
    assert!(!check.status.success());
}
