//! People, groups and words to try a database with.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    group::{Group, GroupName, Head},
    id::{Epoch, GroupId, MessageId, Seq, UserId},
    member::{Composition, Member, Role},
    message::{ClientMessageId, Draft, Message, MessageBody, MessageKind},
    news::ReadMark,
    ports::{Added, Appended, Changed},
    time::Timestamp,
    user::{User, UserName},
};

use super::Database;

pub(super) const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_123);

pub(super) fn user_id(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(super) fn group_id(id: &str) -> GroupId {
    GroupId::parse(id).unwrap()
}

pub(super) fn user(id: &str, name: &str) -> User {
    User {
        id: user_id(id),
        name: UserName::parse(name).unwrap(),
        image: None,
    }
}

pub(super) fn group(id: &str) -> Group {
    Group {
        id: group_id(id),
        name: GroupName::parse(&format!("Group {id}")).unwrap(),
        description: None,
        is_private: false,
        head: Head {
            last_seq: Seq::ZERO,
            epoch: Epoch::new("first"),
        },
        created_at: NOON,
    }
}

pub(super) fn member(group: &str, user: &str, role: Role) -> Member {
    Member {
        group: group_id(group),
        user: user_id(user),
        role,
        joined_at: NOON,
    }
}

/// What a user wants to say. The name of a user here is the id.
pub(super) fn draft(group: &str, author: &str, text: &str) -> Draft {
    let what = Composition {
        body: MessageBody::parse(text, 4_000).unwrap(),
        kind: MessageKind::Text,
        reply_to: None,
        client_id: None,
    };
    member(group, author, Role::Member).compose(&user(author, author), what, message_id(), NOON)
}

pub(super) fn draft_known_as(group: &str, author: &str, client_id: &str) -> Draft {
    Draft {
        client_id: Some(self::client_id(client_id)),
        ..draft(group, author, "once")
    }
}

pub(super) fn reply_to(id: MessageId, group: &str, author: &str) -> Draft {
    Draft {
        reply_to: Some(id),
        ..draft(group, author, "indeed")
    }
}

pub(super) fn draft_of_server(group: &str, client_id: Option<&str>) -> Draft {
    let body = MessageBody::parse("the server says", 4_000).unwrap();
    let client_id = client_id.map(self::client_id);
    Draft::by_system(group_id(group), body, client_id, message_id(), NOON)
}

pub(super) fn client_id(raw: &str) -> ClientMessageId {
    ClientMessageId::parse(raw).unwrap()
}

/// A new id each time.
pub(super) fn message_id() -> MessageId {
    static CHANCE: AtomicU64 = AtomicU64::new(1);
    MessageId::v7(NOON, CHANCE.fetch_add(1, Ordering::Relaxed).into())
}

/// The message, if it was stored.
pub(super) fn stored(outcome: Appended) -> Message {
    match outcome {
        Appended::Stored(message) => message,
        refused => panic!("not stored: {refused:?}"),
    }
}

pub(super) fn numbers<'a>(messages: impl IntoIterator<Item = &'a Message>) -> Vec<u64> {
    let numbers = messages.into_iter().map(|message| message.seq.get());
    numbers.collect()
}

impl Database {
    /// Makes the users, and a group of which the first is the owner and the others are members.
    pub(super) async fn people_in(&self, group: &str, people: &[&str]) {
        for id in people {
            self.users.save(&user(id, id), NOON).await.unwrap();
        }
        let (owner, others) = people.split_first().unwrap();
        let created = self
            .groups
            .create(&self::group(group), &user_id(owner))
            .await;
        assert!(created.unwrap(), "`{group}` is new");
        for other in others {
            self.add(group, other, Role::Member).await;
        }
    }

    pub(super) async fn add(&self, group: &str, user: &str, role: Role) {
        let member = member(group, user, role);
        self.users.ensure(&member.user, NOON).await.unwrap();
        assert_eq!(self.roster.add(&member).await.unwrap(), Added::Done);
    }

    pub(super) async fn remove(&self, group: &str, user: &str) -> Changed {
        let removed = self.roster.remove(&group_id(group), &user_id(user)).await;
        removed.unwrap()
    }

    pub(super) async fn set_role(&self, group: &str, user: &str, role: Role) -> Changed {
        let changed = self
            .roster
            .set_role(&group_id(group), &user_id(user), role)
            .await;
        changed.unwrap()
    }

    pub(super) async fn role(&self, group: &str, user: &str) -> Option<Role> {
        let found = self
            .memberships
            .find(&group_id(group), &user_id(user))
            .await;
        found.unwrap().map(|member| member.role)
    }

    /// Everybody who has this role, by id.
    pub(super) async fn who_is(&self, group: &str, role: Role) -> Vec<UserId> {
        let listed = self.memberships.list(&group_id(group), None, 1_000).await;
        let members = listed.unwrap().into_iter().map(|(member, _)| member);
        members
            .filter(|member| member.role == role)
            .map(|member| member.user)
            .collect()
    }

    pub(super) async fn append(&self, draft: Draft) -> Appended {
        self.log.append(draft).await.unwrap()
    }

    pub(super) async fn say(&self, group: &str, author: &str, text: &str) -> Message {
        stored(self.append(draft(group, author, text)).await)
    }

    /// Says `count` things, one after another.
    pub(super) async fn say_many(&self, group: &str, author: &str, count: usize) -> Vec<Message> {
        let mut said = Vec::new();
        for number in 1..=count {
            said.push(self.say(group, author, &format!("number {number}")).await);
        }
        said
    }

    pub(super) async fn last_seq(&self, group: &str) -> Option<u64> {
        let head = self.log.head(&group_id(group)).await.unwrap();
        head.map(|head| head.last_seq.get())
    }

    pub(super) async fn all_messages(&self, group: &str) -> Vec<Message> {
        let slice = self.log.after(&group_id(group), Seq::ZERO, 10_000).await;
        slice.unwrap().messages
    }

    pub(super) async fn mark(&self, group: &str, user: &str, seq: u64) -> Option<(u64, u32)> {
        let marked = self
            .marks
            .mark(&group_id(group), &user_id(user), Seq::new(seq))
            .await;
        marked.unwrap().map(plain)
    }
}

/// How far somebody has read, and what is left.
pub(super) fn plain(mark: ReadMark) -> (u64, u32) {
    (mark.last_read.get(), mark.unread)
}
