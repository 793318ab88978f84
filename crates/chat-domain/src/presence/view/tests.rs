use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::{id::GroupId, presence::Occupant};

use super::*;

const US: NodeId = NodeId::new(1);
const THEM: NodeId = NodeId::new(2);

fn user(n: u8) -> (UserId, UserName) {
    let id = UserId::parse(&format!("u{n}")).unwrap();
    let name = UserName::of_id(&id);
    (id, name)
}

/// A socket of this node.
fn seat(who: u8, socket: u8) -> Seat {
    let (user, name) = user(who);
    Seat {
        group: GroupId::parse("g").unwrap(),
        user,
        name,
        socket: SocketId::new(&format!("{who}-{socket}")),
    }
}

/// The naive model: a list of sockets that counts by looking.
#[derive(Default)]
struct Store {
    sockets: Vec<(u8, NodeId, u8)>,
    clock: Version,
    version: Version,
}

impl Store {
    fn change(&mut self, who: u8, node: NodeId, socket: u8, comes: bool) -> Option<PresenceChange> {
        let there = |store: &Self| store.sockets.iter().any(|(u, ..)| *u == who);
        let before = there(self);
        let entry = (who, node, socket);
        if comes == self.sockets.contains(&entry) {
            return None;
        }
        if comes {
            self.sockets.push(entry);
        } else {
            self.sockets.retain(|it| *it != entry);
        }
        let movement = match (before, there(self)) {
            (false, _) => Movement::Joined,
            (_, false) => Movement::Left,
            _ if comes => Movement::Came,
            _ => Movement::Went,
        };
        self.clock += 1;
        let previous = self.version;
        self.version = if self.sockets.is_empty() {
            0
        } else {
            self.clock
        };
        let (user, name) = user(who);
        Some(PresenceChange {
            group: GroupId::parse("g").unwrap(),
            user,
            name,
            node,
            movement,
            previous,
            version: self.clock,
            counts: self.snapshot().counts(),
        })
    }

    fn theirs(&mut self, who: u8, socket: u8, comes: bool) -> Option<PresenceChange> {
        self.change(who, THEM, socket, comes)
    }

    fn users(&self) -> BTreeMap<UserId, UserName> {
        self.sockets.iter().map(|(who, ..)| user(*who)).collect()
    }

    fn ours(&self) -> BTreeSet<(u8, u8)> {
        let ours = self.sockets.iter().filter(|(_, node, _)| *node == US);
        ours.map(|(who, _, socket)| (*who, *socket)).collect()
    }

    fn snapshot(&self) -> RoomSnapshot {
        let mut snapshot = RoomSnapshot {
            version: self.version,
            users: BTreeMap::new(),
        };
        for (who, node, _) in &self.sockets {
            let (id, name) = user(*who);
            let sockets = BTreeMap::new();
            let occupant = snapshot.users.entry(id);
            let occupant = occupant.or_insert(Occupant { name, sockets });
            *occupant.sockets.entry(*node).or_default() += 1;
        }
        snapshot
    }
}

/// What a client believes that hears every transition.
fn hear(
    believed: &mut BTreeMap<UserId, UserName>,
    told: impl IntoIterator<Item = Transition>,
) -> usize {
    let mut count = 0;
    for transition in told {
        count += 1;
        match transition {
            Transition::Joined(id, name) => {
                assert!(believed.insert(id, name).is_none(), "joined twice");
            }
            Transition::Left(id, _) => assert!(believed.remove(&id).is_some(), "left twice"),
        }
    }
    count
}

fn shown(view: &RoomView) -> Vec<&UserId> {
    view.users(None).collect()
}

#[test]
fn what_is_heard_while_the_store_is_read_counts_if_it_is_newer() {
    let (mut store, mut view) = (Store::default(), RoomView::new(US));
    view.apply(store.theirs(1, 0, true).unwrap());
    let snapshot = store.snapshot();
    view.apply(store.theirs(2, 0, true).unwrap());

    view.refresh(snapshot);

    assert!(!view.wants_snapshot());
    assert!(shown(&view).into_iter().eq(store.users().keys()));
}

#[test]
fn what_may_be_older_than_an_empty_room_puts_nobody_into_it() {
    let (mut store, mut view) = (Store::default(), RoomView::new(US));
    view.apply(store.theirs(1, 0, true).unwrap());
    store.theirs(1, 0, false).unwrap();

    view.refresh(store.snapshot());
    assert!(shown(&view).is_empty());
    assert!(view.wants_snapshot(), "nothing says which was first");

    view.refresh(store.snapshot());
    assert!(shown(&view).is_empty());
    assert!(!view.wants_snapshot());
}

#[test]
fn a_frozen_view_keeps_others_and_follows_its_own() {
    let (mut store, mut view) = (Store::default(), RoomView::new(US));
    view.refresh(store.snapshot());
    view.apply(store.theirs(1, 0, true).unwrap());
    view.apply(store.theirs(2, 0, true).unwrap());
    view.freeze();

    let others = view.apply(store.theirs(1, 0, false).unwrap());
    let came = view.arriving(&seat(3, 0));
    let both = view.arriving(&seat(2, 0));
    let counts = view.counts();
    let gone = view.departing(&seat(3, 0).user, &seat(3, 0).socket);
    let still_elsewhere = view.departing(&seat(2, 0).user, &seat(2, 0).socket);

    assert_eq!(others, (None, false), "that is told later");
    assert!(matches!(came, Some(Transition::Joined(..))));
    assert!(matches!(gone, Some(Transition::Left(..))));
    assert_eq!((both, still_elsewhere), (None, None));
    assert_eq!((counts.members, counts.sockets), (3, 4));
    view.thaw();
    let told = view.refresh(store.snapshot());
    assert_eq!(told, [Transition::Left(user(1).0, user(1).1)]);
}

#[test]
fn whoever_leaves_while_the_store_goes_away_is_gone() {
    let (mut store, mut view) = (Store::default(), RoomView::new(US));
    view.refresh(store.snapshot());
    view.arriving(&seat(1, 0));
    view.apply(store.change(1, US, 0, true).unwrap());
    view.arrived(&seat(1, 0));

    let leaving = view.departing(&seat(1, 0).user, &seat(1, 0).socket);
    let frozen = view.freeze();

    assert_eq!(
        leaving, None,
        "the store says when, for all nodes in one order"
    );
    assert_eq!(frozen, [Transition::Left(user(1).0, user(1).1)]);
}

#[test]
fn a_view_that_is_newer_than_the_answer_is_right() {
    let (mut store, mut view) = (Store::default(), RoomView::new(US));
    view.refresh(store.snapshot());
    let empty = store.version;
    view.apply(store.theirs(1, 0, true).unwrap());
    let of_one = store.version;
    view.apply(store.theirs(2, 0, true).unwrap());

    view.notice_version(of_one);
    let is_doubted = view.wants_snapshot();
    view.notice_version(empty);

    assert!(!is_doubted);
    assert!(view.wants_snapshot(), "an empty room may be newer");
}

#[derive(Debug, Clone)]
enum Op {
    /// Something happens at another node.
    Theirs {
        who: u8,
        socket: u8,
        comes: bool,
    },
    /// It happens, and this node never hears of it.
    Lost {
        who: u8,
        socket: u8,
        comes: bool,
    },
    /// Something happens at this node.
    Ours {
        who: u8,
        socket: u8,
        comes: bool,
        is_heard: bool,
    },
    /// Another node takes this one for dead.
    Reap {
        who: u8,
        socket: u8,
    },
    /// A change that was heard comes again.
    Echo(prop::sample::Index),
    Snapshot,
    /// A snapshot that was read some changes ago.
    LateSnapshot,
    TakeLateSnapshot,
    Doubt,
    /// The store says which version it has.
    Version,
    Freeze,
    /// This node's sockets are brought into the store, and it can be read.
    Thaw,
}

fn op() -> impl Strategy<Value = Op> {
    let pair = || (0_u8..4, 0_u8..2, any::<bool>());
    let ours = (0_u8..4, 0_u8..2, any::<bool>(), prop::bool::weighted(0.9));
    prop_oneof![
        6 => pair().prop_map(|(who, socket, comes)| Op::Theirs { who, socket, comes }),
        6 => ours.prop_map(|(who, socket, comes, is_heard)| Op::Ours { who, socket, comes, is_heard }),
        1 => pair().prop_map(|(who, socket, comes)| Op::Lost { who, socket, comes }),
        1 => (0_u8..4, 0_u8..2).prop_map(|(who, socket)| Op::Reap { who, socket }),
        1 => any::<prop::sample::Index>().prop_map(Op::Echo),
        2 => Just(Op::Snapshot),
        1 => Just(Op::LateSnapshot),
        1 => Just(Op::TakeLateSnapshot),
        1 => Just(Op::Doubt),
        1 => Just(Op::Version),
        1 => Just(Op::Freeze),
        2 => Just(Op::Thaw),
    ]
}

/// A node, its view, the store, and a client that hears everything.
struct World {
    store: Store,
    view: RoomView,
    here: BTreeSet<(u8, u8)>,
    is_away: bool,
    heard: Vec<PresenceChange>,
    late: Option<RoomSnapshot>,
    believed: BTreeMap<UserId, UserName>,
}

impl World {
    fn new() -> Self {
        let (store, mut view) = (Store::default(), RoomView::new(US));
        view.refresh(store.snapshot());
        Self {
            store,
            view,
            here: BTreeSet::new(),
            is_away: false,
            heard: Vec::new(),
            late: None,
            believed: BTreeMap::new(),
        }
    }

    fn hear(&mut self, told: impl IntoIterator<Item = Transition>) {
        hear(&mut self.believed, told);
    }

    fn publish(&mut self, change: Option<PresenceChange>, is_heard: bool) {
        if let (Some(change), true) = (change, is_heard) {
            self.heard.push(change.clone());
            let told = self.view.apply(change).0;
            self.hear(told);
        }
    }

    fn ours(&mut self, who: u8, socket: u8, comes: bool, is_heard: bool) {
        let seat = seat(who, socket);
        if comes {
            self.here.insert((who, socket));
            let told = self.view.arriving(&seat);
            self.hear(told);
        } else {
            self.here.remove(&(who, socket));
            let told = self.view.departing(&seat.user, &seat.socket);
            self.hear(told);
        }
        if !self.is_away {
            let change = self.store.change(who, US, socket, comes);
            self.publish(change, is_heard);
        }
        if comes {
            let told = self.view.arrived(&seat);
            self.hear(told);
        }
    }

    /// What a node does when the store is back, and after somebody took it for dead.
    fn announce(&mut self) {
        let stored = self.store.ours();
        for (who, socket) in stored.symmetric_difference(&self.here.clone()) {
            let comes = self.here.contains(&(*who, *socket));
            let change = self.store.change(*who, US, *socket, comes);
            self.publish(change, true);
        }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Theirs { who, socket, comes } => {
                let change = self.store.theirs(who, socket, comes);
                self.publish(change, true);
            }
            Op::Lost { who, socket, comes } => {
                self.store.theirs(who, socket, comes);
            }
            Op::Ours {
                who,
                socket,
                comes,
                is_heard,
            } => self.ours(who, socket, comes, is_heard),
            Op::Reap { who, socket } => {
                let change = self.store.change(who, US, socket, false);
                self.publish(change, true);
            }
            Op::Echo(ref index) if !self.heard.is_empty() => {
                let change: PresenceChange = index.get(&self.heard).clone();
                // The transport may repeat, it does not delay: only what was applied echoes.
                if change.version <= self.view.newest {
                    let told = self.view.apply(change).0;
                    self.hear(told);
                }
            }
            Op::Snapshot if !self.is_away => {
                let told = self.view.refresh(self.store.snapshot());
                self.hear(told);
            }
            Op::LateSnapshot if self.view.wants_snapshot() => {
                self.late = Some(self.store.snapshot());
            }
            Op::TakeLateSnapshot => {
                if let Some(snapshot) = self.late.take() {
                    let told = self.view.refresh(snapshot);
                    self.hear(told);
                }
            }
            Op::Doubt => self.view.doubt(),
            Op::Version if !self.is_away => self.view.notice_version(self.store.version),
            Op::Freeze => {
                (self.is_away, self.late) = (true, None);
                let told = self.view.freeze();
                self.hear(told);
            }
            Op::Thaw => {
                self.announce();
                self.is_away = false;
                self.view.thaw();
            }
            Op::Echo(_) | Op::LateSnapshot | Op::Snapshot | Op::Version => {}
        }
        assert!(shown(&self.view).into_iter().eq(self.believed.keys()));
        if !self.view.wants_snapshot() {
            for (who, _) in &self.here {
                assert!(self.view.shows(&user(*who).0), "one of ours is shown");
            }
        }
    }
}

proptest! {
    #[test]
    fn joins_and_leaves_alternate_and_the_view_heals(ops in prop::collection::vec(op(), 0..150)) {
        let mut world = World::new();
        for op in ops {
            world.step(&op);
        }

        world.step(&Op::Thaw);
        world.step(&Op::Version);
        world.step(&Op::Snapshot);
        prop_assert_eq!(&world.believed, &world.store.users());
        prop_assert_eq!(world.view.counts(), world.store.snapshot().counts());
    }

    #[test]
    fn without_losses_no_snapshot_is_ever_needed(
        changes in prop::collection::vec((0_u8..4, any::<bool>(), 0_u8..3, any::<bool>()), 0..150),
    ) {
        let mut world = World::new();
        for (who, is_ours, socket, comes) in changes {
            let before = world.store.users();
            let op = if is_ours {
                Op::Ours { who, socket, comes, is_heard: true }
            } else {
                Op::Theirs { who, socket, comes }
            };
            world.step(&op);
            world.step(&Op::Version);
            prop_assert!(!world.view.wants_snapshot());
            prop_assert_eq!(&world.believed, &world.store.users(), "before: {:?}", before);
            prop_assert_eq!(world.view.counts(), world.store.snapshot().counts());
        }
    }
}
