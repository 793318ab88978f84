//! Making messages durable: for each group that has messages, one task takes what has come meanwhile and
//! commits it at once. No timer: alone, a message waits for nobody; under load, many share one round trip,
//! one lock and one wait for the disk.
//!
//! Invariants: a draft is answered after the commit that stored it; a group has one writer on this node,
//! and one batch on its way; a group that falls silent has none.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use chat_domain::{
    id::GroupId,
    message::Draft,
    ports::{Appended, PortError, PortResult},
};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{
    lanes::{Entered, LaneLimits, Lanes},
    metrics,
};

use super::{ANSWER_WITHIN, connections::Connections, outage::Trouble, store::store};

const LIMITS: LaneLimits = LaneLimits {
    waiting: 1_000,
    waiting_in_all: 10_000,
    batch: 64,
    batch_bytes: 256 * 1024,
};

pub(super) struct Appender {
    connections: Arc<Connections>,
    queue: Mutex<Queue>,
    writers: watch::Sender<usize>,
    batches: AtomicU64,
    figures: metrics::Log,
}

struct Queue {
    lanes: Lanes<Waiting>,
    is_closed: bool,
}

struct Waiting {
    draft: Draft,
    answer: oneshot::Sender<PortResult<Appended>>,
}

impl Appender {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        let queue = Queue {
            lanes: Lanes::new(LIMITS),
            is_closed: false,
        };
        Self {
            connections,
            queue: Mutex::new(queue),
            writers: watch::Sender::new(0),
            batches: AtomicU64::new(0),
            figures: metrics::Log::new(),
        }
    }

    pub(super) async fn append(self: &Arc<Self>, draft: Draft) -> PortResult<Appended> {
        self.connections.admit().map_err(failed)?;
        let (answer, answered) = oneshot::channel();
        self.enter(Waiting { draft, answer })?;
        let answered = timeout(ANSWER_WITHIN, answered).await;
        answered.map_err(failed)?.map_err(failed)?
    }

    /// Returns when everything that was handed in is answered.
    pub(super) async fn close(&self) {
        self.lock().is_closed = true;
        // The sender lives as long as this.
        let _ = self.writers.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn committed_batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    pub(super) fn writers(&self) -> usize {
        *self.writers.borrow()
    }

    fn enter(self: &Arc<Self>, waiting: Waiting) -> PortResult<()> {
        let group = waiting.draft.group.clone();
        let bytes = waiting.draft.body.as_str().len();
        let mut queue = self.lock();
        if queue.is_closed {
            return Err(failed(sqlx::Error::PoolClosed));
        }
        let entered = queue.lanes.enter(&group, waiting, bytes).map_err(failed)?;
        self.figures.waiting(queue.lanes.waiting());
        if entered == Entered::Opened {
            self.writers.send_replace(queue.lanes.len());
            let writer = Writer {
                appender: Arc::clone(self),
                group,
                is_serving: true,
            };
            tokio::spawn(writer.run());
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves the lane of one group.
struct Writer {
    appender: Arc<Appender>,
    group: GroupId,
    is_serving: bool,
}

impl Writer {
    async fn run(mut self) {
        while !self.is_done() {
            self.write_next().await;
        }
    }

    fn is_done(&mut self) -> bool {
        let mut queue = self.appender.lock();
        let is_done = queue.lanes.close_if_empty(&self.group);
        if is_done {
            self.is_serving = false;
            self.appender.writers.send_replace(queue.lanes.len());
        }
        is_done
    }

    /// The batch is taken when there is a connection: until then, more may come.
    async fn write_next(&self) {
        let mut batch = None;
        let connections = &self.appender.connections;
        let outcome = connections.within(async {
            let mut lease = connections.lease().await?;
            let batch = batch.insert(self.take());
            let drafts: Vec<_> = batch.iter().map(|waiting| &waiting.draft).collect();
            let outcomes = if drafts.is_empty() {
                Vec::new()
            } else {
                store(&mut lease, &self.group, &drafts).await?
            };
            lease.keep();
            Ok(outcomes)
        });
        let outcome = outcome.await;
        let batch = batch.unwrap_or_else(|| self.take());
        match outcome {
            Ok(outcomes) => self.answer(batch, outcomes),
            Err(trouble) if batch.len() > 1 && breaks_a_rule(&trouble) => {
                self.write_apart(batch).await;
            }
            Err(trouble) => refuse(batch, &trouble),
        }
    }

    /// One draft breaks a rule of the tables. The others are not to blame.
    async fn write_apart(&self, batch: Vec<Waiting>) {
        let connections = &self.appender.connections;
        for waiting in batch {
            let outcome = connections.within(async {
                let mut lease = connections.lease().await?;
                let outcomes = store(&mut lease, &self.group, &[&waiting.draft]).await?;
                lease.keep();
                Ok(outcomes)
            });
            match outcome.await {
                Ok(outcomes) => self.answer(vec![waiting], outcomes),
                Err(trouble) => refuse(vec![waiting], &trouble),
            }
        }
    }

    /// Without those whose senders went away: nobody would know that they were stored.
    fn take(&self) -> Vec<Waiting> {
        let mut batch = {
            let mut queue = self.appender.lock();
            let batch = queue.lanes.take(&self.group);
            self.appender.figures.waiting(queue.lanes.waiting());
            batch
        };
        batch.retain(|waiting| !waiting.answer.is_closed());
        batch
    }

    fn answer(&self, batch: Vec<Waiting>, outcomes: Vec<Appended>) {
        if !batch.is_empty() {
            self.appender.batches.fetch_add(1, Ordering::Relaxed);
            self.appender.figures.committed(batch.len());
        }
        for (waiting, outcome) in batch.into_iter().zip(outcomes) {
            // Who asked may have gone away meanwhile.
            let _ = waiting.answer.send(Ok(outcome));
        }
    }
}

impl Drop for Writer {
    /// Only if it did not come to its end: the runtime stops, or the writer is broken. Who waits learns it.
    fn drop(&mut self) {
        if self.is_serving {
            let mut queue = self.appender.lock();
            queue.lanes.abandon(&self.group);
            self.appender.writers.send_replace(queue.lanes.len());
        }
    }
}

fn refuse(batch: Vec<Waiting>, trouble: &Trouble) {
    for waiting in batch {
        let _ = waiting.answer.send(Err(failed(trouble.clone())));
    }
}

fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::during("append a message")(source)
}

fn breaks_a_rule(trouble: &Trouble) -> bool {
    let Trouble::Failed(error) = trouble else {
        return false;
    };
    let kind = error.as_database_error().map(DatabaseError::kind);
    kind.is_some_and(|kind| !matches!(kind, ErrorKind::Other))
}
