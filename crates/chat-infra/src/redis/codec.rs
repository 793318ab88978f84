//! How a notice travels: the name of the node that tells it, and JSON.
//!
//! Who reads it trusts nothing: whatever arrives is a notice with valid ids, or none at all. A node of another
//! version may know other kinds.

mod records;
mod wire;

use std::str;

use chat_domain::{id::NodeId, news::Notice};
use serde_json::{from_slice, to_writer};

use self::wire::Wire;
use super::keys;

/// A message that takes more does not travel: nodes that want it read it.
const LARGEST_BYTES: usize = 16 * 1024;

/// The digits of a node's name.
const NAME_BYTES: usize = 32;

/// Something to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Publication {
    pub(super) channel: String,
    pub(super) payload: Vec<u8>,
}

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// Another node tells something.
    Notice(Notice),
    /// Another node could not tell everything.
    Gap,
    /// This node told it.
    Own,
}

/// Why bytes say nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("it does not begin with the name of a node")]
    Nameless,
    #[error(transparent)]
    NoNotice(#[from] serde_json::Error),
    #[error("it names something that cannot be")]
    Invalid,
}

/// What is to be published, so that the others hear of it.
pub(super) fn encode(node: NodeId, notice: &Notice) -> Option<Publication> {
    let told = publication(node, channel(notice), &Wire::of(notice)?);
    match notice {
        Notice::Committed(message) if told.payload.len() > LARGEST_BYTES => {
            let (group, head) = (message.group.clone(), message.updated_seq);
            encode(node, &Notice::Grown(group, head))
        }
        _ => Some(told),
    }
}

/// Tells that something could not be told.
pub(super) fn encode_gap(node: NodeId) -> Publication {
    publication(node, keys::EVERYBODY.to_owned(), &Wire::Gap)
}

/// Reads what was published.
pub(super) fn decode(own: NodeId, payload: &[u8]) -> Result<Heard, Unreadable> {
    let (name, wire) = payload
        .split_at_checked(NAME_BYTES)
        .ok_or(Unreadable::Nameless)?;
    let name = str::from_utf8(name).ok().and_then(NodeId::parse);
    match name {
        None => Err(Unreadable::Nameless),
        Some(name) if name == own => Ok(Heard::Own),
        Some(_) => match from_slice::<Wire<'_>>(wire)? {
            Wire::Gap => Ok(Heard::Gap),
            wire => wire.read().map(Heard::Notice).ok_or(Unreadable::Invalid),
        },
    }
}

fn publication(node: NodeId, channel: String, wire: &Wire<'_>) -> Publication {
    let mut payload = node.to_string().into_bytes();
    to_writer(&mut payload, wire).expect("text and numbers can be written to memory");
    Publication { channel, payload }
}

/// Where those hear it whom it concerns.
fn channel(notice: &Notice) -> String {
    match notice {
        Notice::Presence(change) => keys::room_channel(&change.group),
        Notice::Committed(message) => keys::room_channel(&message.group),
        Notice::GroupChanged(group) => keys::room_channel(&group.id),
        Notice::Grown(group, _)
        | Notice::TypingStarted(group, ..)
        | Notice::TypingStopped(group, _) => keys::room_channel(group),
        Notice::GroupDeleted(_)
        | Notice::MemberAdded(_)
        | Notice::RoleChanged(..)
        | Notice::MemberRemoved(..)
        | Notice::Read(..)
        | Notice::Stirred(_)
        | Notice::SessionsEnded(_)
        | Notice::TokenRevoked(_)
        | Notice::Displaced(..) => {
            let topic = notice.topic();
            topic.map_or_else(|| keys::EVERYBODY.to_owned(), |it| keys::topic_channel(&it))
        }
    }
}

#[cfg(test)]
mod tests;
