//! What nodes tell each other, what they find that nobody told them, and what they do for each other.

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    port::Port,
    postgres::PostgresServer,
    redis::RedisServer,
    relay::Relay,
};
use serde_json::json;

use crate::{
    Moves, start,
    support::{Client, Site, token},
    watch::Watch,
};

pub const MOVES: Moves = &[
    (
        "chat_bus_notices_total",
        "direction",
        &["published", "heard"],
    ),
    ("chat_publish_seconds", "", &[]),
    ("chat_gap_repairs_total", "cause", &["early", "head"]),
    ("chat_gap_repaired_messages_total", "", &[]),
    (
        "chat_redis_keys",
        "family",
        &["room_users", "user_rooms", "user_sockets", "typing", "own"],
    ),
    ("chat_redis_presence_bytes", "", &[]),
    ("chat_redis_memory_bytes", "", &[]),
    ("chat_ghosts_reaped_total", "", &[]),
    ("chat_nodes_reaped_total", "", &[]),
];

pub const MOVES_WHEN_IT_STOPS: Moves = &[
    ("chat_draining", "", &[]),
    ("chat_connect_refusals_total", "cause", &["draining"]),
    ("chat_disconnects_total", "reason", &["server_shutdown"]),
];

fn repairs(cause: &str) -> String {
    format!("chat_gap_repairs_total{{cause=\"{cause}\"}}")
}

/// What nodes share.
struct Shared {
    postgres: PostgresServer,
    redis: RedisServer,
}

impl Shared {
    async fn start() -> Self {
        Self {
            postgres: PostgresServer::start().await,
            redis: RedisServer::start().await,
        }
    }

    /// A node that finds Redis at that port.
    async fn node(&self, redis: u16, settings: &[(&str, &str)]) -> (ChatServer, Site) {
        let (database, redis) = (self.postgres.url(), RedisServer::url_at(redis));
        let shared = [
            ("CHAT_DATABASE__URL", database.as_str()),
            ("CHAT_REDIS__URL", &redis),
        ];
        start(&[WITHOUT_LIMITS, &shared, settings].concat()).await
    }
}

#[tokio::test]
async fn nodes_show_what_goes_on_between_them() {
    let shared = Shared::start().await;
    let way = Relay::start(shared.redis.port());
    let (_near, near) = shared.node(shared.redis.port(), &[]).await;
    let (mut far_server, far) = shared.node(way.port(), &[]).await;
    near.group("g", &["ada", "eve"]).await;
    let mut watch = Watch::begin(near.address).await;
    let mut far_watch = Watch::begin(far.address).await;
    let mut ada = near.join("ada", "g").await;
    let mut eve = far.join("eve", "g").await;

    say(&mut ada, "hello").await;
    watch
        .moves("chat_bus_notices_total{direction=\"published\"}")
        .await;
    watch.moves("chat_publish_seconds").await;
    far_watch
        .moves("chat_bus_notices_total{direction=\"heard\"}")
        .await;
    say(&mut eve, "hello").await;
    watch
        .moves("chat_bus_notices_total{direction=\"heard\"}")
        .await;

    keys(&shared, &mut watch, &mut ada).await;

    // One node does not hear of the other's messages, and finds them; what it says itself, nobody hears.
    way.cut();
    far_watch
        .shows("chat_breaker_open{store=\"redis\"}", 1)
        .await;
    while !watch.sees(&repairs("early"), 0).await {
        say(&mut eve, "does anybody hear me?").await;
        say(&mut ada, "what?").await;
    }
    while !far_watch.sees(&repairs("head"), 0).await {
        say(&mut ada, "hello?").await;
    }
    watch.moves("chat_gap_repaired_messages_total").await;

    // Its lease runs out.
    far_server.kill();
    watch.moves("chat_nodes_reaped_total").await;
    watch.exceeds("chat_ghosts_reaped_total", 0).await;
    watch.also_saw(&far_watch);
    watch.has_seen(MOVES);
}

/// A node counts the keys when nobody has done so lately.
async fn keys(shared: &Shared, watch: &mut Watch, typist: &mut Client) {
    typist.call("typing_start", json!({"groupId": "g"})).await;
    shared
        .redis
        .ask(&["DEL", "chat:census", "chat:census:claim"]);
    let (_counting, counting) = shared.node(shared.redis.port(), &[]).await;
    let mut counted = Watch::begin(counting.address).await;
    for (family, keys) in [
        ("room_users", 1),
        ("user_rooms", 2),
        ("user_sockets", 2),
        ("typing", 1),
    ] {
        let series = format!("chat_redis_keys{{family=\"{family}\"}}");
        counted.shows(&series, keys).await;
    }
    counted.exceeds("chat_redis_keys{family=\"own\"}", 3).await;
    counted.exceeds("chat_redis_presence_bytes", 100).await;
    counted.exceeds("chat_redis_memory_bytes", 100_000).await;
    // The others read what it has found.
    watch
        .shows("chat_redis_keys{family=\"user_sockets\"}", 2)
        .await;
}

async fn say(client: &mut Client, text: &str) {
    let said = json!({"groupId": "g", "content": text});
    client.call("send_message", said).await;
}

#[tokio::test]
async fn a_node_that_stops_says_so_to_the_end() {
    let shared = Shared::start().await;
    let port = Port::reserve();
    let own = format!("127.0.0.1:{}", port.number());
    let settings = [
        ("CHAT_METRICS__LISTEN", own.as_str()),
        ("CHAT_SHUTDOWN__GRACE_MS", "8000"),
    ];
    let (mut server, site) = shared.node(shared.redis.port(), &settings).await;
    let mut watch = Watch::begin(own.parse().unwrap()).await;
    let inside = site.connect("ada").await;
    let mut early = Client::open(site.address).await;

    let (stopped, ()) = tokio::join!(server.stop(), async {
        watch.shows("chat_draining", 1).await;
        let auth = json!({"token": token("eve", 60)});
        early.send(&format!("40{auth}")).await;
        watch
            .exceeds("chat_connect_refusals_total{cause=\"draining\"}", 0)
            .await;
        inside.closed().await;
        watch
            .counts("chat_disconnects_total{reason=\"server_shutdown\"}", 1)
            .await;
    });

    assert!(stopped);
    watch.has_seen(MOVES_WHEN_IT_STOPS);
}
