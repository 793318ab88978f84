//! The connections to the server: at most [`MOST`], opened when they are needed.
//!
//! Invariant: a connection is used again when nothing is begun on it, and not before. Whatever happens to
//! who had it (an error, a caller who went away in the middle, an answer that does not come), what it had
//! begun is rolled back; if even that is not answered, the connection is thrown away. Until then it keeps its
//! place: callers who come and go do not make the server work for more than [`MOST`] of them.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{
    Connection, PgConnection, Postgres,
    error::DatabaseError,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{
    breaker::Breaker,
    metrics::{self, Store},
};

use super::{
    ANSWER_WITHIN,
    lease::{Held, Lease},
};

/// A server does not get faster with more of them; it has 100, for all nodes.
const MOST: usize = 16;
const WAIT_FOR_A_PLACE: Duration = Duration::from_secs(2);
/// The server has no connection left for us: one of ours may come back first.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);
const PROBE_EVERY: Duration = Duration::from_millis(500);
/// Networks forget connections that are silent.
const TRUST_FOR: Duration = Duration::from_secs(5);
const TRUST_ANSWER_WITHIN: Duration = Duration::from_millis(500);
/// After a failover the address may lead elsewhere.
const LIVES_FOR: Duration = Duration::from_secs(30 * 60);

/// A statement with what is bound to it.
type Question<'q> = Query<'q, Postgres, PgArguments>;

pub(super) struct Connections {
    options: PgConnectOptions,
    places: Arc<Semaphore>,
    state: Mutex<State>,
    pool: metrics::Pool,
    pub(super) calls: metrics::Calls,
}

pub(super) struct State {
    idle: Vec<Idle>,
    pub(super) breaker: Breaker,
    /// What was idle then may be dead.
    pub(super) last_failure: Option<Instant>,
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
        let pool = metrics::Pool::new();
        pool.idle(1);
        let state = State {
            idle: vec![first],
            breaker: Breaker::new(PROBE_EVERY),
            last_failure: None,
        };
        Self {
            options,
            places: Arc::new(Semaphore::new(MOST)),
            state: Mutex::new(state),
            pool,
            calls: metrics::Calls::to(Store::Database),
        }
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
            match self.connect().await {
                Ok(opened) => break opened,
                Err(error) if is_full(&error) => sleep(TRY_AGAIN_AFTER).await,
                Err(error) => return Err(error),
            }
        };
        let held = Held {
            connection,
            born,
            _place: place,
            _counted: self.pool.lend(),
        };
        Ok(Lease::new(Arc::clone(self), held))
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
        let idle = mem::take(&mut self.lock().idle);
        for idle in idle {
            // The server notices anyway.
            let _ = timeout(TRUST_ANSWER_WITHIN, idle.connection.close()).await;
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody who comes now finds a place.
    pub(super) fn has_place(&self) -> bool {
        self.places.available_permits() > 0
    }

    pub(super) async fn connect(&self) -> sqlx::Result<(PgConnection, Instant)> {
        let connection = PgConnection::connect_with(&self.options).await?;
        Ok((connection, Instant::now()))
    }

    /// The one that was used last: those that are not needed grow old together.
    pub(super) async fn take_idle(&self) -> Option<(PgConnection, Instant)> {
        loop {
            let (mut idle, last_failure) = {
                let mut state = self.lock();
                let idle = state.idle.pop()?;
                self.pool.idle(state.idle.len());
                (idle, state.last_failure)
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

    /// Nothing is begun on it.
    pub(super) fn put_back(&self, connection: PgConnection, born: Instant) {
        if self.places.is_closed() {
            return;
        }
        let mut state = self.lock();
        state.idle.push(Idle {
            connection,
            born,
            since: Instant::now(),
        });
        self.pool.idle(state.idle.len());
    }
}

async fn answers(connection: &mut PgConnection) -> bool {
    matches!(
        timeout(TRUST_ANSWER_WITHIN, connection.ping()).await,
        Ok(Ok(()))
    )
}

/// Whether the server has no connection left.
fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "53300")
}
