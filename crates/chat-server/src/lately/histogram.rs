//! How long things took, in buckets that grow: each reaches a quarter further than the last power of two, at most.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// More than an hour is in the last one.
const BUCKETS: usize = 124;

/// Buckets with something in them: the place of each, and how much.
pub type Filled = Vec<(u8, u64)>;

/// What was recorded since it was taken.
pub struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self(array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    /// Something took so long.
    pub fn record(&self, took: Duration) {
        if let Some(bucket) = self.0.get(place(took)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes everything out.
    pub fn take(&self) -> Filled {
        let counts = self
            .0
            .iter()
            .map(|bucket| bucket.swap(0, Ordering::Relaxed));
        let counts = (0_u8..).zip(counts);
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

/// So many in a hundred took no longer than that; `None` if there was nothing.
pub fn percentile(filled: &mut [(u8, u64)], percent: u64) -> Option<Duration> {
    filled.sort_unstable();
    let all: u64 = filled.iter().map(|(_, count)| count).sum();
    let wanted = all.saturating_mul(percent).div_ceil(100);
    let mut so_far = 0;
    filled.iter().find_map(|(place, count)| {
        so_far += count;
        (so_far >= wanted).then(|| end(*place))
    })
}

/// Below 4 µs each microsecond has its own, above that each power of two has four.
fn place(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let Some(exponent) = micros.checked_ilog2().filter(|exponent| *exponent >= 2) else {
        return usize::try_from(micros).unwrap_or_default();
    };
    let quarter = (micros >> (exponent - 2)) & 3;
    let place = u64::from(exponent - 1) * 4 + quarter;
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

fn end(place: u8) -> Duration {
    let place = u64::from(place).min(BUCKETS as u64 - 1);
    if place < 4 {
        return Duration::from_micros(place + 1);
    }
    let (exponent, quarter) = (place / 4 + 1, place % 4);
    Duration::from_micros((5 + quarter) << (exponent - 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_a_bucket_that_ends_soon_after_it() {
        for micros in (0..10_000).chain([1_000_000, 59_999_999, 3_600_000_000]) {
            let took = Duration::from_micros(micros);

            let end = end(u8::try_from(place(took)).unwrap());

            assert!(end > took, "{took:?} {end:?}");
            assert!(
                end.as_micros() <= u128::from(micros + micros / 4 + 1),
                "{took:?} {end:?}"
            );
        }
        assert_eq!(place(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded_once() {
        let histogram = Histogram::default();
        for millis in 1..=100 {
            histogram.record(Duration::from_millis(millis));
        }

        let mut filled = histogram.take();

        let found = [50, 99].map(|percent| percentile(&mut filled, percent).unwrap().as_millis());
        assert!(
            (50..=63).contains(&found[0]) && (99..=124).contains(&found[1]),
            "{found:?}"
        );
        assert_eq!(percentile(&mut histogram.take(), 50), None);
    }
}
