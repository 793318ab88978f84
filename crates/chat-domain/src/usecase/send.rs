//! Saying something in a group.

use std::sync::Arc;

use crate::{
    id::{GroupId, MessageId, UserId},
    limit::RetryAfter,
    member::Composition,
    message::{ClientMessageId, Draft, Message, MessageBody},
    news::Notice,
    ports::{Appended, PortError, Spending},
    user::User,
};

use super::{Chat, connect::Connection};

/// What became of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The message in the log.
    pub message: Arc<Message>,
    /// Whether it was there before. Nobody was told again then.
    pub is_duplicate: bool,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The user is no member, or there is no such group.
    #[error("the user is not a member")]
    NotAMember,
    /// The socket has not joined the room.
    #[error("the socket is not in the room")]
    NotInRoom,
    /// The message that it answers is not in this group.
    #[error("the answered message is not in this group")]
    NoSuchReply,
    /// The user sends too much.
    #[error("too many messages")]
    TooMany(RetryAfter),
    /// A store could not be asked. Whether the message was stored is open.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Chat {
    /// Sends from a socket, which must be in the room.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn send(
        &self,
        connection: &Connection,
        group: &GroupId,
        what: Composition,
    ) -> Result<Sent, SendError> {
        self.spend_message(&connection.user.id).await?;
        let member = self
            .member(group, &connection.user.id)
            .await?
            .ok_or(SendError::NotAMember)?;
        if !self.is_in_room(group, &connection.socket) {
            return Err(SendError::NotInRoom);
        }
        let (id, now) = self.new_message_id();
        self.commit(member.compose(&connection.user, what, id, now))
            .await
    }

    /// Sends without being in the room.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn post(
        &self,
        user: &User,
        group: &GroupId,
        what: Composition,
    ) -> Result<Sent, SendError> {
        self.spend_message(&user.id).await?;
        self.post_for(user, group, what).await
    }

    /// Sends in a user's name, for the administrator: no limit counts.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn post_for(
        &self,
        user: &User,
        group: &GroupId,
        what: Composition,
    ) -> Result<Sent, SendError> {
        let member = self
            .member(group, &user.id)
            .await?
            .ok_or(SendError::NotAMember)?;
        let (id, now) = self.new_message_id();
        self.commit(member.compose(user, what, id, now)).await
    }

    /// Sends in the server's own name.
    ///
    /// # Errors
    /// See [`SendError`]; `NotAMember` stands for "no such group".
    pub async fn announce(
        &self,
        group: &GroupId,
        body: MessageBody,
        client_id: Option<ClientMessageId>,
    ) -> Result<Sent, SendError> {
        let (id, now) = self.new_message_id();
        self.commit(Draft::by_system(group.clone(), body, client_id, id, now))
            .await
    }

    async fn commit(&self, draft: Draft) -> Result<Sent, SendError> {
        match self.ports.log.append(draft).await? {
            Appended::Stored(message) => {
                let message = Arc::new(message);
                self.tell_committed(&message).await;
                Ok(Sent {
                    message,
                    is_duplicate: false,
                })
            }
            Appended::Duplicate(message) => {
                let message = Arc::new(message);
                Ok(Sent {
                    message,
                    is_duplicate: true,
                })
            }
            Appended::NoSuchReply => Err(SendError::NoSuchReply),
            Appended::NoSuchGroup => Err(SendError::NotAMember),
        }
    }

    /// Tells this node's sockets at once, and the other nodes.
    async fn tell_committed(&self, message: &Arc<Message>) {
        let typed = self.heard_committed(message);
        self.ports
            .bus
            .publish(Notice::Committed(Arc::clone(message)));
        self.note_stirred(&message.group);
        if let (true, Some(author)) = (typed, message.author.user_id()) {
            // The mark ends by itself soon; the message is what counts.
            let _ = self.ports.typing.stopped(&message.group, author).await;
        }
    }

    async fn spend_message(&self, user: &UserId) -> Result<(), SendError> {
        let Some(quota) = self.policy.messages else {
            return Ok(());
        };
        let spending = Spending::Messages(user);
        self.ports
            .limiter
            .spend(spending, quota)
            .await
            .map_err(SendError::TooMany)
    }

    fn new_message_id(&self) -> (MessageId, crate::time::Timestamp) {
        let now = self.now();
        (MessageId::v7(now, self.ports.dice.roll()), now)
    }
}
