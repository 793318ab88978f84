use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    id::{SocketId, UserId},
    ports::{Admission, ConnectionLedger, PortResult, WhenFull},
};

/// Who is connected to the nodes of one process.
#[derive(Default)]
pub struct MemoryLedger {
    /// Who came first stands first.
    sockets: Mutex<HashMap<UserId, Vec<SocketId>>>,
}

impl MemoryLedger {
    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<SocketId>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ConnectionLedger for MemoryLedger {
    async fn admit(
        &self,
        user: &UserId,
        socket: &SocketId,
        most: usize,
        when_full: WhenFull,
    ) -> Admission {
        let mut sockets = self.lock();
        let theirs = sockets.entry(user.clone()).or_default();
        if theirs.contains(socket) {
            return Admission::Admitted;
        }
        let surplus = (theirs.len() + 1).saturating_sub(most).min(theirs.len());
        if surplus > 0 && when_full == WhenFull::Refuse {
            return Admission::Refused;
        }
        let displaced: Vec<SocketId> = theirs.drain(..surplus).collect();
        theirs.push(socket.clone());
        if displaced.is_empty() {
            Admission::Admitted
        } else {
            Admission::AdmittedInsteadOf(displaced)
        }
    }

    async fn release(&self, user: &UserId, socket: &SocketId) {
        let mut sockets = self.lock();
        let Some(theirs) = sockets.get_mut(user) else {
            return;
        };
        theirs.retain(|it| it != socket);
        if theirs.is_empty() {
            sockets.remove(user);
        }
    }

    async fn end_all(&self, user: &UserId) -> PortResult<()> {
        // There is one node, and it knows.
        self.lock().remove(user);
        Ok(())
    }
}
