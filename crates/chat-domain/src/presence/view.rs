//! Who is in one room, as one node sees it: a pure state machine.
//!
//! The store publishes every change of a room with the version before and after it. A node applies
//! them in order, and tells its own sockets the *difference* that each makes to its view. If a
//! change is missing, the view is in doubt: it stays as it is until a snapshot of the store comes,
//! and then the difference is told. While the store is away the view is frozen: it shows the sockets of
//! other nodes as it knew them last, and those of this node as they come and go.
//!
//! Invariants: for each user the view says "joined" and "left" in turns, whatever arrives; nobody with a socket
//! of this node in the room is said to have left it, whatever the store says.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::{
    id::{NodeId, SocketId, UserId},
    user::UserName,
};

use super::{Counts, Movement, PresenceChange, RoomSnapshot, Seat, Transition, Version};

/// How many changes wait for a snapshot; if more come, the next snapshot is asked for again.
const PENDING_CHANGES: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Nothing was read yet: nobody was told anything.
    Unread,
    /// Each change so far followed the one before.
    Exact,
    /// Something is missing, and the store can say what.
    InDoubt,
    /// The store is away.
    Frozen,
}

/// One user, as far as this node knows.
#[derive(Debug)]
struct Presence {
    name: UserName,
    /// Sockets at other nodes, as the store says.
    elsewhere: usize,
    /// Sockets at this node, as the store says.
    stored: usize,
    /// Sockets at this node, as this node knows.
    here: Vec<(SocketId, Standing)>,
    /// Whether others were told that the user is there.
    is_shown: bool,
}

/// How far a socket of this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The store is being told.
    Arriving,
    /// The store was told.
    Arrived,
}

/// One room as one node sees it.
#[derive(Debug)]
pub struct RoomView {
    node: NodeId,
    trust: Trust,
    /// The version that the next change has to follow.
    version: Version,
    /// The newest version that was applied: what is not newer is an echo.
    newest: Version,
    users: BTreeMap<UserId, Presence>,
    shown_count: usize,
    socket_count: usize,
    /// What came while the view could not apply it.
    pending: Vec<PresenceChange>,
    /// Whether it was frozen since it was exact.
    was_frozen: bool,
}

impl RoomView {
    /// What that node knows before it has read anything.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            trust: Trust::Unread,
            version: 0,
            newest: 0,
            users: BTreeMap::new(),
            shown_count: 0,
            socket_count: 0,
            pending: Vec::new(),
            was_frozen: false,
        }
    }

    // --- What it shows ---

    /// Everybody there after `after`, in the order of their ids.
    pub fn users(&self, after: Option<&UserId>) -> impl Iterator<Item = &UserId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let users = self.users.range::<UserId, _>((from, Unbounded));
        users
            .filter(|(_, presence)| presence.is_shown)
            .map(|(user, _)| user)
    }

    /// Whether that user is there.
    #[must_use]
    pub fn shows(&self, user: &UserId) -> bool {
        self.users
            .get(user)
            .is_some_and(|presence| presence.is_shown)
    }

    /// How many are there.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sockets = if self.trust == Trust::Frozen {
            let sockets = self.users.values().map(Presence::sockets_if_frozen);
            sockets.sum()
        } else {
            self.socket_count
        };
        Counts {
            members: self.shown_count,
            sockets,
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
        matches!(self.trust, Trust::Unread | Trust::InDoubt)
    }

    /// Whether it shows anything: what sockets here were told, exact or not.
    #[must_use]
    pub fn was_read(&self) -> bool {
        self.trust != Trust::Unread
    }

    /// Whether it shows what may no longer be true, and the store can say better.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.trust == Trust::InDoubt
    }

    /// Whether the store was away since the view was exact: then versions of before say nothing.
    #[must_use]
    pub fn was_frozen(&self) -> bool {
        self.was_frozen
    }

    /// Whether the store is away.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.trust == Trust::Frozen
    }

    // --- Sockets of this node ---

    /// A socket of this node comes; the store is told next. Doing it twice changes nothing.
    pub fn arriving(&mut self, seat: &Seat) -> Option<Transition> {
        let presence = self.presence(&seat.user, &seat.name);
        if presence.place_of(&seat.socket).is_none() {
            let arriving = (seat.socket.clone(), Standing::Arriving);
            presence.here.push(arriving);
        }
        self.settle(&seat.user)
    }

    /// The store was told that the socket came.
    pub fn arrived(&mut self, seat: &Seat) -> Option<Transition> {
        let presence = self.users.get_mut(&seat.user)?;
        let place = presence.place_of(&seat.socket)?;
        presence.here[place].1 = Standing::Arrived;
        self.settle(&seat.user)
    }

    /// Whether the socket of this node is there, or comes.
    #[must_use]
    pub fn knows(&self, user: &UserId, socket: &SocketId) -> bool {
        let presence = self.users.get(user);
        presence.is_some_and(|presence| presence.place_of(socket).is_some())
    }

    /// A socket of this node goes; the store is told next.
    pub fn departing(&mut self, user: &UserId, socket: &SocketId) -> Option<Transition> {
        let presence = self.users.get_mut(user)?;
        let place = presence.place_of(socket)?;
        presence.here.swap_remove(place);
        self.settle(user)
    }

    // --- The store ---

    /// Applies a change. Returns the difference that it made, and whether anything changed.
    pub fn apply(&mut self, change: PresenceChange) -> (Option<Transition>, bool) {
        match self.trust {
            // What the store says then is read when it is back.
            Trust::Frozen => return (None, false),
            Trust::Unread | Trust::InDoubt => {
                if self.pending.len() < PENDING_CHANGES {
                    self.pending.push(change);
                }
                return (None, false);
            }
            Trust::Exact => {}
        }
        if change.version <= self.newest {
            return (None, false);
        }
        if change.previous != self.version {
            self.trust = Trust::InDoubt;
            self.pending.push(change);
            return (None, false);
        }
        (self.advance(&change), true)
    }

    /// The store may have forgotten or changed things without a word.
    pub fn doubt(&mut self) {
        if self.trust == Trust::Exact {
            self.trust = Trust::InDoubt;
        }
    }

    /// The store said that it has the room at that version. What was heard since then is newer; what is still under
    /// way makes a doubt that tells nothing.
    pub fn notice_version(&mut self, stored: Version) {
        let was_emptied = stored == 0 && self.version != 0;
        if was_emptied || stored > self.newest {
            self.doubt();
        }
    }

    /// The store is away. Returns the differences: whoever was just leaving is gone.
    pub fn freeze(&mut self) -> Vec<Transition> {
        self.trust = Trust::Frozen;
        self.was_frozen = true;
        self.pending.clear();
        for presence in self.users.values_mut() {
            presence.stored = 0;
        }
        self.settle_all()
    }

    /// The store can be asked again.
    pub fn thaw(&mut self) {
        if self.trust == Trust::Frozen {
            self.socket_count = self.counts().sockets;
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
        self.was_frozen = false;
        if snapshot.version == 0 && !pending.is_empty() {
            // An empty room has no version that says whether it is older or newer than what waits.
            // Who reads it again sees all of that.
            self.trust = Trust::InDoubt;
            pending.clear();
        }
        self.version = snapshot.version;
        self.newest = snapshot.version;
        self.socket_count = snapshot.counts().sockets;
        self.take_over(snapshot);

        let mut told = self.settle_all();
        for change in pending {
            told.extend(self.apply(change).0);
        }
        if was_read { told } else { Vec::new() }
    }

    fn take_over(&mut self, snapshot: RoomSnapshot) {
        for presence in self.users.values_mut() {
            (presence.elsewhere, presence.stored) = (0, 0);
        }
        for (user, mut occupant) in snapshot.users {
            let stored = occupant.sockets.remove(&self.node).unwrap_or_default();
            let presence = self.presence(&user, &occupant.name);
            presence.stored = stored;
            presence.elsewhere = occupant.sockets.values().sum();
        }
    }

    fn advance(&mut self, change: &PresenceChange) -> Option<Transition> {
        self.newest = change.version;
        // The version of an empty room is 0 again: the store forgets it.
        self.version = if change.counts.sockets == 0 {
            0
        } else {
            change.version
        };
        self.socket_count = change.counts.sockets;
        let is_ours = change.node == self.node;
        let presence = self.presence(&change.user, &change.name);
        let sockets = if is_ours {
            &mut presence.stored
        } else {
            &mut presence.elsewhere
        };
        match change.movement {
            Movement::Joined | Movement::Came => *sockets += 1,
            Movement::Left | Movement::Went => *sockets = sockets.saturating_sub(1),
        }
        self.settle(&change.user)
    }

    fn presence(&mut self, user: &UserId, name: &UserName) -> &mut Presence {
        self.users
            .entry(user.clone())
            .or_insert_with(|| Presence::nowhere(name.clone()))
    }

    /// Looks whether a user is there, after something changed. While the view is in doubt nothing is told.
    fn settle(&mut self, user: &UserId) -> Option<Transition> {
        let Entry::Occupied(mut entry) = self.users.entry(user.clone()) else {
            return None;
        };
        let transition = match self.trust {
            Trust::Unread | Trust::InDoubt => None,
            Trust::Exact | Trust::Frozen => entry.get_mut().settle(user, self.trust),
        };
        if entry.get().is_forgettable() {
            entry.remove();
        }
        self.count(transition.as_ref());
        transition
    }

    fn settle_all(&mut self) -> Vec<Transition> {
        let trust = self.trust;
        let users = self.users.iter_mut();
        let told: Vec<Transition> = users
            .filter_map(|(user, presence)| presence.settle(user, trust))
            .collect();
        self.users.retain(|_, presence| !presence.is_forgettable());
        for transition in &told {
            self.count(Some(transition));
        }
        told
    }

    fn count(&mut self, transition: Option<&Transition>) {
        match transition {
            Some(Transition::Joined(..)) => self.shown_count += 1,
            Some(Transition::Left(..)) => self.shown_count -= 1,
            None => {}
        }
    }
}

impl Presence {
    fn nowhere(name: UserName) -> Self {
        Self {
            name,
            elsewhere: 0,
            stored: 0,
            here: Vec::new(),
            is_shown: false,
        }
    }

    fn place_of(&self, socket: &SocketId) -> Option<usize> {
        self.here.iter().position(|(it, _)| it == socket)
    }

    /// Where a store counts, it says when sockets of this node come and go, in the order of all nodes.
    fn is_there(&self, trust: Trust) -> bool {
        let is_here = match trust {
            Trust::Frozen => !self.here.is_empty(),
            Trust::Unread | Trust::Exact | Trust::InDoubt => {
                let mut standings = self.here.iter().map(|(_, standing)| *standing);
                self.stored > 0 || standings.any(|standing| standing == Standing::Arrived)
            }
        };
        is_here || self.elsewhere > 0
    }

    fn settle(&mut self, user: &UserId, trust: Trust) -> Option<Transition> {
        let was_shown = self.is_shown;
        self.is_shown = self.is_there(trust);
        match (was_shown, self.is_shown) {
            (false, true) => Some(Transition::Joined(user.clone(), self.name.clone())),
            (true, false) => Some(Transition::Left(user.clone(), self.name.clone())),
            _ => None,
        }
    }

    fn sockets_if_frozen(&self) -> usize {
        self.elsewhere + self.here.len()
    }

    fn is_forgettable(&self) -> bool {
        !self.is_shown && self.elsewhere == 0 && self.stored == 0 && self.here.is_empty()
    }
}

#[cfg(test)]
mod tests;
