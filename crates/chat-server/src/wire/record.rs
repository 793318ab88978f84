//! Records, as requests are answered with them; events carry some of them too.
//!
//! Like the payloads of [`super::outgoing`] they borrow, and have `null` for what is absent.

use chat_domain::{
    group::Group,
    id::UserId,
    message::{Author, Message as LogMessage},
    news::ReadMark,
    ports::{GroupEntry as ListedGroup, Slice},
    usecase::groups::{MemberEntry, OwnGroup},
    user::User as DomainUser,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    cursor::encode,
    shape::{MessageId, MessageType, Role},
    time::Time,
};

/// A message; also the event `message_received`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    #[schema(value_type = MessageId)]
    pub id: String,
    pub group_id: &'a str,
    /// Numbers the messages of a group without a gap.
    pub seq: u64,
    /// The `seq` of the message's last change.
    pub updated_seq: u64,
    /// `null` for what the server itself says.
    pub sender_id: Option<&'a str>,
    /// Plain text, never HTML.
    pub content: &'a str,
    #[serde(rename = "type")]
    #[schema(value_type = MessageType)]
    pub kind: &'static str,
    #[schema(value_type = Option<MessageId>)]
    pub reply_to_id: Option<String>,
    pub client_message_id: Option<&'a str>,
    pub created_at: Time,
    pub edited_at: Option<Time>,
    pub deleted_at: Option<Time>,
    pub user: Option<User<'a>>,
    pub reply_to: Option<Quote<'a>>,
    /// Empty, until files exist.
    #[schema(value_type = Vec<Value>)]
    pub attachments: [(); 0],
    /// Empty, until reactions exist.
    #[schema(value_type = Vec<Value>)]
    pub reactions: [(); 0],
}

/// The message that another one answers, in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct Quote<'a> {
    #[schema(value_type = MessageId)]
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

/// How far a user has read: the answer to `mark_read`.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadState {
    pub last_read_seq: u64,
    /// Of others, after `lastReadSeq`; at most 1,000.
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

/// A group, as one of its members or the administrator sees it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Group)]
pub struct GroupRecord<'a> {
    pub id: &'a str,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub is_private: bool,
    pub last_seq: u64,
    pub epoch: &'a str,
    pub created_at: Time,
    /// The caller's role; `null` for the administrator.
    #[schema(value_type = Option<Role>)]
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
    #[schema(value_type = Role)]
    pub role: &'static str,
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

/// What a newcomer to a development server gets.
#[derive(Debug, Serialize, ToSchema)]
pub struct DevSession<'a> {
    pub token: String,
    pub user: User<'a>,
}
