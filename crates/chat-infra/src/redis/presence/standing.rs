//! Whether this node can believe what it sees of the others, and who is told when that changes.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
};

use chat_domain::{ports::Listener, service::Shared};
use tokio::sync::Notify;

use super::tenure::Epoch;

/// A node starts in good faith.
#[derive(Default)]
pub(super) struct Standing {
    listener: OnceLock<Weak<dyn Listener>>,
    state: Mutex<State>,
    alarm: Notify,
}

#[derive(Default)]
struct State {
    is_lost: bool,
    doubts: u64,
    epoch: Option<Epoch>,
    former: Option<Epoch>,
}

/// What news of another epoch mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Current,
    /// From before the data were lost.
    Former,
}

impl Standing {
    /// From now on the listener is told; at once, if it is to know something.
    pub(super) fn attach(&self, listener: Weak<dyn Listener>) {
        let state = self.lock();
        if state.is_lost
            && let Some(listener) = listener.upgrade()
        {
            listener.lost(Shared::Presence);
        }
        // Called once.
        let _ = self.listener.set(listener);
    }

    pub(super) fn listener(&self) -> Option<Arc<dyn Listener>> {
        self.listener.get().and_then(Weak::upgrade)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lock().is_lost
    }

    /// How often there was a reason to doubt.
    pub(super) fn doubts(&self) -> u64 {
        self.lock().doubts
    }

    /// Something was lost, or may have been. Whoever tends this node looks after it at once.
    pub(super) fn doubt(&self, reason: &(dyn Error + 'static)) {
        self.doubt_in(&mut self.lock(), reason);
    }

    /// All is well, unless there was another doubt since so many.
    pub(super) fn restore(&self, doubts: u64) -> bool {
        let mut state = self.lock();
        if !state.is_lost || state.doubts != doubts {
            return false;
        }
        state.is_lost = false;
        tracing::info!("presence is exact again");
        if let Some(listener) = self.listener() {
            listener.restored(Shared::Presence);
        }
        true
    }

    /// A heartbeat found the data in this life of theirs.
    pub(super) fn adopt(&self, epoch: &Epoch) {
        let mut state = self.lock();
        if state.epoch.as_ref() != Some(epoch) {
            state.former = state.epoch.replace(epoch.clone());
        }
    }

    /// Something happened in this epoch. If it is a new one, everything that this node knows is in doubt, and
    /// its listener learns that first.
    pub(super) fn hear(&self, epoch: &str) -> Age {
        let mut state = self.lock();
        let is = |known: &Option<Epoch>| known.as_ref().is_some_and(|known| known == epoch);
        if is(&state.former) {
            return Age::Former;
        }
        if state.epoch.is_some() && !is(&state.epoch) {
            self.doubt_in(&mut state, &Doubt::DataLost);
        }
        Age::Current
    }

    /// Waits until somebody doubts.
    pub(super) async fn alarmed(&self) {
        self.alarm.notified().await;
    }

    fn doubt_in(&self, state: &mut State, reason: &(dyn Error + 'static)) {
        state.doubts += 1;
        if state.is_lost {
            return;
        }
        state.is_lost = true;
        tracing::warn!(reason, "presence of other nodes is frozen");
        if let Some(listener) = self.listener() {
            listener.lost(Shared::Presence);
        }
        self.alarm.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to doubt, while the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Doubt {
    #[error("this node's lease has run out")]
    LeaseLost,
    #[error("Redis has lost its data, or has older ones")]
    DataLost,
    #[error("the connection to Redis was lost")]
    CutOff,
    #[error("this node does not hear what others publish")]
    Deaf,
}
