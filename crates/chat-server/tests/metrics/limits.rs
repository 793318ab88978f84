//! What is too much.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{
    Moves, start,
    support::{Client, Site, token},
    watch::Watch,
};

pub const MOVES: Moves = &[(
    "chat_rate_limited_total",
    "limit",
    &[
        "messages",
        "typing",
        "events",
        "joins",
        "history",
        "requests",
        "address_requests",
    ],
)];

fn limited(limit: &str) -> String {
    format!("chat_rate_limited_total{{limit=\"{limit}\"}}")
}

#[tokio::test]
async fn what_is_too_much_is_counted_by_its_limit() {
    let (_server, site) = start(&[
        ("CHAT_LIMITS__MESSAGE_BURST", "1"),
        ("CHAT_LIMITS__MESSAGES_PER_SECOND", "1"),
        ("CHAT_LIMITS__TYPING_BURST", "1"),
        ("CHAT_LIMITS__EVENT_BURST", "70"),
        ("CHAT_LIMITS__EVENTS_PER_SECOND", "1"),
        ("CHAT_LIMITS__JOIN_BURST", "1"),
        ("CHAT_LIMITS__JOINS_PER_SECOND", "1"),
        ("CHAT_LIMITS__HISTORY_BURST", "1"),
        ("CHAT_LIMITS__HISTORY_PER_SECOND", "1"),
        ("CHAT_LIMITS__REQUEST_BURST", "1"),
        ("CHAT_LIMITS__REQUESTS_PER_SECOND", "1"),
        ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "1"),
        ("CHAT_LIMITS__ADDRESS_REQUESTS_PER_SECOND", "1"),
        ("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
    ])
    .await;
    site.group("g", &["ada"]).await;
    let mut watch = Watch::begin(site.address).await;
    let mut ada = site.join("ada", "g").await;

    for (limit, event, argument) in [
        (
            "messages",
            "send_message",
            json!({"groupId": "g", "content": "x"}),
        ),
        ("typing", "typing_start", json!({"groupId": "g"})),
        ("joins", "join_group", json!("g")),
        ("history", "get_group_messages", json!({"groupId": "g"})),
    ] {
        until_refused(&mut ada, event, argument).await;
        watch.counts(&limited(limit), 1).await;
    }
    // Without an acknowledgement nobody is told, but it counts.
    for _ in 0..3 {
        ada.emit("typing_start", json!({"groupId": "g"})).await;
    }
    watch.moves(&limited("typing")).await;
    let mut eve = site.connect("eve").await;
    for _ in 0..80 {
        eve.emit("leave_group", json!("g")).await;
    }
    watch.moves(&limited("events")).await;

    until_refused_over_http(&site, |_| "10.0.0.1".to_owned(), "no token").await;
    watch.counts(&limited("address_requests"), 1).await;
    let from_anywhere = |request: usize| format!("10.0.1.{request}");
    until_refused_over_http(&site, from_anywhere, &token("ada", 60)).await;
    watch.counts(&limited("requests"), 1).await;
    watch.has_seen(MOVES);
}

async fn until_refused(client: &mut Client, event: &str, argument: Value) {
    let mut code = Value::Null;
    while code.is_null() {
        code = client.ask(event, argument.clone()).await["error"]["code"].take();
    }
    assert_eq!(code, "RATE_LIMITED", "{event}");
}

async fn until_refused_over_http(site: &Site, from: impl Fn(usize) -> String, bearer: &str) {
    for request in 0..200 {
        let answer = reqwest::Client::new()
            .get(format!("http://{}/api/v1/users/me", site.address))
            .bearer_auth(bearer)
            .header("x-forwarded-for", from(request))
            .send()
            .await
            .unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            return;
        }
    }
    panic!("it is never too much");
}
