//! A token is refused before it expires.

use std::{sync::PoisonError, time::Duration};

use crate::{news::Notice, ports::PortResult, revocation::Revocation};

use super::Chat;

/// Nodes' clocks may be apart by so much, and a revocation may take so long to be stored.
const OVERLAP: Duration = Duration::from_secs(5 * 60);

impl Chat {
    /// Refuses a token from now on, on every node, and ends its connections.
    ///
    /// # Errors
    /// The database could not be asked. Then the token is refused for as long as the nodes live.
    pub async fn revoke_token(&self, revocation: Revocation) -> PortResult<()> {
        self.everywhere(Notice::TokenRevoked(revocation.clone()));
        self.ports.revoked.revoke(&revocation, self.now()).await
    }

    /// Refuses what others revoked: before anybody is let in, and then again and again, because a notice may be lost.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn compare_revoked(&self) -> PortResult<()> {
        let (now, last) = (self.now(), *self.revoked_at());
        let since = last.before(OVERLAP);
        for revocation in self.ports.revoked.revoked_since(since, now).await? {
            self.ports.sockets.refuse_token(&revocation);
        }
        *self.revoked_at() = now;
        Ok(())
    }

    fn revoked_at(&self) -> std::sync::MutexGuard<'_, crate::time::Timestamp> {
        self.revoked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
