//! The ports of one node of a fleet, put together: the bus may be another Redis than the one with presence.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use chat_domain::{
    id::GroupId,
    news::Notice,
    ports::{Bus, Care, Listener, PortResult},
};

use super::{bus::RedisBus, presence::RedisPresence};

/// What a node hears of the others: their notices, and changes of presence.
pub struct FleetBus {
    notices: RedisBus,
    presence: Arc<RedisPresence>,
}

impl FleetBus {
    /// Puts both together.
    #[must_use]
    pub const fn new(notices: RedisBus, presence: Arc<RedisPresence>) -> Self {
        Self { notices, presence }
    }

    /// How much went over the bus.
    #[must_use]
    pub const fn notices(&self) -> &RedisBus {
        &self.notices
    }
}

#[async_trait]
impl Bus for FleetBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        self.notices.attach(Weak::clone(&listener));
        self.presence.attach(listener);
    }

    async fn follow(&self, group: &GroupId) -> PortResult<()> {
        let (followed, ()) = tokio::join!(self.notices.follow(group), self.presence.follow(group));
        followed
    }

    fn unfollow(&self, group: &GroupId) {
        self.notices.unfollow(group);
        self.presence.unfollow(group);
    }

    fn care(&self, change: Care<'_>) {
        self.notices.care(change);
    }

    async fn settle(&self) -> bool {
        self.notices.settle().await
    }

    fn publish(&self, notice: Notice) {
        self.notices.publish(notice);
    }
}
