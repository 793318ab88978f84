//! Who is shown as typing in the room.

use crate::{
    id::{SocketId, UserId},
    news::News,
    time::Timestamp,
    typing::Typist,
    user::UserName,
};

use super::Room;

impl Room {
    /// How many users are shown as typing.
    #[must_use]
    pub fn typists(&self) -> usize {
        self.typing.shown().count()
    }

    /// A user types at that socket of this node, or (`None`) at another node. Returns whether the
    /// room shows that sort of thing.
    pub fn typing_started(
        &mut self,
        user: &UserId,
        name: &UserName,
        by: Option<SocketId>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        if self.is_large {
            return false;
        }
        if self.typing.start(user, name, by, now) {
            let (group, user, name) = (self.group.clone(), user.clone(), name.clone());
            tell(News::TypingStarted { group, user, name });
        }
        true
    }

    /// The store says that a user types, who may be shown already.
    pub fn typing_learned(&mut self, typist: Typist, now: Timestamp, tell: &mut dyn FnMut(News)) {
        // Whoever has left since no longer types.
        if self.is_large || !self.shows(&typist.user) {
            return;
        }
        let (group, user, name) = (self.group.clone(), typist.user.clone(), typist.name.clone());
        if self.typing.learn(typist, now) {
            tell(News::TypingStarted { group, user, name });
        }
    }

    /// A user stopped typing. Returns whether anybody was shown.
    pub fn typing_stopped(&mut self, user: &UserId, tell: &mut dyn FnMut(News)) -> bool {
        let was_shown = self.typing.stop(user);
        if was_shown {
            tell(self.stopped(user.clone()));
        }
        was_shown
    }

    /// A socket is gone for good. Returns whether that ended its user's typing.
    pub fn typist_gone(
        &mut self,
        user: &UserId,
        socket: &SocketId,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        let ended = self.typing.socket_left(user, socket);
        if ended {
            tell(self.stopped(user.clone()));
        }
        ended
    }

    pub(super) fn stopped(&self, user: UserId) -> News {
        let group = self.group.clone();
        News::TypingStopped { group, user }
    }
}
