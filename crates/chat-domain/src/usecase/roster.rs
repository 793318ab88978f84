//! Who is a member of a group, and as what.

use std::sync::Arc;

use crate::{
    group::Group,
    id::{GroupId, UserId},
    member::{Member, Role},
    news::{Addition, Notice},
    ports::{Added, Changed},
};

use super::{Chat, groups::ManageError};

impl Chat {
    /// Adds a member; `ADMIN` and above, with a role below one's own.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn add_member(
        &self,
        by: &UserId,
        group: &GroupId,
        user: &UserId,
        role: Role,
    ) -> Result<Member, ManageError> {
        if !self.manager(group, by).await?.may_grant(role) {
            return Err(ManageError::NotAllowed);
        }
        self.ports
            .users
            .find(user)
            .await?
            .ok_or(ManageError::NoSuchUser)?;
        let (member, added) = self.enlist(group, user, role, Some(by)).await?;
        match added {
            Added::Done => Ok(member),
            Added::AlreadyMember => Err(ManageError::AlreadyMember),
            Added::NoSuchGroup => Err(ManageError::NoSuchGroup),
        }
    }

    /// Gives a member another role; `ADMIN` and above, from and to roles below one's own.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn change_role(
        &self,
        by: &UserId,
        group: &GroupId,
        user: &UserId,
        role: Role,
    ) -> Result<Member, ManageError> {
        let manager = self.manager(group, by).await?;
        let found = self.ports.memberships.find(group, user).await?;
        let member = found.ok_or(ManageError::NoSuchMember)?;
        if !manager.may_manage(member.role) || !manager.may_grant(role) {
            return Err(ManageError::NotAllowed);
        }
        self.give_role(group, user, role).await?;
        Ok(Member { role, ..member })
    }

    /// Removes a member; `ADMIN` and above, somebody below, or anybody themselves.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn remove_member(
        &self,
        by: &UserId,
        group: &GroupId,
        user: &UserId,
    ) -> Result<(), ManageError> {
        let manager = self.manager(group, by).await?;
        if by != user {
            let found = self.ports.memberships.find(group, user).await?;
            let member = found.ok_or(ManageError::NoSuchMember)?;
            if !manager.may_manage(member.role) {
                return Err(ManageError::NotAllowed);
            }
        }
        self.strike_off(group, user).await
    }

    /// Passes the group on to another member; its owner, who becomes `ADMIN`.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn pass_on(
        &self,
        by: &UserId,
        group: &GroupId,
        heir: &UserId,
    ) -> Result<Member, ManageError> {
        if !self.manager(group, by).await?.owns_group() {
            return Err(ManageError::NotAllowed);
        }
        self.hand_over(group, heir).await?;
        let found = self.ports.memberships.find(group, heir).await?;
        found.ok_or(ManageError::NoSuchMember)
    }

    /// Makes somebody a member with that role, whatever was before; for the administrator.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn put_member(
        &self,
        group: &GroupId,
        user: &UserId,
        role: Role,
    ) -> Result<Member, ManageError> {
        self.ensure_user(user).await?;
        let (member, added) = self.enlist(group, user, role, None).await?;
        match added {
            Added::Done => Ok(member),
            Added::NoSuchGroup => Err(ManageError::NoSuchGroup),
            Added::AlreadyMember => {
                let found = self.ports.memberships.find(group, user).await?;
                let member = found.ok_or(ManageError::NoSuchMember)?;
                if member.role != role {
                    self.give_role(group, user, role).await?;
                }
                Ok(Member { role, ..member })
            }
        }
    }

    /// Removes a member, if there is one; for the administrator.
    ///
    /// # Errors
    /// See [`ManageError`].
    pub async fn delete_member(&self, group: &GroupId, user: &UserId) -> Result<(), ManageError> {
        match self.strike_off(group, user).await {
            Err(ManageError::NoSuchMember) => Ok(()),
            result => result,
        }
    }

    async fn enlist(
        &self,
        group: &GroupId,
        user: &UserId,
        role: Role,
        by: Option<&UserId>,
    ) -> Result<(Member, Added), ManageError> {
        let joined_at = self.now();
        let member = Member {
            group: group.clone(),
            user: user.clone(),
            role,
            joined_at,
        };
        let added = self.ports.roster.add(&member).await?;
        if added == Added::Done {
            let found = self.ports.groups.find(group).await?;
            self.tell_added(&found.ok_or(ManageError::NoSuchGroup)?, user, role, by);
        }
        Ok((member, added))
    }

    pub(super) fn tell_added(&self, group: &Group, user: &UserId, role: Role, by: Option<&UserId>) {
        self.everywhere(Notice::MemberAdded(Arc::new(Addition {
            group: group.id.clone(),
            name: group.name.clone(),
            user: user.clone(),
            role,
            by: by.cloned(),
        })));
    }

    async fn give_role(
        &self,
        group: &GroupId,
        user: &UserId,
        role: Role,
    ) -> Result<(), ManageError> {
        let changed = self.ports.roster.set_role(group, user, role).await?;
        check(changed)?;
        self.everywhere(Notice::RoleChanged(group.clone(), user.clone(), role));
        Ok(())
    }

    async fn strike_off(&self, group: &GroupId, user: &UserId) -> Result<(), ManageError> {
        let changed = self.ports.roster.remove(group, user).await?;
        check(changed)?;
        self.everywhere(Notice::MemberRemoved(group.clone(), user.clone()));
        Ok(())
    }

    pub(super) async fn hand_over(
        &self,
        group: &GroupId,
        heir: &UserId,
    ) -> Result<(), ManageError> {
        let former = self.ports.roster.pass_on(group, heir).await?;
        let former = former.ok_or(ManageError::NoSuchMember)?;
        let changes = former.into_iter().map(|user| (user, Role::Admin));
        for (user, role) in changes.chain([(heir.clone(), Role::Owner)]) {
            self.everywhere(Notice::RoleChanged(group.clone(), user, role));
        }
        Ok(())
    }
}

fn check(changed: Changed) -> Result<(), ManageError> {
    match changed {
        Changed::Done => Ok(()),
        Changed::NotAMember => Err(ManageError::NoSuchMember),
        Changed::LastOwner => Err(ManageError::LastOwner),
    }
}
