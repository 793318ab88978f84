//! Tokens that are refused although they have not expired: what this node knows of them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat_domain::{
    revocation::{Revocation, TokenId},
    time::Timestamp,
};

/// Every refused token, and until when. The database holds them for good.
#[derive(Debug, Default)]
pub struct RefusedTokens {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    until: HashMap<TokenId, Timestamp>,
    /// When so many are kept, those that have ended are thrown out.
    sweep_at: usize,
}

const SWEEP_AT: usize = 1_024;

impl RefusedTokens {
    /// Refuses a token. Returns whether that is new.
    pub fn refuse(&self, revocation: &Revocation, now: Timestamp) -> bool {
        let mut inner = self.lock();
        if inner.until.len() >= inner.sweep_at.max(SWEEP_AT) {
            inner.until.retain(|_, until| *until > now);
            inner.sweep_at = inner.until.len() * 2;
        }
        let known = inner.until.get(&revocation.token).copied();
        let until = known.unwrap_or_default().max(revocation.until);
        inner.until.insert(revocation.token.clone(), until);
        known.is_none()
    }

    /// Whether that token is refused.
    pub fn contains(&self, token: &TokenId) -> bool {
        // One that has ended has expired, and is refused for that.
        self.lock().until.contains_key(token)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_forgotten_when_there_is_too_much() {
        let tokens = RefusedTokens::default();
        let at = Timestamp::from_millis;
        let refuse = |name: String, until| {
            let token = TokenId::parse(&name).unwrap();
            tokens.refuse(
                &Revocation {
                    token,
                    until: at(until),
                },
                at(50),
            )
        };
        assert!(refuse("stays".to_owned(), 100));
        assert!(!refuse("stays".to_owned(), 10));

        for number in 0..100_000 {
            refuse(number.to_string(), 10);
        }

        assert!(tokens.contains(&TokenId::parse("stays").unwrap()));
        assert!(tokens.lock().until.len() <= 2 * SWEEP_AT);
    }
}
