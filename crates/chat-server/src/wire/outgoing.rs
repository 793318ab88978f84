//! The payloads of events, as they look on the wire.
//!
//! Payloads borrow from the domain's values: they are serialised once and thrown away. Absent values are
//! `null`, never missing. No payload carries a socket id but [`Session`], which goes to its owner.

use chat_domain::{
    group::Group,
    id::{GroupId, UserId},
    news::{Addition, Removal, RoomMembers as Members},
    presence::Counts,
    service::{self, Feature},
    usecase::join::Joined,
    user::UserName,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    cursor::encode,
    record::{Message, ReadState},
    shape::{self, Level, Role},
    time::Time,
};

/// `session`: the first event on a new connection.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session<'a> {
    pub user_id: &'a str,
    pub user_name: &'a str,
    /// A secret of its owner.
    pub socket_id: &'a str,
    pub server_time: Time,
    pub token_expires_at: Time,
    pub limits: SessionLimits,
    pub typing: TypingTimes,
}

/// The limits that concern a client; 0 stands for none, but for the sizes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionLimits {
    pub connections_per_user: u32,
    pub message_burst: u32,
    pub messages_per_second: u32,
    pub typing_burst: u32,
    pub typing_per_second: u32,
    pub event_burst: u32,
    pub events_per_second: u32,
    pub join_burst: u32,
    pub joins_per_second: u32,
    pub history_burst: u32,
    pub history_per_second: u32,
    pub rooms_per_socket: u32,
    pub event_bytes: usize,
    pub message_chars: usize,
}

/// The server's own timings of typing indicators.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypingTimes {
    /// How long an indicator holds without being renewed.
    pub ttl_ms: u64,
    /// How often others are told of a renewal.
    pub renew_ms: u64,
}

/// `session_closed`: why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionClosed {
    pub code: ClosingCode,
    pub message: &'static str,
    /// Whether the client may come back.
    pub reconnect: bool,
    /// Not before that.
    pub reconnect_in_ms: Option<u64>,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ClosingCode {
    ServerShutdown,
    SlowConsumer,
    RateLimited,
    AuthExpired,
    ServiceUnavailable,
    Evicted,
}

/// `auth_expired`: the connection ends unless a new token comes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthExpired {
    pub disconnect_in_ms: u64,
}

/// The answer to `refresh_token`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefreshed {
    pub token_expires_at: Time,
}

/// `service_status`: how well the server serves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    #[schema(value_type = Level)]
    pub level: &'static str,
    #[schema(value_type = Vec<shape::Feature>)]
    pub affected: Vec<&'static str>,
    pub since: Time,
}

impl ServiceStatus {
    /// All that may be affected.
    pub const FEATURES: [&str; 4] = ["presence", "typing", "delivery", "limits"];

    /// How well it can be.
    pub const LEVELS: [&str; 2] = [Self::FULL, Self::DEGRADED];

    const FULL: &str = "full";
    const DEGRADED: &str = "degraded";
}

impl From<&service::ServiceStatus> for ServiceStatus {
    fn from(status: &service::ServiceStatus) -> Self {
        let name = |feature: &Feature| match feature {
            Feature::Presence => "presence",
            Feature::Typing => "typing",
            Feature::Delivery => "delivery",
            Feature::Limits => "limits",
        };
        Self {
            level: if status.is_full() {
                Self::FULL
            } else {
                Self::DEGRADED
            },
            affected: status.affected.iter().map(name).collect(),
            since: Time(status.since),
        }
    }
}

/// `joined_group_success`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedGroup<'a> {
    pub group_id: &'a str,
    pub member_count: usize,
    pub socket_count: usize,
    pub last_seq: u64,
    pub epoch: &'a str,
    /// The client has to drop what it has of this group.
    pub reset: bool,
    pub typing: Vec<Typist<'a>>,
}

/// Somebody who types.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typist<'a> {
    pub user_id: &'a str,
    pub user_name: &'a str,
}

impl<'a> From<&'a Joined> for JoinedGroup<'a> {
    fn from(joined: &'a Joined) -> Self {
        Self {
            group_id: joined.group.as_str(),
            member_count: joined.counts.members,
            socket_count: joined.counts.sockets,
            last_seq: joined.last_seq.get(),
            epoch: joined.epoch.as_str(),
            reset: joined.reset,
            typing: joined
                .typing
                .iter()
                .map(|(id, name)| Typist::new(id, name))
                .collect(),
        }
    }
}

impl<'a> Typist<'a> {
    fn new(user: &'a UserId, name: &'a UserName) -> Self {
        Self {
            user_id: user.as_str(),
            user_name: name.as_str(),
        }
    }
}

/// `left_group_success`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftGroup<'a> {
    pub group_id: &'a str,
    pub member_count: usize,
    pub socket_count: usize,
}

impl<'a> LeftGroup<'a> {
    pub fn new(group: &'a GroupId, counts: Counts) -> Self {
        Self {
            group_id: group.as_str(),
            member_count: counts.members,
            socket_count: counts.sockets,
        }
    }
}

/// `user_joined_group`, `user_left_group`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserMoved<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub user_name: &'a str,
    pub member_count: usize,
}

/// `user_typing`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub user_name: &'a str,
}

/// `user_stopped_typing`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserStoppedTyping<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
}

/// `room_members_update`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoomMembers<'a> {
    pub group_id: &'a str,
    /// Their ids, sorted.
    pub online_members: Vec<&'a str>,
    pub member_count: usize,
    pub socket_count: usize,
    /// There are more than these: `nextCursor` leads on.
    pub truncated: bool,
    pub next_cursor: Option<String>,
}

impl<'a> From<&'a Members> for RoomMembers<'a> {
    fn from(members: &'a Members) -> Self {
        Self {
            group_id: members.group.as_str(),
            online_members: members.online.iter().map(UserId::as_str).collect(),
            member_count: members.counts.members,
            socket_count: members.counts.sockets,
            truncated: members.next.is_some(),
            next_cursor: members.next.as_ref().map(encode),
        }
    }
}

/// `group_messages`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupMessages<'a> {
    pub group_id: &'a str,
    /// Oldest first; by `updatedSeq` with `afterSeq`.
    pub messages: Vec<Message<'a>>,
    pub has_next_page: bool,
    /// Leads to older messages; `null` with `afterSeq`.
    pub next_cursor: Option<String>,
}

/// `removed_from_group`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemovedFromGroup<'a> {
    pub group_id: &'a str,
    pub reason: RemovalReason,
}

/// Why somebody is no member any more.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RemovalReason {
    Removed,
    #[expect(dead_code, reason = "clients know it; nobody is banned yet")]
    Banned,
    GroupDeleted,
}

impl<'a> RemovedFromGroup<'a> {
    pub fn new(group: &'a GroupId, reason: Removal) -> Self {
        let reason = match reason {
            Removal::Removed => RemovalReason::Removed,
            Removal::GroupDeleted => RemovalReason::GroupDeleted,
        };
        Self {
            group_id: group.as_str(),
            reason,
        }
    }
}

/// `added_to_group`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddedToGroup<'a> {
    pub group_id: &'a str,
    pub name: &'a str,
    #[schema(value_type = Role)]
    pub role: &'static str,
    /// `null` for the administrator.
    pub by: Option<&'a str>,
}

impl<'a> From<&'a Addition> for AddedToGroup<'a> {
    fn from(addition: &'a Addition) -> Self {
        Self {
            group_id: addition.group.as_str(),
            name: addition.name.as_str(),
            role: addition.role.as_str(),
            by: addition.by.as_ref().map(UserId::as_str),
        }
    }
}

/// `group_updated`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupUpdated<'a> {
    pub group_id: &'a str,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub is_private: bool,
}

impl<'a> From<&'a Group> for GroupUpdated<'a> {
    fn from(group: &'a Group) -> Self {
        Self {
            group_id: group.id.as_str(),
            name: group.name.as_str(),
            description: group
                .description
                .as_ref()
                .map(chat_domain::group::Description::as_str),
            is_private: group.is_private,
        }
    }
}

/// `member_updated`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberUpdated<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    #[schema(value_type = Role)]
    pub role: &'static str,
}

/// `unread_update`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadUpdate<'a> {
    pub group_id: &'a str,
    #[serde(flatten)]
    pub state: ReadState,
}
