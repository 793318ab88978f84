//! Who is connected, over all nodes: as crash-safe as seats are, because a connection is owned like one.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use chat_domain::{
    id::{SocketId, UserId},
    ports::{Admission, ConnectionLedger, PortError, PortResult, WhenFull},
};

use super::presence::RedisPresence;

/// One node's access to who is connected. While Redis is away, it counts what is connected here.
pub struct RedisLedger {
    presence: Arc<RedisPresence>,
}

impl RedisLedger {
    /// The connections of the node that has this presence.
    #[must_use]
    pub const fn new(presence: Arc<RedisPresence>) -> Self {
        Self { presence }
    }
}

#[async_trait]
impl ConnectionLedger for RedisLedger {
    async fn admit(
        &self,
        user: &UserId,
        socket: &SocketId,
        most: usize,
        when_full: WhenFull,
    ) -> Admission {
        let tenant = self.presence.tenant();
        tenant
            .admit(user, socket, most, when_full, since_here())
            .await
    }

    async fn release(&self, user: &UserId, socket: &SocketId) {
        self.presence.tenant().release(user, socket).await;
    }

    async fn end_all(&self, user: &UserId) -> PortResult<()> {
        let ended = self.presence.tenant().end_all(user).await;
        ended.map_err(PortError::during("end a user's connections"))?;
        Ok(())
    }
}

/// Microseconds by this machine's clock: only while Redis's cannot be asked, to know who came first.
fn since_here() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or_default())
}
