//! Membership: a row in the database, and the proof that it was looked up.
//!
//! Only a [`Member`] can make a [`Draft`]: who has none in hand cannot send.

use crate::{
    id::{GroupId, MessageId, UserId},
    message::{Author, ClientMessageId, Draft, MessageBody, MessageKind},
    time::Timestamp,
    user::User,
};

/// What a member may do, from low to high.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Keeps order among members.
    Moderator,
    /// Changes the group and its members.
    Admin,
    /// May do everything.
    Owner,
}

impl Role {
    /// Every role, from low to high.
    pub const ALL: [Self; 4] = [Self::Member, Self::Moderator, Self::Admin, Self::Owner];

    /// The role's name on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "MEMBER",
            Self::Moderator => "MODERATOR",
            Self::Admin => "ADMIN",
            Self::Owner => "OWNER",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == raw)
    }
}

/// One user's membership of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The group.
    pub group: GroupId,
    /// The user.
    pub user: UserId,
    /// What the user may do there.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// What a sender decides about a message.
#[derive(Debug, Clone)]
pub struct Composition {
    /// The text.
    pub body: MessageBody,
    /// What the text stands for.
    pub kind: MessageKind,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// The sender's own name for it, which makes sending again safe.
    pub client_id: Option<ClientMessageId>,
}

impl Member {
    /// Makes what this member says ready for the log. `author` is the member's record.
    #[must_use]
    pub fn compose(
        &self,
        author: &User,
        what: Composition,
        id: MessageId,
        now: Timestamp,
    ) -> Draft {
        debug_assert_eq!(author.id, self.user, "a member speaks for nobody else");
        Draft {
            id,
            group: self.group.clone(),
            author: Author::User(author.clone()),
            body: what.body,
            kind: what.kind,
            reply_to: what.reply_to,
            client_id: what.client_id,
            created_at: now,
        }
    }

    /// Whether this member may change the group's name and the like.
    #[must_use]
    pub fn may_change_group(&self) -> bool {
        self.role >= Role::Admin
    }

    /// Whether this member may delete the group or pass it on.
    #[must_use]
    pub fn owns_group(&self) -> bool {
        self.role == Role::Owner
    }

    /// Whether this member may give somebody that role: `ADMIN` and above, below one's own.
    #[must_use]
    pub fn may_grant(&self, role: Role) -> bool {
        self.role >= Role::Admin && role < self.role
    }

    /// Whether this member may change or remove somebody who has that role.
    #[must_use]
    pub fn may_manage(&self, other: Role) -> bool {
        self.may_grant(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(role: Role) -> Member {
        Member {
            group: GroupId::parse("g").unwrap(),
            user: UserId::parse("u").unwrap(),
            role,
            joined_at: Timestamp::default(),
        }
    }

    #[test]
    fn roles_are_granted_below_ones_own_by_admins_and_above() {
        for (own, granted, allowed) in [
            (Role::Owner, Role::Admin, true),
            (Role::Owner, Role::Owner, false),
            (Role::Admin, Role::Moderator, true),
            (Role::Admin, Role::Admin, false),
            (Role::Moderator, Role::Member, false),
            (Role::Member, Role::Member, false),
        ] {
            assert_eq!(
                member(own).may_grant(granted),
                allowed,
                "{own:?} {granted:?}"
            );
        }
    }

    #[test]
    fn a_role_is_read_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("owner"), None);
    }
}
