//! The user of Redis that the manual describes may do all that the server needs, and no more.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use chat_testkit::{chat_server::ChatServer, postgres::PostgresServer, redis::RedisServer};
use serde_json::json;
use support::{Site, token};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

const PASSWORD: &str = "a-password-that-is-long-enough";

/// The words of the command in the manual.
fn command_of_the_manual() -> Vec<String> {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let manual = fs::read_to_string(manual).unwrap();
    let command = manual
        .lines()
        .find(|line| line.starts_with("ACL SETUSER chat "));
    let command = command.expect("the manual has it");
    let words = command.split(' ').map(|word| match word {
        ">PASSWORD" => format!(">{PASSWORD}"),
        word => word.to_owned(),
    });
    words.collect()
}

#[tokio::test]
async fn nodes_do_with_the_user_of_the_manual_and_it_may_do_nothing_else() {
    let (postgres, redis) = (PostgresServer::start().await, RedisServer::start().await);
    let command = command_of_the_manual();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    assert_eq!(redis.ask(&command), "OK");
    let database = postgres.url();
    let url = format!("redis://chat:{PASSWORD}@127.0.0.1:{}", redis.port());
    let settings = [
        ("CHAT_DATABASE__URL", database.as_str()),
        ("CHAT_REDIS__URL", url.as_str()),
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "1"),
    ];
    let nodes = [
        ChatServer::start(PROGRAM, &settings).await,
        ChatServer::start(PROGRAM, &settings).await,
    ];
    let [near, far] = nodes.each_ref().map(|node| Site {
        address: node.address(),
    });
    near.group("g", &["ada", "eve"]).await;

    // Presence, the bus, typing, limits, places of connections, and notices to other nodes.
    let mut ada = near.join("ada", "g").await;
    let mut eve = far.join("eve", "g").await;
    assert_eq!(ada.wait_for("user_joined_group").await["userId"], "eve");
    let info = ada.call("get_room_info", json!({"groupId": "g"})).await;
    assert_eq!(info["onlineMembers"], json!(["ada", "eve"]));
    eve.call("typing_start", json!({"groupId": "g"})).await;
    assert_eq!(ada.wait_for("user_typing").await["userId"], "eve");
    eve.call("send_message", json!({"groupId": "g", "content": "hello"}))
        .await;
    assert_eq!(ada.wait_for("message_received").await["seq"], 1);
    let another = near.connect_with(&token("eve", 60)).await.err().unwrap();
    assert!(another.contains("CONNECTION_LIMIT: "), "{another}");
    near.admin("DELETE", "users/eve/sessions", json!(null))
        .await;
    assert_eq!(eve.wait_for("session_closed").await["code"], "EVICTED");
    assert_eq!(ada.wait_for("user_left_group").await["userId"], "eve");

    for node in nodes {
        let log = node.log();
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
    for denied in [
        &["FLUSHALL"][..],
        &["KEYS", "*"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["ACL", "LIST"],
        &["GET", "others"],
        &["PUBLISH", "others", "x"],
    ] {
        let user = ["--user", "chat", "--pass", PASSWORD, "--no-auth-warning"];
        let answer = redis.ask(&[&user[..], denied].concat());
        assert!(answer.contains("NOPERM"), "{denied:?}: {answer}");
    }
}
