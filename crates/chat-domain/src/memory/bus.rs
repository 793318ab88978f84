use std::sync::{Arc, PoisonError, RwLock, Weak};

use async_trait::async_trait;

use crate::{
    id::GroupId,
    news::Notice,
    ports::{Bus, Care, Listener, PortResult},
};

/// Where the nodes of one process meet. With a single node there is nobody to tell.
#[derive(Default)]
pub struct MemoryHub {
    /// One place for each node that ever connected.
    listeners: RwLock<Vec<Option<Weak<dyn Listener>>>>,
}

/// One node's way to the hub.
pub struct MemoryBus {
    hub: Arc<MemoryHub>,
    place: usize,
}

impl MemoryHub {
    /// A way to the hub for one more node.
    #[must_use]
    pub fn connect(self: &Arc<Self>) -> MemoryBus {
        let mut listeners = self
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.push(None);
        MemoryBus {
            hub: Arc::clone(self),
            place: listeners.len() - 1,
        }
    }

    /// Tells every node.
    pub fn tell_all(&self, notice: &Notice) {
        self.tell(notice, None);
    }

    fn tell(&self, notice: &Notice, but: Option<usize>) {
        let listeners = self
            .listeners
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let others = listeners
            .iter()
            .enumerate()
            .filter(|(place, _)| Some(*place) != but);
        for listener in others.filter_map(|(_, listener)| listener.as_ref()?.upgrade()) {
            listener.hear(notice.clone());
        }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        let mut listeners = self
            .hub
            .listeners
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        listeners[self.place] = Some(listener);
    }

    async fn follow(&self, _: &GroupId) -> PortResult<()> {
        Ok(())
    }

    fn unfollow(&self, _: &GroupId) {}

    fn care(&self, _: Care<'_>) {}

    fn publish(&self, notice: Notice) {
        self.hub.tell(&notice, Some(self.place));
    }
}
