//! Messages: what a sender wants to say ([`Draft`]), and what the log made of it ([`Message`]).

use std::sync::Arc;

use crate::{
    id::{GroupId, MessageId, Seq, UserId},
    time::Timestamp,
    user::{User, UserName},
};

/// A message that is in the log: it has a `seq`, and everybody will see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name.
    pub id: MessageId,
    /// Its group.
    pub group: GroupId,
    /// Its place in the group's history.
    pub seq: Seq,
    /// The `seq` of its last change; equal to `seq` until it is changed.
    pub updated_seq: Seq,
    /// Who said it.
    pub author: Author,
    /// What was said.
    pub body: MessageBody,
    /// What the text stands for.
    pub kind: MessageKind,
    /// The message that it answers, in short.
    pub reply_to: Option<Quote>,
    /// The sender's own name for it.
    pub client_id: Option<ClientMessageId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// A message on its way to the log.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The name that it will have if it is new.
    pub id: MessageId,
    /// Its group.
    pub group: GroupId,
    /// Who says it.
    pub author: Author,
    /// What is said.
    pub body: MessageBody,
    /// What the text stands for.
    pub kind: MessageKind,
    /// The message of the same group that it answers.
    pub reply_to: Option<MessageId>,
    /// The sender's own name for it, which makes sending again safe.
    pub client_id: Option<ClientMessageId>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl Draft {
    /// What the server itself says in a group.
    #[must_use]
    pub fn by_system(
        group: GroupId,
        body: MessageBody,
        client_id: Option<ClientMessageId>,
        id: MessageId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            group,
            author: Author::System,
            body,
            kind: MessageKind::System,
            reply_to: None,
            client_id,
            created_at: now,
        }
    }

    /// The message that this draft becomes at a place in the log.
    #[must_use]
    pub fn into_message(self, seq: Seq, reply_to: Option<Quote>) -> Message {
        Message {
            id: self.id,
            group: self.group,
            seq,
            updated_seq: seq,
            author: self.author,
            body: self.body,
            kind: self.kind,
            reply_to,
            client_id: self.client_id,
            created_at: self.created_at,
            edited_at: None,
            deleted_at: None,
        }
    }
}

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// A user.
    User(User),
    /// The server itself.
    System,
}

impl Author {
    /// The user, if it is one.
    #[must_use]
    pub fn user(&self) -> Option<&User> {
        match self {
            Self::User(user) => Some(user),
            Self::System => None,
        }
    }

    /// The user's id, if it is one.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        self.user().map(|user| &user.id)
    }
}

/// A message as the answer to it shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// The answered message.
    pub id: MessageId,
    /// Its text.
    pub body: MessageBody,
    /// Who said it; `None` if the server did.
    pub author: Option<(UserId, UserName)>,
}

/// What a message's text stands for. It is a hint for clients; the server never interprets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Plain text.
    Text,
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A sound.
    Audio,
    /// Any other file.
    File,
    /// Said by the server itself; no client can send it.
    System,
}

impl MessageKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::File,
        Self::System,
    ];

    /// The kind's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Image => "IMAGE",
            Self::Video => "VIDEO",
            Self::Audio => "AUDIO",
            Self::File => "FILE",
            Self::System => "SYSTEM",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == raw)
    }

    /// The kind of that name, unless it is the server's own.
    #[must_use]
    pub fn parse_sendable(raw: &str) -> Option<Self> {
        Self::parse(raw).filter(|kind| *kind != Self::System)
    }
}

/// The text of a message: cleaned, never empty when it is made, never interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageBody(Arc<str>);

/// Why a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// Nothing is left after cleaning.
    #[error("a message has at least one visible character")]
    Empty,
    /// More Unicode scalars than allowed.
    #[error("a message has at most {limit_chars} characters")]
    TooLong {
        /// How many are allowed.
        limit_chars: usize,
    },
}

impl MessageBody {
    /// Turns CRLF into LF, removes control characters but newline and tab, trims white space;
    /// what is left must be 1 to `limit_chars` Unicode scalars (contract, section 1, Sending).
    ///
    /// # Errors
    /// [`InvalidBody`] if it is not.
    pub fn parse(raw: &str, limit_chars: usize) -> Result<Self, InvalidBody> {
        let shown = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
        // A lone CR is a control character and goes; in CRLF the LF stays: one filter does both.
        let visible: String = raw.chars().filter(shown).collect();
        let text = visible.trim();
        if text.is_empty() {
            return Err(InvalidBody::Empty);
        }
        if text.chars().count() > limit_chars {
            return Err(InvalidBody::TooLong { limit_chars });
        }
        Ok(Self(Arc::from(text)))
    }

    /// A text that a store kept.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A sender's own name for a message: 1 to 64 printable ASCII characters without space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientMessageId(Arc<str>);

/// Why a text is no client message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a client message id is 1 to 64 printable ASCII characters without space")]
pub struct InvalidClientMessageId;

impl ClientMessageId {
    /// Checks a client's name for a message.
    ///
    /// # Errors
    /// [`InvalidClientMessageId`] if it is none.
    pub fn parse(raw: &str) -> Result<Self, InvalidClientMessageId> {
        let fits = (1..=64).contains(&raw.len());
        if fits && raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(Arc::from(raw)))
        } else {
            Err(InvalidClientMessageId)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_cleaned_and_trimmed() {
        let body = MessageBody::parse(" \r\nHello\u{0},\r\n\tworld\u{7f} \n", 4_000).unwrap();

        assert_eq!(body.as_str(), "Hello,\n\tworld");
    }

    #[test]
    fn a_body_is_counted_in_unicode_scalars_after_trimming() {
        assert!(MessageBody::parse(&format!(" {} ", "😀".repeat(4)), 4).is_ok());
        assert_eq!(
            MessageBody::parse(&"😀".repeat(5), 4),
            Err(InvalidBody::TooLong { limit_chars: 4 })
        );
        assert_eq!(
            MessageBody::parse("\u{0}\r\n \t", 4),
            Err(InvalidBody::Empty)
        );
    }

    #[test]
    fn a_client_message_id_is_printable_ascii_without_space() {
        assert!(ClientMessageId::parse("~!a{}:\"").is_ok());

        for bad in ["", "a b", "ä", "a\n", &"x".repeat(65)] {
            assert!(ClientMessageId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_client_can_send_what_is_the_servers_own() {
        assert_eq!(
            MessageKind::parse_sendable("IMAGE"),
            Some(MessageKind::Image)
        );
        assert_eq!(MessageKind::parse_sendable("SYSTEM"), None);
        assert_eq!(MessageKind::parse("SYSTEM"), Some(MessageKind::System));
    }
}
