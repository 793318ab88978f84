use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use crate::{
    group::{Group, GroupChange, Head, Tip},
    id::{GroupId, MessageId, Seq, UserId},
    member::{Member, Role},
    message::{ClientMessageId, Draft, Message, Quote},
    news::ReadMark,
    ports::{
        Added, Appended, Changed, GroupEntry, GroupRepo, MembershipRepo, MessageLog, PortResult,
        ReadMarks, RevokedTokens, Roster, Slice, UserRepo,
    },
    revocation::{Revocation, TokenId},
    time::Timestamp,
    user::{User, UserName},
};

/// Every repository, in tables that are gone with the process.
#[derive(Default)]
pub struct MemoryDatabase {
    tables: Mutex<Tables>,
}

#[derive(Default)]
struct Tables {
    users: BTreeMap<UserId, User>,
    groups: BTreeMap<GroupId, GroupRow>,
    /// When each was revoked, and until when.
    revoked: BTreeMap<TokenId, (Timestamp, Timestamp)>,
}

struct GroupRow {
    group: Group,
    members: BTreeMap<UserId, MemberRow>,
    /// Changes with the members.
    roster: u64,
    /// The message with `seq` n stands at n - 1.
    messages: Vec<Message>,
}

struct MemberRow {
    member: Member,
    last_read: Seq,
}

impl MemoryDatabase {
    fn lock(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    /// The message with its author's record of today.
    fn shown(&self, message: &Message) -> Message {
        let mut shown = message.clone();
        if let crate::message::Author::User(user) = &mut shown.author
            && let Some(record) = self.users.get(&user.id)
        {
            *user = record.clone();
        }
        shown
    }
}

impl GroupRow {
    fn mark(&self, user: &UserId) -> Option<ReadMark> {
        let last_read = self.members.get(user)?.last_read;
        let counts = |message: &&Message| {
            message.seq > last_read
                && message.author.user_id() != Some(user)
                && message.deleted_at.is_none()
        };
        let unread = self
            .messages
            .iter()
            .filter(counts)
            .take(ReadMark::MOST as usize)
            .count();
        let unread = u32::try_from(unread).unwrap_or(ReadMark::MOST);
        Some(ReadMark { last_read, unread })
    }

    fn known(
        &self,
        author: Option<&UserId>,
        client_id: Option<&ClientMessageId>,
    ) -> Option<&Message> {
        client_id?;
        let is_it = |message: &&Message| {
            message.author.user_id() == author && message.client_id.as_ref() == client_id
        };
        self.messages.iter().find(is_it)
    }

    fn quote(&self, id: MessageId) -> Option<Quote> {
        let message = self.messages.iter().find(|message| message.id == id)?;
        let author = message
            .author
            .user()
            .map(|user| (user.id.clone(), user.name.clone()));
        Some(Quote {
            id,
            body: message.body.clone(),
            author,
        })
    }

    fn owners(&self) -> usize {
        let owners = self
            .members
            .values()
            .filter(|row| row.member.role == Role::Owner);
        owners.count()
    }

    /// Whether taking this role away would leave the group without an owner.
    fn is_last_owner(&self, user: &UserId) -> bool {
        let role = self.members.get(user).map(|row| row.member.role);
        role == Some(Role::Owner) && self.owners() == 1
    }
}

#[async_trait]
impl UserRepo for MemoryDatabase {
    async fn save(&self, user: &User, _: Timestamp) -> PortResult<()> {
        self.lock().users.insert(user.id.clone(), user.clone());
        Ok(())
    }

    async fn ensure(&self, user: &UserId, _: Timestamp) -> PortResult<()> {
        let mut tables = self.lock();
        tables.users.entry(user.clone()).or_insert_with(|| User {
            id: user.clone(),
            name: UserName::of_id(user),
            image: None,
        });
        Ok(())
    }

    async fn find(&self, user: &UserId) -> PortResult<Option<User>> {
        Ok(self.lock().users.get(user).cloned())
    }
}

#[async_trait]
impl RevokedTokens for MemoryDatabase {
    async fn revoke(&self, revocation: &Revocation, now: Timestamp) -> PortResult<()> {
        let mut tables = self.lock();
        tables.revoked.retain(|_, (_, until)| *until > now);
        let entry = tables.revoked.entry(revocation.token.clone());
        let (at, until) = entry.or_default();
        (*at, *until) = (now, revocation.until.max(*until));
        Ok(())
    }

    async fn revoked_since(&self, since: Timestamp, now: Timestamp) -> PortResult<Vec<Revocation>> {
        let tables = self.lock();
        let revoked = tables.revoked.iter();
        let wanted = revoked.filter(|(_, (at, until))| *at >= since && *until > now);
        let read = wanted.map(|(token, (_, until))| Revocation {
            token: token.clone(),
            until: *until,
        });
        Ok(read.collect())
    }
}

#[async_trait]
impl GroupRepo for MemoryDatabase {
    async fn create(&self, group: &Group, owner: &UserId) -> PortResult<bool> {
        let mut tables = self.lock();
        if tables.groups.contains_key(&group.id) {
            return Ok(false);
        }
        let member = Member {
            group: group.id.clone(),
            user: owner.clone(),
            role: Role::Owner,
            joined_at: group.created_at,
        };
        let row = MemberRow {
            member,
            last_read: Seq::ZERO,
        };
        let members = BTreeMap::from([(owner.clone(), row)]);
        let row = GroupRow {
            group: group.clone(),
            members,
            // A group that was deleted and made again has another one.
            roster: group.created_at.as_millis(),
            messages: Vec::new(),
        };
        tables.groups.insert(group.id.clone(), row);
        Ok(true)
    }

    async fn find(&self, group: &GroupId) -> PortResult<Option<Group>> {
        Ok(self.lock().groups.get(group).map(|row| row.group.clone()))
    }

    async fn change(&self, group: &GroupId, change: &GroupChange) -> PortResult<Option<Group>> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get_mut(group) else {
            return Ok(None);
        };
        if let Some(name) = &change.name {
            row.group.name = name.clone();
        }
        if let Some(description) = &change.description {
            row.group.description.clone_from(description);
        }
        if let Some(is_private) = change.is_private {
            row.group.is_private = is_private;
        }
        Ok(Some(row.group.clone()))
    }

    async fn delete(&self, group: &GroupId) -> PortResult<bool> {
        Ok(self.lock().groups.remove(group).is_some())
    }

    async fn list(
        &self,
        user: &UserId,
        after: Option<&GroupId>,
        limit: usize,
    ) -> PortResult<Vec<GroupEntry>> {
        let tables = self.lock();
        let rows = tables
            .groups
            .iter()
            .filter(|(id, _)| after.is_none_or(|after| *id > after));
        let entries = rows.filter_map(|(_, row)| {
            Some(GroupEntry {
                group: row.group.clone(),
                role: row.members.get(user)?.member.role,
                last_message: row.messages.last().map(|message| tables.shown(message)),
                mark: row.mark(user)?,
            })
        });
        Ok(entries.take(limit).collect())
    }
}

#[async_trait]
impl MembershipRepo for MemoryDatabase {
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>> {
        let tables = self.lock();
        let row = tables
            .groups
            .get(group)
            .and_then(|row| row.members.get(user));
        Ok(row.map(|row| row.member.clone()))
    }

    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>> {
        let tables = self.lock();
        let rows = tables
            .groups
            .get(group)
            .into_iter()
            .flat_map(|row| &row.members);
        let rest = rows.filter(|(id, _)| after.is_none_or(|after| *id > after));
        let entries =
            rest.filter_map(|(id, row)| Some((row.member.clone(), tables.users.get(id)?.clone())));
        Ok(entries.take(limit).collect())
    }

    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>> {
        let tables = self.lock();
        let rows = tables
            .groups
            .iter()
            .filter(|(_, row)| row.members.contains_key(user));
        Ok(rows.map(|(id, _)| id.clone()).collect())
    }
}

#[async_trait]
impl Roster for MemoryDatabase {
    async fn add(&self, member: &Member) -> PortResult<Added> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get_mut(&member.group) else {
            return Ok(Added::NoSuchGroup);
        };
        if row.members.contains_key(&member.user) {
            return Ok(Added::AlreadyMember);
        }
        // Who is new has nothing to catch up with.
        let last_read = row.group.head.last_seq;
        let new = MemberRow {
            member: member.clone(),
            last_read,
        };
        row.members.insert(member.user.clone(), new);
        row.roster += 1;
        Ok(Added::Done)
    }

    async fn set_role(&self, group: &GroupId, user: &UserId, role: Role) -> PortResult<Changed> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get_mut(group) else {
            return Ok(Changed::NotAMember);
        };
        if role != Role::Owner && row.is_last_owner(user) {
            return Ok(Changed::LastOwner);
        }
        let Some(member) = row.members.get_mut(user) else {
            return Ok(Changed::NotAMember);
        };
        member.member.role = role;
        row.roster += 1;
        Ok(Changed::Done)
    }

    async fn remove(&self, group: &GroupId, user: &UserId) -> PortResult<Changed> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get_mut(group) else {
            return Ok(Changed::NotAMember);
        };
        if row.is_last_owner(user) {
            return Ok(Changed::LastOwner);
        }
        if row.members.remove(user).is_none() {
            return Ok(Changed::NotAMember);
        }
        row.roster += 1;
        Ok(Changed::Done)
    }

    async fn pass_on(&self, group: &GroupId, heir: &UserId) -> PortResult<Option<Vec<UserId>>> {
        let mut tables = self.lock();
        let row = tables.groups.get_mut(group);
        let Some(row) = row.filter(|row| row.members.contains_key(heir)) else {
            return Ok(None);
        };
        let mut former = Vec::new();
        for (id, member) in &mut row.members {
            if id == heir {
                member.member.role = Role::Owner;
            } else if member.member.role == Role::Owner {
                member.member.role = Role::Admin;
                former.push(id.clone());
            }
        }
        row.roster += 1;
        Ok(Some(former))
    }
}

#[async_trait]
impl MessageLog for MemoryDatabase {
    async fn append(&self, draft: Draft) -> PortResult<Appended> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get(&draft.group) else {
            return Ok(Appended::NoSuchGroup);
        };
        if let Some(first) = row.known(draft.author.user_id(), draft.client_id.as_ref()) {
            return Ok(Appended::Duplicate(tables.shown(first)));
        }
        let quote = draft.reply_to.map(|id| row.quote(id));
        if quote == Some(None) {
            return Ok(Appended::NoSuchReply);
        }
        let Some(row) = tables.groups.get_mut(&draft.group) else {
            return Ok(Appended::NoSuchGroup);
        };
        let seq = row.group.head.last_seq.next();
        let message = draft.into_message(seq, quote.flatten());
        row.group.head.last_seq = seq;
        row.messages.push(message.clone());
        Ok(Appended::Stored(message))
    }

    async fn head(&self, group: &GroupId) -> PortResult<Option<Head>> {
        Ok(self
            .lock()
            .groups
            .get(group)
            .map(|row| row.group.head.clone()))
    }

    async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>> {
        let tables = self.lock();
        let found = groups.iter().filter_map(|id| tables.groups.get(id));
        let tips = found.map(|row| {
            let (last_seq, roster) = (row.group.head.last_seq, row.roster);
            (row.group.id.clone(), Tip { last_seq, roster })
        });
        Ok(tips.collect())
    }

    async fn before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> PortResult<Slice> {
        let tables = self.lock();
        let all = tables
            .groups
            .get(group)
            .map_or(&[][..], |row| &row.messages);
        let end = before.map_or(all.len(), |seq| {
            all.partition_point(|message| message.seq < seq)
        });
        let start = end.saturating_sub(limit);
        let messages = all[start..end]
            .iter()
            .map(|message| tables.shown(message))
            .collect();
        Ok(Slice {
            messages,
            more: start > 0,
        })
    }

    async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice> {
        let tables = self.lock();
        let all = tables
            .groups
            .get(group)
            .map_or(&[][..], |row| &row.messages);
        let start = all.partition_point(|message| message.updated_seq <= after);
        let end = all.len().min(start + limit);
        let messages = all[start..end]
            .iter()
            .map(|message| tables.shown(message))
            .collect();
        Ok(Slice {
            messages,
            more: end < all.len(),
        })
    }
}

#[async_trait]
impl ReadMarks for MemoryDatabase {
    async fn mark(&self, group: &GroupId, user: &UserId, seq: Seq) -> PortResult<Option<ReadMark>> {
        let mut tables = self.lock();
        let Some(row) = tables.groups.get_mut(group) else {
            return Ok(None);
        };
        let last_seq = row.group.head.last_seq;
        if let Some(member) = row.members.get_mut(user) {
            member.last_read = member.last_read.max(seq.min(last_seq));
        }
        Ok(row.mark(user))
    }

    async fn marks(
        &self,
        group: &GroupId,
        users: &[UserId],
    ) -> PortResult<Vec<(UserId, ReadMark)>> {
        let tables = self.lock();
        let Some(row) = tables.groups.get(group) else {
            return Ok(Vec::new());
        };
        let marks = users
            .iter()
            .filter_map(|user| Some((user.clone(), row.mark(user)?)));
        Ok(marks.collect())
    }
}
