//! Every name in Redis: keys and channels. Nothing else knows how they are written.
//!
//! The ids of users and groups have no colon, so no two names are the same.

/// What one node hears of itself.
pub(super) fn echo_channel(chance: u128) -> String {
    format!("chat:echo:{chance:032x}")
}
