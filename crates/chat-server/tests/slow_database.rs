//! What clients send while the database is slow waits, but not without end.

mod support;

use chat_testkit::chat_server::ChatServer;
use futures_util::future::{join_all, select_all};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, SqliteConnection};
use support::{Client, Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What a connection may have waiting: the default.
const MOST_BYTES: usize = 1_024 * 1_024;

/// Near the largest event there may be.
const LARGE: usize = 60_000;

/// A server, and its database held up: who writes waits, for 3 s at most.
struct Scene {
    server: ChatServer,
    site: Site,
    file: SqliteConnection,
}

impl Scene {
    /// A server with a group `g` of these users.
    async fn set(users: &[&str], settings: &[(&str, &str)]) -> Self {
        let server = ChatServer::start(PROGRAM, settings).await;
        let site = Site {
            address: server.address(),
        };
        site.group("g", users).await;
        let url = format!("sqlite://{}", server.file().display());
        let file = SqliteConnection::connect(&url).await;
        let file = file.expect("it is there");
        Self { server, site, file }
    }

    async fn hold_up(&mut self) {
        let held = self.file.execute("BEGIN IMMEDIATE").await;
        held.expect("nobody else writes now");
    }

    async fn let_go(&mut self) {
        let freed = self.file.execute("ROLLBACK").await;
        freed.expect("it was held up");
    }
}

/// Sends what the database has to store, and behind it so many events of that size, and waits for nothing.
async fn send(client: &mut Client, count: usize, bytes: usize) {
    let message = json!({"groupId": "g", "content": "hello"});
    client.ask_later("send_message", message).await;
    let padded = json!({"groupId": "elsewhere", "padding": "x".repeat(bytes)});
    for _ in 0..count {
        client.ask_later("leave_group", padded.clone()).await;
    }
}

/// So many answers, in the order in which they come.
async fn answers(client: &mut Client, count: usize) -> Vec<Value> {
    let mut answers = Vec::new();
    while answers.len() < count {
        let packet = client.packet().await;
        let answer = packet.strip_prefix("43");
        if let Some(answer) = answer.and_then(|it| it.trim_start_matches(char::is_numeric).into()) {
            let mut answer: Vec<Value> = serde_json::from_str(answer).expect("an answer");
            answers.push(answer.remove(0));
        }
    }
    answers
}

#[tokio::test]
async fn what_waits_of_one_connection_is_bounded_in_bytes_and_the_rest_is_refused_for_now() {
    let mut scene = Scene::set(&["ada"], &[]).await;
    let mut ada = scene.site.join("ada", "g").await;
    scene.hold_up().await;

    send(&mut ada, 80, LARGE).await;
    let fits = MOST_BYTES / LARGE;
    let refused = answers(&mut ada, 80 - fits).await;
    scene.let_go().await;
    let handled = answers(&mut ada, 1 + fits).await;

    for answer in refused {
        assert_eq!(answer["error"]["code"], "RATE_LIMITED");
        assert_eq!(answer["error"]["retryAfterMs"], 1_000);
    }
    assert!(handled.iter().all(|answer| answer["ok"] == true));
    // What was handled leaves its room to others.
    send(&mut ada, 1, LARGE).await;
    assert!(answers(&mut ada, 2).await.iter().all(|it| it["ok"] == true));
}

#[tokio::test]
async fn small_events_within_the_limit_of_events_all_wait() {
    let mut scene = Scene::set(&["ada"], &[]).await;
    let mut ada = scene.site.join("ada", "g").await;
    scene.hold_up().await;

    // With the join and the message it is all that may come at once.
    send(&mut ada, 198, 4_000).await;
    scene.let_go().await;
    let handled = answers(&mut ada, 199).await;

    assert!(handled.iter().all(|answer| answer["ok"] == true));
}

#[tokio::test]
async fn many_who_flood_with_large_events_take_little_memory() {
    const FLOODERS: usize = 20;
    const EVENTS: usize = 100;
    let mut scene = Scene::set(&["ada", "eve"], &[]).await;
    let joining = (0..FLOODERS).map(|number| {
        let user = if number % 2 == 0 { "ada" } else { "eve" };
        scene.site.join(user, "g")
    });
    let mut clients = join_all(joining).await;
    let before = scene.server.resident_kib();
    scene.hold_up().await;

    let flooding = clients.iter_mut().map(|client| send(client, EVENTS, LARGE));
    join_all(flooding).await;
    let refused = EVENTS - MOST_BYTES / LARGE;
    join_all(clients.iter_mut().map(|it| answers(it, refused))).await;
    scene.let_go().await;

    let took = scene.server.peak_kib().saturating_sub(before);
    let sent = FLOODERS * EVENTS * LARGE / 1_024;
    println!("{took} KiB for {sent} KiB of {FLOODERS} connections");
    // What waits, and as much again for frames that are being read and pieces that nobody can use.
    let most = FLOODERS * MOST_BYTES / 1_024 * 2;
    assert!(took < most as u64, "{took} KiB are more than {most}");
}

#[tokio::test]
async fn when_all_together_sent_too_much_those_who_sent_most_are_refused() {
    const FLOODERS: usize = 4;
    const EVENTS: usize = 20;
    let most = [("CHAT_LIMITS__NODE_QUEUE_BYTES", "1048576")];
    let mut scene = Scene::set(&["ada", "eve"], &most).await;
    let joining = (0..FLOODERS).map(|_| scene.site.join("eve", "g"));
    let mut floods = join_all(joining).await;
    let mut ada = scene.site.join("ada", "g").await;
    scene.hold_up().await;

    // None of them sends too much by itself.
    join_all(floods.iter_mut().map(|it| send(it, EVENTS, LARGE / 2))).await;
    let waiting = floods.iter_mut().map(|it| Box::pin(answers(it, 1)));
    let (first, hit, _) = select_all(waiting).await;
    assert_eq!(first[0]["error"]["code"], "RATE_LIMITED");
    send(&mut ada, 50, 500).await;
    scene.let_go().await;

    let of_ada = answers(&mut ada, 51).await;
    assert!(of_ada.iter().all(|answer| answer["ok"] == true));
    for (number, flood) in floods.iter_mut().enumerate() {
        let left = 1 + EVENTS - usize::from(number == hit);
        let answers = answers(flood, left).await;
        let handled = answers.iter().filter(|answer| answer["ok"] == true);
        // One's share is one's own, however much the others send.
        assert!(handled.count() >= 3);
    }
}
