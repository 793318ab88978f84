use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    id::{GroupId, UserId},
    limit::{Quota, RetryAfter, TokenBucket},
    ports::{Clock, RateLimiter, Spending},
};

/// Counts for this process alone.
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    buckets: HashMap<Key, TokenBucket>,
    sweep_at: usize,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Messages(UserId),
    Typing(UserId, GroupId),
}

/// When so many buckets are kept, the full ones are thrown out.
const SWEEP_AT: usize = 16_384;

impl MemoryLimiter {
    /// Counts by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
        }
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn spend(&self, what: Spending<'_>, quota: Quota) -> Result<(), RetryAfter> {
        let now = self.clock.now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.buckets.len() >= inner.sweep_at.max(SWEEP_AT) {
            inner.buckets.retain(|_, bucket| !bucket.is_full(now));
            inner.sweep_at = inner.buckets.len() * 2;
        }
        let key = match what {
            Spending::Messages(user) => Key::Messages(user.clone()),
            Spending::Typing(user, group) => Key::Typing(user.clone(), group.clone()),
        };
        let bucket = inner
            .buckets
            .entry(key)
            .or_insert_with(|| TokenBucket::full(quota, now));
        bucket.spend(now)
    }
}
