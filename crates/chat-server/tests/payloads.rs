//! Every payload that clients are sent, exactly as it looks on the wire. A change here is a change of a public
//! promise.

mod support;

use chat_testkit::redis::RedisServer;
use insta::{Settings, assert_json_snapshot};
use serde_json::{Value, json};
use support::{Client, Server, token};

/// Hides what differs from run to run.
fn stable() -> Settings {
    let mut settings = Settings::clone_current();
    for field in [
        "id",
        "replyToId",
        "socketId",
        "serverTime",
        "tokenExpiresAt",
        "createdAt",
        "joinedAt",
        "epoch",
        "nextCursor",
        "since",
    ] {
        settings.add_redaction(&format!(".**.{field}"), insta::dynamic_redaction(kind_of));
    }
    settings.set_sort_maps(false);
    settings
}

/// What a value is, instead of the value: names that the test gave stay.
fn kind_of(
    value: insta::internals::Content,
    _: insta::internals::ContentPath<'_>,
) -> insta::internals::Content {
    let Some(text) = value.as_str() else {
        return value;
    };
    let kind = match text.len() {
        36 => "[uuid]",
        24 if text.ends_with('Z') => "[time]",
        16 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => "[epoch]",
        16 => "[socket id]",
        _ if text.starts_with("c2Vx") || text.starts_with("dXNl") || text.starts_with("Z3Jv") => {
            "[cursor]"
        }
        _ => return value,
    };
    kind.into()
}

#[track_caller]
fn snapshot(name: &str, value: &Value) {
    stable().bind(|| assert_json_snapshot!(name, value));
}

async fn start() -> Server {
    let server = Server::start(&[("CHAT_ROOMS__MEMBERS_UPDATE_INTERVAL_MS", "1")]).await;
    server.group("g", &["ada", "ben"]).await;
    server
}

#[tokio::test]
async fn session_events() {
    let server = start().await;
    let mut ada = Client::open(server.address).await;
    ada.send(&format!("40{}", json!({"token": token("ada", 60)})))
        .await;
    snapshot("session", &ada.wait_after_connect("session").await);

    let refreshed = ada
        .ask("refresh_token", json!({"token": token("ada", 90)}))
        .await;
    snapshot("refresh_token_ack", &refreshed);

    server
        .admin("DELETE", "users/ada/sessions", json!(null))
        .await;
    snapshot("session_closed", &ada.wait_for("session_closed").await);

    let mut ben = Client::open(server.address).await;
    ben.send(&format!("40{}", json!({"token": token("ben", -29)})))
        .await;
    snapshot(
        "auth_expired",
        &ben.wait_after_connect("auth_expired").await,
    );
}

#[tokio::test]
async fn service_events() {
    let mut redis = RedisServer::start().await;
    let server = Server::start(&[("CHAT_REDIS__URL", &redis.url())]).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.connect("ada").await;

    redis.kill();

    snapshot("service_status", &ada.wait_for("service_status").await);
}

#[tokio::test]
async fn room_events() {
    let server = start().await;
    let mut ada = server.connect("ada").await;
    snapshot("join_group_ack", &ada.ask("join_group", json!("g")).await);
    snapshot(
        "joined_group_success",
        &ada.wait_for("joined_group_success").await,
    );

    let mut ben = server.join("ben", "g").await;
    snapshot(
        "user_joined_group",
        &ada.wait_for("user_joined_group").await,
    );
    snapshot(
        "get_room_info_ack",
        &ada.ask("get_room_info", json!({"groupId": "g"})).await,
    );
    snapshot(
        "room_members_update",
        &ada.wait_for("room_members_update").await,
    );

    snapshot(
        "typing_start_ack",
        &ben.ask("typing_start", json!({"groupId": "g"})).await,
    );
    snapshot("user_typing", &ada.wait_for("user_typing").await);
    snapshot(
        "typing_stop_ack",
        &ben.ask("typing_stop", json!({"groupId": "g"})).await,
    );
    snapshot(
        "user_stopped_typing",
        &ada.wait_for("user_stopped_typing").await,
    );

    snapshot(
        "leave_group_ack",
        &ben.ask("leave_group", json!({"groupId": "g"})).await,
    );
    snapshot(
        "left_group_success",
        &ben.wait_for("left_group_success").await,
    );
    snapshot("user_left_group", &ada.wait_for("user_left_group").await);
}

#[tokio::test]
async fn message_events() {
    let server = start().await;
    let mut ada = server.join("ada", "g").await;
    let mut ben = server.connect("ben").await;

    let first = json!({"groupId": "g", "content": "Hello", "clientMessageId": "c-1"});
    let ack = ada.ask("send_message", first.clone()).await;
    snapshot("send_message_ack", &ack);
    snapshot(
        "send_message_ack_duplicate",
        &ada.ask("send_message", first).await,
    );
    let reply = json!({"groupId": "g", "content": "Again", "type": "IMAGE", "replyToId": ack["data"]["id"]});
    ada.call("send_message", reply).await;
    ada.wait_for("message_received").await;
    snapshot("message_received", &ada.wait_for("message_received").await);
    // It may come after the first message already.
    let mut unread = ben.wait_for("unread_update").await;
    while unread["unreadCount"] != 2 {
        unread = ben.wait_for("unread_update").await;
    }
    snapshot("unread_update", &unread);

    let page = json!({"groupId": "g", "limit": 1});
    snapshot(
        "get_group_messages_ack",
        &ada.ask("get_group_messages", page).await,
    );
    snapshot("group_messages", &ada.wait_for("group_messages").await);
    snapshot(
        "mark_read_ack",
        &ben.ask("mark_read", json!({"groupId": "g", "seq": 1}))
            .await,
    );

    let system = json!({"content": "Welcome"});
    snapshot(
        "http_system_message",
        &server.admin("POST", "groups/g/messages", system).await,
    );
}

#[tokio::test]
async fn refusals() {
    let server = start().await;
    let mut ada = server.connect("ada").await;

    snapshot(
        "refusal_validation",
        &ada.ask("join_group", json!({"groupId": "g", "limit": 0}))
            .await,
    );
    snapshot(
        "refusal_forbidden",
        &ada.ask("join_group", json!("elsewhere")).await,
    );
    ada.emit("nonsense", json!(1)).await;
    snapshot("error", &ada.wait_for("error").await);
    ada.call("join_group", json!("g")).await;
    let mut limited = json!(null);
    while limited["ok"] != false {
        limited = ada.ask("typing_start", json!({"groupId": "g"})).await;
    }
    limited["error"]["retryAfterMs"] = json!("[milliseconds]");
    snapshot("refusal_rate_limited", &limited);

    let (status, body) = server
        .http("POST", "groups", &token("ada", 60), json!({"name": ""}))
        .await;
    assert_eq!(status, 422);
    snapshot("http_failure", &body);
}

#[tokio::test]
async fn group_events() {
    let server = start().await;
    let (ada_token, mut ben) = (token("ada", 60), server.join("ben", "g").await);
    let as_ada = async |method: &str, path: &str, body: Value| {
        server.http(method, path, &ada_token, body).await.1
    };

    let change = json!({"name": "Gophers", "description": "About holes"});
    snapshot("http_group", &as_ada("PATCH", "groups/g", change).await);
    snapshot("group_updated", &ben.wait_for("group_updated").await);
    let role = json!({"role": "MODERATOR"});
    snapshot(
        "http_member",
        &as_ada("PATCH", "groups/g/members/ben", role).await,
    );
    snapshot("member_updated", &ben.wait_for("member_updated").await);
    snapshot(
        "http_members",
        &as_ada("GET", "groups/g/members?limit=1", json!(null)).await,
    );
    as_ada("DELETE", "groups/g/members/ben", json!(null)).await;
    snapshot(
        "removed_from_group",
        &ben.wait_for("removed_from_group").await,
    );
    as_ada("POST", "groups/g/members", json!({"userId": "ben"})).await;
    snapshot("added_to_group", &ben.wait_for("added_to_group").await);

    as_ada("POST", "groups/g/messages", json!({"content": "Hello"})).await;
    snapshot("http_groups", &as_ada("GET", "groups", json!(null)).await);
    snapshot(
        "http_messages",
        &as_ada("GET", "groups/g/messages", json!(null)).await,
    );
    snapshot(
        "http_read",
        &as_ada("POST", "groups/g/read", json!({"seq": 1})).await,
    );
    snapshot("http_me", &as_ada("GET", "users/me", json!(null)).await);
}
