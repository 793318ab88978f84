//! Where drafts wait: a lane for each group that has any, in the order in which they came.
//!
//! Invariants: of one group, nothing is taken while what was taken before is under way; a lane exists exactly as long as
//! something waits in it or is under way; who waits longest is taken first.

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
    /// In one batch, out of one lane.
    pub(crate) of_a_lane: usize,
    /// In one batch.
    pub(crate) batch: usize,
    /// In one batch, unless its first entry alone is larger.
    pub(crate) batch_bytes: usize,
}

pub(crate) struct Lanes<T> {
    limits: LaneLimits,
    open: HashMap<GroupId, Lane<T>>,
    /// Those where something waits, and nothing is under way.
    ready: VecDeque<GroupId>,
    waiting: usize,
}

struct Lane<T> {
    entries: VecDeque<Entry<T>>,
    is_under_way: bool,
}

struct Entry<T> {
    what: T,
    bytes: usize,
}

impl<T> Lanes<T> {
    pub(crate) fn new(limits: LaneLimits) -> Self {
        Self {
            limits,
            open: HashMap::new(),
            ready: VecDeque::new(),
            waiting: 0,
        }
    }

    pub(crate) fn enter(
        &mut self,
        group: &GroupId,
        what: T,
        bytes: usize,
    ) -> Result<(), Overloaded> {
        if self.waiting >= self.limits.waiting_in_all {
            return Err(Overloaded);
        }
        let entry = Entry { what, bytes };
        match self.open.get_mut(group) {
            Some(lane) if lane.entries.len() >= self.limits.waiting => return Err(Overloaded),
            Some(lane) => lane.entries.push_back(entry),
            None => {
                let lane = Lane {
                    entries: VecDeque::from([entry]),
                    is_under_way: false,
                };
                self.open.insert(group.clone(), lane);
                self.ready.push_back(group.clone());
            }
        }
        self.waiting += 1;
        Ok(())
    }

    /// The next batch, by groups, which are under way from now on.
    pub(crate) fn take(&mut self) -> Vec<(GroupId, Vec<T>)> {
        let mut batch = Vec::new();
        let (mut room, mut room_bytes) = (self.limits.batch, self.limits.batch_bytes);
        while room > 0
            && let Some(group) = self.ready.pop_front()
        {
            let lane = self.open.get_mut(&group).expect(READY);
            let most = room.min(self.limits.of_a_lane);
            let is_first = batch.is_empty();
            let mut taken = Vec::new();
            while taken.len() < most
                && let Some(entry) = lane.entries.front()
                && (entry.bytes <= room_bytes || (is_first && taken.is_empty()))
            {
                room_bytes = room_bytes.saturating_sub(entry.bytes);
                taken.extend(lane.entries.pop_front().map(|entry| entry.what));
            }
            if taken.is_empty() {
                self.ready.push_front(group);
                break;
            }
            lane.is_under_way = true;
            room -= taken.len();
            self.waiting -= taken.len();
            batch.push((group, taken));
        }
        batch
    }

    /// What was taken of this group is not under way any more.
    pub(crate) fn done(&mut self, group: &GroupId) {
        let Some(lane) = self.open.get_mut(group) else {
            return;
        };
        if lane.entries.is_empty() {
            self.open.remove(group);
        } else if lane.is_under_way {
            lane.is_under_way = false;
            self.ready.push_back(group.clone());
        }
    }

    /// Whether there is something to take.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.is_empty()
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

const READY: &str = "a lane that is ready is open";

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: LaneLimits = LaneLimits {
        waiting: 5,
        waiting_in_all: 8,
        of_a_lane: 3,
        batch: 4,
        batch_bytes: 10,
    };

    fn group(id: &str) -> GroupId {
        GroupId::parse(id).unwrap()
    }

    /// Each entry is as large as it says.
    fn lanes_with(entries: &[(&str, usize)]) -> Lanes<usize> {
        let mut lanes = Lanes::new(LIMITS);
        for (id, bytes) in entries {
            lanes.enter(&group(id), *bytes, *bytes).unwrap();
        }
        lanes
    }

    fn batch(expected: &[(&str, &[usize])]) -> Vec<(GroupId, Vec<usize>)> {
        let part = |(id, taken): &(&str, &[usize])| (group(id), taken.to_vec());
        expected.iter().map(part).collect()
    }

    #[test]
    fn a_batch_has_what_waits_in_all_lanes_and_of_each_in_order() {
        let mut lanes = lanes_with(&[("dev", 1), ("ops", 2), ("dev", 3)]);

        let taken = lanes.take();

        assert_eq!(taken, batch(&[("dev", &[1, 3]), ("ops", &[2])]));
        assert_eq!((lanes.waiting(), lanes.is_ready()), (0, false));
    }

    #[test]
    fn of_a_group_that_is_under_way_nothing_is_taken() {
        let mut lanes = lanes_with(&[("dev", 1)]);
        lanes.take();
        lanes.enter(&group("dev"), 2, 2).unwrap();
        lanes.enter(&group("ops"), 3, 3).unwrap();

        let meanwhile = lanes.take();
        lanes.done(&group("dev"));
        let then = lanes.take();

        assert_eq!(meanwhile, batch(&[("ops", &[3])]));
        assert_eq!(then, batch(&[("dev", &[2])]));
    }

    #[test]
    fn a_busy_lane_leaves_room_for_others_and_comes_after_them() {
        let mut lanes = lanes_with(&[("dev", 1), ("dev", 1), ("dev", 1), ("dev", 2)]);
        lanes.enter(&group("ops"), 3, 3).unwrap();
        lanes.enter(&group("hr"), 4, 4).unwrap();

        let first = lanes.take();
        lanes.done(&group("dev"));
        let second = lanes.take();

        assert_eq!(first, batch(&[("dev", &[1, 1, 1]), ("ops", &[3])]));
        assert_eq!(second, batch(&[("hr", &[4]), ("dev", &[2])]));
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_but_never_empty() {
        let mut lanes = lanes_with(&[("dev", 6), ("ops", 4), ("hr", 1), ("law", 99)]);

        let batches = [(); 4].map(|()| lanes.take());

        let expected = [
            batch(&[("dev", &[6]), ("ops", &[4])]),
            batch(&[("hr", &[1])]),
            batch(&[("law", &[99])]),
            batch(&[]),
        ];
        assert_eq!(batches, expected);
    }

    #[test]
    fn a_lane_and_all_lanes_together_hold_so_much_and_no_more() {
        let mut lanes = lanes_with(&[("dev", 1); 5]);

        assert_eq!(lanes.enter(&group("dev"), 1, 1), Err(Overloaded));
        for _ in 0..3 {
            assert!(lanes.enter(&group("ops"), 1, 1).is_ok());
        }
        assert_eq!(lanes.enter(&group("hr"), 1, 1), Err(Overloaded));

        lanes.take();
        assert!(lanes.enter(&group("hr"), 1, 1).is_ok());
    }

    #[test]
    fn a_lane_closes_when_nothing_waits_in_it_and_nothing_is_under_way() {
        let mut lanes = lanes_with(&[("dev", 1)]);

        lanes.take();
        assert_eq!(lanes.len(), 1);
        lanes.done(&group("dev"));

        assert_eq!(lanes.len(), 0);
    }
}
