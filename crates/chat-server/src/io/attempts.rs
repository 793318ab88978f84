//! How often somebody may try to sign in on one transport.
//!
//! A good token costs more than a wrong one: besides the check, Redis and the database are asked. So neither signing in
//! nor signing out starts the count anew.

use std::sync::{Arc, Mutex, PoisonError};

use chat_domain::{
    limit::{Quota, RetryAfter, TokenBucket},
    time::Timestamp,
};

/// Ten at once, then one a second.
const QUOTA: Quota = Quota::new(10, 1).expect("neither is 0");

/// The attempts on one transport: an extension of its first request, which lives as long as the transport.
#[derive(Clone, Default)]
pub struct Attempts(Arc<Mutex<State>>);

#[derive(Default)]
enum State {
    #[default]
    NoneYet,
    Counted(TokenBucket),
    TooMany,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It is looked at.
    Taken,
    /// It was one too many: the transport is to be ended.
    OneTooMany,
    /// The transport is being ended.
    Ignored,
}

impl Attempts {
    /// Somebody tries. The first time is paid with opening the transport; `pay` is for each other time.
    pub fn count(&self, now: Timestamp, pay: impl FnOnce() -> Result<(), RetryAfter>) -> Attempt {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut bucket, paid) = match &*state {
            State::NoneYet => (TokenBucket::full(QUOTA, now), Ok(())),
            State::Counted(bucket) => (*bucket, pay()),
            State::TooMany => return Attempt::Ignored,
        };
        if paid.and_then(|()| bucket.spend(now)).is_err() {
            *state = State::TooMany;
            return Attempt::OneTooMany;
        }
        *state = State::Counted(bucket);
        Attempt::Taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn so_many_attempts_are_taken_at_once_and_then_one_a_second() {
        let attempts = Attempts::default();
        let count = |now| attempts.count(now, || Ok(()));

        assert!((0..10).all(|_| count(at(0)) == Attempt::Taken));
        assert!((1..100).all(|second| count(at(second)) == Attempt::Taken));
        assert_eq!(count(at(99)), Attempt::OneTooMany);
        // Waiting does not help any more.
        assert_eq!(count(at(200)), Attempt::Ignored);
    }

    #[test]
    fn all_but_the_first_have_a_price() {
        let attempts = Attempts::default();
        let no_money = || Err(RetryAfter(std::time::Duration::from_secs(1)));

        assert_eq!(attempts.count(at(0), no_money), Attempt::Taken);
        assert_eq!(attempts.count(at(0), || Ok(())), Attempt::Taken);
        assert_eq!(attempts.count(at(0), no_money), Attempt::OneTooMany);
    }
}
