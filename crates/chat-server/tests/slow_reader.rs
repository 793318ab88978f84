//! A client that does not read is ended, and nobody else notices.

mod support;

use chat_testkit::chat_server::ChatServer;
use futures_util::future::join_all;
use serde_json::{Value, json};
use support::{Client, Server, Site, polling::Poller};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

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

/// Reads all that is left for `eve`: messages without a gap, then why her session ends, then the end. Returns the
/// last message's number.
async fn read_and_be_told(eve: Client) -> u64 {
    let mut heard = eve.read_to_the_end().await;
    let (event, farewell) = heard.pop().expect("she was told something");
    assert_eq!(event, "session_closed");
    assert_eq!(farewell["code"], "SLOW_CONSUMER");
    assert_eq!(farewell["reconnect"], true);
    let seqs = seqs_in(&heard);
    let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
    assert_eq!(seqs, expected, "what she got has no gap");
    seqs.last().copied().unwrap_or_default()
}

fn seqs_in(heard: &[(String, Value)]) -> Vec<u64> {
    heard
        .iter()
        .filter(|(event, _)| event == "message_received")
        .filter_map(|(_, message)| message["seq"].as_u64())
        .collect()
}

#[tokio::test]
async fn who_has_too_much_waiting_leaves_is_told_so_and_resumes_without_a_gap() {
    let server = Server::start(UNLIMITED).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let eve = server.join_slowly("eve", "g").await;

    let sent = send_until_eve_left(&mut ada).await;

    let last = read_and_be_told(eve).await;
    let mut again = server.connect("eve").await;
    let resume = json!({"groupId": "g", "afterSeq": last, "limit": 100});
    let joined = again.call("join_group", resume).await;
    assert_eq!(joined["lastSeq"], sent as u64);
    let page = again.wait_for("group_messages").await;
    assert_eq!(page["messages"][0]["seq"], last + 1);
}

#[tokio::test]
async fn too_many_packets_are_too_much_as_well() {
    let mut settings = UNLIMITED.to_vec();
    settings.extend([
        ("CHAT_LIMITS__SOCKET_QUEUE_BYTES", "1073741824"),
        ("CHAT_LIMITS__SOCKET_QUEUE_PACKETS", "100"),
    ]);
    let server = Server::start(&settings).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let eve = server.join_slowly("eve", "g").await;

    send_until_eve_left(&mut ada).await;

    read_and_be_told(eve).await;
}

#[tokio::test]
async fn who_takes_nothing_for_too_long_leaves_however_little_waits_and_is_told_so() {
    let mut settings = UNLIMITED.to_vec();
    settings.extend([
        ("CHAT_LIMITS__SOCKET_QUEUE_BYTES", "1073741824"),
        ("CHAT_LIMITS__SOCKET_QUEUE_PACKETS", "65536"),
        ("CHAT_LIMITS__SOCKET_STALL_MS", "500"),
    ]);
    let server = Server::start(&settings).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let eve = server.join_slowly("eve", "g").await;

    send_until_eve_left(&mut ada).await;

    read_and_be_told(eve).await;
}

#[tokio::test]
async fn what_she_says_before_she_reads_on_costs_her_nothing_of_what_waits() {
    let server = Server::start(UNLIMITED).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = server.join_slowly("eve", "g").await;

    send_until_eve_left(&mut ada).await;
    for _ in 0..10 {
        eve.emit("typing_start", json!({"groupId": "g"})).await;
    }

    read_and_be_told(eve).await;
}

#[tokio::test]
async fn who_reads_is_not_ended_however_much_it_is() {
    let mut settings = UNLIMITED.to_vec();
    settings.push(("CHAT_LIMITS__SOCKET_QUEUE_BYTES", "65536"));
    let server = Server::start(&settings).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = Poller::join(&server, "eve", "g").await;

    for round in 1..=100 {
        for _ in 0..20 {
            let hello = json!({"groupId": "g", "content": "hello"});
            ada.emit("send_message", hello).await;
        }
        let is_last = |event: &str, payload: &Value| {
            event == "message_received" && payload["seq"] == round * 20
        };
        eve.read_until(is_last).await;
    }

    assert_eq!(seqs_in(&eve.heard), (1..=2_000).collect::<Vec<u64>>());
}

#[tokio::test]
async fn who_polls_too_rarely_is_told_so_too() {
    let server = Server::start(UNLIMITED).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = Poller::join(&server, "eve", "g").await;

    send_until_eve_left(&mut ada).await;
    eve.read_until(|event, _| event == "session_closed").await;

    let (_, farewell) = eve.heard.last().unwrap();
    assert_eq!(farewell["code"], "SLOW_CONSUMER");
    let seqs = seqs_in(&eve.heard);
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<u64>>());
    eve.ended().await;
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

#[tokio::test]
async fn many_who_do_not_read_take_no_more_than_the_node_has_for_all_and_readers_stay() {
    const SLOW: usize = 30;
    /// Each by itself might have a quarter of it.
    const MOST_KIB: u64 = 4 * 1_024;
    let most = (MOST_KIB * 1_024).to_string();
    let mut settings = UNLIMITED.to_vec();
    settings.extend([
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "0"),
        ("CHAT_LIMITS__NODE_QUEUE_BYTES", &most),
    ]);
    let server = ChatServer::start(PROGRAM, &settings).await;
    let site = Site {
        address: server.address(),
    };
    site.group("g", &["ada", "ben", "eve"]).await;
    let mut ada = site.join("ada", "g").await;
    let mut ben = site.join("ben", "g").await;
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(site.join_slowly("eve", "g").await);
    }
    let before = server.resident_kib();
    let reading = tokio::spawn(async move {
        let mut seqs = Vec::new();
        loop {
            let (event, payload) = ben.next().await;
            if event == "message_received" {
                seqs.push(payload["seq"].as_u64().expect("a number"));
            }
            if payload["content"] == "the last" {
                return seqs;
            }
        }
    });

    let sent = send_until_eve_left(&mut ada).await as u64;
    let last = json!({"groupId": "g", "content": "the last"});
    ada.call("send_message", last).await;

    let seqs = reading.await.expect("who reads stays");
    assert_eq!(seqs, (1..=sent + 1).collect::<Vec<_>>());
    let took = server.peak_kib().saturating_sub(before);
    println!("{took} KiB for {SLOW} who did not read");
    // What waits, and as much again for what surrounds it, and a few MiB for one who sends.
    assert!(took < 4 * MOST_KIB, "{took}");
    // Those who were put out first may have been cut meanwhile, before they were told.
    for heard in join_all(slow.into_iter().map(Client::read_to_the_end)).await {
        let seqs = seqs_in(&heard);
        let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
        assert_eq!(seqs, expected, "what she got has no gap");
    }
}
