//! What this node tells its sockets.

use std::time::Duration;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

const DELIVERIES: &str = "chat_deliveries_total";
const DELIVERY: &str = "chat_delivery_seconds";
const PRESENCE: &str = "chat_presence_transitions_total";
const TYPING: &str = "chat_typing_transitions_total";
const EVICTIONS: &str = "chat_evictions_total";

pub(super) fn describe() {
    describe_counter!(DELIVERIES, "Packets that broadcasts handed to sockets.");
    describe_histogram!(
        DELIVERY,
        Unit::Seconds,
        "From when a message was sent until it is handed to every socket of its room here."
    );
    describe_counter!(
        PRESENCE,
        "Joins and leaves that this node told its sockets."
    );
    describe_counter!(
        TYPING,
        "Starts and stops of typing that this node told its sockets."
    );
    describe_counter!(
        EVICTIONS,
        "Users who were put out of a group that they were connected to."
    );
}

/// Counts what all sockets are told.
pub struct Told {
    /// A user came into a room.
    pub joined: Tale,
    /// A user left a room.
    pub left: Tale,
    /// Who is in a room.
    pub members: Tale,
    /// A user types.
    pub typing: Tale,
    /// A user types no longer.
    pub stopped: Tale,
    /// A message.
    pub message: Tale,
    /// A group has another name, or the like.
    pub group: Tale,
    /// A member has another role.
    pub member: Tale,
    /// A user has become a member.
    pub added: Tale,
    /// A user was removed.
    pub removed: Tale,
    /// The group of a user was deleted.
    pub deleted: Tale,
    /// What a user has not read.
    pub unread: Tale,
    /// How well the server serves.
    pub service: Tale,
    /// How long messages took.
    latency: Histogram,
}

/// One thing that is told.
pub struct Tale {
    /// The event, as clients know it.
    pub event: &'static str,
    deliveries: Counter,
    /// What happened, whoever is told.
    happened: Option<Counter>,
}

impl Told {
    /// Nothing was told yet.
    pub fn new() -> Self {
        let plain = |event| Tale::new(event, None);
        let of = |event, counter| Tale::new(event, Some(counter));
        let removed = "removed_from_group";
        Self {
            joined: of("user_joined_group", counter!(PRESENCE, "kind" => "joined")),
            left: of("user_left_group", counter!(PRESENCE, "kind" => "left")),
            members: plain("room_members_update"),
            typing: of("user_typing", counter!(TYPING, "kind" => "started")),
            stopped: of("user_stopped_typing", counter!(TYPING, "kind" => "stopped")),
            message: plain("message_received"),
            group: plain("group_updated"),
            member: plain("member_updated"),
            added: plain("added_to_group"),
            removed: of(removed, counter!(EVICTIONS, "cause" => "removed")),
            deleted: of(removed, counter!(EVICTIONS, "cause" => "group_deleted")),
            unread: plain("unread_update"),
            service: plain("service_status"),
            latency: histogram!(DELIVERY),
        }
    }

    /// A message was handed to every socket that gets it, so long after it was sent.
    pub fn delivered(&self, after: Duration) {
        self.latency.record(after);
    }
}

impl Tale {
    fn new(event: &'static str, happened: Option<Counter>) -> Self {
        Self {
            event,
            deliveries: counter!(DELIVERIES, "event" => event),
            happened,
        }
    }

    /// It was handed to so many sockets.
    pub fn told(&self, sockets: u64) {
        self.deliveries.increment(sockets);
        if let Some(happened) = &self.happened {
            happened.increment(1);
        }
    }
}
