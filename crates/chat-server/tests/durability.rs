//! What was acknowledged is in the database, in the order that everybody saw.

mod support;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};
use support::{Client, Server};

const SENDERS: usize = 50;
const MESSAGES_EACH: usize = 10;

#[tokio::test]
async fn an_acknowledged_message_can_be_read_by_another_process() {
    let server = Server::start(&[("CHAT_LIMITS__MESSAGE_BURST", "0")]).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.join("ada", "g").await;
    let url = format!("sqlite://{}?mode=ro", server.file().display());

    for n in 0..20 {
        let message = ada
            .call(
                "send_message",
                json!({"groupId": "g", "content": format!("message {n}")}),
            )
            .await;

        let mut other = SqliteConnection::connect(&url).await.unwrap();
        let stored: String =
            sqlx::query_scalar("SELECT content FROM messages WHERE group_id = 'g' AND seq = ?")
                .bind(message["seq"].as_i64())
                .fetch_one(&mut other)
                .await
                .unwrap();
        assert_eq!(stored, message["content"]);
    }
}

#[tokio::test]
async fn many_senders_at_once_make_one_history_that_everybody_sees() {
    let limits = [
        ("CHAT_LIMITS__MESSAGE_BURST", "0"),
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
    ];
    let server = Server::start(&limits).await;
    let users: Vec<String> = (0..SENDERS).map(|n| format!("u{n}")).collect();
    let members: Vec<&str> = users.iter().map(String::as_str).collect();
    server.group("g", &members).await;
    let mut clients = Vec::new();
    for user in &members {
        clients.push(server.join(user, "g").await);
    }

    let sending = clients
        .into_iter()
        .enumerate()
        .map(|(n, client)| tokio::spawn(send_and_listen(client, n)));
    let mut seen = Vec::new();
    for task in sending.collect::<Vec<_>>() {
        seen.push(task.await.unwrap());
    }

    let expected: Vec<u64> = (1..=(SENDERS * MESSAGES_EACH) as u64).collect();
    let seqs: Vec<u64> = seen[0]
        .iter()
        .map(|message| message["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, expected);
    for other in &seen[1..] {
        assert_eq!(*other, seen[0]);
    }
}

/// Sends without waiting for answers, and returns everything that was heard.
async fn send_and_listen(mut client: Client, n: usize) -> Vec<Value> {
    for m in 0..MESSAGES_EACH {
        client
            .emit(
                "send_message",
                json!({"groupId": "g", "content": format!("{n}-{m}")}),
            )
            .await;
    }
    let mut heard = Vec::new();
    while heard.len() < SENDERS * MESSAGES_EACH {
        heard.push(client.wait_for("message_received").await);
    }
    let own: Vec<&str> = heard
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect();
    let own: Vec<&str> = own
        .into_iter()
        .filter(|text| text.starts_with(&format!("{n}-")))
        .collect();
    let expected: Vec<String> = (0..MESSAGES_EACH).map(|m| format!("{n}-{m}")).collect();
    assert_eq!(own, expected, "each sender's own order");
    heard
}
