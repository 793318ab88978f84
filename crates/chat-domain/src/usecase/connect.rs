//! A socket comes and goes.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use crate::{
    chore::Chore,
    delivery::RETRY,
    id::{GroupId, SocketId, UserId},
    news::Notice,
    ports::PortResult,
    presence::Seat,
    room::Departure,
    user::User,
};

use super::Chat;

/// One socket of one user, as long as it lasts. Everything that it does goes through one task, in order.
#[derive(Debug)]
pub struct Connection {
    /// Whose socket it is.
    pub user: User,
    /// Which socket it is.
    pub socket: SocketId,
    /// The rooms that it joined or tried to. It may not be in some, or have been taken out since.
    pub(super) rooms: BTreeSet<GroupId>,
    /// The rooms that it started to type in: its end ends that too, also where it has left since.
    pub(super) typed_in: BTreeSet<GroupId>,
}

impl Connection {
    pub(super) fn seat(&self, group: &GroupId) -> Seat {
        Seat {
            group: group.clone(),
            user: self.user.id.clone(),
            name: self.user.name.clone(),
            socket: self.socket.clone(),
        }
    }
}

impl Chat {
    /// Creates the user's record or brings it up to date. What says nothing new costs no write: after a restart
    /// everybody comes at once.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn save_user(&self, user: &User) -> PortResult<()> {
        if self.ports.users.find(&user.id).await?.as_ref() == Some(user) {
            return Ok(());
        }
        self.ports.users.save(user, self.now()).await
    }

    /// Creates a record that is named after its id, unless there is one.
    pub(super) async fn ensure_user(&self, user: &UserId) -> PortResult<()> {
        if self.ports.users.find(user).await?.is_some() {
            return Ok(());
        }
        self.ports.users.ensure(user, self.now()).await
    }

    /// The user's record.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn user(&self, user: &UserId) -> PortResult<Option<User>> {
        self.ports.users.find(user).await
    }

    /// A user's socket has come. Ended by [`Chat::disconnect`].
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn connect(&self, user: User, socket: SocketId) -> PortResult<Connection> {
        self.follow_groups_of(&user.id).await?;
        Ok(Connection {
            user,
            socket,
            rooms: BTreeSet::new(),
            typed_in: BTreeSet::new(),
        })
    }

    /// Ends every connection of a user, on every node.
    pub fn end_sessions(&self, user: &UserId) {
        self.everywhere(Notice::SessionsEnded(user.clone()));
    }

    /// Ends one connection of a user, wherever it is: a newer one took its place.
    pub fn displace(&self, user: &UserId, socket: SocketId) {
        self.everywhere(Notice::Displaced(user.clone(), socket));
    }

    /// A socket is gone: it leaves every room that it was in. While this node hands over, it stays in the store.
    ///
    /// # Errors
    /// The first store that failed; the others were asked all the same, and it will be asked again.
    pub async fn disconnect(&self, connection: Connection) -> PortResult<()> {
        let how = if self.hands_over.load(Ordering::Relaxed) {
            Departure::HandedOver
        } else {
            Departure::Gone
        };
        // First: for a room that closes with this socket nobody needs to be told of its news.
        self.followers.gone(&connection.user.id);
        let mut result = Ok(());
        for group in &connection.rooms {
            let seat = connection.seat(group);
            let left = self.vacate(&seat, how).await;
            if left.is_err() {
                self.ports.agenda.note(Chore::Vacate(seat), RETRY);
            }
            result = result.and(left.map(drop));
        }
        for group in &connection.typed_in {
            let ended = self.end_typing_at(&connection, group).await;
            result = result.and(ended);
        }
        result
    }
}
