use std::{
    collections::HashSet,
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak},
};

use async_trait::async_trait;

use crate::{
    id::GroupId,
    news::{Notice, Topic},
    ports::{Bus, Care, Listener, PortResult},
};

/// Where the nodes of one process meet. With a single node there is nobody to tell.
#[derive(Default)]
pub struct MemoryHub {
    /// One for each node that ever connected.
    places: RwLock<Vec<Place>>,
}

/// One node's way to the hub.
pub struct MemoryBus {
    hub: Arc<MemoryHub>,
    place: usize,
}

/// Who hears what.
#[derive(Default)]
struct Place {
    listener: Option<Weak<dyn Listener>>,
    topics: HashSet<Topic>,
}

impl Place {
    fn ear_for(&self, topic: Option<&Topic>) -> Option<Arc<dyn Listener>> {
        if topic.is_some_and(|topic| !self.topics.contains(topic)) {
            return None;
        }
        self.listener.as_ref()?.upgrade()
    }
}

impl MemoryHub {
    /// A way to the hub for one more node.
    #[must_use]
    pub fn connect(self: &Arc<Self>) -> MemoryBus {
        let mut places = self.places_mut();
        places.push(Place::default());
        MemoryBus {
            hub: Arc::clone(self),
            place: places.len() - 1,
        }
    }

    /// Tells every node.
    pub fn tell_all(&self, notice: &Notice) {
        self.tell(notice, None);
    }

    fn tell(&self, notice: &Notice, but: Option<usize>) {
        // Whoever hears it may care for more because of it: so not under the lock.
        for listener in self.ears_for(notice, but) {
            listener.hear(notice.clone());
        }
    }

    fn ears_for(&self, notice: &Notice, but: Option<usize>) -> Vec<Arc<dyn Listener>> {
        let topic = notice.topic();
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let others = places.iter().enumerate();
        others
            .filter(|(place, _)| Some(*place) != but)
            .filter_map(|(_, place)| place.ear_for(topic.as_ref()))
            .collect()
    }

    fn places_mut(&self) -> RwLockWriteGuard<'_, Vec<Place>> {
        self.places.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        self.hub.places_mut()[self.place].listener = Some(listener);
    }

    async fn follow(&self, _: &GroupId) -> PortResult<()> {
        Ok(())
    }

    fn unfollow(&self, _: &GroupId) {}

    fn care(&self, change: Care<'_>) {
        let topics = &mut self.hub.places_mut()[self.place].topics;
        match change {
            Care::Begins(begun) => topics.extend(begun.iter().cloned()),
            Care::Ends(ended) => {
                for topic in ended {
                    topics.remove(topic);
                }
            }
        }
    }

    async fn settle(&self) -> bool {
        true
    }

    fn publish(&self, notice: Notice) {
        self.hub.tell(&notice, Some(self.place));
    }
}
