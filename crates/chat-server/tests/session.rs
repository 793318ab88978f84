//! Coming, staying and being sent away.

mod support;

use chat_testkit::relay::Relay;
use serde_json::json;
use support::{Client, Server, Site, token};

#[tokio::test]
async fn an_expired_token_is_told_and_a_new_one_goes_on() {
    let server = Server::start(&[]).await;
    let mut ada = Client::open(server.address).await;
    // Within the leeway: it lapses in a second.
    ada.send(&format!("40{}", json!({"token": token("ada", -29)})))
        .await;

    let told = ada.wait_after_connect("auth_expired").await;
    assert_eq!(told["disconnectInMs"], 30_000);
    let other = json!({"token": token("eve", 60)});
    assert_eq!(ada.refused("refresh_token", other).await, "FORBIDDEN");
    let old = json!({"token": token("ada", -60)});
    assert_eq!(ada.refused("refresh_token", old).await, "UNAUTHORIZED");
    let fresh = ada
        .call("refresh_token", json!({"token": token("ada", 60)}))
        .await;

    assert!(fresh["tokenExpiresAt"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn revoked_sessions_are_told_and_not_asked_to_come_back() {
    let server = Server::start(&[]).await;
    let mut ada = server.connect("ada").await;

    let receipt = server
        .admin("DELETE", "users/ada/sessions", json!(null))
        .await;

    assert_eq!(receipt["sessionsClosed"], 1);
    let closed = ada.wait_for("session_closed").await;
    assert_eq!(
        (&closed["code"], &closed["reconnect"]),
        (&json!("EVICTED"), &json!(false))
    );
    assert_eq!(ada.packet().await, "41");
    ada.closed().await;
}

#[tokio::test]
async fn a_newer_connection_displaces_the_oldest_where_that_is_configured() {
    let settings = [
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "1"),
        ("CHAT_LIMITS__CONNECTIONS_EVICT_OLDEST", "true"),
    ];
    let server = Server::start(&settings).await;
    let mut old = server.connect("ada").await;

    let mut new = server.connect("ada").await;

    assert_eq!(old.wait_for("session_closed").await["code"], "EVICTED");
    new.call("leave_group", json!("g")).await;
}

#[tokio::test]
async fn connections_are_counted_for_the_address_that_trusted_proxies_name() {
    let settings = [
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "1"),
        ("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    let server = Server::start(&settings).await;
    let connect = async |user: &str, address: &str| {
        let mut client = Client::open_with(server.address, &[("x-forwarded-for", address)])
            .await
            .unwrap();
        client
            .send(&format!("40{}", json!({"token": token(user, 60)})))
            .await;
        let answer = client.packet().await;
        (client, answer)
    };

    let (_first, accepted) = connect("ada", "1.2.3.4").await;
    let (_second, refused) = connect("eve", "1.2.3.4").await;
    let (_third, elsewhere) = connect("eve", "1.2.3.5").await;

    assert!(accepted.starts_with("40"), "{accepted}");
    assert!(
        refused.starts_with("44{\"message\":\"CONNECTION_LIMIT: "),
        "{refused}"
    );
    assert!(elsewhere.starts_with("40"), "{elsewhere}");
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_leaves_nobody_behind() {
    let server = Server::start(&[]).await;
    let mut clients = Vec::new();
    for user in ["ada", "ben", "cleo"] {
        clients.push(server.connect(user).await);
    }

    let stopping = tokio::spawn(server.stop());

    for mut client in clients {
        let closed = client.wait_for("session_closed").await;
        assert_eq!(
            (&closed["code"], &closed["reconnect"]),
            (&json!("SERVER_SHUTDOWN"), &json!(true))
        );
        assert!(closed["reconnectInMs"].as_u64().unwrap() < 3_000);
        client.closed().await;
    }
    stopping.await.unwrap();
}

#[tokio::test]
async fn session_is_the_first_event_whatever_else_happens() {
    let settings = [
        ("CHAT_LIMITS__EVENT_BURST", "0"),
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "0"),
    ];
    let server = Server::start(&settings).await;
    server.group("g", &["ada"]).await;
    let mut busy = server.connect("ada").await;

    for _ in 0..50 {
        busy.emit("mark_read", json!({"groupId": "g", "seq": 0}))
            .await;
        let mut other = Client::open(server.address).await;
        other
            .send(&format!("40{}", json!({"token": token("ada", 60)})))
            .await;
        busy.emit("mark_read", json!({"groupId": "g", "seq": 0}))
            .await;
        let answer = other.packet().await;
        assert!(answer.starts_with("40"), "{answer}");
        assert_eq!(other.next().await.0, "session");
        busy.wait_for("unread_update").await;
    }
}

#[tokio::test]
async fn whoever_is_displaced_while_coming_in_goes_too() {
    let settings = [
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "1"),
        ("CHAT_LIMITS__CONNECTIONS_EVICT_OLDEST", "true"),
    ];
    let server = Server::start(&settings).await;
    let mut coming = Vec::new();
    for _ in 0..20 {
        let mut client = Client::open(server.address).await;
        client
            .send(&format!("40{}", json!({"token": token("ada", 60)})))
            .await;
        coming.push(client);
    }

    for client in &mut coming {
        client.receive().await;
    }
    let mut last = server.connect("ada").await;

    for client in coming {
        client.closed().await;
    }
    last.call("leave_group", json!("g")).await;
}

#[tokio::test]
async fn a_transport_that_carries_no_session_any_more_is_closed() {
    let server = Server::start(&[]).await;
    let mut ada = server.connect("ada").await;

    ada.send("41").await;

    ada.closed().await;
}

#[tokio::test]
async fn who_vanishes_without_a_word_has_left_when_no_ping_is_answered() {
    let server = Server::start(&[]).await;
    server.group("g", &["ada", "ben"]).await;
    let network = Relay::start(server.address.port());
    let behind = Site {
        address: ([127, 0, 0, 1], network.port()).into(),
    };
    let mut ben = server.join("ben", "g").await;
    let _ada = behind.join("ada", "g").await;
    assert_eq!(ben.wait_for("user_joined_group").await["userId"], "ada");

    network.silence();

    // There is a ping every 10 s, and 5 s for its answer.
    assert_eq!(ben.wait_for("user_left_group").await["userId"], "ada");
}
