//! What operators can watch of the stores, by the conventions of Prometheus. Without a recorder it costs next to
//! nothing. Labels are few and known: never a room, a user or an address.

use std::time::Instant;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use tokio::time::error::Elapsed;

const COMMIT_BATCH: &str = "chat_commit_batch_messages";
const PUBLISH: &str = "chat_publish_seconds";
const NOTICES: &str = "chat_bus_notices_total";
const GHOSTS: &str = "chat_ghosts_reaped_total";
const NODES: &str = "chat_nodes_reaped_total";
const REANNOUNCEMENTS: &str = "chat_reannouncements_total";
const BREAKER: &str = "chat_breaker_open";
const CALLS: &str = "chat_store_calls_total";
const DATABASE_CONNECTIONS: &str = "chat_database_connections";
const KEYS: &str = "chat_redis_keys";
const PRESENCE_BYTES: &str = "chat_redis_presence_bytes";
const REDIS_BYTES: &str = "chat_redis_memory_bytes";

/// The server has queues too, and describes it.
const QUEUE_LENGTH: &str = "chat_queue_length";

/// Says what is recorded here, for who scrapes it.
pub fn describe() {
    describe_histogram!(COMMIT_BATCH, "Messages in one transaction.");
    describe_histogram!(
        PUBLISH,
        Unit::Seconds,
        "From handing a notice to the bus until Redis has it; the oldest of those that travel together."
    );
    describe_counter!(NOTICES, "Notices between nodes.");
    describe_counter!(
        GHOSTS,
        "Seats and connections of dead nodes that this node took out."
    );
    describe_counter!(NODES, "Dead nodes that this node took out.");
    describe_counter!(
        REANNOUNCEMENTS,
        "How often presence was in doubt, and this node announced all it has anew."
    );
    describe_gauge!(BREAKER, "1 while calls to the store fail at once.");
    describe_counter!(CALLS, "Calls to a store.");
    describe_gauge!(DATABASE_CONNECTIONS, "Connections to PostgreSQL.");
    describe_gauge!(KEYS, "Keys in Redis, counted once a minute.");
    describe_gauge!(
        PRESENCE_BYTES,
        Unit::Bytes,
        "Memory of presence in Redis, estimated from a sample once a minute."
    );
    describe_gauge!(
        REDIS_BYTES,
        Unit::Bytes,
        "All memory that Redis uses, looked up once a minute."
    );
}

/// A store that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Database,
    Redis,
    Bus,
}

impl Store {
    const fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Redis => "redis",
            Self::Bus => "bus",
        }
    }
}

/// The calls to one store, and whether they are worth trying.
pub(crate) struct Calls {
    ok: Counter,
    failed: Counter,
    breaker: Gauge,
}

impl Calls {
    pub(crate) fn to(store: Store) -> Self {
        let outcome = |outcome| counter!(CALLS, "store" => store.name(), "outcome" => outcome);
        Self {
            ok: outcome("ok"),
            failed: outcome("failed"),
            breaker: gauge!(BREAKER, "store" => store.name()),
        }
    }

    /// What did not come in time has failed too.
    pub(crate) fn count<T, E>(&self, outcome: &Result<Result<T, E>, Elapsed>) {
        match outcome {
            Ok(Ok(_)) => self.ok.increment(1),
            Ok(Err(_)) | Err(_) => self.failed.increment(1),
        }
    }

    pub(crate) fn breaker(&self, is_open: bool) {
        self.breaker.set(f64::from(u8::from(is_open)));
    }
}

/// What becomes of messages that are to be stored.
pub(crate) struct Log {
    batch: Histogram,
    waiting: Gauge,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self {
            batch: histogram!(COMMIT_BATCH),
            waiting: gauge!(QUEUE_LENGTH, "queue" => "log"),
        }
    }

    pub(crate) fn committed(&self, messages: usize) {
        self.batch.record(figure(messages));
    }

    pub(crate) fn waiting(&self, messages: usize) {
        self.waiting.set(figure(messages));
    }
}

/// What goes to other nodes, and comes from them.
pub(crate) struct Bus {
    pub(crate) published: Counter,
    pub(crate) dropped: Counter,
    pub(crate) heard: Counter,
    seconds: Histogram,
    waiting: Gauge,
}

impl Bus {
    pub(crate) fn new() -> Self {
        let direction = |direction| counter!(NOTICES, "direction" => direction);
        Self {
            published: direction("published"),
            dropped: direction("dropped"),
            heard: direction("heard"),
            seconds: histogram!(PUBLISH),
            waiting: gauge!(QUEUE_LENGTH, "queue" => "bus"),
        }
    }

    pub(crate) fn published_since(&self, begun: Instant) {
        self.seconds.record(begun.elapsed());
    }

    pub(crate) fn waiting(&self, notices: usize) {
        self.waiting.set(figure(notices));
    }
}

/// Who is taken out of presence, and how often all of it is told anew.
pub(crate) struct Presence {
    ghosts: Counter,
    nodes: Counter,
    pub(crate) reannouncements: Counter,
}

impl Presence {
    pub(crate) fn new() -> Self {
        Self {
            ghosts: counter!(GHOSTS),
            nodes: counter!(NODES),
            reannouncements: counter!(REANNOUNCEMENTS),
        }
    }

    pub(crate) fn reaped(&self, ghosts: usize, nodes: usize) {
        self.ghosts.increment(ghosts as u64);
        self.nodes.increment(nodes as u64);
    }
}

/// The connections to PostgreSQL.
pub(crate) struct Pool {
    idle: Gauge,
    used: Gauge,
}

/// A connection that somebody has, until this is dropped.
pub(crate) struct Lent(Gauge);

impl Pool {
    pub(crate) fn new() -> Self {
        let state = |state| gauge!(DATABASE_CONNECTIONS, "state" => state);
        Self {
            idle: state("idle"),
            used: state("used"),
        }
    }

    pub(crate) fn idle(&self, connections: usize) {
        self.idle.set(figure(connections));
    }

    pub(crate) fn lend(&self) -> Lent {
        let used = self.used.clone();
        used.increment(1);
        Lent(used)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// What is in Redis, as far as it was looked at.
pub(crate) fn redis_holds(keys: &[(&'static str, u64)], presence_bytes: u64, all_bytes: u64) {
    for (family, count) in keys {
        gauge!(KEYS, "family" => *family).set(rounded(*count));
    }
    gauge!(PRESENCE_BYTES).set(rounded(presence_bytes));
    gauge!(REDIS_BYTES).set(rounded(all_bytes));
}

fn figure(count: usize) -> f64 {
    rounded(count as u64)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "above 2^53 nobody counts single ones"
)]
const fn rounded(count: u64) -> f64 {
    count as f64
}
