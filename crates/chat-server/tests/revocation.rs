//! Who is a member no longer is out of the room, whoever changed that.

mod support;

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
