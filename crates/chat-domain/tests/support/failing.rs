//! Ports that fail.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;

use chat_domain::{
    group::{Head, Tip},
    id::{Epoch, GroupId, Seq, UserId},
    member::Member,
    message::Draft,
    ports::{Appended, MembershipRepo, MessageLog, PortError, PortResult, PresenceStore, Slice},
    presence::{Counts, RoomSnapshot, Seat, Version},
    user::User,
};

mockall::mock! {
    /// The log of a database.
    pub Log {}

    #[async_trait]
    impl MessageLog for Log {
        async fn append(&self, draft: Draft) -> PortResult<Appended>;
        async fn head(&self, group: &GroupId) -> PortResult<Option<Head>>;
        async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>>;
        async fn before(&self, group: &GroupId, before: Option<Seq>, limit: usize) -> PortResult<Slice>;
        async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice>;
    }
}

mockall::mock! {
    /// Who is in which room.
    pub Presence {}

    #[async_trait]
    impl PresenceStore for Presence {
        async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>>;
        async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>>;
        async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot>;
        async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>>;
    }
}

/// A register of members that can be out of reach.
pub struct Register {
    members: Arc<dyn MembershipRepo>,
    is_away: Arc<AtomicBool>,
}

impl Register {
    /// The register, and the switch that takes it away.
    pub fn new(members: Arc<dyn MembershipRepo>, is_away: Arc<AtomicBool>) -> Self {
        Self { members, is_away }
    }

    fn reach(&self) -> PortResult<&dyn MembershipRepo> {
        if self.is_away.load(Ordering::SeqCst) {
            return away();
        }
        Ok(&*self.members)
    }
}

#[async_trait]
impl MembershipRepo for Register {
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>> {
        self.reach()?.find(group, user).await
    }

    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>> {
        self.reach()?.list(group, after, limit).await
    }

    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>> {
        self.reach()?.groups_of(user).await
    }
}

/// A store of presence that does what it is asked to, while its answers can be lost.
pub struct MutePresence {
    store: Arc<dyn PresenceStore>,
    is_mute: Arc<AtomicBool>,
}

impl MutePresence {
    /// The store, and the switch that loses its answers.
    pub fn new(store: Arc<dyn PresenceStore>, is_mute: Arc<AtomicBool>) -> Self {
        Self { store, is_mute }
    }

    fn answer<T>(&self, done: T) -> PortResult<T> {
        if self.is_mute.load(Ordering::SeqCst) {
            return away();
        }
        Ok(done)
    }
}

#[async_trait]
impl PresenceStore for MutePresence {
    async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let counts = self.store.enter(seat).await?;
        self.answer(counts)
    }

    async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let counts = self.store.leave(seat).await?;
        self.answer(counts)
    }

    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot> {
        let snapshot = self.store.snapshot(group).await?;
        self.answer(snapshot)
    }

    async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>> {
        let versions = self.store.versions(groups).await?;
        self.answer(versions)
    }
}

/// What a store answers that is away.
pub fn away<T>() -> PortResult<T> {
    Err("the store is away").map_err(PortError::during("ask a store"))
}

/// A log whose groups have said that much, and that can do nothing else yet.
pub fn log_with_head(last_seq: u64) -> MockLog {
    let head = Head {
        last_seq: Seq::new(last_seq),
        epoch: Epoch::new("first"),
    };
    let mut log = MockLog::new();
    log.expect_head().returning(move |_| Ok(Some(head.clone())));
    log
}
