//! What the rules need from the outside world: every trait, on one page.
//!
//! Each method is one atomic act. "Not found" is `Ok(None)`; an `Err` means that the store could not
//! be asked. Trying again is safe unless the method says otherwise.

use std::{error::Error, sync::Weak, time::Duration};

use async_trait::async_trait;

use crate::{
    chore::Chore,
    delivery::Cause,
    group::{Group, GroupChange, Head, Tip},
    id::{GroupId, Seq, SocketId, UserId},
    limit::{Quota, RetryAfter},
    member::{Member, Role},
    message::{Draft, Message},
    news::{News, Notice, ReadMark, Topic},
    presence::{Counts, RoomSnapshot, Seat, Version},
    revocation::Revocation,
    service::Shared,
    time::Timestamp,
    typing::Typist,
    user::{User, UserName},
};

/// The outside world did not do what it was asked to. Whether it happened all the same is unknown.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct PortError {
    action: &'static str,
    source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// For `map_err`: reads "could not append a message".
    pub fn during<E>(action: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        move |source| Self {
            action,
            source: source.into(),
        }
    }
}

/// What a port answers.
pub type PortResult<T> = Result<T, PortError>;

/// Users' records.
#[async_trait]
pub trait UserRepo: Send + Sync {
    /// Creates the record, or brings it up to date.
    async fn save(&self, user: &User, now: Timestamp) -> PortResult<()>;

    /// Creates a record that is named after its id, unless there is one.
    async fn ensure(&self, user: &UserId, now: Timestamp) -> PortResult<()>;

    /// The record.
    async fn find(&self, user: &UserId) -> PortResult<Option<User>>;
}

/// Groups' records.
#[async_trait]
pub trait GroupRepo: Send + Sync {
    /// Creates the group with its first owner. Returns `false`, and does nothing, if it exists.
    async fn create(&self, group: &Group, owner: &UserId) -> PortResult<bool>;

    /// The group.
    async fn find(&self, group: &GroupId) -> PortResult<Option<Group>>;

    /// Changes the group. Returns it as it is then.
    async fn change(&self, group: &GroupId, change: &GroupChange) -> PortResult<Option<Group>>;

    /// Deletes the group with its members and messages. Returns whether it was there.
    async fn delete(&self, group: &GroupId) -> PortResult<bool>;

    /// The user's groups after `after`, in the order of their ids, at most `limit`.
    async fn list(
        &self,
        user: &UserId,
        after: Option<&GroupId>,
        limit: usize,
    ) -> PortResult<Vec<GroupEntry>>;
}

/// A group in the list of one of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntry {
    /// The group.
    pub group: Group,
    /// What the user may do there.
    pub role: Role,
    /// The newest message.
    pub last_message: Option<Message>,
    /// How far the user has read.
    pub mark: ReadMark,
}

/// Reading who is a member of what.
#[async_trait]
pub trait MembershipRepo: Send + Sync {
    /// The user's membership of the group.
    async fn find(&self, group: &GroupId, user: &UserId) -> PortResult<Option<Member>>;

    /// The group's members after `after`, in the order of their ids, at most `limit`.
    async fn list(
        &self,
        group: &GroupId,
        after: Option<&UserId>,
        limit: usize,
    ) -> PortResult<Vec<(Member, User)>>;

    /// Every group that the user is a member of.
    async fn groups_of(&self, user: &UserId) -> PortResult<Vec<GroupId>>;

    /// Those of these users who are members of those groups. Worth one query where there are many.
    async fn among(&self, pairs: &[(GroupId, UserId)]) -> PortResult<Vec<(GroupId, UserId)>> {
        let mut members = Vec::new();
        for (group, user) in pairs {
            if self.find(group, user).await?.is_some() {
                members.push((group.clone(), user.clone()));
            }
        }
        Ok(members)
    }
}

/// Changing who is a member of what. A group never loses its last owner. Whatever changes, in the same step
/// [`Tip::roster`] does too.
#[async_trait]
pub trait Roster: Send + Sync {
    /// Adds a member. The user's record exists.
    async fn add(&self, member: &Member) -> PortResult<Added>;

    /// Gives a member that role.
    async fn set_role(&self, group: &GroupId, user: &UserId, role: Role) -> PortResult<Changed>;

    /// Removes a member.
    async fn remove(&self, group: &GroupId, user: &UserId) -> PortResult<Changed>;

    /// Makes one member the only owner; who was one before becomes `ADMIN`. Returns the former owners,
    /// or `None` if the heir is no member.
    async fn pass_on(&self, group: &GroupId, heir: &UserId) -> PortResult<Option<Vec<UserId>>>;
}

/// How adding a member went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// The user is a member now.
    Done,
    /// The user was one already; nothing was changed.
    AlreadyMember,
    /// There is no such group.
    NoSuchGroup,
}

/// How changing or removing a member went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is done.
    Done,
    /// The user is no member.
    NotAMember,
    /// The group would have lost its last owner.
    LastOwner,
}

/// The history of each group: numbered 1, 2, 3 … without a gap.
#[async_trait]
pub trait MessageLog: Send + Sync {
    /// Makes a draft durable, and gives it the next `seq` of its group. A draft whose author and
    /// client id are known answers with the first message. An `Err` leaves open whether the
    /// message was stored: only a client id makes trying again safe.
    async fn append(&self, draft: Draft) -> PortResult<Appended>;

    /// The end of the group's history.
    async fn head(&self, group: &GroupId) -> PortResult<Option<Head>>;

    /// How far each of these groups that exists has come.
    async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>>;

    /// The newest messages before `before`, in the order of `seq`.
    async fn before(&self, group: &GroupId, before: Option<Seq>, limit: usize)
    -> PortResult<Slice>;

    /// The messages created or changed after `after`, in their present state, in the order of
    /// `updated_seq`.
    async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice>;
}

/// How appending a draft went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log now.
    Stored(Message),
    /// It was there before: this is the first message.
    Duplicate(Message),
    /// The message that it answers is not in this group.
    NoSuchReply,
    /// There is no such group.
    NoSuchGroup,
}

/// A part of a history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slice {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are more in the direction of reading.
    pub more: bool,
}

impl Slice {
    /// Keeps the newest messages whose texts have so many bytes together, at least one.
    pub fn keep_newest(&mut self, limit_bytes: usize) {
        let kept = fitting(self.messages.iter().rev(), limit_bytes);
        let surplus = self.messages.len() - kept;
        self.messages.drain(..surplus);
        self.more |= surplus > 0;
    }

    /// Keeps the oldest messages whose texts have so many bytes together, at least one.
    pub fn keep_oldest(&mut self, limit_bytes: usize) {
        let kept = fitting(self.messages.iter(), limit_bytes);
        self.more |= kept < self.messages.len();
        self.messages.truncate(kept);
    }
}

fn fitting<'a>(messages: impl Iterator<Item = &'a Message>, limit_bytes: usize) -> usize {
    let quoted = |message: &Message| {
        message
            .reply_to
            .as_ref()
            .map_or(0, |quote| quote.body.as_str().len())
    };
    let sizes = messages.map(|message| message.body.as_str().len() + quoted(message));
    let totals = sizes.scan(0, |total, size| {
        *total += size;
        Some(*total)
    });
    totals
        .enumerate()
        .take_while(|(place, total)| *place == 0 || *total <= limit_bytes)
        .count()
}

/// How far members have read.
#[async_trait]
pub trait ReadMarks: Send + Sync {
    /// Moves the mark on, never back and never past the last `seq`. `None` if the user is no member.
    async fn mark(&self, group: &GroupId, user: &UserId, seq: Seq) -> PortResult<Option<ReadMark>>;

    /// The marks of those of these users who are members.
    async fn marks(&self, group: &GroupId, users: &[UserId])
    -> PortResult<Vec<(UserId, ReadMark)>>;
}

/// Tokens that are refused.
#[async_trait]
pub trait RevokedTokens: Send + Sync {
    /// Refuses a token from now on. Doing it again moves the end, never back. Forgets those whose end has passed.
    async fn revoke(&self, revocation: &Revocation, now: Timestamp) -> PortResult<()>;

    /// What was revoked at `since` or later, and has not ended.
    async fn revoked_since(&self, since: Timestamp, now: Timestamp) -> PortResult<Vec<Revocation>>;
}

/// Which sockets are in which rooms, over all nodes.
///
/// Whatever changes a room also publishes the [`crate::presence::PresenceChange`] to every node that follows the room, in
/// the same atomic step. A store that is away says so with [`Listener::lost`]; it remembers what its node does meanwhile,
/// and brings it into order before it says [`Listener::restored`].
#[async_trait]
pub trait PresenceStore: Send + Sync {
    /// A socket of this node comes into a room. Doing it twice changes nothing. When this returns, this node's
    /// listener has heard of the change, if it follows the room. `None`: the store is away; it will be told.
    async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>>;

    /// A socket of this node leaves a room; otherwise like [`PresenceStore::enter`]. With a user's last socket the
    /// user's mark in the [`TypingStore`] goes too.
    async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>>;

    /// The room as it is now.
    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot>;

    /// The version of each of these rooms now, in their order. There are at most some hundred.
    async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>>;
}

/// Who types, over all nodes: for those who come later. It never triggers an announcement.
#[async_trait]
pub trait TypingStore: Send + Sync {
    /// A user types, for at most [`crate::typing::TTL`] from now.
    async fn started(&self, group: &GroupId, user: &UserId, name: &UserName) -> PortResult<()>;

    /// A user no longer types.
    async fn stopped(&self, group: &GroupId, user: &UserId) -> PortResult<()>;

    /// Who types, in the order of their ids.
    async fn current(&self, group: &GroupId) -> PortResult<Vec<Typist>>;
}

/// The way to the other nodes. The bus is a hint: what it loses is repaired from the truth.
#[async_trait]
pub trait Bus: Send + Sync {
    /// From now on the listener hears what others publish. Called once, before anything else.
    fn attach(&self, listener: Weak<dyn Listener>);

    /// From now on notices about this room are heard. Doing it twice changes nothing. What concerns
    /// members, and the end of a group, is heard without it; what has a [`Topic`] by who cares alone.
    async fn follow(&self, group: &GroupId) -> PortResult<()>;

    /// Notices about this room are no longer needed.
    fn unfollow(&self, group: &GroupId);

    /// Soon notices with these topics are heard, or are no longer needed: before any [`Bus::unfollow`] that comes after
    /// this takes effect. Never waits.
    fn care(&self, change: Care<'_>);

    /// Waits for that, and returns `false` if it takes longer than a moment. While the other nodes are out of reach there
    /// is nothing to wait for: [`Listener::missed`] comes later.
    async fn settle(&self) -> bool;

    /// Tells the other nodes, without waiting.
    fn publish(&self, notice: Notice);
}

/// A change of what a node wants to hear.
#[derive(Debug, Clone, Copy)]
pub enum Care<'a> {
    /// These topics concern somebody here from now on.
    Begins(&'a [Topic]),
    /// They no longer do.
    Ends(&'a [Topic]),
}

/// Hears what other nodes publish, in the order in which each of them did. Nothing here may block, or call the port
/// that it comes from, but for [`Bus::care`].
pub trait Listener: Send + Sync {
    /// Something happened.
    fn hear(&self, notice: Notice);

    /// Notices may have been lost, nobody knows which.
    fn missed(&self);

    /// A change of presence in this room may have been lost.
    fn missed_in(&self, _group: &GroupId) {
        self.missed();
    }

    /// The other nodes cannot be reached by that way.
    fn lost(&self, shared: Shared);

    /// They can be reached again.
    fn restored(&self, shared: Shared);
}

/// Counts how often users do things, over all nodes.
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Spends one token. Where the store of the counts is away, counts for this node alone.
    async fn spend(&self, what: Spending<'_>, quota: Quota) -> Result<(), RetryAfter>;
}

/// What is counted, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Spending<'a> {
    /// Messages of a user.
    Messages(&'a UserId),
    /// Typing events of a user in a room.
    Typing(&'a UserId, &'a GroupId),
}

/// Who is connected, over all nodes. Where the store of it is away, it counts for this node alone.
#[async_trait]
pub trait ConnectionLedger: Send + Sync {
    /// A socket of this node comes, if there is a place for it: `most` for each user, over all nodes. Asking for it
    /// twice is asking once. Sockets of a node that has missed two heartbeats take no place.
    async fn admit(
        &self,
        user: &UserId,
        socket: &SocketId,
        most: usize,
        when_full: WhenFull,
    ) -> Admission;

    /// The socket is gone, or was not let in for another reason. Doing it twice changes nothing.
    async fn release(&self, user: &UserId, socket: &SocketId);

    /// Every socket of the user has to go, at any node: they take no place any more. Their nodes are told, whether or
    /// not they hear of it in another way.
    async fn end_all(&self, user: &UserId) -> PortResult<()>;
}

/// What becomes of one socket too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// It is not let in.
    Refuse,
    /// Those that came first have to go.
    EvictOldest,
}

/// Whether a socket has a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It has.
    Admitted,
    /// It has that of these sockets, of any node, which came first. They take no place any more: whoever asked tells
    /// them.
    AdmittedInsteadOf(Vec<SocketId>),
    /// There is none.
    Refused,
}

/// The sockets of this node. None of these wait; all of them keep the order of the calls.
pub trait Sockets: Send + Sync {
    /// Tells the sockets whom it concerns.
    fn tell(&self, news: &News);

    /// From now on the socket hears the room.
    fn admit(&self, socket: &SocketId, group: &GroupId);

    /// From now on the socket hears the room no longer.
    fn dismiss(&self, socket: &SocketId, group: &GroupId);

    /// Ends every connection of a user.
    fn end_all(&self, user: &UserId);

    /// Lets nobody in with that token any more, and ends the connections that came with it.
    fn refuse_token(&self, revocation: &Revocation);

    /// Ends one connection of a user, if it is here.
    fn end(&self, user: &UserId, socket: &SocketId);
}

/// Things to do later. Whoever keeps it calls [`crate::usecase::Chat::perform`] when the time has come.
pub trait Agenda: Send + Sync {
    /// Notes what is to be done after `delay`.
    fn note(&self, chore: Chore, delay: Duration);
}

/// Counts for operators what happens inside the rules and shows nowhere else. Nothing here may block.
pub trait Observer: Send + Sync {
    /// Messages were read from the database that this node's rooms were not told.
    fn repaired(&self, cause: Cause, messages: usize);
}

/// Counts nothing.
impl Observer for () {
    fn repaired(&self, _: Cause, _: usize) {}
}

/// What time it is.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Chance.
pub trait Dice: Send + Sync {
    /// 128 bits that nobody can foresee.
    fn roll(&self) -> u128;
}
