//! Nodes on one PostgreSQL and one Redis.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use chat_load::{client::shared::Shared, conductor::Outcome, record::User};
use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    load,
    postgres::PostgresServer,
    redis::RedisServer,
};
use tokio::time::sleep;

use crate::keys;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

pub const NODES: usize = 3;

/// Sockets leave at once, a typing indicator lives 10 s, and a node that was killed has its lease.
const EMPTY_WITHIN: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Nodes and what they share. All of it ends with this.
pub struct Fleet {
    pub nodes: Vec<ChatServer>,
    pub redis: RedisServer,
    postgres: PostgresServer,
}

impl Fleet {
    pub async fn start() -> Self {
        let mut fleet = Self::without_nodes().await;
        let redis = fleet.redis.url();
        for _ in 0..NODES {
            fleet.add(&[("CHAT_REDIS__URL", &redis)]).await;
        }
        fleet
    }

    pub async fn without_nodes() -> Self {
        Self {
            nodes: Vec::new(),
            redis: RedisServer::start().await,
            postgres: PostgresServer::start().await,
        }
    }

    /// Adds a node with these settings, and waits until it is ready.
    pub async fn add(&mut self, settings: &[(&str, &str)]) {
        let database = self.postgres.url();
        let shared = [("CHAT_DATABASE__URL", database.as_str())];
        let settings = [WITHOUT_LIMITS, &shared, settings].concat();
        self.nodes.push(ChatServer::start(PROGRAM, &settings).await);
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(ChatServer::url).collect()
    }

    /// Puts the nodes under load, breaks something meanwhile, and sees that Redis holds nothing in the end.
    pub async fn endure(
        &mut self,
        scenario: &str,
        trouble: impl AsyncFnOnce(&mut Self, &Shared),
    ) -> Outcome {
        let urls = self.urls();
        self.endure_at(&urls, scenario, trouble).await
    }

    /// As [`Self::endure`], with each client at its place, around and around.
    pub async fn endure_at(
        &mut self,
        urls: &[String],
        scenario: &str,
        trouble: impl AsyncFnOnce(&mut Self, &Shared),
    ) -> Outcome {
        let meanwhile = async |clients: Arc<Shared>| trouble(self, &clients).await;
        let outcome = load::run_while(urls, scenario, meanwhile).await;
        wait_until("no key is left", EMPTY_WITHIN, || {
            keys::left(&self.redis).is_empty()
        })
        .await;
        outcome
    }

    /// Returns how long it took until Redis held what the clients hold.
    pub async fn exact(&self, clients: &Shared, within: Duration) -> Duration {
        self.exact_without(|_| false, clients, within).await
    }

    /// Returns how long it took until Redis held what the clients hold, but for these.
    pub async fn exact_without(
        &self,
        is_away: impl Fn(User) -> bool,
        clients: &Shared,
        within: Duration,
    ) -> Duration {
        let start = Instant::now();
        loop {
            let before = clients.roster();
            let held = keys::held(&self.redis);
            // Otherwise somebody came or went meanwhile.
            let is_quiet = before == clients.roster();
            let there = (before.into_iter()).filter(|((_, user), _)| !is_away(*user));
            let expected = keys::expected(&there.collect(), &clients.cast);
            if is_quiet && held == expected {
                return start.elapsed();
            }
            assert!(
                start.elapsed() < within,
                "the keys are not exact within {within:?}:\n{}",
                keys::difference(&held, &expected),
            );
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Whether a client is at that node, as long as none has turned it away.
pub fn is_at(node: usize) -> impl Fn(User) -> bool + Copy {
    move |user| user.0 as usize % NODES == node
}

/// Returns when so many messages more are acknowledged: the load has begun, or goes on.
pub async fn acknowledged(more: u64, clients: &Shared) {
    let acked = || {
        clients
            .tally
            .acked
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    let goal = acked() + more;
    wait_until("messages are acknowledged", PATIENCE, || acked() >= goal).await;
}

/// Returns when every user is in the room that is the user's.
pub async fn all_there(users: u32, clients: &Shared) {
    wait_until("all are there", PATIENCE, || {
        clients.roster().len() == users as usize
    })
    .await;
}

/// Returns how long it took until something was so.
pub async fn wait_until(what: &str, within: Duration, is_so: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < within, "not so within {within:?}: {what}");
        sleep(LOOK_EVERY).await;
    }
    start.elapsed()
}
