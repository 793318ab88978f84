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
        let mut retry = RETRY_FIRST;
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
                    (had_failed, retry, pause) = (false, RETRY_FIRST, EVERY);
                }
                Err(error) => {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "could not renew the keys that tokens are checked with; those that are known go on"
                    );
                    (had_failed, pause) = (true, retry);
                    retry = (retry * 2).min(RETRY_LAST);
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<Key>, LookError> {
        let document = self.source.read().await?;
        Ok(read_jwks(&document, self.only)?)
    }
}
