//! What the nodes of a fleet ask each other for administrators, and what they answer.
//!
//! Ids are those of the contract, as texts: what another node says is read like what a client says.

use std::ops::Add;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What all nodes are asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Question {
    /// How it is.
    Node,
    /// Its open rooms.
    Rooms(RoomsAsked),
    /// One of them.
    Room {
        group: String,
        after: Option<String>,
        limit: usize,
    },
    /// The connections of a user.
    Sessions { user: String },
    /// End one of them.
    EndSession { user: String, session: String },
    /// End all of them.
    EndSessions { user: String },
    /// Refuse that token until then, and end every connection with it.
    RevokeToken { token: String, until_ms: u64 },
    /// Let your clients go, and stop, if you are that node.
    Drain { node: String, grace_ms: Option<u64> },
    /// What it knows of the way of a message.
    Trace { message: String },
    /// What went on after that.
    Stats { since_ms: u64 },
}

/// What a node answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    Node(NodeFigures),
    Rooms(Vec<RoomHere>),
    Room(Option<RoomInside>),
    Sessions(SessionsHere),
    /// So many connections were ended.
    Closed(usize),
    /// Whether it stops, and how long its clients have.
    Draining(Option<u64>),
    Trace(Option<JourneyHere>),
    Stats(Vec<Sample>),
    /// It did not understand.
    Nothing,
}

/// One node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeFigures {
    pub version: String,
    pub started_at_ms: u64,
    pub uptime_ms: u64,
    pub connections: usize,
    pub rooms: usize,
    pub events_per_second: f64,
    pub messages_per_second: f64,
    pub deliveries_per_second: f64,
    pub degraded: Vec<String>,
    pub is_draining: bool,
    pub resident_bytes: Option<u64>,
}

/// What rooms are sorted by: the highest first, but ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RoomSort {
    #[default]
    Users,
    Sockets,
    Rate,
    Id,
}

/// Which page of the list of rooms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomsAsked {
    pub sort: RoomSort,
    /// What it is sorted by, and the id, of the room before.
    pub after: Option<(u64, String)>,
    pub prefix: String,
    pub limit: usize,
}

/// A room, as one node sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomHere {
    pub group: String,
    /// Over all nodes.
    pub users: usize,
    /// Over all nodes.
    pub sockets: usize,
    pub sockets_here: usize,
    pub typists: usize,
    pub last_seq: u64,
    /// Messages in a thousand seconds.
    pub rate: u64,
}

impl RoomHere {
    /// What it is sorted by.
    pub const fn key(&self, sort: RoomSort) -> u64 {
        match sort {
            RoomSort::Users => self.users as u64,
            RoomSort::Sockets => self.sockets as u64,
            RoomSort::Rate => self.rate,
            RoomSort::Id => 0,
        }
    }
}

/// A room with a page of who is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoomInside {
    pub room: RoomHere,
    pub online: Vec<String>,
    /// The last of them, if there are more.
    pub next: Option<String>,
}

/// The connections of a user at one node: the first ones, and how many there are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionsHere {
    pub count: usize,
    pub first: Vec<SessionHere>,
}

/// A connection.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SessionHere {
    /// What it is called in logs.
    pub session: String,
    pub connected_at_ms: u64,
    pub token_expires_at_ms: u64,
    pub transport: String,
    /// The first of them.
    pub rooms: Vec<String>,
    pub room_count: usize,
    /// What the network has not taken yet.
    pub waiting_bytes: usize,
}

/// The way of a message at one node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JourneyHere {
    pub group: String,
    pub seq: u64,
    pub committed_at_ms: Option<u64>,
    pub published_at_ms: Option<u64>,
    pub delivered_at_ms: Option<u64>,
    /// To how many sockets.
    pub sockets: usize,
    /// Whether the node was not told of it, and read it.
    pub is_repaired: bool,
}

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queues {
    /// Events of clients, in the queues of all sockets.
    pub inbox: usize,
    /// Messages that are not durable yet.
    pub log: usize,
    /// Notices for other nodes.
    pub bus: usize,
    /// Tasks that no worker has taken yet.
    pub runtime: usize,
}

impl Queues {
    /// All of it.
    pub const fn sum(self) -> usize {
        self.inbox + self.log + self.bus + self.runtime
    }
}

impl Add for Queues {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            inbox: self.inbox + other.inbox,
            log: self.log + other.log,
            bus: self.bus + other.bus,
            runtime: self.runtime + other.runtime,
        }
    }
}

/// What went on at one node between two looks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    pub at_ms: u64,
    pub elapsed_ms: u64,
    pub connections: usize,
    /// A room with sockets elsewhere counts as much as its sockets here are of all.
    pub rooms: f64,
    /// Likewise.
    pub users_in_rooms: f64,
    pub degraded: Vec<String>,
    pub queues: Queues,
    pub events: u64,
    pub messages: u64,
    pub deliveries: u64,
    /// Buckets of a histogram, and what is in each.
    pub commit: Vec<(u8, u64)>,
    pub delivery: Vec<(u8, u64)>,
}

impl Sample {
    /// So often in a second.
    pub fn per_second(&self, count: u64) -> f64 {
        precise(count) * 1_000.0 / precise(self.elapsed_ms.max(1))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "above 2^53 nobody counts single ones"
)]
const fn precise(count: u64) -> f64 {
    count as f64
}
