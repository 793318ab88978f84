//! The nodes of the fleet, and stopping one.

use chat_domain::id::NodeId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        field::{Field, optional},
        peers::NodeFigures,
        time::Time,
    },
    at,
};

/// The nodes of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nodes {
    pub nodes: Vec<Node>,
    /// Those that are there and did not answer within a second.
    pub silent: Vec<String>,
}

/// A node. What happens in a second is that of the last two.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub id: String,
    pub version: String,
    pub started_at: Time,
    pub uptime_seconds: u64,
    pub connections: usize,
    /// Rooms that somebody at this node is in.
    pub rooms: usize,
    pub events_per_second: f64,
    /// Messages that became durable.
    pub messages_per_second: f64,
    /// Packets that broadcasts handed to sockets.
    pub deliveries_per_second: f64,
    /// What does not work as it should.
    pub degraded: Vec<String>,
    pub draining: bool,
    /// `null` where the system does not say.
    pub resident_memory_bytes: Option<u64>,
}

impl Node {
    /// As it describes itself.
    pub fn new(id: NodeId, figures: NodeFigures) -> Self {
        Self {
            id: id.to_string(),
            version: figures.version,
            started_at: at(figures.started_at_ms),
            uptime_seconds: figures.uptime_ms / 1_000,
            connections: figures.connections,
            rooms: figures.rooms,
            events_per_second: figures.events_per_second,
            messages_per_second: figures.messages_per_second,
            deliveries_per_second: figures.deliveries_per_second,
            degraded: figures.degraded,
            draining: figures.is_draining,
            resident_memory_bytes: figures.resident_bytes,
        }
    }
}

/// Which node.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WhichNode {
    /// Its id; without it, the one that answers.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub node: Option<NodeId>,
}

/// How a node stops.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drain {
    /// How long clients have to come back elsewhere, 0 to 8,000; as configured, if it is missing.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<u64>)]
    pub grace_ms: Option<GraceMs>,
}

/// Not longer than what can be configured: a stop ends within 10 s.
#[derive(Debug, Clone, Copy)]
pub struct GraceMs(pub u64);

impl Field for GraceMs {
    type Raw = u64;

    fn parse(raw: &u64) -> Result<Self, String> {
        const MOST: u64 = 8_000;
        let grace = (*raw <= MOST).then_some(Self(*raw));
        grace.ok_or_else(|| "is 0 to 8,000".to_owned())
    }
}

/// The node that stops.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Draining {
    pub node: String,
    pub grace_ms: u64,
}
