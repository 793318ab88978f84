//! How much a client may do at a time, by the limits that the server told it.

use std::time::Duration;

/// A bucket of tokens.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    burst: f64,
    per_second: f64,
    tokens: f64,
    at: Duration,
}

impl Allowance {
    /// Without a limit.
    pub const NONE: Self = Self {
        burst: 0.0,
        per_second: 0.0,
        tokens: 0.0,
        at: Duration::ZERO,
    };

    /// So many at once, then so many per second. A 0 is no limit, as it is for the server.
    pub fn limit(&mut self, burst: u32, per_second: u32, now: Duration) {
        if burst == 0 || per_second == 0 {
            *self = Self::NONE;
        } else if self.per_second == 0.0 {
            // Not quite all: what a client measures is not what the server does.
            self.burst = f64::from(burst);
            self.per_second = f64::from(per_second) * 0.95;
            self.tokens = self.burst;
            self.at = now;
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// There is none; when there will be one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if self.per_second == 0.0 {
            return Ok(());
        }
        let gained = now.saturating_sub(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.at = now;
        if self.tokens < 1.0 {
            let wait = (1.0 - self.tokens) / self.per_second;
            return Err(now + Duration::from_secs_f64(wait) + Duration::from_millis(1));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_steady_rate() {
        let mut allowance = Allowance::NONE;
        allowance.limit(2, 10, Duration::ZERO);

        assert!(allowance.take(Duration::ZERO).is_ok());
        assert!(allowance.take(Duration::ZERO).is_ok());
        let again = allowance.take(Duration::ZERO).unwrap_err();
        assert!(allowance.take(again).is_ok());
        assert!(again > Duration::from_millis(100) && again < Duration::from_millis(110));
    }

    #[test]
    fn zero_is_no_limit() {
        let mut allowance = Allowance::NONE;
        allowance.limit(0, 5, Duration::ZERO);

        assert!((0..1_000).all(|_| allowance.take(Duration::ZERO).is_ok()));
    }
}
