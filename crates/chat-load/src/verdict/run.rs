//! Numbers that should come one after the other.

use std::collections::BTreeSet;

use super::Kind;
use crate::record::Seq;

/// How far they have come, and what was left out.
pub struct Run {
    next: Seq,
    missing: BTreeSet<Seq>,
}

impl Run {
    /// The next one should be that.
    pub fn from(next: Seq) -> Self {
        let missing = BTreeSet::new();
        Self { next, missing }
    }

    /// Takes a number in. Returns what is wrong with it; a gap is wrong only if it stays one.
    pub fn take(&mut self, seq: Seq) -> Option<Kind> {
        if seq >= self.next {
            self.missing.extend(self.next..seq);
            self.next = seq.saturating_add(1);
            return None;
        }
        Some(if self.missing.remove(&seq) {
            Kind::Reordered
        } else {
            Kind::Duplicated
        })
    }

    /// The highest so far.
    pub fn reached(&self) -> Seq {
        self.next - 1
    }

    /// What never came.
    pub fn left_out(&self) -> impl Iterator<Item = Seq> {
        self.missing.iter().copied()
    }
}
