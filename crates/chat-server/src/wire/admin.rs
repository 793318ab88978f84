//! What administrators ask for, and are answered.

pub mod lately;
pub mod nodes;
pub mod rooms;

use chat_domain::{id::NodeId, time::Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{peers::SessionHere, time::Time};

/// The connections of a user.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sessions {
    /// How many there are; each node lists 100 at most.
    pub count: usize,
    pub items: Vec<Session>,
    pub silent: Vec<String>,
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Connection)]
pub struct Session {
    pub node: String,
    /// What the connection is called in logs.
    #[serde(rename = "session")]
    pub name: String,
    pub connected_at: Time,
    /// `websocket` or `polling`.
    pub transport: String,
    /// The groups of its rooms, 100 at most.
    pub rooms: Vec<String>,
    pub room_count: usize,
    pub token_expires_at: Time,
    /// What the client has not taken yet.
    pub waiting_bytes: usize,
}

impl Session {
    /// A connection at that node.
    pub fn new(node: NodeId, session: SessionHere) -> Self {
        Self {
            node: node.to_string(),
            name: session.session,
            connected_at: at(session.connected_at_ms),
            transport: session.transport,
            rooms: session.rooms,
            room_count: session.room_count,
            token_expires_at: at(session.token_expires_at_ms),
            waiting_bytes: session.waiting_bytes,
        }
    }
}

/// How many connections were ended, and where.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub sessions_closed: usize,
    pub nodes: Vec<NodeReceipt>,
    /// Nodes that did not say so within a second.
    pub silent: Vec<String>,
}

/// How many connections of one node were ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeReceipt {
    pub node: String,
    pub sessions_closed: usize,
}

/// Nodes by their ids.
pub fn names(nodes: Vec<NodeId>) -> Vec<String> {
    nodes.into_iter().map(|node| node.to_string()).collect()
}

/// A point in time, as other nodes say it.
pub const fn at(millis: u64) -> Time {
    Time(Timestamp::from_millis(millis))
}
