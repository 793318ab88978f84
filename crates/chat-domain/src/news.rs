//! Everything that others are ever told: to clients as [`News`], between nodes as [`Notice`].

use std::sync::Arc;

use crate::{
    delivery::Source,
    group::{Group, GroupName},
    id::{GroupId, Seq, SocketId, UserId},
    member::Role,
    message::Message,
    presence::{Counts, PresenceChange},
    revocation::Revocation,
    service::ServiceStatus,
    user::UserName,
};

/// Something that clients are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A user's first socket came into the room.
    UserJoined {
        /// The room.
        group: GroupId,
        /// Who came.
        user: UserId,
        /// What others read.
        name: UserName,
        /// Users in the room now.
        member_count: usize,
    },
    /// A user's last socket left the room.
    UserLeft {
        /// The room.
        group: GroupId,
        /// Who went.
        user: UserId,
        /// What others read.
        name: UserName,
        /// Users in the room now.
        member_count: usize,
    },
    /// Who is in the room, after a number of changes.
    MembersUpdate(RoomMembers),
    /// A user types.
    TypingStarted {
        /// The room.
        group: GroupId,
        /// Who types.
        user: UserId,
        /// What others read.
        name: UserName,
    },
    /// A user no longer types.
    TypingStopped {
        /// The room.
        group: GroupId,
        /// Who stopped.
        user: UserId,
    },
    /// A message was committed.
    Message(Arc<Message>, Source),
    /// A group's name or the like changed.
    GroupUpdated(Arc<Group>),
    /// A member's role changed.
    MemberUpdated {
        /// The group.
        group: GroupId,
        /// Whose role it is.
        user: UserId,
        /// The role now.
        role: Role,
    },
    /// A user has become a member.
    AddedToGroup(Arc<Addition>),
    /// A user is a member no longer.
    RemovedFromGroup {
        /// The group.
        group: GroupId,
        /// Who was removed.
        user: UserId,
        /// Why.
        reason: Removal,
    },
    /// How much a user has not read.
    Unread {
        /// Whose mark it is.
        user: UserId,
        /// The group.
        group: GroupId,
        /// The mark.
        mark: ReadMark,
    },
    /// How well this node serves.
    Service(ServiceStatus),
}

/// Whose sockets are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Every socket in the room.
    Room(&'a GroupId),
    /// Every socket in the room but this user's.
    RoomBut(&'a GroupId, &'a UserId),
    /// Every socket of the user, wherever it is.
    User(&'a UserId),
    /// Every socket of this node.
    Everybody,
}

impl News {
    /// Whom this concerns. Nobody is told of their own coming, going and typing.
    #[must_use]
    pub fn audience(&self) -> Audience<'_> {
        match self {
            Self::UserJoined { group, user, .. }
            | Self::UserLeft { group, user, .. }
            | Self::TypingStarted { group, user, .. }
            | Self::TypingStopped { group, user } => Audience::RoomBut(group, user),
            Self::MembersUpdate(members) => Audience::Room(&members.group),
            Self::Message(message, _) => Audience::Room(&message.group),
            Self::GroupUpdated(group) => Audience::Room(&group.id),
            Self::MemberUpdated { group, .. } => Audience::Room(group),
            Self::AddedToGroup(addition) => Audience::User(&addition.user),
            Self::RemovedFromGroup { user, .. } | Self::Unread { user, .. } => Audience::User(user),
            Self::Service(_) => Audience::Everybody,
        }
    }
}

/// A page of the users in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomMembers {
    /// The room.
    pub group: GroupId,
    /// Users there, in the order of their ids.
    pub online: Vec<UserId>,
    /// How many are there in all.
    pub counts: Counts,
    /// The last one listed, if there are more.
    pub next: Option<UserId>,
}

/// Somebody has become a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: GroupName,
    /// Who was added.
    pub user: UserId,
    /// As what.
    pub role: Role,
    /// By whom; `None` if by the administrator.
    pub by: Option<UserId>,
}

/// Why somebody is a member no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Removed by somebody, or left for good.
    Removed,
    /// The whole group is gone.
    GroupDeleted,
}

/// How far a user has read, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// Everything up to here was read.
    pub last_read: Seq,
    /// Others' messages after it, at most [`ReadMark::MOST`].
    pub unread: u32,
}

impl ReadMark {
    /// Counting stops here (contract, section 1, Unread).
    pub const MOST: u32 = 1_000;
}

/// Something that one node tells the others. A notice is a hint: it may be lost.
#[derive(Debug, Clone)]
pub enum Notice {
    /// The store changed a room.
    Presence(PresenceChange),
    /// A message was committed.
    Committed(Arc<Message>),
    /// A group's history goes up to there now. Stands for a message that is too large to be told.
    Grown(GroupId, Seq),
    /// A user types.
    TypingStarted(GroupId, UserId, UserName),
    /// A user no longer types.
    TypingStopped(GroupId, UserId),
    /// A group's name or the like changed.
    GroupChanged(Arc<Group>),
    /// A group is gone.
    GroupDeleted(GroupId),
    /// A user has become a member.
    MemberAdded(Arc<Addition>),
    /// A member's role changed.
    RoleChanged(GroupId, UserId, Role),
    /// A user is a member no longer.
    MemberRemoved(GroupId, UserId),
    /// A user has read on.
    Read(GroupId, UserId, ReadMark),
    /// Messages were committed in this group lately: those who are not in the room have more to read. Nodes that follow
    /// the room hear them as [`Notice::Committed`].
    Stirred(GroupId),
    /// Every connection of a user has to end.
    SessionsEnded(UserId),
    /// A token is refused from now on, and its connections have to end.
    TokenRevoked(Revocation),
    /// One connection of a user has to end: a newer one took its place, or a notice that it has to was not heard.
    Displaced(UserId, SocketId),
}

/// What a notice is about that concerns only nodes with certain users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// There is something new in a group: for nodes with members who are not in the room.
    News(GroupId),
    /// What a user's other sockets are told.
    User(UserId),
}

impl Notice {
    /// What a node has to care for to hear this, if it is such a notice.
    #[must_use]
    pub fn topic(&self) -> Option<Topic> {
        match self {
            Self::Stirred(group) => Some(Topic::News(group.clone())),
            Self::Read(_, user, _) => Some(Topic::User(user.clone())),
            Self::Presence(_)
            | Self::Committed(_)
            | Self::Grown(..)
            | Self::TypingStarted(..)
            | Self::TypingStopped(..)
            | Self::GroupChanged(_)
            | Self::GroupDeleted(_)
            | Self::MemberAdded(_)
            | Self::RoleChanged(..)
            | Self::MemberRemoved(..)
            | Self::SessionsEnded(_)
            | Self::TokenRevoked(_)
            | Self::Displaced(..) => None,
        }
    }
}
