use std::{
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    limit::{Buckets, Quota, RetryAfter},
    time::Timestamp,
};

/// Protects one node from what costs it much: counts for this node alone, and asks nobody.
///
/// What is a promise to users is counted by [`RateLimiter`](crate::ports::RateLimiter), over all nodes.
#[derive(Debug)]
pub struct Throttle<K> {
    quota: Option<Quota>,
    buckets: Mutex<Buckets<K>>,
}

/// What somebody may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The rule.
    pub quota: Quota,
    /// How many are left now.
    pub left: u32,
    /// After this long all of the burst is left.
    pub full_in: Duration,
}

impl<K: Eq + Hash + Clone> Throttle<K> {
    /// Keeps this rule for each; `None`: there is no limit.
    #[must_use]
    pub fn new(quota: Option<Quota>) -> Self {
        Self {
            quota,
            buckets: Mutex::default(),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// [`RetryAfter`] when it is too much; it is not counted then.
    pub fn spend(&self, who: &K, now: Timestamp) -> Result<(), RetryAfter> {
        self.quota.map_or(Ok(()), |quota| {
            self.buckets().spend(who.clone(), quota, now)
        })
    }

    /// What is left; `None`: there is no limit.
    #[must_use]
    pub fn allowance(&self, who: &K, now: Timestamp) -> Option<Allowance> {
        let quota = self.quota?;
        let mut buckets = self.buckets();
        let untouched = Allowance {
            quota,
            left: quota.burst(),
            full_in: Duration::ZERO,
        };
        Some(buckets.bucket(who).map_or(untouched, |bucket| Allowance {
            quota,
            left: bucket.left(now),
            full_in: bucket.full_in(now),
        }))
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets<K>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_what_is_left_of_the_burst() {
        let quota = Quota::new(3, 2).unwrap();
        let throttle = Throttle::new(Some(quota));
        let now = Timestamp::from_millis(0);
        throttle.spend(&"ada", now).unwrap();
        throttle.spend(&"ada", now).unwrap();

        let left = |who, now| throttle.allowance(&who, now).unwrap();

        let ada = Allowance {
            quota,
            left: 1,
            full_in: Duration::from_secs(1),
        };
        assert_eq!(left("ada", now), ada);
        assert_eq!(left("ada", Timestamp::from_millis(500)).left, 2);
        assert_eq!(left("bob", now).left, 3);
    }

    #[test]
    fn without_a_quota_everything_passes() {
        let throttle = Throttle::new(None);
        let now = Timestamp::from_millis(0);

        assert!((0..1_000).all(|_| throttle.spend(&"ada", now).is_ok()));
        assert_eq!(throttle.allowance(&"ada", now), None);
    }
}
