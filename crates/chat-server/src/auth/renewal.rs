//! Reading a JWKS document again and again, in the background.
//!
//! Invariant: between two looks that clients asked for lie 30 s, however many ask.

use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::{
    key::{Key, KeyError, read_jwks},
    keyring::Renewed,
    source::{Source, SourceError},
};
use crate::config::Algorithm;

/// The document is read again after this time: a key that it no longer lists goes on for five minutes more.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// After a failure it is read again this soon, and then ever later.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(60);

/// How long to wait until the document is read again.
struct Pauses {
    /// After the next failure.
    retry: Duration,
}

/// Reads a document for a [`super::keyring::Keyring`].
pub struct Renewal {
    pub(super) source: Box<dyn Source>,
    pub(super) only: Option<Algorithm>,
    pub(super) ring: Renewed,
}

/// Why a look brought no keys.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no document.
    #[error("the JWKS document {0}")]
    Source(#[from] SourceError),
    /// There is no key in it.
    #[error("the JWKS document {0}")]
    Key(#[from] KeyError),
}

impl Renewal {
    /// Reads the document once.
    ///
    /// # Errors
    /// [`LookError`]; the keys that were known go on.
    pub async fn look(&self) -> Result<usize, LookError> {
        self.ring.begin();
        match self.read().await {
            Ok(keys) => {
                let count = keys.len();
                self.ring.end(Some(keys));
                Ok(count)
            }
            Err(error) => {
                self.ring.end(None);
                Err(error)
            }
        }
    }

    /// Goes on for ever.
    pub async fn go_on(self) {
        let mut pauses = Pauses::default();
        let mut pause = Duration::ZERO;
        let mut had_failed = false;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.ring.wanted() => {}
            }
            match self.look().await {
                Ok(count) => {
                    if had_failed {
                        info!("the JWKS document can be read again; it holds {count} keys");
                    }
                    (had_failed, pause) = (false, pauses.after_success());
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "could not renew the keys that tokens are checked with; those that are known go on"
                    );
                    (had_failed, pause) = (true, pauses.after_failure());
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<Key>, LookError> {
        let document = self.source.read().await?;
        Ok(read_jwks(&document, self.only)?)
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Self { retry: RETRY_FIRST }
    }
}

impl Pauses {
    fn after_success(&mut self) -> Duration {
        *self = Self::default();
        EVERY
    }

    fn after_failure(&mut self) -> Duration {
        let pause = self.retry;
        self.retry = (pause * 2).min(RETRY_LAST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_every_five_minutes_and_sooner_after_failures() {
        let mut pauses = Pauses::default();

        assert_eq!(pauses.after_success().as_secs(), 300);
        let retries = [(); 9].map(|()| pauses.after_failure().as_secs());
        assert_eq!(retries, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        pauses.after_success();
        assert_eq!(pauses.after_failure().as_secs(), 1);
    }
}
