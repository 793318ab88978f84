//! Who is in one room, as one node sees it: a pure state machine.
//!
//! The store publishes every change of a room with the version before and after it. A node applies
//! them in order, and tells its own sockets the *difference* that each makes to its view. If a
//! change is missing, the view is in doubt: it stays as it is until a snapshot of the store comes,
//! and then the difference is told.
//!
//! Invariant: for each user the view says "joined" and "left" in turns, whatever arrives.

use std::collections::BTreeMap;

use crate::{
    id::{GroupId, SocketId, UserId},
    user::UserName,
};

/// One socket of one user in one room: what the store counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// The room.
    pub group: GroupId,
    /// Whose socket it is.
    pub user: UserId,
    /// What others read.
    pub name: UserName,
    /// The socket.
    pub socket: SocketId,
}

/// How many are in a room, over all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Distinct users.
    pub members: usize,
    /// Sockets.
    pub sockets: usize,
}

/// Numbers the changes of one room. Higher is later; nothing else is promised. 0: never changed,
/// or nobody is there.
pub type Version = u64;

/// One change of one room, as the store publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceChange {
    /// The room.
    pub group: GroupId,
    /// Whose socket came or went.
    pub user: UserId,
    /// What others read.
    pub name: UserName,
    /// What happened.
    pub movement: Movement,
    /// The version that this change was made to.
    pub previous: Version,
    /// The version that it made.
    pub version: Version,
    /// The counts after it.
    pub counts: Counts,
}

/// What a change did to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// The user's first socket came.
    Joined,
    /// The user's last socket went.
    Left,
    /// One of several sockets of a user came or went.
    Socket,
}

/// A room as the store has it at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomSnapshot {
    /// The version of the room's last change.
    pub version: Version,
    /// Everybody there.
    pub users: BTreeMap<UserId, UserName>,
    /// Sockets there.
    pub socket_count: usize,
}

/// A difference between a view before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transition {
    /// Somebody is there who was not.
    Joined(UserId, UserName),
    /// Somebody is gone who was there.
    Left(UserId, UserName),
}

/// How many changes wait for a snapshot; if more come, the next snapshot is asked for again.
const PENDING_CHANGES: usize = 1_024;

#[derive(Debug, Default)]
enum Trust {
    /// Nothing was read yet: nobody was told anything.
    #[default]
    Unread,
    /// Each change so far followed the one before.
    Exact,
    /// Something is missing: the view is frozen.
    InDoubt,
}

/// One room as one node sees it.
#[derive(Debug, Default)]
pub struct RoomView {
    trust: Trust,
    /// The version that the next change has to follow.
    version: Version,
    /// The newest version that was applied: what is not newer is an echo.
    newest: Version,
    users: BTreeMap<UserId, UserName>,
    socket_count: usize,
    /// What came while the view could not apply it.
    pending: Vec<PresenceChange>,
}

impl RoomView {
    /// Everybody there, in the order of their ids.
    #[must_use]
    pub fn users(&self) -> &BTreeMap<UserId, UserName> {
        &self.users
    }

    /// How many are there.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            members: self.users.len(),
            sockets: self.socket_count,
        }
    }

    /// The version of the room that it shows.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the store has to be read.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        !matches!(self.trust, Trust::Exact)
    }

    /// Whether it shows anything: what sockets here were told, exact or frozen.
    #[must_use]
    pub fn was_read(&self) -> bool {
        !matches!(self.trust, Trust::Unread)
    }

    /// Whether it shows what may no longer be true.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.trust, Trust::InDoubt)
    }

    /// Applies a change. Returns the difference that it made, and whether anything changed.
    pub fn apply(&mut self, change: PresenceChange) -> (Option<Transition>, bool) {
        if self.wants_snapshot() {
            if self.pending.len() < PENDING_CHANGES {
                self.pending.push(change);
            }
            return (None, false);
        }
        if change.version <= self.newest {
            return (None, false);
        }
        if change.previous != self.version {
            self.trust = Trust::InDoubt;
            self.pending.push(change);
            return (None, false);
        }
        (self.advance(change), true)
    }

    /// The store may have forgotten or changed things without a word: freeze until it is read.
    pub fn doubt(&mut self) {
        if matches!(self.trust, Trust::Exact) {
            self.trust = Trust::InDoubt;
        }
    }

    /// Takes the store's word. Returns the differences, unless nobody was told anything yet.
    pub fn refresh(&mut self, snapshot: RoomSnapshot) -> Vec<Transition> {
        if !self.wants_snapshot() {
            return Vec::new();
        }
        let was_read = self.was_read();
        let mut pending = std::mem::take(&mut self.pending);
        self.trust = Trust::Exact;
        if snapshot.version == 0 && !pending.is_empty() {
            // An empty room has no version that says whether it is older or newer than what waits.
            // Who reads it again sees all of that.
            self.trust = Trust::InDoubt;
            pending.clear();
        }
        let mut told = difference(&self.users, &snapshot.users);
        self.version = snapshot.version;
        self.newest = snapshot.version;
        self.users = snapshot.users;
        self.socket_count = snapshot.socket_count;

        for change in pending {
            told.extend(self.apply(change).0);
        }
        if was_read { told } else { Vec::new() }
    }

    fn advance(&mut self, change: PresenceChange) -> Option<Transition> {
        self.newest = change.version;
        // The version of an empty room is 0 again: the store forgets it.
        self.version = if change.counts.sockets == 0 {
            0
        } else {
            change.version
        };
        self.socket_count = change.counts.sockets;
        match change.movement {
            Movement::Joined => {
                let was_there = self.users.insert(change.user.clone(), change.name.clone());
                was_there
                    .is_none()
                    .then_some(Transition::Joined(change.user, change.name))
            }
            Movement::Left => {
                let name = self.users.remove(&change.user)?;
                Some(Transition::Left(change.user, name))
            }
            Movement::Socket => None,
        }
    }
}

fn difference(
    before: &BTreeMap<UserId, UserName>,
    after: &BTreeMap<UserId, UserName>,
) -> Vec<Transition> {
    let left = before
        .iter()
        .filter(|(user, _)| !after.contains_key(*user))
        .map(|(user, name)| Transition::Left(user.clone(), name.clone()));
    let joined = after
        .iter()
        .filter(|(user, _)| !before.contains_key(*user))
        .map(|(user, name)| Transition::Joined(user.clone(), name.clone()));
    left.chain(joined).collect()
}

#[cfg(test)]
mod tests;
