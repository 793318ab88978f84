//! Where drafts wait: a lane for each group that has any, in the order in which they came.
//!
//! Invariant: a lane exists exactly as long as somebody serves it. Who enters an empty group opens the lane
//! and has to see to it that it is served; who serves it closes it when nothing waits in it any more.

use std::collections::{HashMap, VecDeque};

use chat_domain::id::GroupId;

use crate::overload::Overloaded;

/// How much may wait, and how much is taken at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LaneLimits {
    /// In one lane.
    pub(crate) waiting: usize,
    /// In all lanes.
    pub(crate) waiting_in_all: usize,
    /// In one batch.
    pub(crate) batch: usize,
    /// In one batch, unless its first entry alone is larger.
    pub(crate) batch_bytes: usize,
}

pub(crate) struct Lanes<T> {
    limits: LaneLimits,
    open: HashMap<GroupId, VecDeque<Entry<T>>>,
    waiting: usize,
}

struct Entry<T> {
    what: T,
    bytes: usize,
}

/// What entering a lane asks of who did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Entered {
    /// The lane is new: have it served.
    Opened,
    /// Somebody serves it.
    Queued,
}

impl<T> Lanes<T> {
    pub(crate) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            open: HashMap::new(),
            waiting: 0,
        }
    }

    pub(crate) fn enter(
        &mut self,
        group: &GroupId,
        what: T,
        bytes: usize,
    ) -> Result<Entered, Overloaded> {
        if self.waiting >= self.limits.waiting_in_all {
            return Err(Overloaded);
        }
        let entry = Entry { what, bytes };
        let entered = match self.open.get_mut(group) {
            Some(lane) if lane.len() >= self.limits.waiting => return Err(Overloaded),
            Some(lane) => {
                lane.push_back(entry);
                Entered::Queued
            }
            None => {
                self.open.insert(group.clone(), VecDeque::from([entry]));
                Entered::Opened
            }
        };
        self.waiting += 1;
        Ok(entered)
    }

    /// The next batch. It is empty if nothing waits; the lane stays all the same.
    pub(crate) fn take(&mut self, group: &GroupId) -> Vec<T> {
        let Some(lane) = self.open.get_mut(group) else {
            return Vec::new();
        };
        let mut bytes = 0;
        let fits = |entry: &&Entry<T>| {
            bytes += entry.bytes;
            bytes <= self.limits.batch_bytes
        };
        let count = lane.iter().take(self.limits.batch).take_while(fits).count();
        let count = count.max(1).min(lane.len());
        self.waiting -= count;
        lane.drain(..count).map(|entry| entry.what).collect()
    }

    /// Closes the lane if nothing waits in it. Returns whether it did.
    pub(crate) fn close_if_empty(&mut self, group: &GroupId) -> bool {
        let is_empty = self.open.get(group).is_none_or(VecDeque::is_empty);
        if is_empty {
            self.open.remove(group);
        }
        is_empty
    }

    /// Closes the lane, with what waits in it: nobody serves it any more.
    pub(crate) fn abandon(&mut self, group: &GroupId) {
        if let Some(lane) = self.open.remove(group) {
            self.waiting -= lane.len();
        }
    }

    /// How much waits in all of them.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many lanes there are.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LaneLimits = LaneLimits {
        waiting: 5,
        waiting_in_all: 8,
        batch: 3,
        batch_bytes: 10,
    };

    fn group(id: &str) -> GroupId {
        GroupId::parse(id).unwrap()
    }

    fn lanes_with(group_id: &str, sizes: &[usize]) -> Lanes<usize> {
        let mut lanes = Lanes::new(LIMITS);
        for bytes in sizes {
            lanes.enter(&group(group_id), *bytes, *bytes).unwrap();
        }
        lanes
    }

    #[test]
    fn who_opens_a_lane_is_told_to_serve_it() {
        let mut lanes = Lanes::new(LIMITS);

        let entered = ["dev", "dev", "ops"].map(|id| lanes.enter(&group(id), (), 1).unwrap());

        assert_eq!(entered, [Entered::Opened, Entered::Queued, Entered::Opened]);
    }

    #[test]
    fn what_waits_is_taken_in_order_and_in_batches() {
        let mut lanes = lanes_with("dev", &[1, 2, 3, 1]);

        let batches = [(); 3].map(|()| lanes.take(&group("dev")));

        assert_eq!(batches, [vec![1, 2, 3], vec![1], vec![]]);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_but_never_empty() {
        let mut lanes = lanes_with("dev", &[6, 4, 1, 99, 5]);

        let batches = [(); 4].map(|()| lanes.take(&group("dev")));

        assert_eq!(batches, [vec![6, 4], vec![1], vec![99], vec![5]]);
    }

    #[test]
    fn a_lane_and_all_lanes_together_hold_so_much_and_no_more() {
        let mut lanes = lanes_with("dev", &[1; 5]);

        assert_eq!(lanes.enter(&group("dev"), 1, 1), Err(Overloaded));
        for _ in 0..3 {
            assert!(lanes.enter(&group("ops"), 1, 1).is_ok());
        }
        assert_eq!(lanes.enter(&group("hr"), 1, 1), Err(Overloaded));

        lanes.take(&group("dev"));
        assert!(lanes.enter(&group("hr"), 1, 1).is_ok());
    }

    #[test]
    fn a_lane_closes_when_nothing_waits_in_it() {
        let mut lanes = lanes_with("dev", &[1]);

        assert!(!lanes.close_if_empty(&group("dev")));
        lanes.take(&group("dev"));
        assert!(lanes.close_if_empty(&group("dev")));

        assert_eq!(lanes.len(), 0);
    }

    #[test]
    fn what_waits_in_an_abandoned_lane_counts_no_more() {
        let mut lanes = lanes_with("dev", &[1; 5]);

        lanes.abandon(&group("dev"));

        for _ in 0..2 {
            assert!(lanes.enter(&group("ops"), 1, 1).is_ok());
        }
        assert_eq!((lanes.len(), lanes.waiting), (1, 2));
    }
}
