//! What happens when the server does not answer: callers wait so long and no longer, and once one has waited
//! in vain, nobody else does until the server answers again.

use std::{
    error::Error,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use sqlx::Connection;
use tokio::time::{sleep_until, timeout};

use crate::breaker::Away;

use super::{ANSWER_WITHIN, connections::Connections};

const PROBE_WITHIN: Duration = Duration::from_secs(1);

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

impl Connections {
    /// Waits for the outcome of `work`, but not for ever; and not at all while the server is away.
    pub(super) async fn within<T>(
        self: &Arc<Self>,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, Trouble> {
        self.admit()?;
        let outcome = timeout(ANSWER_WITHIN, work).await;
        self.calls.count(&outcome);
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

    fn lost(self: &Arc<Self>, trouble: &Trouble) {
        let is_first = {
            let mut state = self.lock();
            state.last_failure = Some(Instant::now());
            state.breaker.open()
        };
        if is_first {
            self.calls.breaker(true);
            let error: &dyn Error = trouble;
            tracing::warn!(error, "lost the database: calls fail until it answers");
            tokio::spawn(look_after(Arc::downgrade(self)));
        }
    }

    /// Beside the places: all of them may be taken by who waits in vain.
    async fn probe(&self) -> sqlx::Result<()> {
        let (mut connection, born) = match self.take_idle().await {
            Some(found) => found,
            None => self.connect().await?,
        };
        connection.ping().await?;
        if self.has_place() {
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
            connections.calls.breaker(false);
            let away_ms = start.elapsed().as_millis();
            tracing::info!(away_ms, "the database answers again");
            return;
        }
    }
}

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
