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
        self.trust = Trust::Exact;
        let mut told = difference(&self.users, &snapshot.users);
        self.version = snapshot.version;
        self.newest = snapshot.version;
        self.users = snapshot.users;
        self.socket_count = snapshot.socket_count;

        for change in std::mem::take(&mut self.pending) {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(n: u8) -> (UserId, UserName) {
        let id = UserId::parse(&format!("u{n}")).unwrap();
        let name = UserName::of_id(&id);
        (id, name)
    }

    /// The naive model: a list of (user, socket) pairs that counts by looking.
    #[derive(Default)]
    struct Store {
        sockets: Vec<(u8, u8)>,
        clock: Version,
        version: Version,
    }

    impl Store {
        fn change(&mut self, who: u8, socket: u8, comes: bool) -> Option<PresenceChange> {
            let there = |store: &Self| store.sockets.iter().any(|(u, _)| *u == who);
            let before = there(self);
            if comes == self.sockets.contains(&(who, socket)) {
                return None;
            }
            if comes {
                self.sockets.push((who, socket));
            } else {
                self.sockets.retain(|pair| *pair != (who, socket));
            }
            let movement = match (before, there(self)) {
                (false, true) => Movement::Joined,
                (true, false) => Movement::Left,
                _ => Movement::Socket,
            };
            self.clock += 1;
            let previous = self.version;
            self.version = if self.sockets.is_empty() {
                0
            } else {
                self.clock
            };
            let (user, name) = user(who);
            let counts = Counts {
                members: self.users().len(),
                sockets: self.sockets.len(),
            };
            let group = GroupId::parse("g").unwrap();
            let version = self.clock;
            Some(PresenceChange {
                group,
                user,
                name,
                movement,
                previous,
                version,
                counts,
            })
        }

        fn users(&self) -> BTreeMap<UserId, UserName> {
            self.sockets.iter().map(|(who, _)| user(*who)).collect()
        }

        fn snapshot(&self) -> RoomSnapshot {
            let (version, users) = (self.version, self.users());
            RoomSnapshot {
                version,
                users,
                socket_count: self.sockets.len(),
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Op {
        Change {
            who: u8,
            socket: u8,
            comes: bool,
        },
        /// The change happens, and the node never hears of it.
        Lost {
            who: u8,
            socket: u8,
            comes: bool,
        },
        /// A change that was heard comes again.
        Echo(prop::sample::Index),
        Snapshot,
        /// A snapshot that was read some changes ago.
        LateSnapshot,
        TakeLateSnapshot,
        Doubt,
    }

    fn op() -> impl Strategy<Value = Op> {
        let pair = (0_u8..4, 0_u8..2, any::<bool>());
        prop_oneof![
            8 => pair.clone().prop_map(|(who, socket, comes)| Op::Change { who, socket, comes }),
            1 => pair.prop_map(|(who, socket, comes)| Op::Lost { who, socket, comes }),
            1 => any::<prop::sample::Index>().prop_map(Op::Echo),
            1 => Just(Op::Snapshot),
            1 => Just(Op::LateSnapshot),
            1 => Just(Op::TakeLateSnapshot),
            1 => Just(Op::Doubt),
        ]
    }

    /// What a client believes that hears every transition.
    fn hear(believed: &mut BTreeMap<UserId, UserName>, told: impl IntoIterator<Item = Transition>) {
        for transition in told {
            match transition {
                Transition::Joined(id, name) => {
                    assert!(believed.insert(id, name).is_none(), "joined twice");
                }
                Transition::Left(id, _) => assert!(believed.remove(&id).is_some(), "left twice"),
            }
        }
    }

    proptest! {
        #[test]
        fn joins_and_leaves_alternate_and_the_view_heals(ops in prop::collection::vec(op(), 0..150)) {
            let (mut store, mut view) = (Store::default(), RoomView::default());
            let (mut heard, mut late) = (Vec::new(), None);
            view.refresh(store.snapshot());
            let mut believed = BTreeMap::new();
            for op in ops {
                match op {
                    Op::Change { who, socket, comes } => {
                        if let Some(change) = store.change(who, socket, comes) {
                            heard.push(change.clone());
                            hear(&mut believed, view.apply(change).0);
                        }
                    }
                    Op::Lost { who, socket, comes } => { store.change(who, socket, comes); }
                    Op::Echo(index) if !heard.is_empty() => {
                        let change: PresenceChange = index.get(&heard).clone();
                        // The transport may repeat, it does not delay: only what was applied echoes.
                        if change.version <= view.newest {
                            hear(&mut believed, view.apply(change).0);
                        }
                    }
                    Op::Snapshot => hear(&mut believed, view.refresh(store.snapshot())),
                    Op::LateSnapshot if view.wants_snapshot() => late = Some(store.snapshot()),
                    Op::TakeLateSnapshot => {
                        if let Some(snapshot) = late.take() {
                            hear(&mut believed, view.refresh(snapshot));
                        }
                    }
                    Op::Doubt => view.doubt(),
                    Op::Echo(_) | Op::LateSnapshot => {}
                }
                prop_assert_eq!(&believed, view.users());
            }

            view.doubt();
            hear(&mut believed, view.refresh(store.snapshot()));
            prop_assert_eq!(believed, store.users());
            prop_assert_eq!(view.counts().sockets, store.sockets.len());
        }

        #[test]
        fn without_losses_no_snapshot_is_ever_needed(
            changes in prop::collection::vec((0_u8..4, 0_u8..3, any::<bool>()), 0..150),
        ) {
            let (mut store, mut view) = (Store::default(), RoomView::default());
            view.refresh(store.snapshot());
            for (who, socket, comes) in changes {
                if let Some(change) = store.change(who, socket, comes) {
                    prop_assert!(view.apply(change).1);
                }
                prop_assert!(!view.wants_snapshot());
                prop_assert_eq!(view.users(), &store.users());
                prop_assert_eq!(view.counts().sockets, store.sockets.len());
            }
        }
    }
}
