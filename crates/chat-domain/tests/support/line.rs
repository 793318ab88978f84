//! A node's line to the others, which can lose, hold and reverse what comes in.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use async_trait::async_trait;

use chat_domain::{
    id::GroupId,
    memory::MemoryBus,
    news::{Notice, Topic},
    ports::{Bus, Care, Listener, PortResult},
    service::Shared,
};

/// What happens to the next notices that come in. What concerns members is heard but by the deaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weather {
    /// They are heard at once.
    #[default]
    Fair,
    /// They are kept until somebody lets them through.
    Holding,
    /// They are lost.
    Losing,
    /// Nothing at all is heard.
    Deaf,
}

/// The bus of one node, with a gate before its ear.
pub struct GatedBus {
    bus: MemoryBus,
    gate: Arc<Gate>,
}

/// Lets notices through, or not.
#[derive(Default)]
pub struct Gate {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    weather: Weather,
    held: Vec<Notice>,
    listener: Option<Weak<dyn Listener>>,
    followed: BTreeSet<GroupId>,
    cared_for: BTreeSet<Topic>,
    /// What is wanted besides is not heard yet.
    is_late: bool,
}

impl GatedBus {
    /// Puts a gate before what comes in from there.
    pub fn new(bus: MemoryBus) -> (Self, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let gated = Self {
            bus,
            gate: Arc::clone(&gate),
        };
        (gated, gate)
    }
}

impl Gate {
    /// Changes what happens to the notices from now on.
    pub fn set(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Lets through what was held, the last one first.
    pub fn release_reversed(&self) {
        let held = std::mem::take(&mut self.lock().held);
        self.set(Weather::Fair);
        for notice in held.into_iter().rev() {
            self.let_through(notice);
        }
    }

    /// From now on what is wanted is heard at once, or is not heard yet.
    pub fn set_late(&self, is_late: bool) {
        self.lock().is_late = is_late;
    }

    /// The rooms whose notices are wanted.
    pub fn followed(&self) -> BTreeSet<GroupId> {
        self.lock().followed.clone()
    }

    /// What is wanted besides.
    pub fn cared_for(&self) -> BTreeSet<Topic> {
        self.lock().cared_for.clone()
    }

    fn let_through(&self, notice: Notice) {
        if let Some(listener) = self.listener() {
            listener.hear(notice);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Gate {
    fn hear(&self, notice: Notice) {
        let mut inner = self.lock();
        if inner.weather == Weather::Deaf {
            return;
        }
        if inner.is_late && notice.topic().is_some() {
            return;
        }
        let Some(room) = room_of(&notice) else {
            drop(inner);
            return self.let_through(notice);
        };
        // A bus between machines brings what is asked for.
        if !inner.followed.contains(room) {
            return;
        }
        match inner.weather {
            Weather::Holding => inner.held.push(notice),
            Weather::Losing | Weather::Deaf => {}
            Weather::Fair => {
                drop(inner);
                self.let_through(notice);
            }
        }
    }

    fn missed(&self) {
        if let Some(listener) = self.listener() {
            listener.missed();
        }
    }

    fn missed_in(&self, group: &GroupId) {
        if let Some(listener) = self.listener() {
            listener.missed_in(group);
        }
    }

    fn lost(&self, shared: Shared) {
        if let Some(listener) = self.listener() {
            listener.lost(shared);
        }
    }

    fn restored(&self, shared: Shared) {
        if let Some(listener) = self.listener() {
            listener.restored(shared);
        }
    }
}

impl Gate {
    fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.lock().listener.as_ref().and_then(Weak::upgrade)
    }
}

/// The room whose followers hear it; none if every node does.
fn room_of(notice: &Notice) -> Option<&GroupId> {
    match notice {
        Notice::Presence(change) => Some(&change.group),
        Notice::Committed(message) => Some(&message.group),
        Notice::Grown(group, _)
        | Notice::TypingStarted(group, ..)
        | Notice::TypingStopped(group, ..) => Some(group),
        _ => None,
    }
}

#[async_trait]
impl Bus for GatedBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        self.gate.lock().listener = Some(listener);
        let gate: Weak<dyn Listener> =
            Arc::downgrade(&(Arc::clone(&self.gate) as Arc<dyn Listener>));
        self.bus.attach(gate);
    }

    async fn follow(&self, group: &GroupId) -> PortResult<()> {
        self.gate.lock().followed.insert(group.clone());
        self.bus.follow(group).await
    }

    fn unfollow(&self, group: &GroupId) {
        self.gate.lock().followed.remove(group);
        self.bus.unfollow(group);
    }

    fn care(&self, change: Care<'_>) {
        let mut inner = self.gate.lock();
        match change {
            Care::Begins(topics) => inner.cared_for.extend(topics.iter().cloned()),
            Care::Ends(topics) => inner.cared_for.retain(|topic| !topics.contains(topic)),
        }
        drop(inner);
        self.bus.care(change);
    }

    async fn settle(&self) -> bool {
        !self.gate.lock().is_late
    }

    fn publish(&self, notice: Notice) {
        self.bus.publish(notice);
    }
}
