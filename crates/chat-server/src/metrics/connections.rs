//! Who comes, who is turned away, and who goes.

use metrics::{Gauge, counter, describe_counter, describe_gauge, gauge};

const CONNECTS: &str = "chat_connects_total";
const REFUSALS: &str = "chat_connect_refusals_total";
const DISCONNECTS: &str = "chat_disconnects_total";
const TCP: &str = "chat_tcp_connections";

pub(super) fn describe() {
    describe_counter!(CONNECTS, "Connections that were let in.");
    describe_counter!(REFUSALS, "Connections that were not let in.");
    describe_counter!(DISCONNECTS, "Connections that have ended.");
    describe_gauge!(TCP, "TCP connections, signed in or not.");
    // A rate needs a beginning.
    for transport in [WEBSOCKET, POLLING] {
        counter!(CONNECTS, "transport" => transport).increment(0);
    }
    for refused in Refused::ALL {
        counter!(REFUSALS, "cause" => refused.as_str()).increment(0);
    }
    for ended in Ended::ALL {
        counter!(DISCONNECTS, "reason" => ended.as_str()).increment(0);
    }
}

const WEBSOCKET: &str = "websocket";
const POLLING: &str = "polling";

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is no valid token.
    Unauthorized,
    /// The user has as many connections as allowed.
    UserLimit,
    /// The address has as many connections as allowed.
    AddressLimit,
    /// The node has as many connections as it takes.
    NodeFull,
    /// The node stops.
    Draining,
    /// The transport was used for too many attempts.
    Attempts,
    /// The address opens too many transports.
    Handshakes,
    /// The page is a stranger's.
    Origin,
    /// Something that the server needs is away.
    Unavailable,
}

/// Why a connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The client said that it goes.
    Client,
    /// The transport was lost.
    Transport,
    /// The client did not answer pings.
    PingTimeout,
    /// The server stops.
    Shutdown,
    /// The client did not read.
    SlowConsumer,
    /// The client went on after many refusals.
    RateLimited,
    /// The token has expired.
    AuthExpired,
    /// Something that the server needs was away.
    Unavailable,
    /// It was revoked, or displaced.
    Evicted,
}

impl Refused {
    const ALL: [Self; 9] = [
        Self::Unauthorized,
        Self::UserLimit,
        Self::AddressLimit,
        Self::NodeFull,
        Self::Draining,
        Self::Attempts,
        Self::Handshakes,
        Self::Origin,
        Self::Unavailable,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::UserLimit => "user_limit",
            Self::AddressLimit => "address_limit",
            Self::NodeFull => "node_full",
            Self::Draining => "draining",
            Self::Attempts => "attempts",
            Self::Handshakes => "handshakes",
            Self::Origin => "origin",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Ended {
    const ALL: [Self; 9] = [
        Self::Client,
        Self::Transport,
        Self::PingTimeout,
        Self::Shutdown,
        Self::SlowConsumer,
        Self::RateLimited,
        Self::AuthExpired,
        Self::Unavailable,
        Self::Evicted,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Transport => "transport",
            Self::PingTimeout => "ping_timeout",
            Self::Shutdown => "server_shutdown",
            Self::SlowConsumer => "slow_consumer",
            Self::RateLimited => "rate_limited",
            Self::AuthExpired => "auth_expired",
            Self::Unavailable => "service_unavailable",
            Self::Evicted => "evicted",
        }
    }
}

/// Somebody was let in.
pub fn connected(is_websocket: bool) {
    let transport = if is_websocket { WEBSOCKET } else { POLLING };
    counter!(CONNECTS, "transport" => transport).increment(1);
}

/// Somebody was not let in.
pub fn refused(refused: Refused) {
    counter!(REFUSALS, "cause" => refused.as_str()).increment(1);
}

/// Somebody who was let in is gone.
pub fn ended(ended: Ended) {
    counter!(DISCONNECTS, "reason" => ended.as_str()).increment(1);
}

/// One TCP connection, until this is dropped.
pub struct Tcp(Gauge);

impl Tcp {
    /// One more.
    pub fn opened() -> Self {
        let all = gauge!(TCP);
        all.increment(1);
        Self(all)
    }
}

impl Drop for Tcp {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
