//! Waiting until a node hears of what it did itself.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<()>>>>;

/// Deeds that somebody waits to hear of.
#[derive(Default)]
pub(super) struct Echoes {
    tags: AtomicU64,
    waiting: Waiting,
}

/// One deed. It is no longer waited for when this is dropped.
pub(super) struct Echo {
    /// Goes with the deed and comes back with the news of it.
    pub(super) tag: u64,
    heard: oneshot::Receiver<()>,
    waiting: Waiting,
}

/// The tag of deeds that nobody waits for.
pub(super) const NOBODY: u64 = 0;

impl Echoes {
    pub(super) fn expect(&self) -> Echo {
        let tag = self.tags.fetch_add(1, Ordering::Relaxed) + 1;
        let (tell, heard) = oneshot::channel();
        lock(&self.waiting).insert(tag, tell);
        let waiting = Arc::clone(&self.waiting);
        Echo {
            tag,
            heard,
            waiting,
        }
    }

    pub(super) fn heard(&self, tag: u64) {
        if let Some(tell) = lock(&self.waiting).remove(&tag) {
            // Who no longer waits need not know.
            let _ = tell.send(());
        }
    }
}

impl Echo {
    /// Whether it was heard in time.
    pub(super) async fn within(mut self, limit: Duration) -> bool {
        matches!(timeout(limit, &mut self.heard).await, Ok(Ok(())))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        lock(&self.waiting).remove(&self.tag);
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<()>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
