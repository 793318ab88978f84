//! Typing indicators.

use crate::{
    id::{GroupId, UserId},
    limit::RetryAfter,
    news::Notice,
    ports::{PortError, PortResult, Spending},
};

use super::{Chat, connect::Connection};

/// Why a typing event was not taken.
#[derive(Debug, thiserror::Error)]
pub enum TypingError {
    /// The user is no member, or there is no such group.
    #[error("the user is not a member")]
    NotAMember,
    /// The socket has not joined the room.
    #[error("the socket is not in the room")]
    NotInRoom,
    /// The user types too often.
    #[error("too many typing events")]
    TooMany(RetryAfter),
    /// A store could not be asked.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

impl Chat {
    /// The user types at this socket.
    ///
    /// # Errors
    /// See [`TypingError`].
    pub async fn start_typing(
        &self,
        connection: &mut Connection,
        group: &GroupId,
    ) -> Result<(), TypingError> {
        self.may_type(connection, group).await?;
        let (user, name) = (&connection.user.id, &connection.user.name);
        let (now, by) = (self.now(), Some(connection.socket.clone()));
        let is_shown = self.rooms.with(group, now, |room, tell| {
            room.typing_started(user, name, by, now, tell)
        });
        if is_shown == Some(true) {
            connection.typed_in.insert(group.clone());
            self.ports.bus.publish(Notice::TypingStarted(
                group.clone(),
                user.clone(),
                name.clone(),
            ));
            self.ports.typing.started(group, user, name).await?;
        }
        Ok(())
    }

    /// The user stopped typing.
    ///
    /// # Errors
    /// See [`TypingError`].
    pub async fn stop_typing(
        &self,
        connection: &Connection,
        group: &GroupId,
    ) -> Result<(), TypingError> {
        self.may_type(connection, group).await?;
        let user = &connection.user.id;
        let was_shown = self.rooms.with(group, self.now(), |room, tell| {
            room.typing_stopped(user, tell)
        });
        if was_shown == Some(true) {
            self.end_typing(group, user).await?;
        }
        Ok(())
    }

    /// The socket is gone. If it was the one that its user typed at last, that ends.
    pub(super) async fn end_typing_at(
        &self,
        connection: &Connection,
        group: &GroupId,
    ) -> PortResult<()> {
        let (user, socket) = (&connection.user.id, &connection.socket);
        let ended = self.rooms.with(group, self.now(), |room, tell| {
            room.typist_gone(user, socket, tell)
        });
        if ended == Some(true) {
            self.end_typing(group, user).await?;
        }
        Ok(())
    }

    /// This node's sockets know that the user stopped: tells the other nodes and the store.
    pub(super) async fn end_typing(&self, group: &GroupId, user: &UserId) -> PortResult<()> {
        self.ports
            .bus
            .publish(Notice::TypingStopped(group.clone(), user.clone()));
        self.ports.typing.stopped(group, user).await
    }

    async fn may_type(&self, connection: &Connection, group: &GroupId) -> Result<(), TypingError> {
        let user = &connection.user.id;
        if !self.may_take_part(group, user).await? {
            return Err(TypingError::NotAMember);
        }
        if !self.is_in_room(group, &connection.socket) {
            return Err(TypingError::NotInRoom);
        }
        if let Some(quota) = self.policy.typing {
            let spending = Spending::Typing(user, group);
            self.ports
                .limiter
                .spend(spending, quota)
                .await
                .map_err(TypingError::TooMany)?;
        }
        Ok(())
    }
}
