//! How long a node may be silent.

use std::time::Duration;

/// The times that make a node alive or dead, and what it owns exact. All nodes have the same.
#[derive(Debug, Clone, Copy)]
pub struct Leases {
    /// How often a node says that it is alive.
    pub heartbeat: Duration,
    /// Who was silent for so long is dead.
    pub lease: Duration,
    /// How often each node looks for the dead.
    pub reap_every: Duration,
    /// After the data were lost: how long the others have to come back.
    pub settle: Duration,
    /// How often a node compares all it owns with what its sockets hold, for no reason.
    pub compare_every: Duration,
}

impl Default for Leases {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(3),
            lease: Duration::from_secs(12),
            reap_every: Duration::from_secs(1),
            settle: Duration::from_secs(5),
            compare_every: Duration::from_secs(60),
        }
    }
}

impl Leases {
    /// How often a node that has lost something tries to make it good.
    pub(super) fn retry(&self) -> Duration {
        self.heartbeat / 15
    }

    /// How much Redis's clock may differ from this node's idea of it, until leases are no longer believed. No
    /// heartbeat is late by so much that this kills somebody.
    pub(super) fn clock_error(&self) -> Duration {
        self.lease / 4
    }

    /// Who has more than this left of the lease has not missed two heartbeats.
    pub(super) fn punctual(&self) -> Duration {
        self.lease.saturating_sub(2 * self.heartbeat)
    }
}
