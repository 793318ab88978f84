//! Who is in a room.

use crate::{
    id::{GroupId, UserId},
    news::RoomMembers,
    ports::PortResult,
    presence::{Counts, RoomSnapshot},
    room::list_members,
    service::Shared,
};

use super::{Chat, history::ReadError};

impl Chat {
    /// A page of the users in the room, in the order of their ids.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn room_info(
        &self,
        user: &UserId,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<RoomMembers, ReadError> {
        if !self.may_take_part(group, user).await? {
            return Err(ReadError::NotAMember);
        }
        let open = self.rooms.look(group, |room| {
            room.shows_users().then(|| room.members(after, limit))
        });
        if let Some(Some(members)) = open {
            return Ok(members);
        }
        let room = self.snapshot(group).await?;
        let users = room.users.keys();
        let rest = users.filter(|user| after.is_none_or(|after| *user > after));
        Ok(list_members(group.clone(), rest, room.counts(), limit))
    }

    /// Which of these users are in the room.
    pub(super) async fn in_room(&self, group: &GroupId, users: &[UserId]) -> PortResult<Vec<bool>> {
        let open = self.rooms.look(group, |room| {
            let is_there = |user| room.shows(user);
            room.shows_users()
                .then(|| users.iter().map(is_there).collect())
        });
        if let Some(Some(answers)) = open {
            return Ok(answers);
        }
        let room = self.snapshot(group).await?;
        Ok(users
            .iter()
            .map(|user| room.users.contains_key(user))
            .collect())
    }

    /// How many are in the room.
    pub(super) async fn room_counts(&self, group: &GroupId) -> PortResult<Counts> {
        let open = self
            .rooms
            .look(group, |room| room.shows_users().then(|| room.counts()));
        if let Some(Some(counts)) = open {
            return Ok(counts);
        }
        Ok(self.snapshot(group).await?.counts())
    }

    /// A room that is not open here, as the store has it. While the store is away, nobody is known to be there.
    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot> {
        match self.ports.presence.snapshot(group).await {
            Err(_) if self.lacks(Shared::Presence) => Ok(RoomSnapshot::default()),
            answer => answer,
        }
    }
}
