//! When to stop asking a Redis that does not answer.

use std::time::{Duration, Instant};

/// Failures in a row that are enough.
const FAILURES: u32 = 3;

/// How long a question may be open, with none answered meanwhile.
const SILENCE: Duration = Duration::from_secs(1);

/// What is left of the patience with one connection.
#[derive(Debug, Default)]
pub(super) struct Patience {
    failures: u32,
    /// When the first question was asked that nobody has answered since.
    silent_since: Option<Instant>,
}

impl Patience {
    /// A question was answered, whatever the answer was.
    pub(super) const fn answered(&mut self) {
        self.failures = 0;
        self.silent_since = None;
    }

    /// A question was not answered. Returns whether that was one too many.
    #[must_use]
    pub(super) fn failed(&mut self, asked_at: Instant, now: Instant) -> bool {
        self.failures += 1;
        let since = self.silent_since.map_or(asked_at, |it| it.min(asked_at));
        self.silent_since = Some(since);
        self.failures >= FAILURES || now.duration_since(since) >= SILENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_are_enough() {
        let (mut patience, now) = (Patience::default(), Instant::now());

        assert!(!patience.failed(now, now));
        assert!(!patience.failed(now, now));
        patience.answered();
        assert!(!patience.failed(now, now));
        assert!(!patience.failed(now, now));
        assert!(patience.failed(now, now));
    }

    #[test]
    fn a_second_of_silence_is_enough() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let after = |ms| start + Duration::from_millis(ms);

        assert!(!patience.failed(after(0), after(500)));
        assert!(patience.failed(after(500), after(1_000)));

        patience.answered();
        assert!(!patience.failed(after(1_000), after(1_500)));
    }
}
