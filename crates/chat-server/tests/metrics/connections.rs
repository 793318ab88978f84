//! Who comes, who goes, and who is turned away.

use serde_json::json;
use tokio::net::TcpStream;

use crate::{
    Moves, start,
    support::{Client, Site, polling::Poller, token},
    watch::Watch,
};

pub const MOVES: Moves = &[
    ("chat_connections", "transport", &["websocket", "polling"]),
    ("chat_tcp_connections", "", &[]),
    (
        "chat_connects_total",
        "transport",
        &["websocket", "polling"],
    ),
    (
        "chat_disconnects_total",
        "reason",
        &["client", "transport", "rate_limited", "evicted"],
    ),
    ("chat_tasks", "", &[]),
];

pub const MOVES_LATER: Moves = &[(
    "chat_disconnects_total",
    "reason",
    &["slow_consumer", "ping_timeout", "auth_expired"],
)];

pub const MOVES_TURNED_AWAY: Moves = &[
    (
        "chat_connect_refusals_total",
        "cause",
        &[
            "unauthorized",
            "user_limit",
            "address_limit",
            "node_full",
            "attempts",
            "handshakes",
            "origin",
        ],
    ),
    ("chat_rate_limited_total", "limit", &["handshakes"]),
];

fn ended(reason: &str) -> String {
    format!("chat_disconnects_total{{reason=\"{reason}\"}}")
}

fn refused(cause: &str) -> String {
    format!("chat_connect_refusals_total{{cause=\"{cause}\"}}")
}

#[tokio::test]
async fn who_comes_and_goes_is_counted_by_how() {
    let (_server, site) = start(&[]).await;
    site.group("g", &["ada"]).await;
    let mut watch = Watch::begin(site.address).await;

    let ada = site.connect("ada").await;
    watch
        .shows("chat_connections{transport=\"websocket\"}", 1)
        .await;
    watch
        .counts("chat_connects_total{transport=\"websocket\"}", 1)
        .await;
    watch.moves("chat_tasks").await;
    let polling = Poller::join(&site, "ada", "g").await;
    watch
        .shows("chat_connections{transport=\"polling\"}", 1)
        .await;
    watch
        .counts("chat_connects_total{transport=\"polling\"}", 1)
        .await;

    let before = watch.known("chat_tcp_connections");
    let silent = TcpStream::connect(site.address).await.unwrap();
    watch.exceeds("chat_tcp_connections", 1).await;
    assert!(watch.known("chat_tcp_connections") > before);
    drop(silent);

    polling.post("41".to_owned()).await;
    watch.counts(&ended("client"), 1).await;
    watch
        .shows("chat_connections{transport=\"polling\"}", 0)
        .await;
    ada.closed_by_client().await;
    watch.counts(&ended("transport"), 1).await;
    watch
        .shows("chat_connections{transport=\"websocket\"}", 0)
        .await;

    let eve = site.connect("eve").await;
    let sessions = "users/eve/sessions";
    site.admin("DELETE", sessions, json!(null)).await;
    eve.closed().await;
    watch.counts(&ended("evicted"), 1).await;
    let mut flooding = site.connect("eve").await;
    for _ in 0..400 {
        flooding.try_send("42[\"nonsense\",1]").await;
    }
    watch.counts(&ended("rate_limited"), 1).await;
    watch.has_seen(MOVES);
}

#[tokio::test]
async fn who_is_turned_away_is_counted_by_why() {
    let (_server, site) = start(&[
        ("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.1"),
        ("CHAT_LIMITS__CONNECTIONS_PER_USER", "1"),
        ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "2"),
        ("CHAT_LIMITS__HANDSHAKE_BURST", "20"),
        ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", "1"),
    ])
    .await;
    let mut watch = Watch::begin(site.address).await;

    let mut stranger = open_from(&site, "10.0.0.1").await.unwrap();
    for _ in 0..10 {
        stranger.try_to_sign_in("not a token").await;
    }
    watch.counts(&refused("unauthorized"), 10).await;
    stranger.try_to_sign_in("not a token").await;
    watch.counts(&refused("attempts"), 1).await;

    let foreign = ("origin", "https://evil.example");
    let opened = Client::open_with(site.address, &[foreign]).await;
    assert!(opened.is_err());
    watch.counts(&refused("origin"), 1).await;

    let mut inside = Vec::new();
    for (user, from) in [
        ("ada", "10.0.1.1"),
        ("ada", "10.0.1.1"),
        ("eve", "10.0.1.1"),
        ("dan", "10.0.1.1"),
    ] {
        let mut client = open_from(&site, from).await.unwrap();
        client.try_to_sign_in(&token(user, 60)).await;
        inside.push(client);
    }
    watch.counts(&refused("user_limit"), 1).await;
    watch.counts(&refused("address_limit"), 1).await;
    while open_from(&site, "10.0.1.1").await.is_ok() {}
    watch.exceeds(&refused("handshakes"), 0).await;
    watch
        .exceeds("chat_rate_limited_total{limit=\"handshakes\"}", 0)
        .await;

    let full = who_finds_the_node_full().await;
    watch.also_saw(&full);
    watch.has_seen(MOVES_TURNED_AWAY);
}

/// Before signing in, and before that.
async fn who_finds_the_node_full() -> Watch {
    let (_server, site) = start(&[("CHAT_LIMITS__CONNECTIONS_PER_NODE", "2")]).await;
    let mut watch = Watch::begin(site.address).await;
    let mut early = Client::open(site.address).await;
    let inside = [site.connect("ada").await, site.connect("eve").await];

    early.try_to_sign_in(&token("dan", 60)).await;
    watch.counts(&refused("node_full"), 1).await;
    early.closed().await;
    assert!(Client::open_with(site.address, &[]).await.is_err());
    watch.counts(&refused("node_full"), 1).await;
    drop(inside);
    watch
}

/// Three ways to end that take their time, at once.
#[tokio::test]
async fn who_is_ended_later_is_counted_by_why() {
    let (server, site) = start(&[
        ("CHAT_LIMITS__MESSAGE_BURST", "0"),
        ("CHAT_LIMITS__EVENT_BURST", "0"),
    ])
    .await;
    site.group("g", &["ada", "eve"]).await;
    let mut watch = Watch::begin(site.address).await;

    // Within the leeway: it lapses in a second, and the end is 30 s later.
    let mut expiring = Client::open(site.address).await;
    let auth = json!({"token": token("cleo", -29)});
    expiring.send(&format!("40{auth}")).await;
    let expiring = tokio::spawn(async move { expiring.wait_after_connect("session_closed").await });
    let network = chat_testkit::relay::Relay::start(server.address().port());
    let behind = Site {
        address: ([127, 0, 0, 1], network.port()).into(),
    };
    let _vanished = behind.connect("ben").await;
    network.silence();
    let mut ada = site.join("ada", "g").await;
    let eve = site.join_slowly("eve", "g").await;
    let text = "x".repeat(4_000);
    let is_out = |heard: Vec<(String, serde_json::Value)>| {
        heard.iter().any(|(event, _)| event == "user_left_group")
    };
    while !is_out(ada.take_heard()) {
        let said = json!({"groupId": "g", "content": text});
        ada.call("send_message", said).await;
    }
    let heard = eve.read_to_the_end().await;

    assert_eq!(heard.last().unwrap().1["code"], "SLOW_CONSUMER");
    watch.counts(&ended("slow_consumer"), 1).await;
    watch.counts(&ended("ping_timeout"), 1).await;
    assert_eq!(expiring.await.unwrap()["code"], "AUTH_EXPIRED");
    watch.counts(&ended("auth_expired"), 1).await;
    watch.has_seen(MOVES_LATER);
}

/// Opens a transport behind a trusted proxy.
async fn open_from(
    site: &Site,
    from: &str,
) -> Result<Client, tokio_tungstenite::tungstenite::Error> {
    Client::open_with(site.address, &[("x-forwarded-for", from)]).await
}
