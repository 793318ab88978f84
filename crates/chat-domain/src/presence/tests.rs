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

#[test]
fn what_is_heard_while_the_store_is_read_counts_if_it_is_newer() {
    let (mut store, mut view) = (Store::default(), RoomView::default());
    view.apply(store.change(1, 0, true).unwrap());
    let snapshot = store.snapshot();
    view.apply(store.change(2, 0, true).unwrap());

    view.refresh(snapshot);

    assert!(!view.wants_snapshot());
    assert_eq!(view.users(), &store.users());
}

#[test]
fn what_may_be_older_than_an_empty_room_puts_nobody_into_it() {
    let (mut store, mut view) = (Store::default(), RoomView::default());
    view.apply(store.change(1, 0, true).unwrap());
    store.change(1, 0, false).unwrap();

    view.refresh(store.snapshot());
    assert!(view.users().is_empty());
    assert!(view.wants_snapshot(), "nothing says which was first");

    view.refresh(store.snapshot());
    assert!(view.users().is_empty());
    assert!(!view.wants_snapshot());
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
