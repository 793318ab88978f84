//! Messages, groups and additions as JSON: the parts of notices that have parts themselves.

use chat_domain::{
    group::{Description, Group, GroupName, Head},
    id::{Epoch, MessageId},
    member::Role,
    message::{Author, ClientMessageId, Message, MessageBody, MessageKind, Quote},
    news::Addition,
    time::Timestamp,
    user::{ImageUrl, User},
};
use serde::{Deserialize, Serialize};

use super::wire::{Text, group_id, name_of, seq, text, user_id, user_name};

#[derive(Serialize, Deserialize)]
pub(super) struct WireMessage<'a> {
    id: Text<'a>,
    group: Text<'a>,
    seq: u64,
    updated_seq: u64,
    /// Absent: the server itself.
    author: Option<WireUser<'a>>,
    body: Text<'a>,
    kind: Text<'a>,
    reply_to: Option<WireQuote<'a>>,
    client_id: Option<Text<'a>>,
    created_at: u64,
    edited_at: Option<u64>,
    deleted_at: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct WireUser<'a> {
    id: Text<'a>,
    name: Text<'a>,
    image: Option<Text<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WireQuote<'a> {
    id: Text<'a>,
    body: Text<'a>,
    author: Option<(Text<'a>, Text<'a>)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireGroup<'a> {
    id: Text<'a>,
    name: Text<'a>,
    description: Option<Text<'a>>,
    is_private: bool,
    last_seq: u64,
    epoch: Text<'a>,
    created_at: u64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireAddition<'a> {
    group: Text<'a>,
    name: Text<'a>,
    user: Text<'a>,
    role: Text<'a>,
    by: Option<Text<'a>>,
}

impl<'a> WireMessage<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self {
            id: message.id.to_string().into(),
            group: text(&message.group),
            seq: message.seq.get(),
            updated_seq: message.updated_seq.get(),
            author: message.author.user().map(|user| WireUser {
                id: name_of(&user.id),
                name: user.name.as_str().into(),
                image: user.image.as_ref().map(|image| image.as_str().into()),
            }),
            body: message.body.as_str().into(),
            kind: message.kind.as_str().into(),
            reply_to: message.reply_to.as_ref().map(WireQuote::of),
            client_id: message.client_id.as_ref().map(|id| id.as_str().into()),
            created_at: message.created_at.as_millis(),
            edited_at: message.edited_at.map(Timestamp::as_millis),
            deleted_at: message.deleted_at.map(Timestamp::as_millis),
        }
    }

    pub(super) fn read(self) -> Option<Message> {
        let author = perhaps(self.author, WireUser::read)?;
        Some(Message {
            id: MessageId::parse(&self.id).ok()?,
            group: group_id(&self.group)?,
            seq: seq(self.seq)?,
            updated_seq: seq(self.updated_seq)?,
            author: author.map_or(Author::System, Author::User),
            body: MessageBody::stored(&self.body),
            kind: MessageKind::parse(&self.kind)?,
            reply_to: perhaps(self.reply_to, WireQuote::read)?,
            client_id: perhaps(self.client_id, |id| ClientMessageId::parse(&id).ok())?,
            created_at: Timestamp::from_millis(self.created_at),
            edited_at: self.edited_at.map(Timestamp::from_millis),
            deleted_at: self.deleted_at.map(Timestamp::from_millis),
        })
    }
}

impl WireUser<'_> {
    fn read(self) -> Option<User> {
        Some(User {
            id: user_id(&self.id)?,
            name: user_name(&self.name)?,
            image: self.image.and_then(|image| ImageUrl::parse(&image)),
        })
    }
}

impl<'a> WireQuote<'a> {
    fn of(quote: &'a Quote) -> Self {
        let author = quote.author.as_ref();
        Self {
            id: quote.id.to_string().into(),
            body: quote.body.as_str().into(),
            author: author.map(|(id, name)| (name_of(id), name.as_str().into())),
        }
    }

    fn read(self) -> Option<Quote> {
        let author = |(id, name): (Text<'_>, Text<'_>)| Some((user_id(&id)?, user_name(&name)?));
        Some(Quote {
            id: MessageId::parse(&self.id).ok()?,
            body: MessageBody::stored(&self.body),
            author: perhaps(self.author, author)?,
        })
    }
}

impl<'a> WireGroup<'a> {
    pub(super) fn of(group: &'a Group) -> Self {
        let description = group.description.as_ref();
        Self {
            id: text(&group.id),
            name: group.name.as_str().into(),
            description: description.map(|it| it.as_str().into()),
            is_private: group.is_private,
            last_seq: group.head.last_seq.get(),
            epoch: group.head.epoch.as_str().into(),
            created_at: group.created_at.as_millis(),
        }
    }

    pub(super) fn read(self) -> Option<Group> {
        let description = |raw: Text<'_>| Description::parse(&raw).ok();
        Some(Group {
            id: group_id(&self.id)?,
            name: GroupName::parse(&self.name).ok()?,
            description: perhaps(self.description, description)?,
            is_private: self.is_private,
            head: Head {
                last_seq: seq(self.last_seq)?,
                epoch: Epoch::new(&self.epoch),
            },
            created_at: Timestamp::from_millis(self.created_at),
        })
    }
}

impl<'a> WireAddition<'a> {
    pub(super) fn of(addition: &'a Addition) -> Self {
        Self {
            group: text(&addition.group),
            name: addition.name.as_str().into(),
            user: name_of(&addition.user),
            role: addition.role.as_str().into(),
            by: addition.by.as_ref().map(name_of),
        }
    }

    pub(super) fn read(self) -> Option<Addition> {
        Some(Addition {
            group: group_id(&self.group)?,
            name: GroupName::parse(&self.name).ok()?,
            user: user_id(&self.user)?,
            role: Role::parse(&self.role)?,
            by: perhaps(self.by, |by| user_id(&by))?,
        })
    }
}

/// Nothing is read as nothing, and something as something valid.
fn perhaps<T, U>(value: Option<T>, read: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match value {
        Some(value) => read(value).map(Some),
        None => Some(None),
    }
}
