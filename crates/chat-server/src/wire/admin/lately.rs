//! What went on lately: the way of a message, and figures for every two seconds.

use chat_domain::{id::NodeId, time::Timestamp};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        field::{Field, optional},
        peers::{JourneyHere, Queues},
        time::Time,
    },
    at,
};

/// The way of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    pub message_id: String,
    pub group_id: String,
    pub seq: u64,
    /// Where and when it became durable; `null` if that node is not known.
    pub committed: Option<Stop>,
    /// When it was given to Redis, which passed it on to the other nodes; `null` if it did not, or there is none.
    pub published: Option<Stop>,
    /// Every node that handed it to sockets.
    pub delivered: Vec<Delivery>,
    /// Nodes that did not answer, and may know more.
    pub silent: Vec<String>,
}

/// Something that happened to a message at a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stop {
    pub node: String,
    pub at: Time,
}

/// A message was handed to sockets.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    pub node: String,
    pub at: Time,
    /// How many sockets they were. Who read it in the history is not among them.
    pub sockets: usize,
    /// `live`: the node was told of it; `repaired`: it was not, and read it in the database.
    pub how: &'static str,
}

impl Journey {
    /// Of the message that somebody knows.
    pub fn new(message_id: String, here: &JourneyHere) -> Self {
        Self {
            message_id,
            group_id: here.group.clone(),
            seq: here.seq,
            committed: None,
            published: None,
            delivered: Vec::new(),
            silent: Vec::new(),
        }
    }

    /// What that node knows.
    pub fn add(&mut self, node: NodeId, here: &JourneyHere) {
        let node = node.to_string();
        let stop = |at_ms| Stop {
            node: node.clone(),
            at: at(at_ms),
        };
        self.committed = here.committed_at_ms.map(stop).or(self.committed.take());
        self.published = here.published_at_ms.map(stop).or(self.published.take());
        self.delivered
            .extend(here.delivered_at_ms.map(|at_ms| Delivery {
                node: node.clone(),
                at: at(at_ms),
                sockets: here.sockets,
                how: if here.is_repaired { "repaired" } else { "live" },
            }));
    }
}

/// From when on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StatsSince {
    /// Only what is later, RFC 3339; everything that is kept without it.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub since: Option<Moment>,
}

/// A point in time that somebody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Field for Moment {
    type Raw = String;

    fn parse(raw: &String) -> Result<Self, String> {
        let time = OffsetDateTime::parse(raw, &Rfc3339).ok();
        let millis =
            time.and_then(|time| u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok());
        let moment = millis.map(|millis| Self(Timestamp::from_millis(millis)));
        moment.ok_or_else(|| "is a time since 1970, like 2026-11-23T10:00:00Z".to_owned())
    }
}

/// What went on, one item for each look at all nodes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub interval_ms: u64,
    /// The oldest first.
    pub items: Vec<StatsItem>,
    pub silent: Vec<String>,
}

/// What went on between two looks, over all nodes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatsItem {
    pub at: Time,
    /// How many nodes it is the sum of.
    pub nodes: usize,
    pub connections: usize,
    /// Rooms that somebody is in, each once.
    pub rooms: u64,
    /// Users in rooms, once for each room.
    pub users_in_rooms: u64,
    pub events_per_second: f64,
    /// Messages that became durable.
    pub messages_per_second: f64,
    /// Packets that broadcasts handed to sockets.
    pub deliveries_per_second: f64,
    /// From handing a message to the log until it is durable; `null` without messages.
    pub commit_ms: Option<Percentiles>,
    /// From accepting a message until it is handed to the sockets of a node.
    pub delivery_ms: Option<Percentiles>,
    /// All that waits.
    pub queue_length: usize,
    pub queues: Queues,
    /// What did not work as it should at any node.
    pub degraded: Vec<String>,
}

/// Half of them, and all but one in a hundred, took no longer; too high by a quarter at most.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_one_since_1970() {
        let moment = Moment::parse(&"2026-11-23T11:00:00.007+01:00".to_owned());

        assert_eq!(
            moment,
            Ok(Moment(Timestamp::from_millis(1_795_428_000_007)))
        );
        for wrong in ["", "1", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z"] {
            assert!(Moment::parse(&wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
