//! Every name in Redis: keys and channels. Nothing else knows how they are written.
//!
//! The ids of users and groups have no colon, so no two names are the same.

use chat_domain::{
    id::{GroupId, NodeId, UserId},
    news::Topic,
};

/// What every node hears.
pub(super) const EVERYBODY: &str = "chat:all";

/// What those nodes hear that have sockets in the room.
pub(super) fn room_channel(group: &GroupId) -> String {
    format!("chat:room:{group}")
}

/// What those nodes hear that care for it.
pub(super) fn topic_channel(topic: &Topic) -> String {
    match topic {
        Topic::News(group) => format!("chat:news:{group}"),
        Topic::User(user) => format!("chat:user:{user}"),
    }
}

/// What one node hears of itself.
pub(super) fn echo_channel(chance: u128) -> String {
    format!("chat:echo:{chance:032x}")
}

// --- Questions of one node to all ---

/// What nodes are asked: every node hears it.
pub(super) const ASK: &str = "chat:ask";

/// What that node is answered.
pub(super) fn answers_to(node: NodeId) -> String {
    format!("chat:answers:{node}")
}

// --- Presence: what `lua/room.lua` writes too, spelled the same way ---

/// Sorted set: every node with the end of its lease, in milliseconds of Redis's clock.
pub(super) const NODES: &str = "chat:nodes";

/// Set: what a node owns.
pub(super) fn owned(node: NodeId) -> String {
    format!("chat:node:{node}:owned")
}

/// Hash: who is in a room, with how many sockets at each node.
pub(super) fn room(group: &GroupId) -> String {
    format!("chat:room:{group}")
}

/// Channel: changes of a room.
pub(super) fn presence_of(group: &GroupId) -> String {
    format!("chat:presence:{group}")
}

/// Channel: the data were lost, and a new epoch begins.
pub(super) const EPOCHS: &str = "chat:epoch";

// --- What is there, for operators ---

/// String: what was counted last.
pub(super) const CENSUS: &str = "chat:census";

/// String: somebody counts.
pub(super) const CENSUS_CLAIM: &str = "chat:census:claim";

// --- Limits ---

/// Hash: what is left of a user's messages.
pub(super) fn messages_of(user: &UserId) -> String {
    format!("chat:limit:messages:{user}")
}

/// Hash: what is left of a user's typing events in a room.
pub(super) fn typing_of(user: &UserId, group: &GroupId) -> String {
    format!("chat:limit:typing:{user}:{group}")
}
