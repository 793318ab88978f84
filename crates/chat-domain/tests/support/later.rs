//! The agenda of one node: chores with the time at which they are due.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_domain::{
    chore::Chore,
    ports::{Agenda, Clock},
    time::Timestamp,
};

/// Keeps chores until somebody takes them.
pub struct NotedAgenda {
    clock: Arc<dyn Clock>,
    chores: Mutex<Vec<(Timestamp, Chore)>>,
}

impl NotedAgenda {
    /// An empty agenda by this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            chores: Mutex::default(),
        }
    }

    /// When the next chore is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        let chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        chores.iter().map(|(due, _)| *due).min()
    }

    /// Takes the chore that has been due for longest; the one that was noted first of several.
    pub fn take_due(&self) -> Option<Chore> {
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        let due = chores.iter().enumerate().filter(|(_, (at, _))| *at <= now);
        let place = due.min_by_key(|(place, (at, _))| (*at, *place))?.0;
        Some(chores.remove(place).1)
    }
}

impl Agenda for NotedAgenda {
    fn note(&self, chore: Chore, delay: Duration) {
        let due = self.clock.now() + delay;
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        chores.push((due, chore));
    }
}
