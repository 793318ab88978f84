//! Who is in one room, over all nodes: what a store of presence keeps and tells, and [`RoomView`], what one
//! node makes of it.

mod view;

use std::collections::BTreeMap;

pub use self::view::RoomView;

use crate::{
    id::{GroupId, NodeId, SocketId, UserId},
    user::UserName,
};

/// One socket of one user in one room: what the store counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The room.
    pub group: GroupId,
    /// Whose socket it is.
    pub user: UserId,
    /// What others read.
    pub name: UserName,
    /// The socket.
    pub socket: SocketId,
}

/// How many are in a room, over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Distinct users.
    pub members: usize,
    /// Sockets.
    pub sockets: usize,
}

/// Numbers the changes of one room. Higher is later; nothing else is promised. 0: never changed,
/// or nobody is there.
pub type Version = u64;

/// One change of one room, as the store publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceChange {
    /// The room.
    pub group: GroupId,
    /// Whose socket came or went.
    pub user: UserId,
    /// What others read.
    pub name: UserName,
    /// The node that has, or had, the socket.
    pub node: NodeId,
    /// What happened.
    pub movement: Movement,
    /// The version that this change was made to.
    pub previous: Version,
    /// The version that it made.
    pub version: Version,
    /// The counts after it.
    pub counts: Counts,
}

/// What a change did to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// The user's first socket came.
    Joined,
    /// The user's last socket went.
    Left,
    /// One more socket of a user who is there came.
    Came,
    /// One of several sockets of a user went.
    Went,
}

/// A room as the store has it at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomSnapshot {
    /// The version of the room's last change.
    pub version: Version,
    /// Everybody there.
    pub users: BTreeMap<UserId, Occupant>,
}

/// A user in a room, as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occupant {
    /// What others read.
    pub name: UserName,
    /// How many sockets at each node, where there are any.
    pub sockets: BTreeMap<NodeId, usize>,
}

impl RoomSnapshot {
    /// How many are there.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sockets = self.users.values().flat_map(|user| user.sockets.values());
        Counts {
            members: self.users.len(),
            sockets: sockets.sum(),
        }
    }
}

/// A difference between a view before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// Somebody is there who was not.
    Joined(UserId, UserName),
    /// Somebody is gone who was there.
    Left(UserId, UserName),
}
