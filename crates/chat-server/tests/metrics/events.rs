//! What clients ask for, and what others are told of it.

use serde_json::{Value, json};

use crate::{
    Moves, start,
    support::{Client, Site, token},
    watch::Watch,
};

pub const MOVES: Moves = &[
    ("chat_rooms", "", &[]),
    ("chat_typing_users", "", &[]),
    (
        "chat_events_total",
        "event",
        &[
            "join_group",
            "leave_group",
            "send_message",
            "typing_start",
            "typing_stop",
            "get_room_info",
            "get_group_messages",
            "mark_read",
            "refresh_token",
            "unknown",
        ],
    ),
    (
        "chat_events_total",
        "outcome",
        &[
            "ok",
            "validation_error",
            "unauthorized",
            "forbidden",
            "rate_limited",
            "payload_too_large",
        ],
    ),
    (
        "chat_event_seconds",
        "event",
        &[
            "join_group",
            "leave_group",
            "send_message",
            "typing_start",
            "typing_stop",
            "get_room_info",
            "get_group_messages",
            "mark_read",
            "refresh_token",
            "unknown",
        ],
    ),
    ("chat_event_wait_seconds", "", &[]),
    (
        "chat_messages_total",
        "outcome",
        &["stored", "duplicate", "refused"],
    ),
    ("chat_commit_seconds", "", &[]),
    ("chat_commit_batch_messages", "", &[]),
    ("chat_delivery_seconds", "", &[]),
    (
        "chat_deliveries_total",
        "event",
        &[
            "message_received",
            "user_joined_group",
            "user_left_group",
            "room_members_update",
            "user_typing",
            "user_stopped_typing",
            "group_updated",
            "member_updated",
            "added_to_group",
            "removed_from_group",
            "unread_update",
        ],
    ),
    (
        "chat_evictions_total",
        "cause",
        &["removed", "group_deleted"],
    ),
    (
        "chat_presence_transitions_total",
        "kind",
        &["joined", "left"],
    ),
    (
        "chat_typing_transitions_total",
        "kind",
        &["started", "stopped"],
    ),
    ("chat_queue_length", "queue", &["agenda"]),
];

#[tokio::test]
async fn what_clients_do_and_are_told_is_counted() {
    let (_server, site) = start(&[("CHAT_LIMITS__EVENT_BYTES", "2048")]).await;
    site.group("g", &["ada", "eve", "dan"]).await;
    let mut watch = Watch::begin(site.address).await;

    let mut ada = site.join("ada", "g").await;
    watch.shows("chat_rooms", 1).await;
    let mut eve = site.join("eve", "g").await;
    happened(&mut watch, "join_group", "ok", 2).await;
    told(&mut watch, "user_joined_group", 1).await;
    watch
        .counts("chat_presence_transitions_total{kind=\"joined\"}", 2)
        .await;
    watch
        .moves("chat_deliveries_total{event=\"room_members_update\"}")
        .await;

    messages(&mut watch, &mut ada).await;
    typing(&mut watch, &mut ada, &mut eve).await;
    questions(&mut watch, &mut eve).await;
    refusals(&mut watch, &mut eve).await;
    members(&mut watch, &site, ada, eve).await;
    watch.has_seen(MOVES);
}

/// So many of these events came to that.
async fn happened(watch: &mut Watch, event: &str, outcome: &str, count: u32) {
    let series = format!("chat_events_total{{event=\"{event}\",outcome=\"{outcome}\"}}");
    watch.counts(&series, count).await;
    // What is turned away at the door takes no time.
    if outcome != "payload_too_large" {
        let series = format!("chat_event_seconds{{event=\"{event}\"}}");
        watch.counts(&series, count).await;
    }
}

/// So many sockets were told.
async fn told(watch: &mut Watch, event: &str, sockets: u32) {
    let series = format!("chat_deliveries_total{{event=\"{event}\"}}");
    watch.counts(&series, sockets).await;
}

async fn messages(watch: &mut Watch, ada: &mut Client) {
    let outcome = |outcome: &str| format!("chat_messages_total{{outcome=\"{outcome}\"}}");
    watch.moves("chat_event_wait_seconds").await;

    let said = json!({"groupId": "g", "content": "hello", "clientMessageId": "c-1"});
    for _ in 0..2 {
        ada.call("send_message", said.clone()).await;
    }
    watch.counts(&outcome("stored"), 1).await;
    watch.counts(&outcome("duplicate"), 1).await;
    watch.counts("chat_commit_seconds", 1).await;
    watch.counts("chat_commit_batch_messages", 2).await;
    watch.counts("chat_delivery_seconds", 1).await;
    told(watch, "message_received", 2).await;
    happened(watch, "send_message", "ok", 2).await;

    let none = "01890a5d-ac96-774b-bcce-b302099a8057";
    let answering = json!({"groupId": "g", "content": "what?", "replyToId": none});
    ada.refused("send_message", answering).await;
    watch.counts(&outcome("refused"), 1).await;
    happened(watch, "send_message", "validation_error", 1).await;
}

async fn typing(watch: &mut Watch, ada: &mut Client, eve: &mut Client) {
    let group = json!({"groupId": "g"});
    ada.call("typing_start", group.clone()).await;
    watch.shows("chat_typing_users", 1).await;
    // It ends by itself, later.
    watch
        .exceeds("chat_queue_length{queue=\"agenda\"}", 0)
        .await;
    told(watch, "user_typing", 1).await;
    watch
        .counts("chat_typing_transitions_total{kind=\"started\"}", 1)
        .await;
    happened(watch, "typing_start", "ok", 1).await;

    ada.call("typing_stop", group.clone()).await;
    watch.shows("chat_typing_users", 0).await;
    told(watch, "user_stopped_typing", 1).await;
    watch
        .counts("chat_typing_transitions_total{kind=\"stopped\"}", 1)
        .await;
    happened(watch, "typing_stop", "ok", 1).await;

    let mut error = Value::Null;
    while error.is_null() {
        error = eve.ask("typing_start", group.clone()).await["error"].take();
    }
    assert_eq!(error["code"], "RATE_LIMITED");
    let series = "chat_events_total{event=\"typing_start\",outcome=\"rate_limited\"}";
    watch.counts(series, 1).await;
}

async fn questions(watch: &mut Watch, eve: &mut Client) {
    let fresh = json!({"token": token("eve", 60)});
    for (event, argument) in [
        ("get_room_info", json!({"groupId": "g"})),
        ("get_group_messages", json!({"groupId": "g"})),
        ("mark_read", json!({"groupId": "g", "seq": 1})),
        ("refresh_token", fresh),
        ("leave_group", json!("none")),
    ] {
        eve.call(event, argument).await;
        happened(watch, event, "ok", 1).await;
    }
    told(watch, "unread_update", 1).await;
}

async fn refusals(watch: &mut Watch, eve: &mut Client) {
    let long = json!({"groupId": "g", "content": "x".repeat(3_000)});
    for (event, argument, outcome) in [
        ("join_group", json!("none"), "forbidden"),
        ("refresh_token", json!({"token": "none"}), "unauthorized"),
        ("send_message", long, "payload_too_large"),
    ] {
        eve.refused(event, argument).await;
        happened(watch, event, outcome, 1).await;
    }
    eve.refused("sing", json!(1)).await;
    happened(watch, "unknown", "validation_error", 1).await;
}

/// Everybody is put out in the end.
async fn members(watch: &mut Watch, site: &Site, ada: Client, eve: Client) {
    let owner = token("ada", 60);
    let dan = site.connect("dan").await;
    let cleo = site.connect("cleo").await;
    for (method, path, body, event, sockets) in [
        (
            "PATCH",
            "groups/g",
            json!({"name": "tea"}),
            "group_updated",
            2,
        ),
        (
            "PATCH",
            "groups/g/members/eve",
            json!({"role": "ADMIN"}),
            "member_updated",
            2,
        ),
        (
            "POST",
            "groups/g/members",
            json!({"userId": "cleo"}),
            "added_to_group",
            1,
        ),
        (
            "DELETE",
            "groups/g/members/eve",
            json!(null),
            "removed_from_group",
            1,
        ),
    ] {
        let (status, answer) = site.http(method, path, &owner, body).await;
        assert!(status < 300, "{status}: {answer}");
        told(watch, event, sockets).await;
    }
    watch
        .counts("chat_evictions_total{cause=\"removed\"}", 1)
        .await;
    told(watch, "user_left_group", 1).await;
    watch
        .counts("chat_presence_transitions_total{kind=\"left\"}", 1)
        .await;

    let (status, _) = site.http("DELETE", "groups/g", &owner, json!(null)).await;
    assert_eq!(status, 204);
    watch
        .counts("chat_evictions_total{cause=\"group_deleted\"}", 3)
        .await;
    watch.shows("chat_rooms", 0).await;
    drop((ada, eve, dan, cleo));
}
