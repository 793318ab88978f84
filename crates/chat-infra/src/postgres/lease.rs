//! A connection on loan, and what becomes of it when it is dropped.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use sqlx::{Connection, PgConnection};
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};

use crate::metrics::Lent;

use super::{ANSWER_WITHIN, connections::Connections};

/// A connection, until it is dropped.
pub(super) struct Lease {
    connections: Arc<Connections>,
    /// There until the lease ends.
    held: Option<Held>,
}

pub(super) struct Held {
    pub(super) connection: PgConnection,
    pub(super) born: Instant,
    pub(super) _place: OwnedSemaphorePermit,
    pub(super) _counted: Lent,
}

impl Lease {
    pub(super) const fn new(connections: Arc<Connections>, held: Held) -> Self {
        Self {
            connections,
            held: Some(held),
        }
    }

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

/// Waits for the end of what was asked last, undoes what is not committed, and forgets what was prepared: it
/// may be what went wrong.
async fn clear(connections: Arc<Connections>, mut held: Held) {
    let clearing = async {
        sqlx::query("rollback")
            .execute(&mut held.connection)
            .await?;
        held.connection.clear_cached_statements().await
    };
    if let Ok(Ok(())) = timeout(ANSWER_WITHIN, clearing).await {
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
