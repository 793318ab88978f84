//! How well a node's claim to its seats stands, as its heartbeats say: a plain state machine.
//!
//! Invariants: nobody is reaped by a node that may be wrong about who is dead; a node that has lost its lease
//! or the data says that all is well again only when everybody who is alive had the time to come back too.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chat_domain::id::{NodeId, SocketId, UserId};

use crate::redis::leases::Leases;

/// Names one life of the data in the store.
pub(super) type Epoch = String;

/// What a heartbeat learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beat {
    pub(super) epoch: Epoch,
    /// Whether the lease had not run out before.
    pub(super) was_held: bool,
    /// How much the node owns in the store.
    pub(super) owned: usize,
    /// The store's clock.
    pub(super) clock_ms: u64,
    /// Connections of the node that have to go.
    pub(super) displaced: Vec<(UserId, SocketId)>,
    pub(super) rows: Vec<Row>,
}

/// A node that has a lease, or had one and was not reaped yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) node: NodeId,
    /// What is left of its lease, in the store's milliseconds.
    pub(super) left_ms: i64,
    /// Whether it has announced all it owns in this epoch.
    pub(super) has_announced: bool,
}

/// What became of the node's claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It stands.
    Stands,
    /// It is the first one of this node.
    Begins,
    /// The lease had run out: others may have given the node's seats up.
    LeaseLost,
    /// The data were lost, or replaced by older ones.
    DataLost,
}

pub(super) struct Tenure {
    me: NodeId,
    leases: Leases,
    epoch: Option<Epoch>,
    /// Everybody else who was alive while all was well.
    peers: BTreeSet<NodeId>,
    /// Whether the data are others than when the peers were seen.
    waits_for_peers: bool,
    /// Since when leases are worth believing.
    steady_since: Option<Instant>,
    /// Since when the store answers again.
    healing_since: Option<Instant>,
    /// The store's clock, and ours at that moment.
    clocks: Option<(u64, Instant)>,
}

impl Tenure {
    pub(super) const fn new(me: NodeId, leases: Leases) -> Self {
        Self {
            me,
            leases,
            epoch: None,
            peers: BTreeSet::new(),
            waits_for_peers: false,
            steady_since: None,
            healing_since: None,
            clocks: None,
        }
    }

    pub(super) const fn epoch(&self) -> Option<&Epoch> {
        self.epoch.as_ref()
    }

    pub(super) fn judge(&mut self, beat: &Beat, now: Instant) -> Verdict {
        let verdict = match &self.epoch {
            None => Verdict::Begins,
            Some(epoch) if *epoch != beat.epoch => Verdict::DataLost,
            Some(_) if !beat.was_held => Verdict::LeaseLost,
            Some(_) => Verdict::Stands,
        };
        let was_turned = self.expected_clock(now).is_some_and(|expected| {
            Duration::from_millis(expected.abs_diff(beat.clock_ms)) > self.leases.clock_error()
        });
        if verdict != Verdict::Stands || was_turned {
            self.steady_since = Some(now);
        }
        if verdict == Verdict::DataLost {
            self.waits_for_peers = true;
            self.healing_since = Some(now);
        }
        self.epoch = Some(beat.epoch.clone());
        self.clocks = Some((beat.clock_ms, now));
        verdict
    }

    /// All is well: whoever is alive now is waited for, should the data be lost.
    pub(super) fn is_well(&mut self, beat: &Beat) {
        self.healing_since = None;
        self.waits_for_peers = false;
        let others = beat.rows.iter().filter(|row| row.node != self.me);
        let alive = others.filter(|row| row.left_ms > 0);
        self.peers = alive.map(|row| row.node).collect();
    }

    /// Nodes that the users here were told of: they are waited for too, however new they are.
    pub(super) fn meet(&mut self, nodes: BTreeSet<NodeId>) {
        self.peers.extend(nodes);
        self.peers.remove(&self.me);
    }

    /// The store does not answer.
    pub(super) const fn is_cut_off(&mut self) {
        self.healing_since = None;
    }

    /// Whether the store shows again what is true, as far as anybody can know: everybody who was or is alive
    /// has announced what they own, and the dead are reaped. That takes the settle time at most, unless the clock
    /// is turned meanwhile; then the ghosts of old data live a little longer, and are waited for.
    pub(super) fn is_settled(&mut self, beat: &Beat, now: Instant) -> bool {
        let since = *self.healing_since.get_or_insert(now);
        let waited = now.duration_since(since);
        let others = || beat.rows.iter().filter(|row| row.node != self.me);
        let is_announced =
            |peer: &NodeId| others().any(|row| row.node == *peer && row.has_announced);
        let peers_are_back = !self.waits_for_peers || self.peers.iter().all(is_announced);
        let nobody_is_missing = others().all(|row| row.has_announced);
        let patience = self.leases.settle;
        let limit = self.leases.lease + 2 * self.leases.settle;
        (nobody_is_missing && (peers_are_back || waited >= patience)) || waited >= limit
    }

    /// Whether leases that have run out mean that somebody is dead.
    pub(super) fn may_reap(&self, now: Instant) -> bool {
        self.steady_since
            .is_some_and(|since| now.duration_since(since) >= self.leases.settle)
    }

    /// A reaper found that the clock was turned, or that this node's own lease has run out.
    pub(super) const fn is_unsteady(&mut self, now: Instant) {
        self.steady_since = Some(now);
    }

    /// What the store's clock shows now, if nobody turned it.
    pub(super) fn expected_clock(&self, now: Instant) -> Option<u64> {
        let (clock_ms, read_at) = self.clocks?;
        let elapsed = now.duration_since(read_at).as_millis();
        Some(clock_ms + u64::try_from(elapsed).unwrap_or_default())
    }
}
