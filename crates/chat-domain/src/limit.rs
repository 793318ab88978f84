//! How often something may happen: a [`Quota`] is the rule, a [`TokenBucket`] keeps it for one, [`Buckets`] for many,
//! a [`Throttle`] for many on one node.

mod buckets;
mod throttle;

use std::time::Duration;

use crate::time::Timestamp;

pub use self::{
    buckets::Buckets,
    throttle::{Allowance, Throttle},
};

/// So many at once, then so many per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    burst: u32,
    per_second: u32,
}

impl Quota {
    /// A quota; `None` means that there is no limit, which a 0 in either place stands for.
    #[must_use]
    pub const fn new(burst: u32, per_second: u32) -> Option<Self> {
        if burst == 0 || per_second == 0 {
            return None;
        }
        Some(Self { burst, per_second })
    }

    /// How many at once.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How many then per second.
    #[must_use]
    pub const fn per_second(self) -> u32 {
        self.per_second
    }

    /// How long an empty bucket takes to be full again; after that it can be forgotten.
    #[must_use]
    pub fn refill(self) -> Duration {
        Duration::from_millis(u64::from(self.burst) * 1_000 / u64::from(self.per_second) + 1)
    }
}

/// Refused for now. Trying again after this long can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub Duration);

/// What is left of one [`Quota`].
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    quota: Quota,
    /// Thousandths of a token, so that slow refills are exact in whole numbers.
    millitokens: u64,
    refilled_at: Timestamp,
}

const TOKEN: u64 = 1_000;

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub const fn full(quota: Quota, now: Timestamp) -> Self {
        Self {
            quota,
            millitokens: quota.burst as u64 * TOKEN,
            refilled_at: now,
        }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// [`RetryAfter`] when there is none; nothing is taken then.
    pub fn spend(&mut self, now: Timestamp) -> Result<(), RetryAfter> {
        self.refill(now);
        if self.millitokens >= TOKEN {
            self.millitokens -= TOKEN;
            return Ok(());
        }
        let missing = TOKEN - self.millitokens;
        let millis = missing.div_ceil(u64::from(self.quota.per_second));
        Err(RetryAfter(Duration::from_millis(millis)))
    }

    /// How many whole tokens there are.
    #[must_use]
    pub fn left(&mut self, now: Timestamp) -> u32 {
        self.refill(now);
        u32::try_from(self.millitokens / TOKEN).unwrap_or(u32::MAX)
    }

    /// How long it takes to be full again; then nothing would be lost if this bucket were forgotten.
    #[must_use]
    pub fn full_in(&mut self, now: Timestamp) -> Duration {
        self.refill(now);
        let missing = u64::from(self.quota.burst) * TOKEN - self.millitokens;
        Duration::from_millis(missing.div_ceil(u64::from(self.quota.per_second)))
    }

    fn refill(&mut self, now: Timestamp) {
        // A millisecond brings a thousandth of what a second does.
        let elapsed_ms = u64::try_from(now.since(self.refilled_at).as_millis()).unwrap_or(u64::MAX);
        let gained = elapsed_ms.saturating_mul(u64::from(self.quota.per_second));
        let most = u64::from(self.quota.burst) * TOKEN;
        self.millitokens = self.millitokens.saturating_add(gained).min(most);
        self.refilled_at = self.refilled_at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = TokenBucket::full(Quota::new(2, 5).unwrap(), at(0));

        assert!(bucket.spend(at(0)).is_ok());
        assert!(bucket.spend(at(0)).is_ok());
        assert_eq!(
            bucket.spend(at(0)),
            Err(RetryAfter(Duration::from_millis(200)))
        );
        assert!(bucket.spend(at(200)).is_ok());
    }

    #[test]
    fn zero_means_no_limit() {
        assert_eq!(Quota::new(0, 5), None);
        assert_eq!(Quota::new(5, 0), None);
    }

    proptest! {
        #[test]
        fn no_window_lets_more_through_than_burst_and_rate(
            burst in 1_u32..20, per_second in 1_u32..50, steps in prop::collection::vec(0_u64..400, 1..200),
        ) {
            let mut bucket = TokenBucket::full(Quota::new(burst, per_second).unwrap(), at(0));
            let (mut now, mut passed) = (0, 0_u64);
            for step in steps {
                now += step;
                match bucket.spend(at(now)) {
                    Ok(()) => passed += 1,
                    Err(RetryAfter(wait)) => {
                        let mut later = bucket;
                        prop_assert!(later.spend(at(now) + wait).is_ok());
                    }
                }
                prop_assert!(passed * 1_000 <= u64::from(burst) * 1_000 + now * u64::from(per_second));
            }
        }
    }
}
