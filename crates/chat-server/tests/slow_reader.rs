//! A client that does not read is ended, and nobody else notices.

mod support;

use serde_json::{Value, json};
use support::{Client, Server};

const UNLIMITED: &[(&str, &str)] = &[
    ("CHAT_LIMITS__MESSAGE_BURST", "0"),
    ("CHAT_LIMITS__EVENT_BURST", "0"),
];

/// Sends large messages until `eve` has left the room. Returns how many were acknowledged.
async fn send_until_eve_left(ada: &mut Client) -> usize {
    let text = "x".repeat(4_000);
    for sent in 1..=20_000 {
        ada.call("send_message", json!({"groupId": "g", "content": text}))
            .await;
        let is_her = |(event, payload): &(String, Value)| {
            event == "user_left_group" && payload["userId"] == "eve"
        };
        if ada.take_heard().iter().any(is_her) {
            return sent;
        }
    }
    panic!("eve stayed");
}

#[tokio::test]
async fn who_does_not_read_leaves_and_resumes_without_a_gap() {
    let server = Server::start(UNLIMITED).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let eve = server.join("eve", "g").await;

    let sent = send_until_eve_left(&mut ada).await;

    let mut heard = eve.read_to_the_end().await;
    heard.retain(|(event, _)| event == "message_received");
    let seqs: Vec<u64> = heard
        .iter()
        .filter_map(|(_, message)| message["seq"].as_u64())
        .collect();
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected, "what she got has no gap");
    let last = seqs.last().copied().unwrap_or_default();

    let mut again = server.connect("eve").await;
    let joined = again
        .call(
            "join_group",
            json!({"groupId": "g", "afterSeq": last, "limit": 100}),
        )
        .await;
    assert_eq!(joined["lastSeq"], sent as u64);
    let page = again.wait_for("group_messages").await;
    assert_eq!(page["messages"][0]["seq"], last + 1);
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_leaves_however_little_waits() {
    let mut settings = UNLIMITED.to_vec();
    settings.extend([
        ("CHAT_LIMITS__SOCKET_QUEUE_BYTES", "1073741824"),
        ("CHAT_LIMITS__SOCKET_QUEUE_PACKETS", "65536"),
        ("CHAT_LIMITS__SOCKET_STALL_MS", "500"),
    ]);
    let server = Server::start(&settings).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let eve = server.join("eve", "g").await;

    send_until_eve_left(&mut ada).await;

    eve.read_to_the_end().await;
}

#[tokio::test]
async fn the_largest_page_there_can_be_ends_nobody() {
    let server = Server::start(UNLIMITED).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.join("ada", "g").await;
    for _ in 0..100 {
        ada.call(
            "send_message",
            json!({"groupId": "g", "content": "😀".repeat(4_000)}),
        )
        .await;
    }

    let mut cursor = json!(null);
    let mut seqs = Vec::new();
    while seqs.last() != Some(&1) {
        let page = json!({"groupId": "g", "limit": 100, "cursor": cursor});
        let data = ada.call("get_group_messages", page).await;
        let messages = data["messages"].as_array().unwrap();
        seqs.extend(
            messages
                .iter()
                .rev()
                .filter_map(|message| message["seq"].as_u64()),
        );
        assert_eq!(data["hasNextPage"], seqs.last() != Some(&1));
        cursor = data["nextCursor"].clone();
    }
    assert_eq!(seqs, (1..=100).rev().collect::<Vec<u64>>());
    ada.drain().await;
    let again = json!({"groupId": "g", "afterSeq": 0, "limit": 100});
    assert_eq!(ada.call("join_group", again).await["lastSeq"], 100);
    ada.wait_for("joined_group_success").await;
    let page = ada.wait_for("group_messages").await;
    assert_eq!(
        (&page["messages"][0]["seq"], &page["hasNextPage"]),
        (&json!(1), &json!(true))
    );
}
