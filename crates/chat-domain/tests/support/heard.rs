//! What a socket hears, as data for the model and as a line for people.

use std::fmt;

use chat_domain::{
    id::{GroupId, UserId},
    message::Author,
    news::{News, ReadMark, RoomMembers},
    usecase::join::Joined,
};

/// One thing that reached one socket.
#[derive(Debug, Clone)]
pub enum Heard {
    /// It was let in.
    Welcome(Joined),
    /// It was told something.
    News(News),
}

impl Heard {
    /// The group that it is about, if it is about one.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Welcome(joined) => Some(&joined.group),
            Self::News(news) => group_of(news),
        }
    }
}

fn group_of(news: &News) -> Option<&GroupId> {
    let group = match news {
        News::UserJoined { group, .. }
        | News::UserLeft { group, .. }
        | News::TypingStarted { group, .. }
        | News::TypingStopped { group, .. }
        | News::MemberUpdated { group, .. }
        | News::RemovedFromGroup { group, .. }
        | News::Unread { group, .. } => group,
        News::MembersUpdate(members) => &members.group,
        News::Message(message, _) => &message.group,
        News::GroupUpdated(group) => &group.id,
        News::AddedToGroup(addition) => &addition.group,
        News::Service(_) => return None,
    };
    Some(group)
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Welcome(joined) => write!(f, "welcome after {}", joined.last_seq),
            Self::News(news) => show(news, f),
        }
    }
}

fn show(news: &News, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match news {
        News::UserJoined {
            user, member_count, ..
        } => write!(f, "{user} joined ({member_count})"),
        News::UserLeft {
            user, member_count, ..
        } => write!(f, "{user} left ({member_count})"),
        News::MembersUpdate(members) => f.write_str(&here(members)),
        News::TypingStarted { user, .. } => write!(f, "{user} types"),
        News::TypingStopped { user, .. } => write!(f, "{user} stopped typing"),
        News::Message(message, _) => {
            let author = match &message.author {
                Author::User(user) => user.id.as_str(),
                Author::System => "the server",
            };
            write!(f, "{} {author}: {}", message.seq, message.body.as_str())
        }
        News::GroupUpdated(group) => write!(f, "the group is {}", group.name.as_str()),
        News::MemberUpdated { user, role, .. } => write!(f, "{user} is {}", role.as_str()),
        News::AddedToGroup(addition) => {
            let by = addition.by.as_ref().map_or("the server", UserId::as_str);
            write!(f, "{} added by {by}", addition.user)
        }
        News::RemovedFromGroup { user, reason, .. } => write!(f, "{user} removed: {reason:?}"),
        News::Unread { mark, .. } => {
            let ReadMark { last_read, unread } = mark;
            write!(f, "{unread} unread after {last_read}")
        }
        News::Service(status) => write!(f, "affected: {:?}", status.affected),
    }
}

fn here(members: &RoomMembers) -> String {
    let online: Vec<&str> = members.online.iter().map(UserId::as_str).collect();
    let more = if members.next.is_some() { " …" } else { "" };
    format!(
        "here: {}{more} ({} users, {} sockets)",
        online.join(" "),
        members.counts.members,
        members.counts.sockets,
    )
}
