//! The way to the other nodes, over what Redis passes on.
//!
//! Each room has a channel, which a node follows that has sockets in it. So has each topic: that there is something new
//! in a group, and what a user has read. One more is for all nodes. Redis keeps nothing for who is not there: the bus is
//! a hint, and whatever was perhaps lost is told as such.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, NodeId},
    news::Notice,
    ports::{Bus, Care, Listener, PortResult},
    service::Shared,
};

use crate::metrics;

use super::{
    codec::{self, Heard},
    keys,
    outbox::Outbox,
    subscriber::{Ear, Subscriber},
};

pub use super::outbox::Witness;

/// One node's way to the others. It ends with this.
pub struct RedisBus {
    node: NodeId,
    subscriber: Subscriber,
    outbox: Outbox,
    ear: Arc<BusEar>,
}

/// How much went over the bus since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// What this node told the others.
    pub published: u64,
    /// What it could not tell them.
    pub dropped: u64,
    /// What it heard from them.
    pub heard: u64,
}

struct BusEar {
    node: NodeId,
    listener: OnceLock<Weak<dyn Listener>>,
    /// Held while the listener is told, so that what is told last is what is.
    is_lost: Mutex<bool>,
    heard: AtomicU64,
    figures: metrics::Bus,
    /// Whether it was already said that something could not be read.
    is_puzzled: AtomicBool,
}

impl RedisBus {
    /// The bus of that node, on what the subscriber hears and the connection that it has.
    pub async fn start(node: NodeId, subscriber: Subscriber) -> Self {
        let gap = codec::encode_gap(node);
        let outbox = Outbox::start(subscriber.connection().clone(), gap);
        let ear = Arc::new(BusEar {
            node,
            listener: OnceLock::new(),
            is_lost: Mutex::default(),
            heard: AtomicU64::default(),
            figures: metrics::Bus::new(),
            is_puzzled: AtomicBool::default(),
        });
        let bus = Self {
            node,
            subscriber,
            outbox,
            ear,
        };
        bus.subscriber.attach(bus.ear());
        let everybody = keys::EVERYBODY.to_owned();
        bus.subscriber.follow(everybody, bus.ear()).await;
        bus
    }

    /// How much went over it so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        Traffic {
            published: self.outbox.published(),
            dropped: self.outbox.dropped(),
            heard: self.ear.heard.load(Ordering::Relaxed),
        }
    }

    /// How many notices wait to be published.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.outbox.waiting()
    }

    /// From now on somebody is told of messages that were published. Called once.
    pub fn show(&self, witness: Arc<dyn Witness>) {
        self.outbox.attach(witness);
    }

    fn ear(&self) -> Weak<dyn Ear> {
        let ear: Arc<dyn Ear> = Arc::clone(&self.ear) as _;
        Arc::downgrade(&ear)
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        let is_lost = self.ear.is_lost();
        if *is_lost && let Some(listener) = listener.upgrade() {
            listener.lost(Shared::Bus);
        }
        // Called once.
        let _ = self.ear.listener.set(listener);
    }

    async fn follow(&self, group: &GroupId) -> PortResult<()> {
        let channel = keys::room_channel(group);
        self.subscriber.follow(channel, self.ear()).await;
        Ok(())
    }

    fn unfollow(&self, group: &GroupId) {
        self.subscriber.unfollow(&keys::room_channel(group));
    }

    fn care(&self, change: Care<'_>) {
        match change {
            Care::Begins(topics) => {
                let channels = topics.iter().map(keys::topic_channel);
                self.subscriber.follow_soon(channels, &self.ear());
            }
            Care::Ends(topics) => {
                let channels = topics.iter().map(keys::topic_channel);
                self.subscriber.unfollow_all(channels);
            }
        }
    }

    async fn settle(&self) -> bool {
        self.subscriber.settle().await
    }

    fn publish(&self, notice: Notice) {
        if !self.outbox.is_open() {
            return;
        }
        if let Some(publication) = codec::encode(self.node, &notice) {
            let message = match &notice {
                Notice::Committed(message) => Some(message.id),
                _ => None,
            };
            self.outbox.put(publication, message);
        }
    }
}

impl BusEar {
    fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.get().and_then(Weak::upgrade)
    }

    fn is_lost(&self) -> MutexGuard<'_, bool> {
        self.is_lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, is_lost: bool) {
        let mut was_lost = self.is_lost();
        *was_lost = is_lost;
        match self.listener() {
            Some(listener) if is_lost => listener.lost(Shared::Bus),
            Some(listener) => listener.restored(Shared::Bus),
            None => {}
        }
    }
}

impl Ear for BusEar {
    fn hear(&self, _channel: &str, payload: &[u8]) {
        let heard = codec::decode(self.node, payload);
        if !matches!(heard, Ok(Heard::Own)) {
            self.heard.fetch_add(1, Ordering::Relaxed);
            self.figures.heard.increment(1);
        }
        match heard {
            Ok(Heard::Own) => {}
            Ok(Heard::Gap) => self.missed(),
            Ok(Heard::Notice(notice)) => {
                if let Some(listener) = self.listener() {
                    listener.hear(notice);
                }
            }
            Err(unreadable) => {
                // What nodes of another version tell goes on for as long as they are there.
                if !self.is_puzzled.swap(true, Ordering::Relaxed) {
                    let error: &dyn std::error::Error = &unreadable;
                    tracing::warn!(
                        error,
                        "heard what is no notice: ignoring it, and all that follows"
                    );
                }
            }
        }
    }

    fn missed(&self) {
        if let Some(listener) = self.listener() {
            listener.missed();
        }
    }

    fn lost(&self) {
        self.tell(true);
    }

    fn restored(&self) {
        self.tell(false);
    }
}
