//! What is said when more comes than can be stored.

/// More messages come than can be stored. Nothing was stored: trying again later is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many messages wait to be stored")]
pub struct Overloaded;
