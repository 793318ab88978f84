//! The connections to the server: at most [`MOST`], opened when they are needed.
//!
//! Invariant: a connection is used again when nothing is begun on it, and not before. Whatever happens to
//! who had it (an error, a caller who went away in the middle, an answer that does not come), what it had
//! begun is rolled back; if even that is not answered, the connection is thrown away. Until then it keeps its
//! place: callers who come and go do not make the server work for more than [`MOST`] of them.

use std::{
    error::Error,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use sqlx::{
    Connection, PgConnection, Postgres,
    error::DatabaseError,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, sleep_until, timeout},
};

use crate::breaker::{Away, Breaker};

use super::ANSWER_WITHIN;

/// A server does not get faster with more of them; it has 100, for all nodes.
const MOST: usize = 16;
const WAIT_FOR_A_PLACE: Duration = Duration::from_secs(2);
/// The server has no connection left for us: one of ours may come back first.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);
const PROBE_EVERY: Duration = Duration::from_millis(500);
const PROBE_WITHIN: Duration = Duration::from_secs(1);
/// Networks forget connections that are silent.
const TRUST_FOR: Duration = Duration::from_secs(5);
const TRUST_ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// After a failover the address may lead elsewhere.
const LIVES_FOR: Duration = Duration::from_secs(30 * 60);

/// A statement with what is bound to it.
type Question<'q> = Query<'q, Postgres, PgArguments>;

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Trouble {
    /// The server did not answer a moment ago; it was not asked.
    #[error(transparent)]
    Away(#[from] Away),
    /// The server was asked, and did not answer in time.
    #[error("the database did not answer within {} ms", ANSWER_WITHIN.as_millis())]
    Late,
    /// The server said no, or the connection was lost.
    #[error(transparent)]
    Failed(Arc<sqlx::Error>),
}

pub(super) struct Connections {
    options: PgConnectOptions,
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    idle: Vec<Idle>,
    breaker: Breaker,
    /// What was idle then may be dead.
    last_failure: Option<Instant>,
}

struct Idle {
    connection: PgConnection,
    born: Instant,
    since: Instant,
}

impl Connections {
    pub(super) fn new(options: PgConnectOptions, first: PgConnection) -> Self {
        let now = Instant::now();
        let first = Idle {
            connection: first,
            born: now,
            since: now,
        };
        let state = State {
            idle: vec![first],
            breaker: Breaker::new(PROBE_EVERY),
            last_failure: None,
        };
        Self {
            options,
            places: Arc::new(Semaphore::new(MOST)),
            state: Mutex::new(state),
        }
    }

    /// Waits for the outcome of `work`, but not for ever; and not at all while the server is away.
    pub(super) async fn within<T>(
        self: &Arc<Self>,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Trouble> {
        self.admit()?;
        let outcome = timeout(ANSWER_WITHIN, work).await;
        let trouble = match outcome {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) if !is_gone(&error) => return Err(Trouble::Failed(Arc::new(error))),
            Ok(Err(error)) => Trouble::Failed(Arc::new(error)),
            Err(_) => Trouble::Late,
        };
        self.lost(&trouble);
        Err(trouble)
    }

    /// Whether the server is worth a call.
    pub(super) fn admit(&self) -> Result<(), Away> {
        self.lock().breaker.admit()
    }

    /// A connection, for who asks [`within`](Self::within).
    pub(super) async fn lease(self: &Arc<Self>) -> sqlx::Result<Lease> {
        let place = timeout(WAIT_FOR_A_PLACE, Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let (connection, born) = loop {
            if let Some(found) = self.take_idle().await {
                break found;
            }
            match PgConnection::connect_with(&self.options).await {
                Ok(connection) => break (connection, Instant::now()),
                Err(error) if is_full(&error) => sleep(TRY_AGAIN_AFTER).await,
                Err(error) => return Err(error),
            }
        };
        let held = Held {
            connection,
            born,
            _place: place,
        };
        Ok(Lease {
            connections: Arc::clone(self),
            held: Some(held),
        })
    }

    /// Begins a transaction. Dropped without [`Lease::commit`], it has not happened.
    pub(super) async fn begin(self: &Arc<Self>) -> sqlx::Result<Lease> {
        let mut lease = self.lease().await?;
        sqlx::query("begin").execute(&mut *lease).await?;
        Ok(lease)
    }

    /// Every row of one answer.
    pub(super) async fn rows(self: &Arc<Self>, question: Question<'_>) -> sqlx::Result<Vec<PgRow>> {
        let mut lease = self.lease().await?;
        let rows = question.fetch_all(&mut *lease).await?;
        lease.keep();
        Ok(rows)
    }

    /// The only row of one answer.
    pub(super) async fn row(
        self: &Arc<Self>,
        question: Question<'_>,
    ) -> sqlx::Result<Option<PgRow>> {
        let mut lease = self.lease().await?;
        let row = question.fetch_optional(&mut *lease).await?;
        lease.keep();
        Ok(row)
    }

    /// How many rows one statement changed.
    pub(super) async fn change(self: &Arc<Self>, statement: Question<'_>) -> sqlx::Result<u64> {
        let mut lease = self.lease().await?;
        let done = statement.execute(&mut *lease).await?;
        lease.keep();
        Ok(done.rows_affected())
    }

    /// A connection of its own, for what may take long.
    pub(super) async fn connect_patiently(&self) -> sqlx::Result<PgConnection> {
        let patient = [("statement_timeout", "0"), ("lock_timeout", "0")];
        let options = self.options.clone().options(patient);
        timeout(ANSWER_WITHIN, PgConnection::connect_with(&options))
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    pub(super) async fn ping(self: &Arc<Self>) -> sqlx::Result<()> {
        let mut lease = self.lease().await?;
        lease.ping().await?;
        lease.keep();
        Ok(())
    }

    /// Who has a connection keeps it until he is done.
    pub(super) async fn close(&self) {
        self.places.close();
        let idle = std::mem::take(&mut self.lock().idle);
        for idle in idle {
            // The server notices anyway.
            let _ = timeout(TRUST_ANSWER_WITHIN, idle.connection.close()).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last: those that are not needed grow old together.
    async fn take_idle(&self) -> Option<(PgConnection, Instant)> {
        loop {
            let (mut idle, last_failure) = {
                let mut state = self.lock();
                (state.idle.pop()?, state.last_failure)
            };
            if idle.born.elapsed() > LIVES_FOR {
                continue;
            }
            let is_doubtful =
                idle.since.elapsed() > TRUST_FOR || last_failure.is_some_and(|at| idle.since <= at);
            if !is_doubtful || answers(&mut idle.connection).await {
                return Some((idle.connection, idle.born));
            }
        }
    }

    fn put_back(&self, connection: PgConnection, born: Instant) {
        if self.places.is_closed() {
            return;
        }
        self.lock().idle.push(Idle {
            connection,
            born,
            since: Instant::now(),
        });
    }

    fn lost(self: &Arc<Self>, trouble: &Trouble) {
        let is_first = {
            let mut state = self.lock();
            state.last_failure = Some(Instant::now());
            state.breaker.open()
        };
        if is_first {
            let error: &dyn Error = trouble;
            tracing::warn!(error, "lost the database: calls fail until it answers");
            tokio::spawn(look_after(Arc::downgrade(self)));
        }
    }

    /// Beside the places: all of them may be taken by who waits in vain.
    async fn probe(&self) -> sqlx::Result<()> {
        let (mut connection, born) = match self.take_idle().await {
            Some(found) => found,
            None => (
                PgConnection::connect_with(&self.options).await?,
                Instant::now(),
            ),
        };
        connection.ping().await?;
        if self.places.available_permits() > 0 {
            self.put_back(connection, born);
        }
        Ok(())
    }
}

/// Ends when the server answers, or when nobody needs it any more.
async fn look_after(connections: Weak<Connections>) {
    let start = Instant::now();
    while let Some(next) = connections
        .upgrade()
        .map(|it| it.lock().breaker.next_probe(Instant::now()))
    {
        sleep_until(next.into()).await;
        let Some(connections) = connections.upgrade() else {
            return;
        };
        if let Ok(Ok(())) = timeout(PROBE_WITHIN, connections.probe()).await {
            connections.lock().breaker.close();
            let away_ms = start.elapsed().as_millis();
            tracing::info!(away_ms, "the database answers again");
            return;
        }
    }
}

async fn answers(connection: &mut PgConnection) -> bool {
    matches!(
        timeout(TRUST_ANSWER_WITHIN, connection.ping()).await,
        Ok(Ok(()))
    )
}

/// A connection, until it is dropped.
pub(super) struct Lease {
    connections: Arc<Connections>,
    /// There until the lease ends.
    held: Option<Held>,
}

struct Held {
    connection: PgConnection,
    born: Instant,
    _place: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("commit").execute(&mut *self).await?;
        self.keep();
        Ok(())
    }

    /// Puts the connection back: nothing is begun on it, and nothing went wrong.
    pub(super) fn keep(mut self) {
        if let Some(held) = self.held.take() {
            self.connections.put_back(held.connection, held.born);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(held) = self.held.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(clear(Arc::clone(&self.connections), held));
        }
    }
}

/// Waits for the end of what was asked last, and undoes what is not committed.
async fn clear(connections: Arc<Connections>, mut held: Held) {
    let rollback = sqlx::query("rollback").execute(&mut held.connection);
    if let Ok(Ok(_)) = timeout(ANSWER_WITHIN, rollback).await {
        connections.put_back(held.connection, held.born);
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    fn deref(&self) -> &Self::Target {
        &self.held.as_ref().expect(HELD).connection
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.held.as_mut().expect(HELD).connection
    }
}

const HELD: &str = "only what ends the lease takes the connection";

/// Whether the server, or the way to it, is gone. An error that it took the trouble to send is no such case.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("08") || code.starts_with("57P")),
        _ => false,
    }
}

/// Whether the server has no connection left.
fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "53300")
}
