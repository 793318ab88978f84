//! Making messages durable: one task takes what has come meanwhile, from all groups, and commits it in one
//! transaction. No timer: alone, a message waits for nobody; under load, many share one wait for the disk.
//!
//! Invariant: a draft is answered after the commit that stored it.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_domain::{
    message::Draft,
    ports::{Appended, PortError, PortResult},
};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::{
    sync::{
        Mutex, Notify,
        mpsc::{self, error::TrySendError},
        oneshot,
    },
    task::JoinHandle,
    time::timeout,
};

use crate::{metrics, overload::Overloaded};

use super::{connection::Connections, store::store};

/// Past this many drafts that wait, new ones are refused at once.
const WAITING_MOST: usize = 1_000;
const BATCH_MOST: usize = 64;
const BATCH_BYTES: usize = 256 * 1024;
/// Clients are answered within five seconds, whatever happens.
const ANSWER_WITHIN: Duration = Duration::from_secs(4);

pub(super) struct Appender {
    queue: mpsc::Sender<Waiting>,
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
    batches: Arc<AtomicU64>,
    figures: Arc<metrics::Log>,
}

struct Waiting {
    draft: Draft,
    answer: oneshot::Sender<PortResult<Appended>>,
}

impl Appender {
    pub(super) fn start(connections: Arc<Connections>) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MOST);
        let stop = Arc::new(Notify::new());
        let batches = Arc::new(AtomicU64::new(0));
        let figures = Arc::new(metrics::Log::new());
        let writer = Writer {
            connections,
            waiting,
            left_over: None,
            batches: Arc::clone(&batches),
            figures: Arc::clone(&figures),
        };
        let task = tokio::spawn(writer.run(Arc::clone(&stop)));
        Self {
            queue,
            stop,
            task: Mutex::new(Some(task)),
            batches,
            figures,
        }
    }

    pub(super) async fn append(&self, draft: Draft) -> PortResult<Appended> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { draft, answer };
        self.queue
            .try_send(waiting)
            .map_err(|refused| match refused {
                TrySendError::Full(_) => failed(Overloaded),
                TrySendError::Closed(_) => failed(sqlx::Error::PoolClosed),
            })?;
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        self.figures.waiting(waiting);
        let answered = timeout(ANSWER_WITHIN, answered).await;
        answered.map_err(failed)?.map_err(failed)?
    }

    /// Returns when everything that was handed in is stored.
    pub(super) async fn close(&self) {
        self.stop.notify_one();
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that stores messages had ended before");
        }
    }

    pub(super) fn is_running(&self) -> bool {
        !self.queue.is_closed()
    }

    pub(super) fn committed_batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }
}

struct Writer {
    connections: Arc<Connections>,
    waiting: mpsc::Receiver<Waiting>,
    /// Came, but did not fit into the batch.
    left_over: Option<Waiting>,
    batches: Arc<AtomicU64>,
    figures: Arc<metrics::Log>,
}

impl Writer {
    async fn run(mut self, stop: Arc<Notify>) {
        while let Some(first) = self.next(&stop).await {
            let batch = self.batch_from(first);
            self.write(batch).await;
        }
    }

    /// `None` when nothing waits and nothing can come any more.
    async fn next(&mut self, stop: &Notify) -> Option<Waiting> {
        if self.left_over.is_some() {
            return self.left_over.take();
        }
        tokio::select! {
            next = self.waiting.recv() => next,
            () = stop.notified() => {
                self.waiting.close();
                self.waiting.recv().await
            }
        }
    }

    /// Takes what has come meanwhile.
    fn batch_from(&mut self, first: Waiting) -> Vec<Waiting> {
        let mut bytes = first.draft.body.as_str().len();
        let mut batch = vec![first];
        while batch.len() < BATCH_MOST {
            let Ok(next) = self.waiting.try_recv() else {
                break;
            };
            bytes += next.draft.body.as_str().len();
            if bytes > BATCH_BYTES {
                self.left_over = Some(next);
                break;
            }
            batch.push(next);
        }
        self.figures.waiting(self.waiting.len());
        batch
    }

    async fn write(&self, batch: Vec<Waiting>) {
        let (drafts, answers): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .map(|waiting| (waiting.draft, waiting.answer))
            .unzip();
        match store(&self.connections, &drafts).await {
            Ok(outcomes) => {
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.figures.committed(drafts.len());
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    // Who asked may have gone away meanwhile.
                    let _ = answer.send(Ok(outcome));
                }
            }
            // One draft breaks a rule of the tables. The others are not to blame.
            Err(error) if drafts.len() > 1 && breaks_a_rule(&error) => {
                for (draft, answer) in drafts.into_iter().zip(answers) {
                    let alone = vec![Waiting { draft, answer }];
                    Box::pin(self.write(alone)).await;
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(failed(Arc::clone(&error))));
                }
            }
        }
    }
}

fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> PortError {
    PortError::during("append a message")(source)
}

fn breaks_a_rule(error: &sqlx::Error) -> bool {
    let kind = error.as_database_error().map(DatabaseError::kind);
    kind.is_some_and(|kind| !matches!(kind, ErrorKind::Other))
}
