//! Who may: the question that comes before every other.

use std::slice;

use crate::{
    id::{GroupId, SocketId, UserId},
    member::Member,
    ports::PortResult,
};

use super::{Chat, cache::Generation};

impl Chat {
    /// Whether the user is a member of the group.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn is_member(&self, group: &GroupId, user: &UserId) -> PortResult<bool> {
        Ok(self.member(group, user).await?.is_some())
    }

    /// The user's membership, from the cache if it is fresh. `None` says nothing about whether the
    /// group exists.
    pub(super) async fn member(
        &self,
        group: &GroupId,
        user: &UserId,
    ) -> PortResult<Option<Member>> {
        match self.memberships.look_up(group, user, self.now()) {
            Some(member) => Ok(Some(member)),
            None => Ok(self.member_as_of(group, user).await?.0),
        }
    }

    /// Likewise, from the database, with the generation of the cache from before the question.
    pub(super) async fn member_as_of(
        &self,
        group: &GroupId,
        user: &UserId,
    ) -> PortResult<(Option<Member>, Generation)> {
        let as_of = self.memberships.generation();
        let found = self.ports.memberships.find(group, user).await?;
        if let Some(member) = &found {
            self.memberships.keep(member, as_of, self.now());
            self.met(user, slice::from_ref(group), as_of);
        }
        Ok((found, as_of))
    }

    /// The database said that the user is a member of these groups: another program may have made it so.
    pub(super) fn met(&self, user: &UserId, groups: &[GroupId], as_of: Generation) {
        if self.memberships.is_current(as_of) {
            self.followers.added(user, groups, self.now());
        }
    }

    /// Whether the user may see and show who is in the room. While the database is away, being in the
    /// room counts as membership (contract, Database unreachable).
    pub(super) async fn may_take_part(&self, group: &GroupId, user: &UserId) -> PortResult<bool> {
        let found = self.member(group, user).await;
        let is_there = || self.rooms.look(group, |room| room.shows(user));
        match found {
            Err(_) if is_there() == Some(true) => Ok(true),
            found => Ok(found?.is_some()),
        }
    }

    pub(super) fn is_in_room(&self, group: &GroupId, socket: &SocketId) -> bool {
        self.rooms.is_seated(group, socket)
    }
}
