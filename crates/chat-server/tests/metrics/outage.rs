//! Stores that are away, one after the other, each with what waits for it and what fails meanwhile.

use chat_testkit::{chat_server::WITHOUT_LIMITS, postgres::PostgresServer, redis::RedisServer};
use serde_json::json;

use crate::{
    Moves, start,
    support::{Client, Site, token},
    watch::Watch,
};

pub const MOVES: Moves = &[
    (
        "chat_degraded",
        "feature",
        &["presence", "typing", "delivery", "limits"],
    ),
    ("chat_connect_refusals_total", "cause", &["unavailable"]),
    ("chat_disconnects_total", "reason", &["service_unavailable"]),
    ("chat_events_total", "outcome", &["service_unavailable"]),
    ("chat_messages_total", "outcome", &["failed"]),
    ("chat_deliveries_total", "event", &["service_status"]),
    ("chat_queue_length", "queue", &["inbox", "log", "bus"]),
    ("chat_database_connections", "state", &["idle", "used"]),
    ("chat_breaker_open", "store", &["database", "redis", "bus"]),
    (
        "chat_store_calls_total",
        "store",
        &["database", "redis", "bus"],
    ),
    ("chat_store_calls_total", "outcome", &["ok", "failed"]),
    ("chat_bus_notices_total", "direction", &["dropped"]),
    ("chat_reannouncements_total", "", &[]),
    ("chat_http_requests_total", "status", &["5xx"]),
];

/// One node, and what it needs.
struct Scene {
    postgres: PostgresServer,
    redis: RedisServer,
    bus: RedisServer,
    site: Site,
    watch: Watch,
    /// Three users in one room.
    speakers: Vec<Client>,
}

fn breaker(store: &str) -> String {
    format!("chat_breaker_open{{store=\"{store}\"}}")
}

fn calls(store: &str, outcome: &str) -> String {
    format!("chat_store_calls_total{{outcome=\"{outcome}\",store=\"{store}\"}}")
}

fn degraded(feature: &str) -> String {
    format!("chat_degraded{{feature=\"{feature}\"}}")
}

fn waiting(queue: &str) -> String {
    format!("chat_queue_length{{queue=\"{queue}\"}}")
}

#[tokio::test]
async fn stores_that_are_away_show_and_so_does_all_that_follows() {
    let postgres = PostgresServer::start().await;
    let (redis, bus) = (RedisServer::start().await, RedisServer::start().await);
    let urls = [postgres.url(), redis.url(), bus.url()];
    let shared = [
        ("CHAT_DATABASE__URL", urls[0].as_str()),
        ("CHAT_REDIS__URL", &urls[1]),
        ("CHAT_REDIS__BUS_URL", &urls[2]),
    ];
    let (_server, site) = start(&[WITHOUT_LIMITS, &shared].concat()).await;
    site.group("g", &["ada", "ben", "eve"]).await;
    let watch = Watch::begin(site.address).await;
    let mut scene = Scene {
        postgres,
        redis,
        bus,
        site,
        watch,
        speakers: Vec::new(),
    };
    for user in ["ada", "ben", "eve"] {
        scene.speakers.push(site.join(user, "g").await);
    }
    // So that there is a record of him, and he needs none; but his groups are not known.
    let dan = token("dan", 3_600);
    let (status, _) = site.http("GET", "users/me", &dan, json!(null)).await;
    assert_eq!(status, 200);
    for store in ["database", "redis", "bus"] {
        scene.watch.moves(&calls(store, "ok")).await;
    }

    scene.without_database().await;
    scene.without_bus().await;
    scene.without_redis().await;
    scene.watch.has_seen(MOVES);
}

impl Scene {
    async fn without_database(&mut self) {
        let watch = &mut self.watch;
        watch.shows(&breaker("database"), 0).await;
        watch
            .shows("chat_database_connections{state=\"used\"}", 0)
            .await;
        self.postgres.pause();
        // The first one is on its way, the second one waits for it, the third one in its socket's queue.
        for client in &mut self.speakers {
            for _ in 0..2 {
                let said = json!({"groupId": "g", "content": "x"});
                client.emit("send_message", said).await;
            }
        }
        watch.exceeds(&waiting("log"), 1).await;
        watch.exceeds(&waiting("inbox"), 2).await;
        watch
            .exceeds("chat_database_connections{state=\"used\"}", 0)
            .await;
        watch.shows(&breaker("database"), 1).await;
        watch.moves(&calls("database", "failed")).await;
        watch
            .exceeds("chat_messages_total{outcome=\"failed\"}", 2)
            .await;
        let refused = "chat_events_total{event=\"send_message\",outcome=\"service_unavailable\"}";
        watch.exceeds(refused, 2).await;

        let mut stranger = Client::open(self.site.address).await;
        let auth = json!({"token": token("stranger", 60)});
        stranger.send(&format!("40{auth}")).await;
        let refused = "chat_connect_refusals_total{cause=\"unavailable\"}";
        watch.counts(refused, 1).await;
        let mut known = Client::open(self.site.address).await;
        let auth = json!({"token": token("dan", 3_600)});
        known.send(&format!("40{auth}")).await;
        let ended = "chat_disconnects_total{reason=\"service_unavailable\"}";
        watch.counts(ended, 1).await;
        let ready = format!("http://{}/readyz", self.site.address);
        assert_eq!(reqwest::get(ready).await.unwrap().status(), 503);
        let answered = "chat_http_requests_total{method=\"GET\",route=\"/readyz\",status=\"5xx\"}";
        watch.counts(answered, 1).await;

        self.postgres.resume();
        watch.shows(&breaker("database"), 0).await;
        watch.shows(&waiting("log"), 0).await;
        watch.shows(&waiting("inbox"), 0).await;
        watch
            .shows("chat_database_connections{state=\"used\"}", 0)
            .await;
    }

    async fn without_bus(&mut self) {
        self.bus.pause();
        // The first one holds the others up, until it is given up.
        let said = json!({"groupId": "g", "content": "x"});
        while !self.watch.sees(&waiting("bus"), 0).await {
            self.speakers[0].ask("send_message", said.clone()).await;
        }
        self.watch.shows(&breaker("bus"), 1).await;
        self.watch.moves(&calls("bus", "failed")).await;
        for feature in ["typing", "delivery"] {
            self.watch.shows(&degraded(feature), 1).await;
        }
        self.speakers[0].ask("send_message", said).await;
        self.watch
            .moves("chat_bus_notices_total{direction=\"dropped\"}")
            .await;
        self.watch
            .moves("chat_deliveries_total{event=\"service_status\"}")
            .await;

        self.bus.resume();
        self.watch.shows(&breaker("bus"), 0).await;
        for feature in ["typing", "delivery"] {
            self.watch.shows(&degraded(feature), 0).await;
        }
        self.watch.shows(&waiting("bus"), 0).await;
    }

    async fn without_redis(&mut self) {
        self.redis.pause();
        self.watch.shows(&breaker("redis"), 1).await;
        self.watch.moves(&calls("redis", "failed")).await;
        for feature in ["presence", "limits"] {
            self.watch.shows(&degraded(feature), 1).await;
        }
        self.redis.kill();
        self.redis.restart_empty().await;
        self.watch.shows(&breaker("redis"), 0).await;
        self.watch.moves("chat_reannouncements_total").await;
        for feature in ["presence", "limits"] {
            self.watch.shows(&degraded(feature), 0).await;
        }
    }
}
