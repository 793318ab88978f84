//! A log in which reading what is new stops half way, so that something can happen meanwhile.

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
    id::{GroupId, Seq},
    message::Draft,
    ports::{Appended, MessageLog, PortResult, Slice},
};

/// Waits in the middle of the next `after` that is asked for once it is armed.
#[derive(Default)]
pub struct Pause {
    is_armed: AtomicBool,
    reached: Notify,
    go_on: Notify,
}

/// The log, with the pause in it.
pub struct PausedLog {
    pub log: Arc<dyn MessageLog>,
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
        if self.pause.is_armed.swap(false, Ordering::SeqCst) {
            self.pause.reached.notify_one();
            self.pause.go_on.notified().await;
        }
        slice
    }
}
