//! What the scripts publish when they change a room.

use chat_domain::{
    id::{GroupId, NodeId, UserId},
    presence::{Counts, Movement, PresenceChange},
    user::UserName,
};

use super::{holdings::SEPARATOR, tenure::Epoch};

/// A change of a room, and what else nodes have to know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) change: PresenceChange,
    pub(super) epoch: Epoch,
    pub(super) cause: Cause,
}

/// Why a room changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The node did that with its own socket; its number of the deed.
    Done(u64),
    /// Another node gave the seat up, because the socket's node is dead.
    Reaped,
}

/// What a reaper puts in the place of a number.
const REAPED: &str = "reaped";

impl Told {
    /// `None` if no script of ours has made it.
    pub(super) fn read(payload: &str) -> Option<Self> {
        let parts: Vec<&str> = payload.split(SEPARATOR).collect();
        let [
            movement,
            group,
            user,
            name,
            node,
            tag,
            epoch,
            previous,
            version,
            members,
            sockets,
        ] = parts[..]
        else {
            return None;
        };
        let change = PresenceChange {
            group: GroupId::parse(group).ok()?,
            user: UserId::parse(user).ok()?,
            name: UserName::parse(name).ok()?,
            node: NodeId::parse(node)?,
            movement: match movement {
                "joined" => Movement::Joined,
                "came" => Movement::Came,
                "went" => Movement::Went,
                "left" => Movement::Left,
                _ => return None,
            },
            previous: previous.parse().ok()?,
            version: version.parse().ok()?,
            counts: Counts {
                members: members.parse().ok()?,
                sockets: sockets.parse().ok()?,
            },
        };
        let cause = if tag == REAPED {
            Cause::Reaped
        } else {
            Cause::Done(tag.parse().ok()?)
        };
        Some(Self {
            change,
            epoch: epoch.to_owned(),
            cause,
        })
    }
}
