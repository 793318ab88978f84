//! Stores in which reading stops half way, so that something can happen meanwhile.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::Notify;

use chat_domain::{
    group::{Head, Tip},
    id::{GroupId, Seq, UserId},
    member::Member,
    message::Draft,
    ports::{Appended, MembershipRepo, MessageLog, PortResult, Slice},
    user::User,
};

/// Waits in the middle of the next question, of those that it is put in, that is asked once it is armed.
#[derive(Default)]
pub struct Pause {
    is_armed: AtomicBool,
    reached: Notify,
    go_on: Notify,
}

/// The log, with the pause in what is new.
pub struct PausedLog {
    pub log: Arc<dyn MessageLog>,
    pub pause: Arc<Pause>,
}

/// The register of members, with the pause in the groups of a user.
pub struct PausedRegister {
    pub members: Arc<dyn MembershipRepo>,
    pub pause: Arc<Pause>,
}

impl Pause {
    /// Starts `first`, does `meanwhile` when it has come half way, and then lets it end.
    pub async fn during<T>(
        &self,
        first: impl Future<Output = T>,
        meanwhile: impl Future<Output = ()>,
    ) -> T {
        self.is_armed.store(true, Ordering::SeqCst);
        let meanwhile = async {
            self.reached.notified().await;
            meanwhile.await;
            self.go_on.notify_one();
        };
        tokio::join!(first, meanwhile).0
    }

    async fn hold(&self) {
        if self.is_armed.swap(false, Ordering::SeqCst) {
            self.reached.notify_one();
            self.go_on.notified().await;
        }
    }

    /// Does `first`, which asks nothing.
    pub async fn unasked<T>(&self, first: impl Future<Output = T>) -> T {
        self.is_armed.store(true, Ordering::SeqCst);
        tokio::select! {
            done = first => {
                self.is_armed.store(false, Ordering::SeqCst);
                done
            }
            () = self.reached.notified() => panic!("it asks"),
        }
    }

    /// Starts `first`, and gives it up half way.
    pub async fn giving_up<T>(&self, first: impl Future<Output = T>) {
        self.is_armed.store(true, Ordering::SeqCst);
        tokio::select! {
            _ = first => panic!("it comes half way only"),
            () = self.reached.notified() => {}
        }
    }
}

#[async_trait]
impl MessageLog for PausedLog {
    async fn append(&self, draft: Draft) -> PortResult<Appended> {
        self.log.append(draft).await
    }

    async fn head(&self, group: &GroupId) -> PortResult<Option<Head>> {
        self.log.head(group).await
    }

    async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>> {
        self.log.tips(groups).await
    }

    async fn before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> PortResult<Slice> {
        self.log.before(group, before, limit).await
    }

    async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice> {
        let slice = self.log.after(group, after, limit).await;
        self.pause.hold().await;
        slice
    }
}

#[async_trait]
impl MembershipRepo for PausedRegister {
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>> {
        self.members.find(group, user).await
    }

    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>> {
        self.members.list(group, after, limit).await
    }

    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>> {
        let groups = self.members.groups_of(user).await;
        self.pause.hold().await;
        groups
    }
}
