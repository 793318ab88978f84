//! A token that was revoked is refused everywhere, for ever, and its connections end.

mod support;

use serde_json::json;
use support::{Server, named_token};

const REVOKED: &str = "UNAUTHORIZED: token has been revoked";

async fn revoke(server: &Server, jti: &str) -> serde_json::Value {
    let path = format!("tokens/{jti}/revoke");
    server.admin("POST", &path, json!({})).await
}

#[tokio::test]
async fn a_revoked_token_ends_its_own_connections_and_no_others() {
    let server = Server::start(&[]).await;
    let (lost, kept) = (
        named_token("ada", "lost/phone 1"),
        named_token("ada", "kept"),
    );
    let mut first = server.connect_with(&lost).await.unwrap();
    let mut second = server.connect_with(&lost).await.unwrap();
    let mut other = server.connect_with(&kept).await.unwrap();

    let receipt = revoke(&server, "lost%2Fphone%201").await;
    let again = revoke(&server, "lost%2Fphone%201").await;

    assert_eq!(receipt["sessionsClosed"], 2);
    assert!(again["sessionsClosed"].is_u64());
    for client in [&mut first, &mut second] {
        let closed = client.wait_for("session_closed").await;
        assert_eq!(
            (&closed["code"], &closed["reconnect"]),
            (&json!("EVICTED"), &json!(false))
        );
    }
    other.call("leave_group", json!("g")).await;
    let refused = server.connect_with(&lost).await.err().unwrap();
    assert!(refused.contains(REVOKED), "{refused}");
    let (status, body) = server.http("GET", "users/me", &lost, json!(null)).await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (401, &json!("UNAUTHORIZED"))
    );
    let asked = json!({ "token": lost });
    assert_eq!(other.refused("refresh_token", asked).await, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_revoked_token_is_refused_after_a_restart() {
    let server = Server::start(&[]).await;
    let lost = named_token("ada", "lost");
    revoke(&server, "lost").await;

    let server = Server::start_in(server.stop().await, &[]).await;

    let refused = server.connect_with(&lost).await.err().unwrap();
    assert!(refused.contains(REVOKED), "{refused}");
}

#[tokio::test]
async fn a_connection_ends_with_the_token_that_it_was_refreshed_with() {
    let server = Server::start(&[]).await;
    let (old, new) = (named_token("ada", "old"), named_token("ada", "new"));
    let mut ada = server.connect_with(&old).await.unwrap();
    ada.call("refresh_token", json!({ "token": new })).await;

    assert_eq!(revoke(&server, "old").await["sessionsClosed"], 0);
    ada.call("leave_group", json!("g")).await;
    assert_eq!(revoke(&server, "new").await["sessionsClosed"], 1);

    assert_eq!(ada.wait_for("session_closed").await["code"], "EVICTED");
}

#[tokio::test]
async fn only_the_administrator_revokes_and_only_what_can_be_a_token_id() {
    let server = Server::start(&[]).await;
    let ask = async |key: &str, jti: &str, body| {
        let path = format!("admin/tokens/{jti}/revoke");
        server.http("POST", &path, key, body).await.0
    };
    let (key, long) = (support::ADMIN_KEY, "x".repeat(257));

    assert_eq!(ask(&named_token("ada", "a"), "a", json!({})).await, 401);
    assert_eq!(ask(key, &long, json!({})).await, 422);
    assert_eq!(ask(key, "a%0Ab", json!({})).await, 422);
    assert_eq!(ask(key, "a", json!({"exp": "tomorrow"})).await, 422);
    assert_eq!(
        ask(key, "a", json!({"exp": 1_800_000_000_000_000_u64})).await,
        422
    );
    assert_eq!(ask(key, "a", json!({"exp": 1_800_000_000})).await, 200);
}
