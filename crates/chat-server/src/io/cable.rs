//! What reaches a connection from elsewhere.
//!
//! A connection is *cut* at once, or *hung up*: then nothing is read from it any more, what waits is still written, and
//! the peer has time to read it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::{
    lane::{Direct, Lane},
    outlet::Outlet,
};

/// The other end of a connection's own task.
#[derive(Default)]
pub struct Cable {
    cut: CancellationToken,
    hung_up: CancellationToken,
    asked: AtomicUsize,
    answered: AtomicUsize,
    /// What the connection writes.
    pub(super) lane: Lane,
}

impl Cable {
    /// Of a connection that writes there.
    pub(super) fn new(lane: Lane) -> Arc<Self> {
        Arc::new(Self {
            lane,
            ..Self::default()
        })
    }

    /// Ends the connection.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Ends the connection when what waits has been written. Until then nobody is heard.
    pub fn hang_up(&self) {
        self.hung_up.cancel();
    }

    /// Writes a frame to that session at once. Returns whether it did: if not, it has to go through the engine.
    pub(super) fn write(self: &Arc<Self>, frame: &[u8], outlet: &Outlet) -> bool {
        match self.lane.write(frame, outlet) {
            Direct::Written => true,
            Direct::Begun => {
                tokio::spawn(finish(Arc::clone(self)));
                true
            }
            Direct::NotNow => false,
        }
    }

    /// A request has come.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// It was answered, and another one may come.
    pub fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// The answer makes the connection a WebSocket: nobody asks any more.
    pub fn switch(&self) {
        self.lane.switch();
    }

    /// How many requests there were, if another one may come.
    pub(super) fn requests(&self) -> Option<usize> {
        let asked = self.asked.load(Ordering::Relaxed);
        (asked == self.answered.load(Ordering::Relaxed)).then_some(asked)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    pub(super) fn is_hung_up(&self) -> bool {
        self.hung_up.is_cancelled()
    }

    /// Returns when it is cut.
    pub(super) fn cutting(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }

    /// Returns when it is hung up.
    pub(super) fn hanging_up(&self) -> WaitForCancellationFutureOwned {
        self.hung_up.clone().cancelled_owned()
    }
}

impl fmt::Debug for Cable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cable").finish_non_exhaustive()
    }
}

async fn finish(cable: Arc<Cable>) {
    tokio::select! {
        () = cable.lane.finish() => {}
        () = cable.cutting() => {}
    }
}
