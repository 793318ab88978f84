//! Why the server ends a connection, and what it says then (contract, section 1).

use std::time::Duration;

use crate::wire::{
    outgoing::{ClosingCode, SessionClosed},
    time::millis,
};

/// A reason of the server's own to end a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// The server stops. This client should wait that long before it comes back.
    Shutdown {
        /// Each client gets a time of its own, so that they do not come back all at once.
        reconnect_in: Duration,
    },
    /// The client does not read.
    SlowConsumer,
    /// The client went on after many refusals.
    RateLimited,
    /// The token expired, and no new one came.
    AuthExpired,
    /// The database was away when the connection began.
    Unavailable,
    /// The connection was revoked, or displaced by a newer one.
    Evicted,
}

impl Closing {
    /// What the client is told.
    pub fn notice(self) -> SessionClosed {
        let (code, message) = match self {
            Self::Shutdown { .. } => (ClosingCode::ServerShutdown, "The server is shutting down."),
            Self::SlowConsumer => (
                ClosingCode::SlowConsumer,
                "The client does not read what it is sent.",
            ),
            Self::RateLimited => (
                ClosingCode::RateLimited,
                "The client sends too many events.",
            ),
            Self::AuthExpired => (ClosingCode::AuthExpired, "The token has expired."),
            Self::Unavailable => (
                ClosingCode::ServiceUnavailable,
                "The server cannot serve this connection right now.",
            ),
            Self::Evicted => (ClosingCode::Evicted, "The session was ended."),
        };
        let reconnect_in_ms = match self {
            Self::Shutdown { reconnect_in } => Some(millis(reconnect_in)),
            _ => None,
        };
        let reconnect = self != Self::Evicted;
        SessionClosed {
            code,
            message,
            reconnect,
            reconnect_in_ms,
        }
    }
}
