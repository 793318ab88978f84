//! Asking a Redis, which comes and goes.
//!
//! One task makes a connection, looks after it, and makes the next one when it is lost or does not answer. In
//! between, questions are refused at once. It never gives up: a node starts without its Redis, and heals.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike,
};
use tokio::{
    sync::{oneshot, watch},
    time::{sleep, sleep_until, timeout},
};

use crate::{
    breaker::{Away, Breaker},
    metrics::{Calls, Store},
};

use super::{
    address::Address,
    link::{Link, Purpose},
    patience::Patience,
    server::{Duty, Server, Unfit},
    task::Task,
};

/// How long a question may take.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// Before [`ANSWER_WITHIN`], so that what was given up is not sent either.
const COMMAND_WITHIN: Duration = Duration::from_millis(400);

/// How often it is asked whether it is there: while it is, and while it is not.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// So that not all nodes come at once.
const JITTER_MS: u64 = 100;

/// How many reasons of one outage are worth a line in the log.
const REASONS: usize = 8;

/// A Redis, while it is there. Clones share it; the last one takes the connection with it.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
    _keeping: Arc<Task>,
}

/// One life of the connection: from when the server answered until it did not.
#[derive(Debug, Clone)]
pub struct Life {
    /// Another one each time.
    pub number: u64,
    /// Who answers.
    pub server: Arc<Server>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Redis did not answer a moment ago. It was not asked: trying again later is safe.
    #[error(transparent)]
    Away(#[from] Away),
    /// It was asked, and did not answer in time. It may still do what it was asked, much later.
    #[error("Redis did not answer within {} ms", ANSWER_WITHIN.as_millis())]
    Late,
    /// It said no, or the connection was lost.
    #[error(transparent)]
    Failed(Error),
}

impl Trouble {
    /// Whether it is away, rather than that it refuses what it was asked.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Away(_) | Self::Late => true,
            Self::Failed(error) => is_gone(error),
        }
    }
}

struct Shared {
    address: Address,
    duty: Duty,
    state: Mutex<State>,
    calls: Calls,
    /// `None` while it is away.
    life: watch::Sender<Option<Life>>,
}

struct State {
    breaker: Breaker,
    patience: Patience,
    client: Option<Client>,
    lives: u64,
    away_since: Instant,
    /// What was logged since then: each reason once, however often it is tried.
    reasons: Vec<String>,
}

/// Why a life did not begin.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Away(#[from] Error),
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl Connection {
    /// Reaches for it once, and goes on trying if it is not there.
    ///
    /// # Errors
    /// It answered, and will never do.
    pub async fn open(address: Address, duty: Duty) -> Result<Self, Unfit> {
        if duty == Duty::Presence && address.is_cluster() {
            return Err(Unfit::Cluster);
        }
        let mut breaker = Breaker::new(PROBE_EVERY);
        let _ = breaker.open();
        let state = State {
            breaker,
            patience: Patience::default(),
            client: None,
            lives: 0,
            away_since: Instant::now(),
            reasons: Vec::new(),
        };
        let calls = Calls::to(match duty {
            Duty::Presence => Store::Redis,
            Duty::Bus => Store::Bus,
        });
        calls.breaker(true);
        let shared = Arc::new(Shared {
            address,
            duty,
            state: Mutex::new(state),
            calls,
            life: watch::Sender::new(None),
        });
        let (tell, first) = oneshot::channel();
        let keeping = Arc::new(Task::spawn(keep(Arc::clone(&shared), tell)));
        // It is told in any case, unless the runtime ends.
        first.await.unwrap_or(Ok(()))?;
        Ok(Self {
            shared,
            _keeping: keeping,
        })
    }

    /// Asks something, and waits for the answer, but not for long; and not at all while it is away.
    ///
    /// # Errors
    /// See [`Trouble`].
    pub async fn ask<T, F>(&self, question: impl FnOnce(Client) -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Error>>,
    {
        self.shared.ask(question).await
    }

    /// Whether it is worth a question.
    pub fn is_up(&self) -> bool {
        self.shared.life.borrow().is_some()
    }

    /// Tells of each change: `None` when it is away.
    pub fn watch(&self) -> watch::Receiver<Option<Life>> {
        self.shared.life.subscribe()
    }

    pub(super) fn address(&self) -> &Address {
        &self.shared.address
    }
}

impl Shared {
    async fn ask<T, F>(&self, question: impl FnOnce(Client) -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (client, life) = self.admit()?;
        let asked_at = Instant::now();
        let outcome = timeout(ANSWER_WITHIN, question(client)).await;
        self.calls.count(&outcome);
        let trouble = match outcome {
            Ok(Ok(answer)) => {
                self.answered(life);
                return Ok(answer);
            }
            Ok(Err(error)) if *error.kind() != ErrorKind::Timeout => Trouble::Failed(error),
            Ok(Err(_)) | Err(_) => Trouble::Late,
        };
        match &trouble {
            Trouble::Failed(error) if is_gone(error) => self.close(life, &trouble),
            Trouble::Failed(_) => self.answered(life),
            Trouble::Late | Trouble::Away(_) => self.failed(life, asked_at, &trouble),
        }
        Err(trouble)
    }

    fn admit(&self) -> Result<(Client, u64), Away> {
        let state = self.lock();
        state.breaker.admit()?;
        let client = state.client.clone().ok_or(Away)?;
        Ok((client, state.lives))
    }

    fn answered(&self, life: u64) {
        let mut state = self.lock();
        if state.lives == life {
            state.patience.answered();
        }
    }

    fn failed(&self, life: u64, asked_at: Instant, trouble: &Trouble) {
        let is_enough = {
            let mut state = self.lock();
            state.lives == life && state.patience.failed(asked_at, Instant::now())
        };
        if is_enough {
            self.close(life, trouble);
        }
    }

    async fn reach(&self) -> Result<(Link, Server), Refusal> {
        let purpose = Purpose::Commands(COMMAND_WITHIN);
        let link = Link::open(&self.address, purpose).await?;
        let server = Server::ask(link.client()).await?;
        server.judge(self.duty)?;
        if !server.is_ready(self.duty) {
            let reason = "it is a replica, or still reads its file";
            return Err(Error::new(ErrorKind::Unknown, reason).into());
        }
        Ok((link, server))
    }

    /// One life. Ends when it is over.
    async fn live(&self, life: u64, mut link: Link) {
        let mut watching = self.life.subscribe();
        tokio::select! {
            () = link.lost() => self.close(life, &Trouble::Failed(lost())),
            _ = watching.wait_for(Option::is_none) => {}
            () = self.ask_for_ever() => {}
        }
    }

    /// Somebody has to notice, also when nobody else asks.
    async fn ask_for_ever(&self) {
        loop {
            let ping = self.ask(|client| async move { client.ping::<()>(None).await });
            // What follows from a failure is done where it is seen.
            if !matches!(ping.await, Err(Trouble::Late)) {
                sleep(PROBE_EVERY).await;
            }
        }
    }

    fn begin(&self, client: Client, server: Server) -> u64 {
        let mut state = self.lock();
        state.lives += 1;
        state.client = Some(client);
        state.patience = Patience::default();
        state.breaker.close();
        state.reasons.clear();
        let away_ms = state.away_since.elapsed().as_millis();
        tracing::info!(redis = ?self.duty, away_ms, "Redis answers");
        self.calls.breaker(false);
        let (number, server) = (state.lives, Arc::new(server));
        // Under the lock, so that what is told last is what is.
        self.life.send_replace(Some(Life { number, server }));
        number
    }

    /// From now on nobody waits for it.
    fn close(&self, life: u64, trouble: &Trouble) {
        let mut state = self.lock();
        if state.lives != life || !state.breaker.open() {
            return;
        }
        state.client = None;
        state.away_since = Instant::now();
        self.calls.breaker(true);
        let error: &dyn std::error::Error = trouble;
        tracing::warn!(redis = ?self.duty, error, "lost Redis: degraded until it answers");
        self.life.send_replace(None);
    }

    fn note(&self, refusal: &Refusal) {
        let reason = refusal.to_string();
        let mut state = self.lock();
        if state.reasons.len() < REASONS && !state.reasons.contains(&reason) {
            tracing::warn!(redis = ?self.duty, reason, "cannot reach Redis: degraded until it answers");
            state.reasons.push(reason);
        }
    }

    fn next_probe(&self) -> Instant {
        let jitter = Duration::from_millis(fastrand::u64(..JITTER_MS));
        let now = Instant::now();
        let next = self.lock().breaker.next_probe(now);
        if next > now { next + jitter } else { next }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Life after life, until nobody needs it any more.
async fn keep(shared: Arc<Shared>, first: oneshot::Sender<Result<(), Unfit>>) {
    let mut first = Some(first);
    let mut tell = |outcome| first.take().map(|first| first.send(outcome));
    loop {
        sleep_until(shared.next_probe().into()).await;
        match shared.reach().await {
            Ok((link, server)) => {
                let life = shared.begin(link.client().clone(), server);
                tell(Ok(()));
                shared.live(life, link).await;
            }
            Err(refusal) => {
                shared.note(&refusal);
                tell(match refusal {
                    Refusal::Unfit(unfit) => Err(unfit),
                    Refusal::Away(_) => Ok(()),
                });
            }
        }
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::IO, "the connection was lost")
}

/// Whether the server, or the way to it, is gone. Most of what it takes the trouble to say is no such case.
fn is_gone(error: &Error) -> bool {
    const GONE: [&str; 4] = ["READONLY", "LOADING", "MASTERDOWN", "NOAUTH"];
    match error.kind() {
        ErrorKind::IO
        | ErrorKind::Canceled
        | ErrorKind::Routing
        | ErrorKind::Cluster
        | ErrorKind::Sentinel
        | ErrorKind::Protocol
        | ErrorKind::Tls => true,
        _ => GONE.iter().any(|word| error.details().starts_with(word)),
    }
}
