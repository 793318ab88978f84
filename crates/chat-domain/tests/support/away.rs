//! A store of presence that a node can lose touch with, as it does with a server of its own.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use chat_domain::{
    id::{GroupId, SocketId},
    memory::MemoryPresence,
    ports::{Listener, PortResult, PresenceStore},
    presence::{Counts, RoomSnapshot, Seat, Version},
    service::Shared,
};

use super::failing::away;

/// One node's access to the store.
pub struct Detachable {
    store: Arc<MemoryPresence>,
    is_away: AtomicBool,
    /// What this node's sockets did, whether or not the store was told.
    own: Mutex<Seats>,
    /// What the store was told of them.
    told: Mutex<Seats>,
}

type Seats = BTreeMap<(GroupId, SocketId), Seat>;

impl Detachable {
    pub fn new(store: Arc<MemoryPresence>) -> Self {
        Self {
            store,
            is_away: AtomicBool::new(false),
            own: Mutex::default(),
            told: Mutex::default(),
        }
    }

    /// The node loses touch.
    pub fn lose(&self, listener: &dyn Listener) {
        self.is_away.store(true, Ordering::SeqCst);
        listener.lost(Shared::Presence);
    }

    /// The others take the node for dead.
    pub async fn reap(&self) {
        let told = std::mem::take(&mut *lock(&self.told));
        for seat in told.values() {
            self.store.leave(seat).await.expect("memory does not fail");
        }
    }

    /// The node is in touch again, and tells the store what happened meanwhile.
    pub async fn restore(&self, listener: &dyn Listener) {
        let (own, told) = (lock(&self.own).clone(), lock(&self.told).clone());
        for (key, seat) in &told {
            if !own.contains_key(key) {
                self.store.leave(seat).await.expect("memory does not fail");
            }
        }
        for seat in own.values() {
            self.store.enter(seat).await.expect("memory does not fail");
        }
        *lock(&self.told) = own;
        self.is_away.store(false, Ordering::SeqCst);
        listener.restored(Shared::Presence);
    }

    fn is_away(&self) -> bool {
        self.is_away.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl PresenceStore for Detachable {
    async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        lock(&self.own).insert(key(seat), seat.clone());
        if self.is_away() {
            return Ok(None);
        }
        lock(&self.told).insert(key(seat), seat.clone());
        self.store.enter(seat).await
    }

    async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        lock(&self.own).remove(&key(seat));
        if self.is_away() {
            return Ok(None);
        }
        lock(&self.told).remove(&key(seat));
        self.store.leave(seat).await
    }

    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot> {
        if self.is_away() {
            return away();
        }
        self.store.snapshot(group).await
    }

    async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>> {
        if self.is_away() {
            return away();
        }
        self.store.versions(groups).await
    }
}

fn key(seat: &Seat) -> (GroupId, SocketId) {
    (seat.group.clone(), seat.socket.clone())
}

fn lock(seats: &Mutex<Seats>) -> MutexGuard<'_, Seats> {
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}
