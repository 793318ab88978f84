//! What is to be published, in order, until it is: a queue that nobody waits for, and one task that empties it.
//!
//! What does not fit, or cannot be sent, is dropped: the database has it. But the others are told, as soon as they
//! can be, that there is something to be found.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::id::MessageId;
use fred::{
    clients::Client,
    error::Error,
    interfaces::{ClientLike, PubsubInterface},
    types::{ClusterHash, config::Options},
};
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    time::timeout,
};

use crate::metrics;

use super::{codec::Publication, connection::Connection, task::Task};

/// More than a second of heavy traffic.
const WAITING: usize = 8_192;

/// How many travel together.
const AT_ONCE: usize = 256;

/// How often it is tried to tell of a gap.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// As Redis counts them.
const SLOTS: u16 = 16_384;

/// Is told of messages that Redis has passed on. Nothing here may block.
pub trait Witness: Send + Sync {
    /// Whoever follows their rooms hears of them, unless they are lost on the way. It `took` so long.
    fn published(&self, messages: &[MessageId], took: Duration);
}

/// The way out. It ends with this.
pub(super) struct Outbox {
    waiting: Sender<Waiting>,
    connection: Connection,
    tally: Arc<Tally>,
    _emptying: Task,
}

struct Waiting {
    what: Publication,
    /// The message that it tells of, if it is one.
    message: Option<MessageId>,
    since: Instant,
}

/// What became of it.
struct Tally {
    published: AtomicU64,
    dropped: AtomicU64,
    /// Something was dropped since the others were told so.
    has_gap: AtomicBool,
    figures: metrics::Bus,
    witness: OnceLock<Arc<dyn Witness>>,
}

impl Tally {
    fn new() -> Self {
        Self {
            published: AtomicU64::default(),
            dropped: AtomicU64::default(),
            has_gap: AtomicBool::default(),
            figures: metrics::Bus::new(),
            witness: OnceLock::new(),
        }
    }

    fn show_published(&self, messages: &[MessageId], took: Duration) {
        if let Some(witness) = self.witness.get()
            && !messages.is_empty()
        {
            witness.published(messages, took);
        }
    }

    fn count_published(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.published.fetch_add(count, Ordering::Relaxed);
        self.figures.published.increment(count);
    }

    fn count_dropped(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.figures.dropped.increment(count);
        self.dropped.fetch_add(count, Ordering::Relaxed);
        self.has_gap.store(true, Ordering::Release);
    }
}

impl Outbox {
    /// Publishes on that connection; `gap` is what tells that something was dropped.
    pub(super) fn start(connection: Connection, gap: Publication) -> Self {
        let (waiting, queue) = channel(WAITING);
        let tally = Arc::new(Tally::new());
        let emptying = Emptying {
            connection: connection.clone(),
            tally: Arc::clone(&tally),
            gap,
            options: one_way(),
        };
        Self {
            waiting,
            connection,
            tally,
            _emptying: Task::spawn(emptying.run(queue)),
        }
    }

    /// From now on somebody is told of messages that were published. Called once.
    pub(super) fn attach(&self, witness: Arc<dyn Witness>) {
        let _ = self.tally.witness.set(witness);
    }

    /// Whether it is worth writing anything. What is not counts as dropped.
    pub(super) fn is_open(&self) -> bool {
        let is_open = self.connection.is_up();
        if !is_open {
            self.tally.count_dropped(1);
        }
        is_open
    }

    /// Takes it, or drops it: never waits.
    pub(super) fn put(&self, what: Publication, message: Option<MessageId>) {
        let waiting = Waiting {
            what,
            message,
            since: Instant::now(),
        };
        if self.waiting.try_send(waiting).is_err() {
            self.tally.count_dropped(1);
        }
        self.tally.figures.waiting(self.waiting());
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        WAITING - self.waiting.capacity()
    }

    /// How many have been published.
    pub(super) fn published(&self) -> u64 {
        self.tally.published.load(Ordering::Relaxed)
    }

    /// How many have been dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.tally.dropped.load(Ordering::Relaxed)
    }
}

/// In a cluster everything of one node goes to one server: so it keeps its order.
fn one_way() -> Options {
    Options {
        cluster_hash: Some(ClusterHash::Custom(fastrand::u16(..SLOTS))),
        ..Options::default()
    }
}

struct Emptying {
    connection: Connection,
    tally: Arc<Tally>,
    gap: Publication,
    options: Options,
}

impl Emptying {
    async fn run(self, mut queue: Receiver<Waiting>) {
        let mut batch = Vec::with_capacity(AT_ONCE);
        loop {
            let next = queue.recv_many(&mut batch, AT_ONCE);
            if timeout(RETRY_EVERY, next).await == Ok(0) {
                return;
            }
            self.tally.figures.waiting(queue.len());
            let messages: Vec<MessageId> = batch
                .iter()
                .filter_map(|waiting: &Waiting| waiting.message)
                .collect();
            let since = batch.first().map(|waiting| waiting.since);
            let mut batch: Vec<_> = batch.drain(..).map(|waiting| waiting.what).collect();
            // Before what comes after it.
            let has_gap = self.tally.has_gap.swap(false, Ordering::AcqRel);
            if has_gap {
                batch.insert(0, self.gap.clone());
            }
            if batch.is_empty() {
                continue;
            }
            let count = batch.len();
            let begun = Instant::now();
            let publishing = |redis| publish(redis, &self.options, batch);
            match self.connection.ask(publishing).await {
                Ok(()) => {
                    self.tally.count_published(count);
                    self.tally.show_published(&messages, begun.elapsed());
                    if let Some(since) = since {
                        self.tally.figures.published_since(since);
                    }
                }
                // Whether they were published all the same, nobody knows.
                Err(_) => self.tally.count_dropped(count - usize::from(has_gap)),
            }
        }
    }
}

async fn publish(redis: Client, options: &Options, batch: Vec<Publication>) -> Result<(), Error> {
    let pipeline = redis.pipeline().with_options(options);
    for Publication { channel, payload } in batch {
        pipeline
            .publish::<(), _, _>(channel, payload.as_slice())
            .await?;
    }
    pipeline.all().await
}
