//! What one user, one address and one node may ask for, and the answers past it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use support::{ADMIN_KEY, Client, Server, Site, token};
use tokio::{
    io::AsyncReadExt,
    net::{TcpSocket, TcpStream},
};

/// Asks for oneself; `from` is who a trusted proxy says that it is.
async fn ask_me(site: &Site, bearer: &str, from: &str) -> Response {
    reqwest::Client::new()
        .get(format!("http://{}/api/v1/users/me", site.address))
        .bearer_auth(bearer)
        .header("x-forwarded-for", from)
        .send()
        .await
        .unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// Opens a transport behind a trusted proxy; `Err` is the status.
async fn open_from(site: &Site, from: &str) -> Result<Client, u16> {
    let opened = Client::open_with(site.address, &[("x-forwarded-for", from)]).await;
    opened.map_err(|error| match error {
        tokio_tungstenite::tungstenite::Error::Http(response) => response.status().as_u16(),
        other => panic!("{other}"),
    })
}

/// Signs in; returns the answer.
async fn sign_in(client: &mut Client, user: &str) -> String {
    let auth = json!({"token": token(user, 60)});
    client.send(&format!("40{auth}")).await;
    client.packet().await
}

const TRUSTING: (&str, &str) = ("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.1");

#[tokio::test]
async fn joins_and_pages_past_the_limit_say_when_to_try_again() {
    let settings = [
        ("CHAT_LIMITS__JOIN_BURST", "1"),
        ("CHAT_LIMITS__JOINS_PER_SECOND", "1"),
        ("CHAT_LIMITS__HISTORY_BURST", "1"),
        ("CHAT_LIMITS__HISTORY_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.connect("ada").await;

    for (event, argument) in [
        ("join_group", json!("g")),
        ("get_group_messages", json!({"groupId": "g"})),
    ] {
        let mut error = Value::Null;
        while error.is_null() {
            error = ada.ask(event, argument.clone()).await["error"].take();
        }
        assert_eq!(error["code"], "RATE_LIMITED", "{event}");
        assert_eq!(error["groupId"], "g");
        let wait = error["retryAfterMs"].as_u64().unwrap();
        assert!((1..=1_000).contains(&wait), "{wait}");
    }
    // The same pages over HTTP are not more of them.
    let path = "groups/g/messages";
    let mut status = 200;
    while status == 200 {
        (status, _) = server
            .http("GET", path, &token("ada", 60), Value::Null)
            .await;
    }
    assert_eq!(status, 429);
}

#[tokio::test]
async fn a_user_has_an_allowance_of_requests_and_is_told_of_it() {
    let settings = [
        ("CHAT_LIMITS__REQUEST_BURST", "2"),
        ("CHAT_LIMITS__REQUESTS_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;
    let ada = token("ada", 60);

    let first = ask_me(&server, &ada, "").await;
    let mut refused = ask_me(&server, &ada, "").await;
    while refused.status().is_success() {
        refused = ask_me(&server, &ada, "").await;
    }
    let of_bob = ask_me(&server, &token("bob", 60), "").await;

    assert_eq!(first.status(), 200);
    assert_eq!(header(&first, "ratelimit-policy"), r#""user";q=2;w=2"#);
    assert_eq!(header(&first, "ratelimit"), r#""user";r=1;t=1"#);
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(header(&refused, "ratelimit"), r#""user";r=0;t=2"#);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "RATE_LIMITED");
    assert_eq!(of_bob.status(), 200);
}

#[tokio::test]
async fn an_address_has_an_allowance_of_requests_whoever_asks_there() {
    let settings = [
        TRUSTING,
        ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "2"),
        ("CHAT_LIMITS__ADDRESS_REQUESTS_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;

    let first = ask_me(&server, "no token", "10.0.0.1").await;
    let mut refused = ask_me(&server, &token("ada", 60), "10.0.0.1").await;
    while refused.status().is_success() {
        refused = ask_me(&server, &token("bob", 60), "10.0.0.1").await;
    }
    let elsewhere = ask_me(&server, &token("bob", 60), "10.0.0.2").await;

    assert_eq!(first.status(), 401);
    assert_eq!(header(&first, "ratelimit-policy"), r#""address";q=2;w=2"#);
    assert_eq!(header(&first, "ratelimit"), r#""address";r=1;t=1"#);
    assert_eq!(refused.status(), 429);
    assert_eq!(header(&refused, "retry-after"), "1");
    assert_eq!(elsewhere.status(), 200);
    // Neither the administrator nor who looks after the process is kept out by a flood.
    let users = "admin/users/eve";
    for _ in 0..4 {
        let (status, _) = server
            .http("PUT", users, ADMIN_KEY, json!({"name": "Eve"}))
            .await;
        assert_eq!(status, 200);
        let health = reqwest::get(format!("http://{}/healthz", server.address)).await;
        assert_eq!(health.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn probes_of_the_process_are_not_counted() {
    let settings = [
        ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "1000"),
        ("CHAT_LIMITS__ADDRESS_REQUESTS_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;

    let before = ask_me(&server, "no token", "").await;
    for path in ["healthz", "readyz"] {
        for _ in 0..100 {
            let url = format!("http://{}/{path}", server.address);
            let probed = reqwest::get(url).await.unwrap();
            assert_eq!(probed.status(), 200);
            assert!(!probed.headers().contains_key("ratelimit"), "{path}");
        }
    }
    let after = ask_me(&server, "no token", "").await;

    let left = |response: &Response| {
        let text = header(response, "ratelimit");
        let (_, left) = text.split_once(";r=").unwrap();
        left.split(';').next().unwrap().parse::<u32>().unwrap()
    };
    // Nothing is given back that fast: had they been counted, it would be less by two hundred.
    assert!(left(&after) >= left(&before) - 1);
}

#[tokio::test]
async fn an_address_opens_so_many_transports_at_once() {
    let settings = [
        TRUSTING,
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "1"),
        ("CHAT_LIMITS__HANDSHAKE_BURST", "4"),
        ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;

    let mut opened = Vec::new();
    while let Ok(client) = open_from(&server, "10.0.0.1").await {
        opened.push(client);
        assert!(opened.len() < 100, "there is no limit");
    }

    assert!(opened.len() >= 4, "so many at least");
    assert_eq!(open_from(&server, "10.0.0.1").await.err(), Some(429));
    assert!(open_from(&server, "10.0.0.2").await.is_ok());
    // Another address of the same network of IPv6 is the same client.
    for number in 0..4 {
        let from = format!("2001:db8::{number}");
        assert!(open_from(&server, &from).await.is_ok());
    }
    while open_from(&server, "2001:db8::5").await.is_ok() {}
    assert!(open_from(&server, "2001:db8:0:1::5").await.is_ok());
}

#[tokio::test]
async fn signing_in_again_costs_as_much_as_opening_a_transport() {
    let settings = [
        TRUSTING,
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "1"),
        ("CHAT_LIMITS__HANDSHAKE_BURST", "4"),
        ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", "1"),
    ];
    let server = Server::start(&settings).await;
    let mut eve = open_from(&server, "10.0.0.1").await.unwrap();

    let mut answer = String::new();
    while !answer.contains("RATE_LIMITED: ") {
        let answered = eve.try_to_sign_in("wrong").await;
        answer = answered.expect("it is told why before it is closed");
    }

    eve.closed().await;
    assert_eq!(open_from(&server, "10.0.0.1").await.err(), Some(429));
    assert!(open_from(&server, "10.0.0.2").await.is_ok());
}

#[tokio::test]
async fn the_oldest_from_an_address_makes_room_where_that_is_configured() {
    let settings = [
        TRUSTING,
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "2"),
        ("CHAT_LIMITS__CONNECTIONS_EVICT_OLDEST", "true"),
    ];
    let server = Server::start(&settings).await;
    let mut elsewhere = open_from(&server, "10.0.0.2").await.unwrap();
    let mut old = open_from(&server, "10.0.0.1").await.unwrap();
    let mut other = open_from(&server, "10.0.0.1").await.unwrap();
    for (client, user) in [
        (&mut elsewhere, "dan"),
        (&mut old, "ada"),
        (&mut other, "bob"),
    ] {
        assert!(sign_in(client, user).await.starts_with("40"));
        client.wait_for("session").await;
    }

    let mut new = open_from(&server, "10.0.0.1").await.unwrap();
    assert!(sign_in(&mut new, "eve").await.starts_with("40"));

    assert_eq!(old.wait_for("session_closed").await["code"], "EVICTED");
    old.closed().await;
    new.wait_for("session").await;
    for mut client in [elsewhere, other, new] {
        client.call("leave_group", json!("g")).await;
    }
}

#[tokio::test]
async fn a_full_node_refuses_for_now() {
    let server = Server::start(&[("CHAT_LIMITS__CONNECTIONS_PER_NODE", "1")]).await;
    let mut early = Client::open(server.address).await;
    let ada = server.connect("ada").await;

    let answer = sign_in(&mut early, "bob").await;
    assert!(answer.starts_with("44") && answer.contains("SERVICE_UNAVAILABLE: "));
    // The transport closes, so that the client does not give up.
    early.closed().await;
    assert_eq!(open_from(&server, "").await.err(), Some(503));

    ada.closed_by_client().await;
    while open_from(&server, "").await.is_err() {}
    server.connect("bob").await;
}

#[tokio::test]
async fn an_address_holds_so_many_tcp_connections() {
    let server = Server::start(&[("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "2")]).await;
    let mut silent = Vec::new();
    for _ in 0..256 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }

    let mut another = TcpStream::connect(server.address).await.unwrap();
    let read = another.read(&mut [0; 16]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "it is closed");

    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let elsewhere = elsewhere.connect(server.address).await.unwrap();
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket",
        server.address
    );
    assert!(Client::over(elsewhere, &url, &[]).await.is_ok());
    drop(silent);
    while Client::open_with(server.address, &[]).await.is_err() {}
}

#[tokio::test]
async fn where_a_limit_is_off_those_that_go_with_it_are_too() {
    let settings = [
        ("CHAT_LIMITS__EVENT_BURST", "0"),
        ("CHAT_LIMITS__MESSAGE_BURST", "0"),
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
        ("CHAT_LIMITS__JOIN_BURST", "1"),
        ("CHAT_LIMITS__HISTORY_BURST", "1"),
        ("CHAT_LIMITS__REQUEST_BURST", "1"),
        ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "1"),
        ("CHAT_LIMITS__HANDSHAKE_BURST", "1"),
    ];
    let server = Server::start(&settings).await;
    server.group("g", &["ada"]).await;
    let mut ada = server.connect("ada").await;
    for _ in 0..3 {
        ada.call("join_group", json!("g")).await;
        ada.call("get_group_messages", json!({"groupId": "g"}))
            .await;
        let (status, _) = server
            .http("GET", "users/me", &token("ada", 60), json!(null))
            .await;
        assert_eq!(status, 200);
        Client::open(server.address).await;
    }
}

#[tokio::test]
async fn a_full_node_takes_no_more_tcp_connections() {
    let server = Server::start(&[("CHAT_LIMITS__CONNECTIONS_PER_NODE", "2")]).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }

    let mut fifth = TcpStream::connect(server.address).await.unwrap();
    let read = fifth.read(&mut [0; 16]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "it is closed");

    drop(silent);
    while Client::open_with(server.address, &[]).await.is_err() {}
}
