//! What the contracts of presence, typing, limits and the bus are run on: nodes over shared stores.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use async_trait::async_trait;

use crate::{
    id::{GroupId, NodeId, SocketId, UserId},
    news::Notice,
    ports::{Bus, ConnectionLedger, Listener, PresenceStore, RateLimiter, TypingStore},
    presence::{PresenceChange, Seat},
    service::Shared,
    user::UserName,
};

/// A cluster under test. Nobody is in any room yet, and nothing was counted.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// One more node.
    async fn node(&self) -> Node;

    /// Lets time pass for the stores: by moving a clock, by ageing the keys, or by waiting.
    async fn pass(&self, span: Duration);
}

/// One node: its name, and the ports that it shares with the others.
#[derive(Clone)]
#[expect(
    missing_docs,
    reason = "each field is named after its type, which says what it is for"
)]
pub struct Node {
    pub id: NodeId,
    pub presence: Arc<dyn PresenceStore>,
    pub typing: Arc<dyn TypingStore>,
    pub bus: Arc<dyn Bus>,
    pub limiter: Arc<dyn RateLimiter>,
    pub ledger: Arc<dyn ConnectionLedger>,
}

/// A listener that keeps what it hears.
#[derive(Default)]
pub struct Ear {
    heard: Mutex<Vec<Notice>>,
    waiting: Mutex<Option<Waker>>,
}

impl Ear {
    /// Hears what comes to that node, and follows the room.
    pub async fn at(node: &Node, room: &GroupId) -> Arc<Self> {
        let ear = Self::on(node);
        node.bus.follow(room).await.expect("the bus answers");
        ear
    }

    /// Hears what comes to that node, which follows no room.
    #[must_use]
    pub fn on(node: &Node) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        let listener = Arc::clone(&ear) as Arc<dyn Listener>;
        node.bus.attach(Arc::downgrade(&listener));
        ear
    }

    /// Waits until so many notices were heard. Returns all of them.
    pub async fn hears(&self, count: usize) -> Vec<Notice> {
        poll_fn(|context| {
            *lock(&self.waiting) = Some(context.waker().clone());
            let heard = lock(&self.heard);
            if heard.len() < count {
                return Poll::Pending;
            }
            Poll::Ready(heard.clone())
        })
        .await
    }

    /// How many notices were heard so far.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.heard).len()
    }

    /// Waits until so many notices were heard, which are all changes of presence.
    pub async fn hears_changes(&self, count: usize) -> Vec<PresenceChange> {
        let heard = self.hears(count).await.into_iter();
        heard
            .map(|notice| match notice {
                Notice::Presence(change) => change,
                other => panic!("not a change of presence: {other:?}"),
            })
            .collect()
    }
}

impl Listener for Ear {
    fn hear(&self, notice: Notice) {
        lock(&self.heard).push(notice);
        if let Some(waker) = lock(&self.waiting).take() {
            waker.wake();
        }
    }

    fn missed(&self) {}

    fn lost(&self, _: Shared) {}

    fn restored(&self, _: Shared) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The group of that name.
#[must_use]
pub fn group(id: &str) -> GroupId {
    GroupId::parse(id).expect("contracts use valid ids")
}

/// The user of that name.
#[must_use]
pub fn user(id: &str) -> UserId {
    UserId::parse(id).expect("contracts use valid ids")
}

/// What the user of that id is called.
#[must_use]
pub fn name(id: &str) -> UserName {
    UserName::parse(&id.to_uppercase()).expect("contracts use valid names")
}

/// A socket of that user in that room.
#[must_use]
pub fn seat(room: &str, id: &str, socket: &str) -> Seat {
    Seat {
        group: group(room),
        user: user(id),
        name: name(id),
        socket: SocketId::new(socket),
    }
}
