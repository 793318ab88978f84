//! Making, changing and listing groups.

use std::{slice, sync::Arc};

use crate::{
    group::{Description, Group, GroupChange, GroupName, Head},
    id::{Epoch, GroupId, Seq, UserId},
    member::{Member, Role},
    news::Notice,
    ports::{GroupEntry, PortError, PortResult},
    user::User,
};

use super::Chat;

/// What a new group is like.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// What members call it.
    pub name: GroupName,
    /// What it is about.
    pub description: Option<Description>,
    /// Whether it is hidden from those who are not members.
    pub is_private: bool,
}

/// Why a group or its members were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The caller is no member, or there is no such group.
    #[error("no such group")]
    NoSuchGroup,
    /// There is no such user.
    #[error("no such user")]
    NoSuchUser,
    /// The other user is no member.
    #[error("no such member")]
    NoSuchMember,
    /// The caller's role does not suffice.
    #[error("the role does not suffice")]
    NotAllowed,
    /// The other user is a member already.
    #[error("already a member")]
    AlreadyMember,
    /// The group would have lost its last owner.
    #[error("a group keeps an owner")]
    LastOwner,
    /// A store could not be asked.
    #[error(transparent)]
    Unavailable(#[from] PortError),
}

/// A group as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnGroup {
    /// The group.
    pub group: Group,
    /// What the member may do there.
    pub role: Role,
}

/// A member as another one sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberEntry {
    /// The membership.
    pub member: Member,
    /// The user's record.
    pub user: User,
    /// Whether the user is in the room.
    pub in_room: bool,
}

impl Chat {
    /// Makes a group; the caller owns it.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn create_group(&self, owner: &UserId, new: NewGroup) -> PortResult<OwnGroup> {
        let id = GroupId::random(self.ports.dice.roll());
        let group = self.new_group(id, new);
        self.ports.groups.create(&group, owner).await?;
        let own = slice::from_ref(&group.id);
        self.followers.added(owner, own, self.now());
        Ok(OwnGroup {
            group,
            role: Role::Owner,
        })
    }

    /// The group, for one of its members.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn group(&self, user: &UserId, group: &GroupId) -> Result<OwnGroup, ManageError> {
        let role = self.manager(group, user).await?.role;
        let group = self
            .ports
            .groups
            .find(group)
            .await?
            .ok_or(ManageError::NoSuchGroup)?;
        Ok(OwnGroup { group, role })
    }

    /// The user's groups after `after`.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn groups_of(
        &self,
        user: &UserId,
        after: Option<&GroupId>,
        limit: usize,
    ) -> PortResult<Vec<GroupEntry>> {
        let as_of = self.memberships.generation();
        let listed = self.ports.groups.list(user, after, limit).await?;
        let groups: Vec<GroupId> = listed.iter().map(|it| it.group.id.clone()).collect();
        self.met(user, &groups, as_of);
        Ok(listed)
    }

    /// The group's members after `after`.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn members_of(
        &self,
        user: &UserId,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<MemberEntry>, ManageError> {
        self.manager(group, user).await?;
        let listed = self.ports.memberships.list(group, after, limit).await?;
        let ids: Vec<UserId> = listed
            .iter()
            .map(|(member, _)| member.user.clone())
            .collect();
        let in_room = self.in_room(group, &ids).await?;
        let entries = listed.into_iter().zip(in_room);
        Ok(entries
            .map(|((member, user), in_room)| MemberEntry {
                member,
                user,
                in_room,
            })
            .collect())
    }

    /// Changes the group; `ADMIN` and above.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn change_group(
        &self,
        by: &UserId,
        group: &GroupId,
        change: &GroupChange,
    ) -> Result<OwnGroup, ManageError> {
        let manager = self.manager(group, by).await?;
        if !manager.may_change_group() {
            return Err(ManageError::NotAllowed);
        }
        let changed = self.ports.groups.change(group, change).await?;
        let group = changed.ok_or(ManageError::NoSuchGroup)?;
        self.everywhere(Notice::GroupChanged(Arc::new(group.clone())));
        Ok(OwnGroup {
            group,
            role: manager.role,
        })
    }

    /// Deletes the group; its owner.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn delete_group(&self, by: &UserId, group: &GroupId) -> Result<(), ManageError> {
        if !self.manager(group, by).await?.owns_group() {
            return Err(ManageError::NotAllowed);
        }
        self.ports.groups.delete(group).await?;
        self.everywhere(Notice::GroupDeleted(group.clone()));
        Ok(())
    }

    /// Makes the group, or gives it that name and owner; for the administrator.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn put_group(
        &self,
        id: &GroupId,
        name: GroupName,
        owner: &UserId,
    ) -> Result<Group, ManageError> {
        self.ensure_user(owner).await?;
        let new = NewGroup {
            name: name.clone(),
            description: None,
            is_private: false,
        };
        let group = self.new_group(id.clone(), new);
        if self.ports.groups.create(&group, owner).await? {
            self.tell_added(&group, owner, Role::Owner, None);
            return Ok(group);
        }
        let change = GroupChange {
            name: Some(name),
            ..GroupChange::default()
        };
        let changed = self.ports.groups.change(id, &change).await?;
        let group = changed.ok_or(ManageError::NoSuchGroup)?;
        self.everywhere(Notice::GroupChanged(Arc::new(group.clone())));
        let found = self.ports.memberships.find(id, owner).await?;
        if found.is_none_or(|member| member.role != Role::Owner) {
            self.put_member(id, owner, Role::Member).await?;
            self.hand_over(id, owner).await?;
        }
        Ok(group)
    }

    /// The caller's membership, for reading and managing over HTTP.
    pub(super) async fn manager(
        &self,
        group: &GroupId,
        user: &UserId,
    ) -> Result<Member, ManageError> {
        self.member(group, user)
            .await?
            .ok_or(ManageError::NoSuchGroup)
    }

    fn new_group(&self, id: GroupId, new: NewGroup) -> Group {
        let epoch = Epoch::random(self.ports.dice.roll());
        Group {
            id,
            name: new.name,
            description: new.description,
            is_private: new.is_private,
            head: Head {
                last_seq: Seq::ZERO,
                epoch,
            },
            created_at: self.now(),
        }
    }
}
