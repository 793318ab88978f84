//! How often users do things, counted over all nodes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat_domain::{
    limit::{Quota, RetryAfter},
    ports::{RateLimiter, Spending},
};

use super::{
    connection::{Connection, Trouble},
    keys,
    script::{SPEND, Time, odd},
};

/// Counts on Redis, in one round trip; and in this process while Redis is away.
pub struct RedisLimiter {
    connection: Connection,
    alone: Arc<dyn RateLimiter>,
    time: Time,
}

impl RedisLimiter {
    /// `alone` counts while Redis is away.
    #[must_use]
    pub const fn new(connection: Connection, alone: Arc<dyn RateLimiter>, time: Time) -> Self {
        Self {
            connection,
            alone,
            time,
        }
    }

    /// Returns how long to wait: not at all if there was a token.
    async fn take(&self, what: Spending<'_>, quota: Quota) -> Result<Duration, Trouble> {
        let key = match what {
            Spending::Messages(user) => keys::messages_of(user),
            Spending::Typing(user, group) => keys::typing_of(user, group),
        };
        let arguments = vec![
            self.time.argument(),
            key.into(),
            quota.burst().into(),
            quota.per_second().into(),
        ];
        let wait_ms = SPEND.run(&self.connection, arguments).await?.number()?;
        Ok(Duration::from_millis(
            u64::try_from(wait_ms).map_err(|_| odd())?,
        ))
    }
}

#[async_trait]
impl RateLimiter for RedisLimiter {
    async fn spend(&self, what: Spending<'_>, quota: Quota) -> Result<(), RetryAfter> {
        match self.take(what, quota).await {
            Ok(Duration::ZERO) => Ok(()),
            Ok(wait) => Err(RetryAfter(wait)),
            Err(trouble) => {
                tracing::debug!(%trouble, "counting for this node alone");
                self.alone.spend(what, quota).await
            }
        }
    }
}
