//! Who is a member no longer is out of the room, whoever changed that.

mod support;

use std::time::{Duration, Instant};

use chat_testkit::{postgres::PostgresServer, redis::RedisServer, relay::Relay};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use support::Server;

#[tokio::test]
async fn a_member_whom_another_program_removed_is_put_out() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = server.join("eve", "g").await;

    let url = format!("sqlite://{}", server.file().display());
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("DELETE FROM group_members WHERE user_id = 'eve'")
        .execute(&mut other)
        .await
        .unwrap();

    let removed = eve.wait_for("removed_from_group").await;
    assert_eq!(removed["reason"], "REMOVED");
    assert_eq!(ada.wait_for("user_left_group").await["userId"], "eve");
    ada.call(
        "send_message",
        json!({"groupId": "g", "content": "just us"}),
    )
    .await;
    assert_eq!(eve.refused("join_group", json!("g")).await, "FORBIDDEN");
    let heard: Vec<String> = eve
        .drain()
        .await
        .into_iter()
        .map(|(event, _)| event)
        .collect();
    assert!(!heard.contains(&"message_received".to_owned()), "{heard:?}");
}

#[tokio::test]
async fn who_is_removed_and_added_again_can_join_again() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut eve = server.join("eve", "g").await;
    ada.wait_for("user_joined_group").await;

    server
        .admin("DELETE", "groups/g/members/eve", json!(null))
        .await;
    server.admin("PUT", "groups/g/members/eve", json!({})).await;

    eve.wait_for("added_to_group").await;
    assert_eq!(ada.wait_for("user_left_group").await["memberCount"], 1);
    let mut joined = eve.ask("join_group", json!("g")).await;
    while joined["error"]["code"] == "SERVICE_UNAVAILABLE" {
        joined = eve.ask("join_group", json!("g")).await;
    }
    assert_eq!(joined["data"]["memberCount"], 2);
    assert_eq!(ada.wait_for("user_joined_group").await["userId"], "eve");
}

#[tokio::test]
async fn a_deleted_group_lets_everybody_go() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "eve"]).await;
    let mut ada = server.join("ada", "g").await;
    let mut outside = server.connect("eve").await;
    outside.call("leave_group", json!("g")).await;

    let owner = support::token("ada", 60);
    let (status, _) = server.http("DELETE", "groups/g", &owner, json!(null)).await;

    assert_eq!(status, 204);
    for client in [&mut ada, &mut outside] {
        let removed = client.wait_for("removed_from_group").await;
        assert_eq!(removed["reason"], "GROUP_DELETED");
    }
    let sent = ada
        .refused("send_message", json!({"groupId": "g", "content": "x"}))
        .await;
    assert_eq!(sent, "FORBIDDEN");
}

#[tokio::test]
async fn a_member_whom_a_node_removed_that_is_cut_off_is_put_out_elsewhere() {
    /// Twice the promise, and half the time after which it would be found anyhow.
    const SOON: Duration = Duration::from_secs(4);
    let (postgres, redis) = (PostgresServer::start().await, RedisServer::start().await);
    let relay = Relay::start(redis.port());
    let node = async |redis: u16| {
        let settings = [
            ("CHAT_DATABASE__URL", postgres.url()),
            ("CHAT_REDIS__URL", RedisServer::url_at(redis)),
        ];
        Server::start(
            &settings
                .each_ref()
                .map(|(name, value)| (*name, value.as_str())),
        )
        .await
    };
    let (near, far) = (node(relay.port()).await, node(redis.port()).await);
    let eves = ["eve1", "eve2", "eve3"];
    near.group("g", &["ada", "eve1", "eve2", "eve3"]).await;
    let mut inside = Vec::new();
    for eve in eves {
        inside.push(far.join(eve, "g").await);
    }

    relay.cut();
    for (eve, client) in eves.iter().zip(&mut inside) {
        let path = format!("groups/g/members/{eve}");
        near.admin("DELETE", &path, json!(null)).await;
        let removed_at = Instant::now();
        let removed = client.wait_for("removed_from_group").await;
        let took = removed_at.elapsed();

        assert_eq!(removed["reason"], "REMOVED");
        assert!(took < SOON, "{took:?}");
    }
}
