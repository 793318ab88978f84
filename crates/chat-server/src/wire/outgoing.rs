//! Everything that clients are sent, as it looks on the wire.
//!
//! Payloads borrow from the domain's values: they are serialised once and thrown away. Absent values are
//! `null`, never missing. No payload carries a socket id but [`Session`], which goes to its owner.

use chat_domain::{
    group::Group,
    id::{GroupId, UserId},
    message::{Author, Message as LogMessage},
    news::{Addition, ReadMark, Removal, RoomMembers as Members},
    ports::{GroupEntry as ListedGroup, Slice},
    presence::Counts,
    usecase::{
        groups::{MemberEntry, OwnGroup},
        join::Joined,
    },
    user::{User as DomainUser, UserName},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{cursor::encode, time::Time};

/// `session`: the first event on a new connection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session<'a> {
    pub user_id: &'a str,
    pub user_name: &'a str,
    pub socket_id: &'a str,
    pub server_time: Time,
    pub token_expires_at: Time,
    pub limits: SessionLimits,
    pub typing: TypingTimes,
}

/// The limits that concern a client; 0 stands for none.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionLimits {
    pub connections_per_user: u32,
    pub message_burst: u32,
    pub messages_per_second: u32,
    pub typing_burst: u32,
    pub typing_per_second: u32,
    pub event_burst: u32,
    pub events_per_second: u32,
    pub rooms_per_socket: u32,
    pub event_bytes: usize,
    pub message_chars: usize,
}

/// The server's own timings of typing indicators.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TypingTimes {
    pub ttl_ms: u64,
    pub renew_ms: u64,
}

/// `session_closed`: why the server ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionClosed {
    pub code: &'static str,
    pub message: &'static str,
    pub reconnect: bool,
    pub reconnect_in_ms: Option<u64>,
}

/// `auth_expired`: the connection ends unless a new token comes.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthExpired {
    pub disconnect_in_ms: u64,
}

/// The answer to `refresh_token`.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenRefreshed {
    pub token_expires_at: Time,
}

/// `joined_group_success`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JoinedGroup<'a> {
    pub group_id: &'a str,
    pub member_count: usize,
    pub socket_count: usize,
    pub last_seq: u64,
    pub epoch: &'a str,
    pub reset: bool,
    pub typing: Vec<Typist<'a>>,
}

/// Somebody who types.
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserMoved<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub user_name: &'a str,
    pub member_count: usize,
}

/// `user_typing`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserTyping<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub user_name: &'a str,
}

/// `user_stopped_typing`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserStoppedTyping<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
}

/// `room_members_update`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoomMembers<'a> {
    pub group_id: &'a str,
    pub online_members: Vec<&'a str>,
    pub member_count: usize,
    pub socket_count: usize,
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

/// A message; also the event `message_received`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    pub id: String,
    pub group_id: &'a str,
    pub seq: u64,
    pub updated_seq: u64,
    /// `null` for what the server itself says.
    pub sender_id: Option<&'a str>,
    pub content: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub reply_to_id: Option<String>,
    pub client_message_id: Option<&'a str>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub edited_at: Option<Time>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub deleted_at: Option<Time>,
    pub user: Option<User<'a>>,
    pub reply_to: Option<Quote<'a>>,
    /// Empty, until files exist.
    #[schema(value_type = Vec<Object>)]
    pub attachments: [(); 0],
    /// Empty, until reactions exist.
    #[schema(value_type = Vec<Object>)]
    pub reactions: [(); 0],
}

/// The message that another one answers, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quote<'a> {
    pub id: String,
    pub content: &'a str,
    pub user: Option<QuotedUser<'a>>,
}

/// Who said what is answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotedUser<'a> {
    pub id: &'a str,
    pub name: &'a str,
}

/// A user, as others see them.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct User<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub image: Option<&'a str>,
}

impl<'a> From<&'a DomainUser> for User<'a> {
    fn from(user: &'a DomainUser) -> Self {
        Self {
            id: user.id.as_str(),
            name: user.name.as_str(),
            image: user.image.as_ref().map(chat_domain::user::ImageUrl::as_str),
        }
    }
}

impl<'a> From<&'a LogMessage> for Message<'a> {
    fn from(message: &'a LogMessage) -> Self {
        let quote = message.reply_to.as_ref();
        Self {
            id: message.id.to_string(),
            group_id: message.group.as_str(),
            seq: message.seq.get(),
            updated_seq: message.updated_seq.get(),
            sender_id: message.author.user_id().map(UserId::as_str),
            content: message.body.as_str(),
            kind: message.kind.as_str(),
            reply_to_id: quote.map(|quote| quote.id.to_string()),
            client_message_id: message
                .client_id
                .as_ref()
                .map(chat_domain::message::ClientMessageId::as_str),
            created_at: Time(message.created_at),
            edited_at: message.edited_at.map(Time),
            deleted_at: message.deleted_at.map(Time),
            user: match &message.author {
                Author::User(user) => Some(user.into()),
                Author::System => None,
            },
            reply_to: quote.map(|quote| Quote {
                id: quote.id.to_string(),
                content: quote.body.as_str(),
                user: quote.author.as_ref().map(|(id, name)| QuotedUser {
                    id: id.as_str(),
                    name: name.as_str(),
                }),
            }),
            attachments: [],
            reactions: [],
        }
    }
}

/// `group_messages`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupMessages<'a> {
    pub group_id: &'a str,
    pub messages: Vec<Message<'a>>,
    pub has_next_page: bool,
    pub next_cursor: Option<String>,
}

/// `removed_from_group`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedFromGroup<'a> {
    pub group_id: &'a str,
    pub reason: &'static str,
}

impl<'a> RemovedFromGroup<'a> {
    pub fn new(group: &'a GroupId, reason: Removal) -> Self {
        let reason = match reason {
            Removal::Removed => "REMOVED",
            Removal::GroupDeleted => "GROUP_DELETED",
        };
        Self {
            group_id: group.as_str(),
            reason,
        }
    }
}

/// `added_to_group`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddedToGroup<'a> {
    pub group_id: &'a str,
    pub name: &'a str,
    pub role: &'static str,
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
#[derive(Debug, Serialize)]
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
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberUpdated<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub role: &'static str,
}

/// How far a user has read: the answer to `mark_read`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadState {
    pub last_read_seq: u64,
    pub unread_count: u32,
}

impl From<ReadMark> for ReadState {
    fn from(mark: ReadMark) -> Self {
        Self {
            last_read_seq: mark.last_read.get(),
            unread_count: mark.unread,
        }
    }
}

/// `unread_update`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadUpdate<'a> {
    pub group_id: &'a str,
    #[serde(flatten)]
    pub state: ReadState,
}

/// A group, as one of its members or the administrator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupRecord<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub is_private: bool,
    pub last_seq: u64,
    pub epoch: &'a str,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    /// The caller's role; `null` for the administrator.
    pub role: Option<&'static str>,
}

impl<'a> From<&'a Group> for GroupRecord<'a> {
    fn from(group: &'a Group) -> Self {
        Self {
            id: group.id.as_str(),
            name: group.name.as_str(),
            description: group
                .description
                .as_ref()
                .map(chat_domain::group::Description::as_str),
            is_private: group.is_private,
            last_seq: group.head.last_seq.get(),
            epoch: group.head.epoch.as_str(),
            created_at: Time(group.created_at),
            role: None,
        }
    }
}

impl<'a> From<&'a OwnGroup> for GroupRecord<'a> {
    fn from(own: &'a OwnGroup) -> Self {
        Self {
            role: Some(own.role.as_str()),
            ..Self::from(&own.group)
        }
    }
}

/// A group in the caller's list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupEntry<'a> {
    #[serde(flatten)]
    pub group: GroupRecord<'a>,
    pub last_message: Option<Message<'a>>,
    #[serde(flatten)]
    pub state: ReadState,
}

impl<'a> From<&'a ListedGroup> for GroupEntry<'a> {
    fn from(entry: &'a ListedGroup) -> Self {
        Self {
            group: GroupRecord {
                role: Some(entry.role.as_str()),
                ..GroupRecord::from(&entry.group)
            },
            last_message: entry.last_message.as_ref().map(Message::from),
            state: entry.mark.into(),
        }
    }
}

/// A member of a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member<'a> {
    pub group_id: &'a str,
    pub user_id: &'a str,
    pub role: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Time,
}

impl<'a> From<&'a chat_domain::member::Member> for Member<'a> {
    fn from(member: &'a chat_domain::member::Member) -> Self {
        Self {
            group_id: member.group.as_str(),
            user_id: member.user.as_str(),
            role: member.role.as_str(),
            joined_at: Time(member.joined_at),
        }
    }
}

/// A member in the list of a group.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedMember<'a> {
    #[serde(flatten)]
    pub member: Member<'a>,
    /// Whether the user is in the room.
    pub in_room: bool,
    pub user: User<'a>,
}

impl<'a> From<&'a MemberEntry> for ListedMember<'a> {
    fn from(entry: &'a MemberEntry) -> Self {
        Self {
            member: (&entry.member).into(),
            in_room: entry.in_room,
            user: (&entry.user).into(),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    pub items: Vec<T>,
    /// Leads on; `null` at the end.
    pub next_cursor: Option<String>,
}

/// A page of a history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct History<'a> {
    pub items: Vec<Message<'a>>,
    pub has_next_page: bool,
    /// Leads to older messages; `null` when reading forwards.
    pub next_cursor: Option<String>,
}

/// What leads on from a page of a history that was read backwards: to older messages, if there are any.
pub fn older(slice: &Slice, is_backwards: bool) -> Option<String> {
    let oldest = slice
        .messages
        .first()
        .filter(|_| is_backwards && slice.more);
    oldest.map(|message| encode(&message.seq))
}

/// How many of a user's connections were ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionsClosed {
    pub sessions_closed: usize,
}

/// What a newcomer to a development server gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevSession<'a> {
    pub token: String,
    pub user: User<'a>,
}
