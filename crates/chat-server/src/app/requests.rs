//! How many requests this node takes.

use std::net::IpAddr;

use chat_domain::{id::UserId, limit::Throttle};

use crate::config::Limits;

/// What is counted at this node, so that nobody keeps it from serving the others.
pub struct Requests {
    /// Requests of the HTTP API, for each user.
    pub of_users: Throttle<UserId>,
    /// Likewise for each address, whoever asks there.
    pub from_addresses: Throttle<IpAddr>,
    /// New transports from each address: they cost memory before anybody has signed in.
    pub handshakes: Throttle<IpAddr>,
    /// TLS with each address: signing costs more than all else that a stranger may ask for.
    pub tls: Throttle<IpAddr>,
}

impl Requests {
    /// Nothing was asked yet.
    pub fn new(limits: &Limits) -> Self {
        Self {
            of_users: Throttle::new(limits.requests()),
            from_addresses: Throttle::new(limits.address_requests()),
            handshakes: Throttle::new(limits.handshakes()),
            tls: Throttle::new(limits.tls_handshakes()),
        }
    }
}
