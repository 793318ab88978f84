//! Every name in Redis: keys and channels. Nothing else knows how they are written.
//!
//! The ids of users and groups have no colon, so no two names are the same.

use chat_domain::id::GroupId;

/// What every node hears.
pub(super) const EVERYBODY: &str = "chat:all";

/// What those nodes hear that have sockets in the room.
pub(super) fn room_channel(group: &GroupId) -> String {
    format!("chat:room:{group}")
}

/// What one node hears of itself.
pub(super) fn echo_channel(chance: u128) -> String {
    format!("chat:echo:{chance:032x}")
}
