//! Rooms that somebody is in, and the pages of their list.

use chat_domain::id::{GroupId, NodeId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::super::{
    cursor::Place,
    field::{Cursor, Field, Limit, optional},
    peers::{RoomHere, RoomSort},
};

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

/// From messages in a thousand seconds.
#[expect(clippy::cast_precision_loss, reason = "nobody says so much")]
fn per_second(rate: u64) -> f64 {
    rate as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::cursor::{InvalidCursor, decode, encode},
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
    fn what_names_no_place_among_rooms_is_no_cursor() {
        for text in ["x:1:g", "u:-1:g", "u:1:", "u:1:g h", "u:1", ""] {
            assert_eq!(RoomPlace::read(text), None, "{text}");
        }
        let other = encode(&GroupId::parse("g").unwrap());
        assert_eq!(decode::<RoomPlace>(&other), Err(InvalidCursor));
    }
}
