//! One room on one node: presence, typing and delivery put together. A pure state machine.
//!
//! Everything that the room's sockets here are told comes out of `tell`, in order. The caller holds
//! the room's lock while it hands that on, so that every socket sees the same order.
//!
//! Invariants: a socket that is seated is told everything from its [`Welcome`] on; nobody is told
//! anything by a room before it is seated or after it is not.

mod delivery;
mod presence;
mod seats;
mod typing;

use std::{sync::Arc, time::Duration};

use crate::{
    delivery::Delivery,
    id::{GroupId, NodeId, Seq, SocketId, UserId},
    message::Message,
    news::News,
    presence::RoomView,
    time::Timestamp,
    typing::TypingView,
    user::UserName,
};

pub use self::presence::list_members;
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
    /// The connection is gone because this node stops, and the user is expected at another one.
    HandedOver,
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
    /// The roster that the seats were last compared with.
    roster: Option<u64>,
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
            roster: None,
        }
    }

    /// Which room it is.
    #[must_use]
    pub fn group(&self) -> &GroupId {
        &self.group
    }

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
    pub fn seat(&mut self, socket: &SocketId, user: &UserId, now: Timestamp) -> Option<Welcome> {
        let is_new = !self.seats.has(socket);
        let missed = self.seats.take(socket, user)?;
        if is_new {
            // Whoever comes is told who is there, also if the others were told before, or the store's word is lost.
            self.update_members_soon(now);
        }
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
        how != Departure::Left && self.typist_gone(&user, socket, tell)
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

    /// How many sockets of this node are here.
    #[must_use]
    pub fn seated(&self) -> usize {
        self.seats.count()
    }

    /// Everybody who has a socket of this node here, each once.
    #[must_use]
    pub fn seated_users(&self) -> Vec<UserId> {
        self.seats.users()
    }

    /// Whether the seats were compared with that roster.
    #[must_use]
    pub fn agrees_with(&self, roster: u64) -> bool {
        self.roster == Some(roster)
    }

    /// The seats were compared with the members, who were these at least.
    pub fn compared_with(&mut self, roster: u64) {
        self.roster = Some(roster);
    }

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
}

#[cfg(test)]
mod tests;
