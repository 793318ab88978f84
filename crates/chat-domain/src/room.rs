//! One room on one node: presence, typing and delivery put together. A pure state machine.
//!
//! Everything that the room's sockets here are told comes out of `tell`, in order. The caller holds
//! the room's lock while it hands that on, so that every socket sees the same order.
//!
//! Invariants: a socket that is seated is told everything from its [`Welcome`] on; nobody is told
//! anything by a room before it is seated or after it is not.

mod seats;

use std::{sync::Arc, time::Duration};

use crate::{
    delivery::{Delivery, Durable, RETRY},
    id::{GroupId, NodeId, Seq, SocketId, UserId},
    message::Message,
    news::{News, RoomMembers},
    presence::{Counts, PresenceChange, RoomSnapshot, RoomView, Seat, Transition},
    time::Timestamp,
    typing::{TypingView, Typist},
    user::UserName,
};

use self::seats::Seats;

/// What an operator decides about rooms.
#[derive(Debug, Clone, Copy)]
pub struct RoomPolicy {
    /// How long changes are collected until the members are listed anew.
    pub members_update_interval: Duration,
    /// How many users such a list names at most.
    pub online_members_listed: usize,
    /// In a room with more users, single joins, leaves and typing are not announced.
    pub large: Option<usize>,
}

/// What a socket has to know when it comes in.
#[derive(Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Every durable event after this one will be told.
    pub last_seq: Seq,
    /// What was told while the socket waited for its seat.
    pub missed: Vec<Arc<Message>>,
    /// Who types; not the user whose socket it is.
    pub typing: Vec<(UserId, UserName)>,
}

/// How a socket goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It left the room, and the user may still type at another socket.
    Left,
    /// The connection is gone, or the user's right to be here.
    Gone,
}

impl Durable for Arc<Message> {
    fn place(&self) -> Seq {
        self.updated_seq
    }
}

/// One room on one node.
#[derive(Debug)]
pub struct Room {
    group: GroupId,
    policy: RoomPolicy,
    view: RoomView,
    typing: TypingView,
    delivery: Delivery<Arc<Message>>,
    seats: Seats,
    is_large: bool,
    members_update_at: Option<Timestamp>,
    /// When a view in doubt asks for the next snapshot; at once if `None`.
    snapshot_at: Option<Timestamp>,
}

impl Room {
    /// A room that nobody of this node is in yet.
    #[must_use]
    pub fn new(group: GroupId, node: NodeId, policy: RoomPolicy) -> Self {
        Self {
            group,
            policy,
            view: RoomView::new(node),
            typing: TypingView::default(),
            delivery: Delivery::default(),
            seats: Seats::default(),
            is_large: false,
            members_update_at: None,
            snapshot_at: None,
        }
    }

    /// Which room it is.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

    // --- Sockets ---

    /// Keeps what is told from now on for a socket that is about to be seated. Returns up to where
    /// the room has told, so that history can be read up to there.
    pub fn await_seat(&mut self, socket: &SocketId) -> Seq {
        self.seats.wait(socket);
        self.delivered()
    }

    /// The socket will not come after all.
    pub fn give_up_seat(&mut self, socket: &SocketId) {
        self.seats.give_up(socket);
    }

    /// Takes a socket in. `None` if it waited so long that messages were dropped meanwhile.
    pub fn seat(&mut self, socket: &SocketId, user: &UserId) -> Option<Welcome> {
        let missed = self.seats.take(socket, user)?;
        let others = self.typing.shown().filter(|(typist, _)| *typist != user);
        Some(Welcome {
            last_seq: self.delivered(),
            missed,
            typing: others
                .map(|(id, name)| (id.clone(), name.clone()))
                .collect(),
        })
    }

    /// Lets a socket go, also one that only waits. Returns whether that ended its user's typing.
    pub fn unseat(
        &mut self,
        socket: &SocketId,
        how: Departure,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        let Some(user) = self.seats.vacate(socket) else {
            return false;
        };
        how == Departure::Gone && self.typist_gone(&user, socket, tell)
    }

    /// Takes out every socket of a user who has lost the right to be here. Until [`Room::departed`] says
    /// that the store knows, none of them can come back.
    pub fn evict(&mut self, user: &UserId, tell: &mut dyn FnMut(News)) -> Vec<SocketId> {
        let sockets = self.seats.evict(user);
        for socket in &sockets {
            self.typist_gone(user, socket, tell);
        }
        sockets
    }

    /// Whether the socket is being taken out of the store.
    #[must_use]
    pub fn is_departing(&self, socket: &SocketId) -> bool {
        self.seats.is_departing(socket)
    }

    /// The store knows that the socket is gone.
    pub fn departed(&mut self, socket: &SocketId) {
        self.seats.departed(socket);
    }

    /// Whether the socket is in the room.
    #[must_use]
    pub fn is_seated(&self, socket: &SocketId) -> bool {
        self.seats.has(socket)
    }

    /// Whether no socket of this node is here, nor on its way out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Everybody who has a socket of this node here, each once.
    #[must_use]
    pub fn seated_users(&self) -> Vec<UserId> {
        self.seats.users()
    }

    // --- Presence ---

    /// The store changed the room.
    pub fn presence(&mut self, change: PresenceChange, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let (transition, changed) = self.view.apply(change);
        if changed {
            self.tell_transitions(transition, now, tell);
        }
    }

    /// A socket of this node is about to come into the store.
    pub fn arriving(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.arriving(seat);
        self.tell_own(transition, now, tell);
    }

    /// The store was told of it.
    pub fn arrived(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.arrived(seat);
        self.tell_own(transition, now, tell);
    }

    /// A socket of this node is about to leave the store.
    pub fn departing(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.departing(&seat.user, &seat.socket);
        self.tell_own(transition, now, tell);
    }

    /// The store is away: from now on only what this node's sockets do is shown.
    pub fn freeze(&mut self, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transitions = self.view.freeze();
        if !transitions.is_empty() {
            self.tell_transitions(transitions, now, tell);
        }
    }

    /// The store is back: it is read next.
    pub fn thaw(&mut self) {
        self.view.thaw();
        self.snapshot_at = None;
    }

    /// Notices may have been lost: the store and the database are read next.
    pub fn doubt(&mut self) {
        self.view.doubt();
    }

    /// The store was read. It may know of joins and leaves that were not heard of.
    pub fn refresh(&mut self, snapshot: RoomSnapshot, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let before = (self.view.version(), self.view.counts());
        let transitions = self.view.refresh(snapshot);
        self.snapshot_at = None;
        // A new version with the same users is a change too: one socket came and another one went.
        if (self.view.version(), self.view.counts()) != before || !transitions.is_empty() {
            self.tell_transitions(transitions, now, tell);
        }
    }

    /// Whether the store has to be read now, because the view is in doubt. It is due again after
    /// [`RETRY`], so that one read is in flight.
    pub fn snapshot_due(&mut self, now: Timestamp) -> bool {
        let due = self.view.is_in_doubt() && self.snapshot_at.is_none_or(|at| at <= now);
        if due {
            self.snapshot_at = Some(now + RETRY);
        }
        due
    }

    /// Whether the store has to be read before anybody is let in.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.view.wants_snapshot()
    }

    /// Whether the room shows who is in it. While its view is in doubt it shows what its sockets were
    /// told: whoever asks must not know more than the joins and leaves that follow will tell.
    #[must_use]
    pub fn shows_users(&self) -> bool {
        self.view.was_read()
    }

    /// Whether the user is in the room, at any node.
    #[must_use]
    pub fn shows(&self, user: &UserId) -> bool {
        self.view.shows(user)
    }

    /// How many are in the room, over all nodes.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.view.counts()
    }

    // --- Typing ---

    /// A user types at that socket of this node, or (`None`) at another node. Returns whether the
    /// room shows that sort of thing.
    pub fn typing_started(
        &mut self,
        user: &UserId,
        name: &UserName,
        by: Option<SocketId>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        if self.is_large {
            return false;
        }
        if self.typing.start(user, name, by, now) {
            let (group, user, name) = (self.group.clone(), user.clone(), name.clone());
            tell(News::TypingStarted { group, user, name });
        }
        true
    }

    /// The store says that a user types, who may be shown already.
    pub fn typing_learned(&mut self, typist: Typist, now: Timestamp, tell: &mut dyn FnMut(News)) {
        // Whoever has left since no longer types.
        if self.is_large || !self.shows(&typist.user) {
            return;
        }
        let (group, user, name) = (self.group.clone(), typist.user.clone(), typist.name.clone());
        if self.typing.learn(typist, now) {
            tell(News::TypingStarted { group, user, name });
        }
    }

    /// A user stopped typing. Returns whether anybody was shown.
    pub fn typing_stopped(&mut self, user: &UserId, tell: &mut dyn FnMut(News)) -> bool {
        let was_shown = self.typing.stop(user);
        if was_shown {
            tell(self.stopped(user.clone()));
        }
        was_shown
    }

    /// A socket is gone for good. Returns whether that ended its user's typing.
    pub fn typist_gone(
        &mut self,
        user: &UserId,
        socket: &SocketId,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        let ended = self.typing.socket_left(user, socket);
        if ended {
            tell(self.stopped(user.clone()));
        }
        ended
    }

    // --- Delivery ---

    /// The database says that the group's newest `seq` is `head`.
    pub fn notice_head(&mut self, head: Seq, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let seats = &mut self.seats;
        self.delivery
            .notice_head(head, now, |message| hand_out(seats, message, tell));
    }

    /// A message was committed. It ends its author's typing; returns whether there was any.
    pub fn committed(
        &mut self,
        message: Arc<Message>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) -> bool {
        let typed = message
            .author
            .user_id()
            .is_some_and(|author| self.typing_stopped(author, tell));
        let seats = &mut self.seats;
        self.delivery
            .offer(message, now, |message| hand_out(seats, message, tell));
        typed
    }

    /// The `seq` after which the database has to be read now, if something is missing.
    pub fn repair_due(&mut self, now: Timestamp) -> Option<Seq> {
        self.delivery.repair_due(now)
    }

    /// The database was read from there on through `through`.
    pub fn repaired(
        &mut self,
        messages: Vec<Arc<Message>>,
        through: Seq,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        // Whoever said something has stopped typing, however that became known.
        for author in messages
            .iter()
            .filter_map(|message| message.author.user_id())
        {
            self.typing_stopped(author, tell);
        }
        let seats = &mut self.seats;
        self.delivery.repaired(messages, through, now, |message| {
            hand_out(seats, message, tell);
        });
    }

    /// Up to where the room's sockets were told; 0 until the head is known.
    #[must_use]
    pub fn delivered(&self) -> Seq {
        self.delivery.delivered().unwrap_or_default()
    }

    // --- Time ---

    /// When [`Room::tick`], a snapshot or a repair is due.
    #[must_use]
    pub fn wake_at(&self, now: Timestamp) -> Option<Timestamp> {
        let snapshot_at = self
            .view
            .is_in_doubt()
            .then_some(self.snapshot_at.unwrap_or(now));
        [
            self.members_update_at,
            self.typing.next_expiry(),
            self.delivery.repair_at(),
            snapshot_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Tells what has become due.
    pub fn tick(&mut self, now: Timestamp, tell: &mut dyn FnMut(News)) {
        for user in self.typing.expire(now) {
            tell(self.stopped(user));
        }
        if self.members_update_at.is_some_and(|at| at <= now) {
            self.tell_members(tell);
        }
    }

    /// The room's users after `after`, in the order of their ids.
    #[must_use]
    pub fn members(&self, after: Option<&UserId>, limit: usize) -> RoomMembers {
        list_members(
            self.group.clone(),
            self.view.users(after),
            self.counts(),
            limit,
        )
    }

    fn stopped(&self, user: UserId) -> News {
        let group = self.group.clone();
        News::TypingStopped { group, user }
    }

    fn tell_members(&mut self, tell: &mut dyn FnMut(News)) {
        self.members_update_at = None;
        tell(News::MembersUpdate(
            self.members(None, self.policy.online_members_listed),
        ));
    }

    /// What this node's own sockets change without the store, or before it says so.
    fn tell_own(
        &mut self,
        transition: Option<Transition>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        // Without a store each socket counts.
        if transition.is_some() || self.view.is_frozen() {
            self.tell_transitions(transition, now, tell);
        }
    }

    fn tell_transitions(
        &mut self,
        transitions: impl IntoIterator<Item = Transition>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        let was_large = self.is_large;
        self.switch_size(tell);
        let quiet = was_large || self.is_large;
        for transition in transitions {
            if let Transition::Left(user, _) = &transition {
                self.typing_stopped(user, tell);
            }
            if !quiet {
                tell(self.announcement(transition));
            }
        }
        if was_large != self.is_large {
            self.tell_members(tell);
        }
        // Also after a switch: whoever caused it by coming is not seated yet.
        self.members_update_at
            .get_or_insert(now + self.policy.members_update_interval);
    }

    /// Large above the limit, until fewer than 90 % of it are here (contract, Large rooms).
    fn switch_size(&mut self, tell: &mut dyn FnMut(News)) {
        let Some(limit) = self.policy.large else {
            return;
        };
        let members = self.counts().members;
        if self.is_large {
            self.is_large = members * 10 >= limit * 9;
        } else if members > limit {
            self.is_large = true;
            for user in self.typing.clear() {
                tell(self.stopped(user));
            }
        }
    }

    fn announcement(&self, transition: Transition) -> News {
        let (group, member_count) = (self.group.clone(), self.counts().members);
        match transition {
            Transition::Joined(user, name) => News::UserJoined {
                group,
                user,
                name,
                member_count,
            },
            Transition::Left(user, name) => News::UserLeft {
                group,
                user,
                name,
                member_count,
            },
        }
    }
}

/// Lists the first of these users, at most `limit`.
#[must_use]
pub fn list_members<'a>(
    group: GroupId,
    mut users: impl Iterator<Item = &'a UserId>,
    counts: Counts,
    limit: usize,
) -> RoomMembers {
    let online: Vec<UserId> = users.by_ref().take(limit).cloned().collect();
    let next = users.next().and(online.last().cloned());
    RoomMembers {
        group,
        online,
        counts,
        next,
    }
}

fn hand_out(seats: &mut Seats, message: Arc<Message>, tell: &mut dyn FnMut(News)) {
    seats.keep(&message);
    tell(News::Message(message));
}

#[cfg(test)]
mod tests;
