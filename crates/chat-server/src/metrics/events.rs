//! What clients ask for: how long it waits, how long it takes, and what comes of it.

use std::{sync::Arc, time::Instant};

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::{lately::Lately, wire::refusal::Code};

const EVENTS: &str = "chat_events_total";
const SECONDS: &str = "chat_event_seconds";
const WAIT: &str = "chat_event_wait_seconds";
const QUEUE_LENGTH: &str = "chat_queue_length";

pub(super) fn describe() {
    describe_counter!(EVENTS, "Events of clients.");
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "From taking an event out of its socket's queue until it is answered."
    );
    describe_histogram!(
        WAIT,
        Unit::Seconds,
        "How long an event waited in its socket's queue."
    );
    describe_gauge!(QUEUE_LENGTH, "What waits at this node.");
}

/// The events of the contract, and what stands for all that are none.
const NAMES: [&str; 10] = [
    "join_group",
    "leave_group",
    "send_message",
    "typing_start",
    "typing_stop",
    "get_room_info",
    "get_group_messages",
    "mark_read",
    "refresh_token",
    "unknown",
];

/// Counts the events of all sockets.
pub struct Events {
    meters: [Meter; NAMES.len()],
    wait: Histogram,
    waiting: Gauge,
    lately: Arc<Lately>,
}

struct Meter {
    name: &'static str,
    ok: Counter,
    seconds: Histogram,
}

/// An event in a queue. It waits until this is dropped.
pub struct Waiting {
    since: Instant,
    all: Gauge,
    lately: Arc<Lately>,
}

impl Events {
    /// Nothing has happened yet.
    pub fn new(lately: Arc<Lately>) -> Self {
        let meter = |name| Meter {
            name,
            ok: counter!(EVENTS, "event" => name, "outcome" => "ok"),
            seconds: histogram!(SECONDS, "event" => name),
        };
        Self {
            meters: NAMES.map(meter),
            wait: histogram!(WAIT),
            waiting: gauge!(QUEUE_LENGTH, "queue" => "inbox"),
            lately,
        }
    }

    /// An event is put into a queue.
    pub fn wait(&self) -> Waiting {
        let all = self.waiting.clone();
        all.increment(1);
        self.lately.wait();
        let since = Instant::now();
        let lately = Arc::clone(&self.lately);
        Waiting { since, all, lately }
    }

    /// It is taken out of it.
    pub fn taken(&self, waiting: &Waiting) {
        self.wait.record(waiting.since.elapsed());
    }

    /// It was answered.
    pub fn answered(&self, event: &str, begun: Instant, refused: Option<Code>) {
        let [known @ .., unknown] = &self.meters;
        let meter = known
            .iter()
            .find(|meter| meter.name == event)
            .unwrap_or(unknown);
        self.lately.answered();
        meter.seconds.record(begun.elapsed());
        match refused {
            None => meter.ok.increment(1),
            Some(code) => refuse(meter.name, code),
        }
    }

    /// It was refused before it came into the queue.
    pub fn turned_away(event: &str, code: Code) {
        let known = NAMES.into_iter().find(|name| *name == event);
        refuse(known.unwrap_or("unknown"), code);
    }
}

fn refuse(event: &'static str, code: Code) {
    counter!(EVENTS, "event" => event, "outcome" => outcome(code)).increment(1);
}

const fn outcome(code: Code) -> &'static str {
    match code {
        Code::ValidationError => "validation_error",
        Code::Unauthorized => "unauthorized",
        Code::Forbidden => "forbidden",
        Code::NotFound => "not_found",
        Code::Conflict => "conflict",
        Code::RateLimited => "rate_limited",
        Code::ConnectionLimit => "connection_limit",
        Code::PayloadTooLarge => "payload_too_large",
        Code::ServiceUnavailable => "service_unavailable",
        Code::InternalError => "internal_error",
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.all.decrement(1);
        self.lately.taken();
    }
}
