//! A server that is asked to stop: who is refused, what is still done, and that it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::{
    fs::File,
    process::Command,
    time::{Duration, Instant},
};

use chat_testkit::{
    chat_server::ChatServer,
    port::Port,
    postgres::PostgresServer,
    process::{ending_with_us, signal},
    redis::RedisServer,
};
use serde_json::json;
use sqlx::{Connection, Executor, SqliteConnection};
use support::{Server, Site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::spawn_blocking,
    time::sleep,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// The contract's 10 s, and the way there and back.
const ENDS_WITHIN: Duration = Duration::from_secs(11);
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[tokio::test]
async fn nobody_new_is_let_in_while_what_is_in_flight_is_finished() {
    let mut server = Server::start(&[]).await;
    let address = server.address;
    server.group("tea", &["ada"]).await;
    let mut ada = server.join("ada", "tea").await;
    let mut connected = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut connected, "/healthz").await, "HTTP/1.1 200 OK");
    // The message waits until the other program is done.
    let file = format!("sqlite://{}", server.file().display());
    let mut other_program = SqliteConnection::connect(&file).await.unwrap();
    other_program.execute("begin immediate").await.unwrap();
    let message = json!({"groupId": "tea", "content": "one more"});
    ada.ask_later("send_message", message).await;

    server.begin_to_stop();
    let closed = ada.wait_for("session_closed").await;
    while TcpStream::connect(address).await.is_ok() {
        sleep(LOOK_EVERY).await;
    }
    let handshake = ask(&mut connected, "/socket.io/?EIO=4&transport=polling").await;
    other_program.execute("commit").await.unwrap();
    let folder = server.stop().await;

    assert_eq!(closed["code"], "SERVER_SHUTDOWN");
    assert_eq!(handshake, "HTTP/1.1 503 Service Unavailable");
    let server = Server::start_in(folder, &[]).await;
    let mut ada = server.connect("ada").await;
    let joined = ada.call("join_group", json!("tea")).await;
    assert_eq!(joined["lastSeq"], 1);
}

#[tokio::test]
async fn a_server_that_waits_for_its_database_can_be_stopped() {
    let nobody = Port::reserve();
    let database = PostgresServer::url_at(nobody.number());
    let server = Server::start(&[("CHAT_DATABASE__URL", &database)]).await;

    server.stop().await;
}

#[tokio::test]
async fn a_node_ends_in_time_although_nothing_answers_it() {
    let (postgres, redis) = (PostgresServer::start().await, RedisServer::start().await);
    let (database, redis_url) = (postgres.url(), redis.url());
    let settings = [
        ("CHAT_DATABASE__URL", database.as_str()),
        ("CHAT_REDIS__URL", &redis_url),
        ("CHAT_SHUTDOWN__GRACE_MS", "8000"),
    ];
    let mut node = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: node.address(),
    };
    site.group("tea", &["ada", "ben"]).await;
    let mut clients = [site.join("ada", "tea").await, site.join("ben", "tea").await];

    postgres.pause();
    redis.pause();
    for client in &mut clients {
        let message = json!({"groupId": "tea", "content": "does anybody hear me?"});
        client.ask_later("send_message", message).await;
    }
    let asked = Instant::now();
    let ends_well = node.stop().await;

    let took = asked.elapsed();
    assert!(ends_well && took < ENDS_WITHIN, "{took:?}: {}", node.log());
    for client in &mut clients {
        client.wait_for("session_closed").await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_to_its_end_does_not_hold_up_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let made = Command::new("mkfifo").arg(&keys).status().unwrap();
    assert!(made.success());
    let mut node = ending_with_us("KILL")
        .args([PROGRAM, "serve"])
        .env("CHAT_AUTH__JWKS_FILE", &keys)
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    // This returns when the server reads. It is told nothing, and that there is more to come.
    let opening = spawn_blocking(move || File::options().write(true).open(keys));
    let _silent = opening.await.unwrap().unwrap();

    signal("TERM", node.id());

    let asked = Instant::now();
    let status = loop {
        if let Some(status) = node.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < ENDS_WITHIN, "it does not end");
        sleep(LOOK_EVERY).await;
    };
    assert!(status.success());
}

/// Asks on a connection that goes on. Returns the first line of the answer.
async fn ask(stream: &mut TcpStream, path: &str) -> String {
    let question = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4_096];
    let length = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]);
    answer.lines().next().unwrap_or_default().to_owned()
}
