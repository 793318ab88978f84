//! Ordered delivery of one group's durable events on one node: a pure state machine.
//!
//! Hints about new events arrive in any order, twice, or never. The database is the truth, and
//! reading it fills every gap.
//!
//! Invariant: what comes out has rising `seq`; nothing comes out twice; a `seq` is passed over only
//! when the database said what stands between.

use std::{collections::BTreeMap, time::Duration};

use crate::{id::Seq, time::Timestamp};

/// How long an event that came too early waits for the ones before it, until the database is asked.
pub const HOLD: Duration = Duration::from_millis(50);

/// How long a failed repair waits for the next try.
pub const RETRY: Duration = Duration::from_millis(500);

/// How many early events are kept; the rest is read from the database when its turn comes.
const HELD_EVENTS: usize = 1_024;

/// What the machine orders.
pub trait Durable {
    /// The place in the group's history that this event took.
    fn place(&self) -> Seq;
}

/// What showed that the database has something which nobody told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A later event came, and the ones before it did not.
    Early,
    /// The database was asked how far the group has come.
    Head,
}

/// How a node came to know of an event that it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It was told.
    Hint,
    /// It had to read the database.
    Database,
}

/// What one node has told its own sockets about one group.
#[derive(Debug)]
pub struct Delivery<E> {
    /// `None` until the head is known; everything is held meanwhile.
    delivered: Option<Seq>,
    /// The newest `seq` that is known to exist.
    head: Seq,
    held: BTreeMap<Seq, E>,
    /// When the database is to be asked; set exactly while something is missing.
    repair_at: Option<Timestamp>,
    /// Why, the last time.
    cause: Cause,
}

impl<E> Default for Delivery<E> {
    fn default() -> Self {
        Self {
            delivered: None,
            head: Seq::ZERO,
            held: BTreeMap::new(),
            repair_at: None,
            cause: Cause::Early,
        }
    }
}

impl<E: Durable> Delivery<E> {
    /// The newest `seq` that was told, once the machine has started.
    #[must_use]
    pub fn delivered(&self) -> Option<Seq> {
        self.delivered
    }

    /// The database says that the group's newest `seq` is `head`: on the first call delivery
    /// starts right behind it; later calls make what is missing due at once.
    pub fn notice_head(&mut self, head: Seq, now: Timestamp, mut tell: impl FnMut(E)) {
        self.head = self.head.max(head);
        if self.delivered.is_none() {
            self.delivered = Some(head);
            self.release(now, &mut tell);
        } else if self.is_behind() {
            self.repair_at = Some(now);
            self.cause = Cause::Head;
        }
    }

    /// A hint says that this event was committed.
    pub fn offer(&mut self, event: E, now: Timestamp, mut tell: impl FnMut(E)) {
        let seq = event.place();
        self.head = self.head.max(seq);
        match self.delivered {
            Some(delivered) if seq <= delivered => return,
            Some(delivered) if seq == delivered.next() => {
                self.delivered = Some(seq);
                tell(event);
            }
            // Too early; or the head is not known yet.
            _ => {
                self.held.insert(seq, event);
                if self.held.len() > HELD_EVENTS {
                    self.held.pop_last();
                }
            }
        }
        self.release(now, &mut tell);
    }

    /// When [`Delivery::repair_due`] has to be asked.
    #[must_use]
    pub fn repair_at(&self) -> Option<Timestamp> {
        self.repair_at
    }

    /// If the database has to be read: the `seq` after which to read. The next repair is due only
    /// after [`RETRY`], so that one read is in flight.
    pub fn repair_due(&mut self, now: Timestamp) -> Option<Seq> {
        if self.repair_at.is_none_or(|at| at > now) {
            return None;
        }
        self.repair_at = Some(now + RETRY);
        self.delivered
    }

    /// What the repair that is due, or was last, goes back to.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// The database was read after `repair_due`'s answer: these are the events, in order, and
    /// nothing else stands between there and `through`.
    pub fn repaired(
        &mut self,
        events: Vec<E>,
        through: Seq,
        now: Timestamp,
        mut tell: impl FnMut(E),
    ) {
        for event in events {
            if self
                .delivered
                .is_some_and(|delivered| event.place() > delivered)
            {
                self.delivered = Some(event.place());
                tell(event);
            }
        }
        self.delivered = self.delivered.map(|delivered| delivered.max(through));
        self.head = self.head.max(through);
        self.release(now, &mut tell);
    }

    /// Tells what was held and has become next; then sets the clock for what is still missing.
    fn release(&mut self, now: Timestamp, tell: &mut impl FnMut(E)) {
        let Some(mut delivered) = self.delivered else {
            return;
        };
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > delivered.next() {
                break;
            }
            let (seq, event) = entry.remove_entry();
            if seq == delivered.next() {
                delivered = seq;
                tell(event);
            }
        }
        self.delivered = Some(delivered);
        if self.is_behind() {
            if self.repair_at.is_none() {
                self.repair_at = Some(now + HOLD);
                self.cause = Cause::Early;
            }
        } else {
            self.repair_at = None;
        }
    }

    fn is_behind(&self) -> bool {
        self.delivered
            .is_some_and(|delivered| delivered < self.head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Durable for u64 {
        fn place(&self) -> Seq {
            Seq::new(*self)
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn started(head: u64) -> Delivery<u64> {
        let mut delivery = Delivery::default();
        delivery.notice_head(Seq::new(head), at(0), |_| {
            panic!("nothing is told at the start")
        });
        delivery
    }

    #[test]
    fn what_comes_too_early_waits_for_its_turn() {
        let (mut delivery, mut told) = (started(4), vec![]);

        delivery.offer(6, at(0), |e| told.push(e));
        assert_eq!((told.len(), delivery.repair_at()), (0, Some(at(0) + HOLD)));
        delivery.offer(5, at(1), |e| told.push(e));

        assert_eq!((told, delivery.repair_at()), (vec![5, 6], None));
    }

    #[test]
    fn a_gap_that_stays_is_filled_from_the_database() {
        let (mut delivery, mut told) = (started(4), vec![]);
        delivery.offer(7, at(0), |e| told.push(e));

        assert_eq!(delivery.repair_due(at(49)), None);
        assert_eq!(delivery.repair_due(at(50)), Some(Seq::new(4)));
        assert_eq!(delivery.repair_due(at(51)), None, "one read is in flight");
        // 5 was changed later, as 6: the database shows its present state only.
        delivery.repaired(vec![6], Seq::new(6), at(60), |e| told.push(e));

        assert_eq!((told, delivery.repair_at()), (vec![6, 7], None));
    }

    #[test]
    fn what_is_heard_before_the_head_is_known_is_not_lost() {
        let (mut delivery, mut told) = (Delivery::default(), vec![]);

        delivery.offer(8, at(0), |e| told.push(e));
        delivery.offer(9, at(0), |e| told.push(e));
        delivery.notice_head(Seq::new(8), at(1), |e| told.push(e));

        assert_eq!(told, [9]);
    }

    /// What can happen to the machine.
    #[derive(Debug, Clone)]
    enum Op {
        Commit,
        Hear(prop::sample::Index),
        Poll,
        Repair { limit: u64 },
        RepairFails,
        Wait(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => Just(Op::Commit),
            6 => any::<prop::sample::Index>().prop_map(Op::Hear),
            1 => Just(Op::Poll),
            3 => (1_u64..5).prop_map(|limit| Op::Repair { limit }),
            1 => Just(Op::RepairFails),
            3 => (0_u64..600).prop_map(Op::Wait),
        ]
    }

    proptest! {
        /// The naive model: the log is 1..=committed; told must be a run of it, from the head at
        /// the start; and after one last look at the database it must be all of it.
        #[test]
        fn every_event_is_told_once_and_in_order(
            before in 0_u64..5, early in 0_u64..3, ops in prop::collection::vec(op(), 0..120),
        ) {
            let (mut committed, mut now, mut told) = (before + early, 0, Vec::new());
            let mut delivery = Delivery::default();
            for event in before + 1..=committed {
                delivery.offer(event, at(now), |e| told.push(e));
            }
            delivery.notice_head(Seq::new(before), at(now), |e| told.push(e));

            for op in ops {
                match op {
                    Op::Commit => committed += 1,
                    Op::Hear(index) if committed > 0 => {
                        let event = index.index(usize::try_from(committed).unwrap()) as u64 + 1;
                        delivery.offer(event, at(now), |e| told.push(e));
                    }
                    Op::Hear(_) => {}
                    Op::Poll => delivery.notice_head(Seq::new(committed), at(now), |e| told.push(e)),
                    Op::Repair { limit } => {
                        if let Some(after) = delivery.repair_due(at(now)) {
                            let through = committed.min(after.get() + limit);
                            let page = (after.get() + 1..=through).collect();
                            delivery.repaired(page, Seq::new(through), at(now), |e| told.push(e));
                        }
                    }
                    Op::RepairFails => { delivery.repair_due(at(now)); }
                    Op::Wait(ms) => now += ms,
                }
                let expected: Vec<u64> = (before + 1..).take(told.len()).collect();
                prop_assert_eq!(&told, &expected);
                prop_assert!(told.last().is_none_or(|last| *last <= committed));
            }

            delivery.notice_head(Seq::new(committed), at(now), |e| told.push(e));
            if let Some(after) = delivery.repair_due(at(now)) {
                let page = (after.get() + 1..=committed).collect();
                delivery.repaired(page, Seq::new(committed), at(now), |e| told.push(e));
            }
            prop_assert_eq!(told, (before + 1..=committed).collect::<Vec<_>>());
            prop_assert_eq!(delivery.repair_at(), None);
        }
    }
}
