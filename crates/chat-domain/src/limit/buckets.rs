use std::{collections::HashMap, hash::Hash, time::Duration};

use crate::{
    limit::{Quota, RetryAfter, TokenBucket},
    time::Timestamp,
};

/// A bucket for each of many. Whoever has none yet has a full one, so full ones are not kept.
#[derive(Debug)]
pub struct Buckets<K> {
    buckets: HashMap<K, TokenBucket>,
    sweep_at: usize,
}

/// When so many buckets are kept, the full ones are thrown out.
const SWEEP_AT: usize = 16_384;

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            buckets: HashMap::new(),
            sweep_at: SWEEP_AT,
        }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// Takes one token out of a bucket.
    ///
    /// # Errors
    /// [`RetryAfter`] when there is none; nothing is taken then.
    pub fn spend(&mut self, key: K, quota: Quota, now: Timestamp) -> Result<(), RetryAfter> {
        if self.buckets.len() >= self.sweep_at {
            self.buckets
                .retain(|_, bucket| bucket.full_in(now) > Duration::ZERO);
            self.sweep_at = SWEEP_AT.max(self.buckets.len() * 2);
        }
        let bucket = self.buckets.entry(key);
        bucket
            .or_insert_with(|| TokenBucket::full(quota, now))
            .spend(now)
    }

    /// The bucket that somebody has spent from.
    pub fn bucket(&mut self, key: &K) -> Option<&mut TokenBucket> {
        self.buckets.get_mut(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_that_are_full_again_are_not_kept() {
        let quota = Quota::new(1, 1).unwrap();
        let mut buckets = Buckets::default();
        let (first, later) = (Timestamp::from_millis(0), Timestamp::from_millis(5_000));
        for number in 0..SWEEP_AT {
            buckets.spend(number, quota, first).unwrap();
        }

        buckets.spend(SWEEP_AT, quota, later).unwrap();

        assert_eq!(buckets.buckets.len(), 1);
        assert!(buckets.spend(SWEEP_AT, quota, later).is_err());
    }
}
