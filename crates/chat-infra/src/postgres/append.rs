//! Making messages durable: what has come meanwhile, of any groups, is committed at once. No timer: alone, a message waits
//! for nobody; under load, many share one round trip and one wait for the disk.
//!
//! Invariants: a draft is answered after the commit that stored it; of one group, one transaction is on its way from this
//! node; a group whose row somebody else holds keeps no other group waiting.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use chat_domain::{
    id::GroupId,
    message::Draft,
    ports::{Appended, PortResult},
};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};

use crate::{
    lanes::{LaneLimits, Lanes},
    metrics,
};

use super::{
    ANSWER_WITHIN,
    connections::Connections,
    lot::{Lot, Waiting, failed},
    outage::Trouble,
    store::{Part, store, store_patiently},
};

const LIMITS: LaneLimits = LaneLimits {
    waiting: 1_000,
    waiting_in_all: 10_000,
    of_a_lane: 64,
    batch: 128,
    batch_bytes: 256 * 1024,
};

/// So many transactions are on their way at once. With one, a message would wait for a commit that is none of its business; with
/// many, each would have few messages.
const WRITERS: usize = 2;

/// So many transactions wait at once for a row that somebody else holds: there are connections left for the others.
const PATIENT_MOST: usize = 8;

pub(super) struct Appender {
    connections: Arc<Connections>,
    queue: Mutex<Queue>,
    patient: Semaphore,
    /// How many groups have drafts that wait or are on their way.
    busy: watch::Sender<usize>,
    batches: AtomicU64,
    figures: metrics::Log,
}

struct Queue {
    lanes: Lanes<Waiting>,
    writers: usize,
    is_closed: bool,
}

impl Appender {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        let queue = Queue {
            lanes: Lanes::new(LIMITS),
            writers: 0,
            is_closed: false,
        };
        Self {
            connections,
            queue: Mutex::new(queue),
            patient: Semaphore::new(PATIENT_MOST),
            busy: watch::Sender::new(0),
            batches: AtomicU64::new(0),
            figures: metrics::Log::new(),
        }
    }

    pub(super) async fn append(self: &Arc<Self>, draft: Draft) -> PortResult<Appended> {
        self.connections.admit().map_err(failed)?;
        let (answer, answered) = oneshot::channel();
        self.take_in(Waiting { draft, answer })?;
        let answered = timeout(ANSWER_WITHIN, answered).await;
        answered.map_err(failed)?.map_err(failed)?
    }

    /// Returns when everything that was handed in is answered.
    pub(super) async fn close(&self) {
        self.lock().is_closed = true;
        // The sender lives as long as this.
        let _ = self.busy.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(super) fn committed_batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }

    pub(super) fn busy_groups(&self) -> usize {
        *self.busy.borrow()
    }

    pub(super) fn take_in(self: &Arc<Self>, waiting: Waiting) -> PortResult<()> {
        let group = waiting.draft.group.clone();
        let bytes = waiting.draft.body.as_str().len();
        {
            let mut queue = self.lock();
            if queue.is_closed {
                return Err(failed(sqlx::Error::PoolClosed));
            }
            queue.lanes.enter(&group, waiting, bytes).map_err(failed)?;
            self.show(&queue);
        }
        self.serve();
        Ok(())
    }

    /// What was taken of the group is answered.
    pub(super) fn done(self: &Arc<Self>, group: &GroupId) {
        {
            let mut queue = self.lock();
            queue.lanes.done(group);
            self.show(&queue);
        }
        self.serve();
    }

    /// Has what is ready written, if there is anything.
    fn serve(self: &Arc<Self>) {
        // What the runtime's end drops is served no more.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        {
            let mut queue = self.lock();
            if queue.writers == WRITERS || !queue.lanes.is_ready() {
                return;
            }
            queue.writers += 1;
        }
        let writer = Writer {
            appender: Arc::clone(self),
            is_serving: true,
        };
        runtime.spawn(writer.run());
    }

    fn take(self: &Arc<Self>) -> Vec<Lot> {
        let batch = {
            let mut queue = self.lock();
            let batch = queue.lanes.take();
            self.show(&queue);
            batch
        };
        let lots = batch
            .into_iter()
            .map(|(group, taken)| Lot::new(Arc::clone(self), group, taken));
        lots.filter(|lot| lot.len() > 0).collect()
    }

    fn show(&self, queue: &Queue) {
        self.figures.waiting(queue.lanes.waiting());
        self.busy.send_replace(queue.lanes.len());
    }

    fn committed(&self, messages: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.figures.committed(messages);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes as long as anything is ready.
struct Writer {
    appender: Arc<Appender>,
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
        let is_done = !queue.lanes.is_ready();
        if is_done {
            self.is_serving = false;
            queue.writers -= 1;
        }
        is_done
    }

    /// The batch is taken when there is a connection: until then, more may come.
    async fn write_next(&self) {
        let mut lots = Vec::new();
        let connections = &self.appender.connections;
        let outcome = connections.within(async {
            let mut lease = connections.lease().await?;
            lots = self.appender.take();
            let outcomes = if lots.is_empty() {
                Vec::new()
            } else {
                let parts: Vec<Part<'_>> = lots.iter().map(Lot::part).collect();
                store(&mut lease, &parts).await?
            };
            lease.keep();
            Ok(outcomes)
        });
        let outcome = outcome.await;
        if outcome.is_err() && lots.is_empty() {
            lots = self.appender.take();
        }
        match outcome {
            Ok(outcomes) => self.answer(lots, outcomes),
            // One draft breaks a rule of the tables. The others are not to blame.
            Err(trouble) if breaks_a_rule(&trouble) => self.write_apart(lots),
            Err(trouble) => lots.into_iter().for_each(|lot| lot.refuse(&trouble)),
        }
    }

    fn answer(&self, lots: Vec<Lot>, outcomes: Vec<Option<Vec<Appended>>>) {
        let stored: usize = outcomes.iter().flatten().map(Vec::len).sum();
        if stored > 0 {
            self.appender.committed(stored);
        }
        for (lot, outcomes) in lots.into_iter().zip(outcomes) {
            match outcomes {
                Some(outcomes) => lot.answer(outcomes),
                None => self.write_apart(vec![lot]),
            }
        }
    }

    fn write_apart(&self, lots: Vec<Lot>) {
        for lot in lots {
            tokio::spawn(write_patiently(Arc::clone(&self.appender), lot));
        }
    }
}

impl Drop for Writer {
    /// Only if it did not come to its end: the runtime stops, or the writer is broken.
    fn drop(&mut self) {
        if self.is_serving {
            self.appender.lock().writers -= 1;
        }
    }
}

/// The lot by itself; and if that breaks a rule, each draft by itself.
async fn write_patiently(appender: Arc<Appender>, lot: Lot) {
    let _permit = appender.patient.acquire().await;
    match write_part(&appender, lot.part()).await {
        Ok(outcomes) => lot.answer(outcomes),
        Err(trouble) if lot.len() > 1 && breaks_a_rule(&trouble) => {
            let mut outcomes = Vec::new();
            for place in 0..lot.len() {
                let outcome = write_part(&appender, lot.part_of_one(place)).await;
                outcomes.push(outcome.map(|mut stored| stored.swap_remove(0)));
            }
            lot.answer_each(outcomes);
        }
        Err(trouble) => lot.refuse(&trouble),
    }
}

async fn write_part(appender: &Appender, part: Part<'_>) -> Result<Vec<Appended>, Trouble> {
    let connections = &appender.connections;
    let outcome = connections.within(async {
        let mut lease = connections.lease().await?;
        let outcomes = store_patiently(&mut lease, part).await?;
        lease.keep();
        Ok(outcomes)
    });
    let outcomes = outcome.await?;
    appender.committed(outcomes.len());
    Ok(outcomes)
}

fn breaks_a_rule(trouble: &Trouble) -> bool {
    let Trouble::Failed(error) = trouble else {
        return false;
    };
    let kind = error.as_database_error().map(DatabaseError::kind);
    kind.is_some_and(|kind| !matches!(kind, ErrorKind::Other))
}
