//! What administrators ask for, and are answered.

use chat_domain::{
    id::{GroupId, NodeId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use super::{
    cursor::Place,
    field::{Cursor, Field, Limit, optional},
    peers::{JourneyHere, NodeFigures, RoomHere, RoomSort, SessionHere},
    time::Time,
};

/// The nodes of the fleet.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nodes {
    pub nodes: Vec<Node>,
    /// Those that are there and did not answer within a second.
    pub silent: Vec<String>,
}

/// A node.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    pub id: String,
    pub version: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    pub connections: usize,
    /// Rooms that somebody at this node is in.
    pub rooms: usize,
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
            connections: figures.connections,
            rooms: figures.rooms,
            degraded: figures.degraded,
            draining: figures.is_draining,
            resident_memory_bytes: figures.resident_bytes,
        }
    }
}

/// The node that stops.
#[derive(Debug, Serialize, ToSchema)]
pub struct Draining {
    pub node: String,
}

/// Which page of the list of rooms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RoomsPage {
    /// 1 to 100, default 50.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<u32>)]
    pub limit: Option<Limit>,
    /// Leads on; only with the same `sort`.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<RoomPlace>>,
    /// `users` (default), `sockets` or `rate`, the highest first; or `id`.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub sort: Option<RoomSort>,
    /// What their ids begin with.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub prefix: Option<Prefix>,
}

impl Field for RoomSort {
    type Raw = String;

    fn parse(raw: &String) -> Result<Self, String> {
        match raw.as_str() {
            "users" => Ok(Self::Users),
            "sockets" => Ok(Self::Sockets),
            "rate" => Ok(Self::Rate),
            "id" => Ok(Self::Id),
            _ => Err("is one of users, sockets, rate, id".to_owned()),
        }
    }
}

/// What an id begins with: it could be an id itself.
#[derive(Debug)]
pub struct Prefix(pub GroupId);

impl Field for Prefix {
    type Raw = String;

    fn parse(raw: &String) -> Result<Self, String> {
        let prefix = GroupId::parse(raw).map(Self);
        prefix.map_err(|problem| problem.to_string())
    }
}

/// A place in the list of rooms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPlace {
    /// What the list is sorted by.
    pub sort: RoomSort,
    /// The figure of the room there.
    pub key: u64,
    /// The room there.
    pub group: GroupId,
}

impl Place for RoomPlace {
    const KIND: &'static str = "rooms";

    fn write(&self) -> String {
        let sort = match self.sort {
            RoomSort::Users => 'u',
            RoomSort::Sockets => 's',
            RoomSort::Rate => 'r',
            RoomSort::Id => 'i',
        };
        format!("{sort}:{}:{}", self.key, self.group)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let sort = match parts.next()? {
            "u" => RoomSort::Users,
            "s" => RoomSort::Sockets,
            "r" => RoomSort::Rate,
            "i" => RoomSort::Id,
            _ => return None,
        };
        let key = parts.next()?.parse().ok()?;
        let group = GroupId::parse(parts.next()?).ok()?;
        Some(Self { sort, key, group })
    }
}

/// A page of the rooms that somebody is in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rooms {
    pub items: Vec<Room>,
    /// Leads on; `null` at the end.
    pub next_cursor: Option<String>,
    /// Nodes that did not answer: their rooms may be missing.
    pub silent: Vec<String>,
}

/// A room that somebody is in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Room {
    pub group_id: String,
    pub users: usize,
    pub sockets: usize,
    /// Users who are shown as typing.
    pub typing: usize,
    pub last_seq: u64,
    pub messages_per_second: f64,
    /// Where the sockets are.
    pub nodes: Vec<RoomNode>,
}

/// The sockets of one room at one node.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomNode {
    pub node: String,
    pub sockets: usize,
}

impl Room {
    /// As the first node sees it.
    pub fn new(node: NodeId, room: RoomHere) -> Self {
        let at_node = RoomNode {
            node: node.to_string(),
            sockets: room.sockets_here,
        };
        Self {
            group_id: room.group,
            users: room.users,
            sockets: room.sockets,
            typing: room.typists,
            last_seq: room.last_seq,
            messages_per_second: per_second(room.rate),
            nodes: vec![at_node],
        }
    }

    /// Another node sees it too: the higher figures count.
    pub fn add(&mut self, node: NodeId, room: RoomHere) {
        let other = Self::new(node, room);
        self.users = self.users.max(other.users);
        self.sockets = self.sockets.max(other.sockets);
        self.typing = self.typing.max(other.typing);
        self.last_seq = self.last_seq.max(other.last_seq);
        self.messages_per_second = self.messages_per_second.max(other.messages_per_second);
        self.nodes.extend(other.nodes);
    }
}

/// A room with a page of who is in it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomDetail {
    #[serde(flatten)]
    pub room: Room,
    /// Users, in the order of their ids.
    pub online: Vec<String>,
    /// Leads on; `null` at the end.
    pub next_cursor: Option<String>,
    pub silent: Vec<String>,
}

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
pub struct Session {
    pub node: String,
    /// What the connection is called in logs.
    #[serde(rename = "session")]
    pub name: String,
    #[schema(value_type = String, format = DateTime)]
    pub connected_at: Time,
    /// `websocket` or `polling`.
    pub transport: String,
    /// The groups of its rooms, 100 at most.
    pub rooms: Vec<String>,
    pub room_count: usize,
    #[schema(value_type = String, format = DateTime)]
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

/// The way of a message.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Journey {
    pub message_id: String,
    pub group_id: String,
    pub seq: u64,
    /// Where and when it became durable; `null` if that node is not known.
    pub committed: Option<Stop>,
    /// When it went to the other nodes.
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
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
}

/// A message was handed to sockets.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    pub node: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// How many sockets they were.
    pub sockets: usize,
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
    #[schema(value_type = String, format = DateTime)]
    pub at: Time,
    /// How many nodes it is the sum of.
    pub nodes: usize,
    pub connections: usize,
    /// A room with sockets at two nodes counts twice.
    pub rooms: usize,
    pub events_per_second: f64,
    /// Messages that became durable.
    pub messages_per_second: f64,
    /// Packets that broadcasts handed to sockets.
    pub deliveries_per_second: f64,
    /// From handing a message to the log until it is durable; `null` without messages.
    pub commit_ms: Option<Percentiles>,
    /// From accepting a message until it is handed to the sockets of a node.
    pub delivery_ms: Option<Percentiles>,
    /// Events of clients that wait.
    pub queue_length: u64,
    /// What did not work as it should at any node.
    pub degraded: Vec<String>,
}

/// Half of them, and all but one in a hundred, took no longer; too high by a quarter at most.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
}

/// Nodes by their ids.
pub fn names(nodes: Vec<NodeId>) -> Vec<String> {
    nodes.into_iter().map(|node| node.to_string()).collect()
}

/// A point in time, as other nodes say it.
pub const fn at(millis: u64) -> Time {
    Time(Timestamp::from_millis(millis))
}

/// From messages in a thousand seconds.
#[expect(clippy::cast_precision_loss, reason = "nobody says so much")]
fn per_second(rate: u64) -> f64 {
    rate as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::{
        super::cursor::{InvalidCursor, decode, encode},
        *,
    };

    #[test]
    fn a_place_among_rooms_comes_back_also_the_longest() {
        let place = RoomPlace {
            sort: RoomSort::Sockets,
            key: u64::MAX,
            group: GroupId::parse(&"g".repeat(64)).unwrap(),
        };

        assert_eq!(decode(&encode(&place)), Ok(place));
    }

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

    #[test]
    fn what_names_no_place_among_rooms_is_no_cursor() {
        for text in ["x:1:g", "u:-1:g", "u:1:", "u:1:g h", "u:1", ""] {
            assert_eq!(RoomPlace::read(text), None, "{text}");
        }
        let other = encode(&GroupId::parse("g").unwrap());
        assert_eq!(decode::<RoomPlace>(&other), Err(InvalidCursor));
    }
}
