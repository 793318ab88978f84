//! The notices as JSON. Texts are borrowed when they are written, and parsed anew when they are read.
//!
//! Nodes of two versions meet while a fleet is brought up to date: names stay, and what is added can be absent.

use std::{borrow::Cow, sync::Arc};

use chat_domain::{
    id::{GroupId, Seq, SocketId, UserId},
    member::Role,
    news::{Notice, ReadMark},
    revocation::{Revocation, TokenId},
    time::Timestamp,
    user::UserName,
};
use serde::{Deserialize, Serialize};

use super::records::{WireAddition, WireGroup, WireMessage};

pub(super) type Text<'a> = Cow<'a, str>;

/// What a database can number.
const LAST_SEQ: u64 = i64::MAX.unsigned_abs();

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wire<'a> {
    Committed(Box<WireMessage<'a>>),
    Grown(Text<'a>, u64),
    TypingStarted(Text<'a>, Text<'a>, Text<'a>),
    TypingStopped(Text<'a>, Text<'a>),
    GroupChanged(WireGroup<'a>),
    GroupDeleted(Text<'a>),
    MemberAdded(WireAddition<'a>),
    RoleChanged(Text<'a>, Text<'a>, Text<'a>),
    MemberRemoved(Text<'a>, Text<'a>),
    Read(Text<'a>, Text<'a>, WireMark),
    Stirred(Text<'a>),
    SessionsEnded(Text<'a>),
    TokenRevoked(Text<'a>, u64),
    Displaced(Text<'a>, Text<'a>),
    /// Something is missing, nobody knows what.
    Gap,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireMark {
    last_read: u64,
    unread: u32,
}

impl<'a> Wire<'a> {
    /// `None` for what does not travel like this.
    pub(super) fn of(notice: &'a Notice) -> Option<Self> {
        Some(match notice {
            // The store publishes it itself, in the step that makes the change.
            Notice::Presence(_) => return None,
            Notice::Committed(message) => Self::Committed(Box::new(WireMessage::of(message))),
            Notice::Grown(group, head) => Self::Grown(text(group), head.get()),
            Notice::TypingStarted(group, user, name) => {
                Self::TypingStarted(text(group), name_of(user), name.as_str().into())
            }
            Notice::TypingStopped(group, user) => Self::TypingStopped(text(group), name_of(user)),
            Notice::GroupChanged(group) => Self::GroupChanged(WireGroup::of(group)),
            Notice::GroupDeleted(group) => Self::GroupDeleted(text(group)),
            Notice::MemberAdded(addition) => Self::MemberAdded(WireAddition::of(addition)),
            Notice::RoleChanged(group, user, role) => {
                Self::RoleChanged(text(group), name_of(user), role.as_str().into())
            }
            Notice::MemberRemoved(group, user) => Self::MemberRemoved(text(group), name_of(user)),
            Notice::Read(group, user, mark) => Self::Read(
                text(group),
                name_of(user),
                WireMark {
                    last_read: mark.last_read.get(),
                    unread: mark.unread,
                },
            ),
            Notice::Stirred(group) => Self::Stirred(text(group)),
            Notice::SessionsEnded(user) => Self::SessionsEnded(name_of(user)),
            Notice::TokenRevoked(Revocation { token, until }) => {
                Self::TokenRevoked(token.as_str().into(), until.as_millis())
            }
            Notice::Displaced(user, socket) => {
                Self::Displaced(name_of(user), socket.reveal().into())
            }
        })
    }

    /// `None` if it names something that cannot be.
    pub(super) fn read(self) -> Option<Notice> {
        Some(match self {
            Self::Committed(message) => Notice::Committed(Arc::new(message.read()?)),
            Self::Grown(group, head) => Notice::Grown(group_id(&group)?, seq(head)?),
            Self::TypingStarted(group, user, name) => {
                Notice::TypingStarted(group_id(&group)?, user_id(&user)?, user_name(&name)?)
            }
            Self::TypingStopped(group, user) => {
                Notice::TypingStopped(group_id(&group)?, user_id(&user)?)
            }
            Self::GroupChanged(group) => Notice::GroupChanged(Arc::new(group.read()?)),
            Self::GroupDeleted(group) => Notice::GroupDeleted(group_id(&group)?),
            Self::MemberAdded(addition) => Notice::MemberAdded(Arc::new(addition.read()?)),
            Self::RoleChanged(group, user, role) => {
                Notice::RoleChanged(group_id(&group)?, user_id(&user)?, Role::parse(&role)?)
            }
            Self::MemberRemoved(group, user) => {
                Notice::MemberRemoved(group_id(&group)?, user_id(&user)?)
            }
            Self::Read(group, user, mark) => {
                let mark = ReadMark {
                    last_read: seq(mark.last_read)?,
                    unread: mark.unread,
                };
                Notice::Read(group_id(&group)?, user_id(&user)?, mark)
            }
            Self::Stirred(group) => Notice::Stirred(group_id(&group)?),
            Self::SessionsEnded(user) => Notice::SessionsEnded(user_id(&user)?),
            Self::TokenRevoked(token, until) => Notice::TokenRevoked(Revocation {
                token: TokenId::parse(&token).ok()?,
                until: Timestamp::from_millis(until),
            }),
            Self::Displaced(user, socket) => {
                Notice::Displaced(user_id(&user)?, SocketId::new(&socket))
            }
            Self::Gap => return None,
        })
    }
}

pub(super) fn text(group: &GroupId) -> Text<'_> {
    group.as_str().into()
}

pub(super) fn name_of(user: &UserId) -> Text<'_> {
    user.as_str().into()
}

pub(super) fn group_id(raw: &str) -> Option<GroupId> {
    GroupId::parse(raw).ok()
}

pub(super) fn user_id(raw: &str) -> Option<UserId> {
    UserId::parse(raw).ok()
}

pub(super) fn user_name(raw: &str) -> Option<UserName> {
    UserName::parse(raw).ok()
}

pub(super) fn seq(raw: u64) -> Option<Seq> {
    (raw <= LAST_SEQ).then_some(Seq::new(raw))
}
