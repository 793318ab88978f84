use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::{
    id::{GroupId, UserId},
    limit::{Buckets, Quota, RetryAfter},
    ports::{Clock, RateLimiter, Spending},
};

/// Counts for this process alone.
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    buckets: Mutex<Buckets<Key>>,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Messages(UserId),
    Typing(UserId, GroupId),
}

impl MemoryLimiter {
    /// Counts by this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            buckets: Mutex::default(),
        }
    }
}

#[async_trait]
impl RateLimiter for MemoryLimiter {
    async fn spend(&self, what: Spending<'_>, quota: Quota) -> Result<(), RetryAfter> {
        let key = match what {
            Spending::Messages(user) => Key::Messages(user.clone()),
            Spending::Typing(user, group) => Key::Typing(user.clone(), group.clone()),
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.spend(key, quota, self.clock.now())
    }
}
