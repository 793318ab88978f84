//! The payloads of the events that a client listens to: what it needs of them, borrowed.

#![expect(missing_docs, reason = "the names are the contract's")]

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

/// Five fields of a Message; the rest is skipped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    pub id: &'a str,
    pub group_id: &'a str,
    pub seq: u32,
    pub sender_id: Option<&'a str>,
    pub client_message_id: Option<&'a str>,
}

/// `group_messages`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<'a> {
    pub group_id: &'a str,
    #[serde(borrow)]
    pub messages: Vec<Message<'a>>,
    pub has_next_page: bool,
}

/// `joined_group_success`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Joined<'a> {
    pub group_id: &'a str,
    pub last_seq: u32,
    pub epoch: Cow<'a, str>,
    pub reset: bool,
    #[serde(borrow)]
    pub typing: Vec<Typist<'a>>,
}

/// Somebody who types.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typist<'a> {
    pub user_id: &'a str,
}

/// Somebody in a room: `user_joined_group`, `user_left_group`, `user_typing`, `user_stopped_typing`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Somebody<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
}

/// The counts of `room_members_update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts<'a> {
    pub group_id: &'a str,
    pub member_count: u32,
    #[serde(rename = "onlineMembers")]
    _online: IgnoredAny,
}

/// All of `room_members_update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Members<'a> {
    pub group_id: &'a str,
    #[serde(borrow)]
    pub online_members: Vec<&'a str>,
    pub member_count: u32,
    pub socket_count: u32,
    pub truncated: bool,
    #[serde(borrow)]
    pub next_cursor: Option<Cow<'a, str>>,
}

/// `session`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    pub limits: Limits,
}

/// The limits that a client keeps to; 0 is none.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    pub message_burst: u32,
    pub messages_per_second: u32,
    pub typing_burst: u32,
    pub typing_per_second: u32,
    pub message_chars: usize,
}

/// The socket, as it is called in the server's own affairs.
#[derive(Debug, Deserialize)]
pub struct Connected<'a> {
    pub sid: &'a str,
}

/// `service_status`.
#[derive(Debug, Deserialize)]
pub struct ServiceStatus<'a> {
    #[serde(borrow)]
    pub level: Cow<'a, str>,
}

/// `session_closed`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionClosed<'a> {
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    #[serde(default)]
    pub reconnect_in_ms: Option<u64>,
}

/// A refused connection.
#[derive(Debug, Deserialize)]
pub struct ConnectError<'a> {
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}
