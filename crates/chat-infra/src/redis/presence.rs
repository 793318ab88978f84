//! Who is in which room, over all nodes, on one Redis.
//!
//! Read in this order: `lua/room.lua` (the keys, and what one step does to them), `store` (the scripts, with
//! types) and `told` (what they publish); `holdings` (what this node's sockets hold) and `tenant`, which keeps
//! both equal; `tenure` (how well the node's claim stands) and `keep`, what it does about it again and again;
//! `standing` and `echo` (whether the node can believe what it hears); `connections`, which are owned like seats. This file makes a port of it.
//!
//! Invariants: a seat in the store belongs to a node, which is alive or will be reaped; a lease is lost before
//! anybody is reaped, and whoever has lost it takes no seat; each change of a room is published in the same step
//! as it is made, once; while this node is in doubt about the others, its listener knows.

mod connections;
mod echo;
mod holdings;
mod keep;
mod standing;
mod store;
mod tenant;
mod tenure;
mod told;

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, NodeId},
    ports::{Listener, PortError, PortResult, PresenceStore},
    presence::{Counts, RoomSnapshot, Seat, Version},
};
use tokio::{sync::Semaphore, time::sleep};

use crate::breaker::Away;

use self::{
    echo::Echo,
    holdings::Entry,
    standing::Doubt,
    store::{Done, Store},
    tenant::Tenant,
};
use super::{
    connection::Trouble,
    keys,
    leases::Leases,
    script::Time,
    subscriber::{Ear, Subscriber},
    task::Task,
};

/// How many rooms are read at once.
const READS_AT_ONCE: usize = 64;

/// How long a node waits until it hears of what it did.
const ECHO_WITHIN: Duration = Duration::from_millis(300);

/// One node's access to who is in which room. It no longer keeps its lease when this is dropped.
pub struct RedisPresence {
    core: Arc<Core>,
    keeping: Option<Task>,
}

struct Core {
    tenant: Tenant,
    subscriber: Subscriber,
    followed: Mutex<HashSet<GroupId>>,
    /// Many rooms may want to be read at once; what else is asked has to get through.
    reads: Semaphore,
    /// The life of the connection in which the node last had its lease renewed.
    life: AtomicU64,
}

impl RedisPresence {
    /// The presence of that node, on the Redis that the subscriber hears. Waits until the node has its lease, or
    /// the first try has failed.
    pub async fn start(node: NodeId, subscriber: Subscriber, leases: Leases, time: Time) -> Self {
        let mut presence = Self::unattended(node, subscriber, leases, time).await;
        presence.tend(Instant::now()).await;
        let keeping = keep(Arc::clone(&presence.core));
        presence.keeping = Some(Task::spawn(keeping));
        presence
    }

    /// Likewise, but the caller has to [`tend`](Self::tend) it, from now on: for tests, which bring their own time.
    pub async fn unattended(
        node: NodeId,
        subscriber: Subscriber,
        leases: Leases,
        time: Time,
    ) -> Self {
        let store = Store {
            connection: subscriber.connection().clone(),
            node,
            time,
            leases,
        };
        let core = Arc::new(Core {
            tenant: Tenant::new(store),
            subscriber,
            followed: Mutex::default(),
            reads: Semaphore::new(READS_AT_ONCE),
            life: AtomicU64::default(),
        });
        let ear = core.ear();
        core.subscriber.follow(keys::EPOCHS.to_owned(), ear).await;
        core.subscriber.attach(core.ear());
        Self {
            core,
            keeping: None,
        }
    }

    /// Renews the lease, repairs what was lost, and reaps the dead, each if it is due. Returns after how long it is
    /// to be called again, unless [`is_exact`](Self::is_exact) turns false before.
    pub async fn tend(&self, now: Instant) -> Duration {
        self.core.tend(now).await
    }

    /// From now on the listener hears of changes of the rooms that are followed, and of losses. Called once.
    pub fn attach(&self, listener: Weak<dyn Listener>) {
        self.core.tenant.standing.attach(listener);
    }

    /// From now on changes of this room are heard.
    pub async fn follow(&self, group: &GroupId) {
        let channel = keys::presence_of(group);
        self.core.subscriber.follow(channel, self.core.ear()).await;
        self.core.followed().insert(group.clone());
    }

    /// Changes of this room are no longer needed.
    pub fn unfollow(&self, group: &GroupId) {
        self.core.followed().remove(group);
        self.core.subscriber.unfollow(&keys::presence_of(group));
    }

    /// Whether this node knows what the others do.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.core.tenant.standing.is_lost()
    }

    pub(super) fn tenant(&self) -> &Tenant {
        &self.core.tenant
    }

    /// Takes everything out that this node has in the store, and its lease: for the end of the process. Nothing is
    /// brought in any more.
    ///
    /// # Errors
    /// The store could not be asked: then others do it when the lease has run out.
    pub async fn retire(&self) -> PortResult<()> {
        let retired = self.core.tenant.retire().await;
        retired.map_err(PortError::during("take this node out of the rooms"))
    }
}

#[async_trait]
impl PresenceStore for RedisPresence {
    async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let tenant = &self.core.tenant;
        let (entry, name) = (Entry::seat(seat), seat.name.as_str().to_owned());
        let echo = tenant.echoes.expect();
        let entered = tenant.enter(entry, name, &echo).await;
        Ok(self.core.heard(&seat.group, entered, echo).await)
    }

    async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let tenant = &self.core.tenant;
        let echo = tenant.echoes.expect();
        let left = tenant.leave(Entry::seat(seat), &echo).await;
        Ok(self.core.heard(&seat.group, left, echo).await)
    }

    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot> {
        let tenant = &self.core.tenant;
        let snapshot = self.core.read(tenant.store.snapshot(group)).await;
        let snapshot = snapshot.map_err(PortError::during("read who is in a room"))?;
        for occupant in snapshot.users.values() {
            tenant.meet(occupant.sockets.keys().copied());
        }
        Ok(snapshot)
    }

    async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>> {
        let versions = self
            .core
            .read(self.core.tenant.store.versions(groups))
            .await;
        versions.map_err(PortError::during("read the versions of rooms"))
    }
}

impl Core {
    /// Reads the store, unless what it says cannot be believed.
    async fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        if self.tenant.standing.is_lost() {
            return Err(Trouble::Away(Away));
        }
        let _turn = self.reads.acquire().await;
        let read = reading.await;
        read.inspect_err(|trouble| self.tenant.standing.doubt(trouble))
    }

    /// Waits until this node has heard of what it did, if it hears of that room.
    async fn heard(&self, group: &GroupId, done: Option<Done>, echo: Echo) -> Option<Counts> {
        let done = done?;
        if done.changed > 0 && self.followed().contains(group) && !echo.within(ECHO_WITHIN).await {
            tracing::warn!(room.id = %group, "did not hear of a change of `{group}` that this node made");
            if let Some(listener) = self.tenant.standing.listener() {
                listener.missed_in(group);
            }
            self.subscriber.doubt();
        }
        (!self.tenant.standing.is_lost()).then_some(done.counts)
    }

    async fn tend(&self, now: Instant) -> Duration {
        let life = self.life_of_connection();
        let next = self.tenant.tend(self.subscriber.is_up(), now).await;
        if !self.tenant.standing.is_lost() {
            self.life.store(life, Ordering::Relaxed);
        }
        next
    }

    fn life_of_connection(&self) -> u64 {
        let watch = self.subscriber.connection().watch();
        let life = watch.borrow();
        life.as_ref().map_or(0, |life| life.number)
    }

    fn tell_missed(&self) {
        if let Some(listener) = self.tenant.standing.listener() {
            listener.missed();
        }
    }

    fn ear(self: &Arc<Self>) -> Weak<dyn Ear> {
        let ear: Arc<dyn Ear> = Arc::clone(self) as _;
        Arc::downgrade(&ear)
    }

    fn followed(&self) -> MutexGuard<'_, HashSet<GroupId>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear for Core {
    fn hear(&self, channel: &str, payload: &[u8]) {
        let Ok(payload) = std::str::from_utf8(payload) else {
            return;
        };
        if channel == keys::EPOCHS {
            self.tenant.standing.hear(payload);
        } else {
            self.tenant.hear(payload);
        }
    }

    fn missed(&self) {
        // Perhaps it is another Redis by now, or one that has lost everything: then nothing there can be believed.
        if self.life_of_connection() == self.life.load(Ordering::Relaxed) {
            self.tell_missed();
        } else {
            self.tenant.standing.doubt(&Doubt::CutOff);
        }
    }

    fn lost(&self) {
        self.tenant.standing.doubt(&Doubt::Deaf);
    }

    /// Whoever tends the node sees that.
    fn restored(&self) {}
}

async fn keep(core: Arc<Core>) {
    loop {
        let next = core.tend(Instant::now()).await;
        tokio::select! {
            () = sleep(next) => {}
            () = core.tenant.standing.alarmed() => {}
        }
    }
}
