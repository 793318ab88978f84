//! A small cluster in memory: nodes over the same stores, a clock that is moved by hand, and clients
//! that note what they hear.
//!
//! Start at [`world::World`], then [`client::Client`].

#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub mod away;
pub mod client;
pub mod failing;
pub mod heard;
pub mod later;
pub mod line;
pub mod paused;
pub mod sockets;
pub mod story;
pub mod world;

use chat_domain::{
    id::{GroupId, UserId},
    user::{User, UserName},
};

/// The group of that name.
pub fn group(id: &str) -> GroupId {
    GroupId::parse(id).expect("tests use valid ids")
}

/// The id of the user of that name.
pub fn user_id(id: &str) -> UserId {
    UserId::parse(id).expect("tests use valid ids")
}

/// The user of that name, who is called like the id.
pub fn user(id: &str) -> User {
    let id = user_id(id);
    let name = UserName::of_id(&id);
    User {
        id,
        name,
        image: None,
    }
}
