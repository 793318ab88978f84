//! Spares callers the wait for a store that is away.
//!
//! Closed, everything goes through. The first call that finds nobody there opens it; from then on calls are
//! refused at once, and whoever opened it looks after the store from time to time, until it answers.
//! Whether it does is for the adapter to find out: this is the state alone, and `now` an argument.

use std::time::{Duration, Instant};

/// The store did not answer a moment ago. Nothing was asked of it: trying again later is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is away")]
pub struct Away;

pub(crate) struct Breaker {
    is_open: bool,
    probe_every: Duration,
    /// When the last probe was, or is to be.
    last_probe: Option<Instant>,
}

impl Breaker {
    /// A closed one.
    pub(crate) const fn new(probe_every: Duration) -> Self {
        Self {
            is_open: false,
            probe_every,
            last_probe: None,
        }
    }

    /// Whether a call may go through.
    pub(crate) const fn admit(&self) -> Result<(), Away> {
        if self.is_open { Err(Away) } else { Ok(()) }
    }

    /// A call found nobody there. Returns whether it is the first: then the caller begins to probe.
    #[must_use]
    pub(crate) const fn open(&mut self) -> bool {
        let is_first = !self.is_open;
        self.is_open = true;
        is_first
    }

    /// When to probe next: now, or as soon as the last probe is long enough ago.
    pub(crate) fn next_probe(&mut self, now: Instant) -> Instant {
        let earliest = self.last_probe.map(|last| last + self.probe_every);
        let next = earliest.map_or(now, |earliest| earliest.max(now));
        self.last_probe = Some(next);
        next
    }

    /// A probe was answered.
    pub(crate) const fn close(&mut self) {
        self.is_open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(500);

    #[test]
    fn calls_go_through_until_one_finds_nobody_and_again_after_a_probe_was_answered() {
        let mut breaker = Breaker::new(EVERY);
        assert_eq!(breaker.admit(), Ok(()));

        assert!(breaker.open());
        assert_eq!(breaker.admit(), Err(Away));

        breaker.close();
        assert_eq!(breaker.admit(), Ok(()));
    }

    #[test]
    fn of_many_that_find_nobody_one_probes() {
        let mut breaker = Breaker::new(EVERY);

        let probing = [(); 5].map(|()| breaker.open());

        assert_eq!(probing, [true, false, false, false, false]);
    }

    #[test]
    fn the_first_probe_is_at_once_and_the_others_keep_their_distance() {
        let mut breaker = Breaker::new(EVERY);
        let start = Instant::now();

        // The second probe took no time, the third one longer than the distance.
        let asked_at = [0, 0, 1_700].map(|ms| start + Duration::from_millis(ms));
        let probes = asked_at.map(|now| breaker.next_probe(now).duration_since(start).as_millis());

        assert_eq!(probes, [0, 500, 1_700]);
    }

    #[test]
    fn a_store_that_comes_and_goes_is_probed_no_more_often() {
        let mut breaker = Breaker::new(EVERY);
        let start = Instant::now();
        assert!(breaker.open());
        breaker.next_probe(start);
        breaker.close();

        assert!(breaker.open());

        let soon = start + Duration::from_millis(100);
        assert_eq!(breaker.next_probe(soon), start + EVERY);
    }
}
