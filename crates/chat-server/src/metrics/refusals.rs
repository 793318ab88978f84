//! Limits that somebody ran into.

use metrics::{counter, describe_counter};

use crate::wire::refusal::Limit;

const RATE_LIMITED: &str = "chat_rate_limited_total";

pub(super) fn describe() {
    describe_counter!(RATE_LIMITED, "Events and requests past a limit.");
    // A rate needs a beginning.
    for limit in ALL {
        counter!(RATE_LIMITED, "limit" => name(limit)).increment(0);
    }
}

const ALL: [Limit; 8] = [
    Limit::Messages,
    Limit::Typing,
    Limit::Events,
    Limit::Joins,
    Limit::History,
    Limit::Requests,
    Limit::AddressRequests,
    Limit::Handshakes,
];

const fn name(limit: Limit) -> &'static str {
    match limit {
        Limit::Messages => "messages",
        Limit::Typing => "typing",
        Limit::Events => "events",
        Limit::Joins => "joins",
        Limit::History => "history",
        Limit::Requests => "requests",
        Limit::AddressRequests => "address_requests",
        Limit::Handshakes => "handshakes",
    }
}

/// There was too much of it.
pub fn rate_limited(limit: Limit) {
    counter!(RATE_LIMITED, "limit" => name(limit)).increment(1);
}
