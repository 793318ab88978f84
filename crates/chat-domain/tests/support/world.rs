//! Nodes over the same stores, and the time that passes for all of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use chat_domain::{
    group::{Group, GroupName, Head},
    id::{Epoch, NodeId, Seq, SocketId},
    member::{Member, Role},
    memory::{ManualClock, MemoryDatabase, MemoryHub, MemoryLimiter, MemoryPresence},
    ports::{Clock, Dice, GroupRepo, PresenceStore, Roster, UserRepo},
    presence::RoomSnapshot,
    room::RoomPolicy,
    time::Timestamp,
    usecase::{Chat, Policy, Ports},
};

use super::{
    away::Detachable,
    client::Client,
    group,
    later::NotedAgenda,
    line::{Gate, GatedBus},
    sockets::NotingSockets,
    user, user_id,
};

/// A cluster of nodes.
pub struct World {
    pub clock: Arc<ManualClock>,
    pub database: Arc<MemoryDatabase>,
    pub presence: Arc<MemoryPresence>,
    pub nodes: Vec<Node>,
    sockets: AtomicU64,
}

/// One node, and the ends of its ports that tests look at.
pub struct Node {
    pub chat: Arc<Chat>,
    pub sockets: Arc<NotingSockets>,
    pub gate: Arc<Gate>,
    pub line: Arc<Detachable>,
    agenda: Arc<NotedAgenda>,
}

/// No limits, and no room is ever large.
pub const POLICY: Policy = Policy {
    rooms: RoomPolicy {
        members_update_interval: Duration::from_millis(250),
        online_members_listed: 200,
        large: None,
    },
    rooms_per_socket: None,
    page_bytes: 65_536,
    messages: None,
    typing: None,
    joins: None,
    history: None,
};

/// More chores than this in one go never end.
const CHORES: usize = 10_000;

impl World {
    /// So many nodes without limits.
    pub fn new(nodes: usize) -> Self {
        Self::with(nodes, POLICY)
    }

    /// So many nodes with that policy.
    pub fn with(nodes: usize, policy: Policy) -> Self {
        Self::rigged(nodes, policy, |_| {})
    }

    /// So many nodes, after somebody changed their ports.
    pub fn rigged(nodes: usize, policy: Policy, rig: impl Fn(&mut Ports)) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
        let hub = Arc::new(MemoryHub::default());
        let presence = Arc::new(MemoryPresence::new(
            NodeId::new(0),
            Arc::clone(&hub),
            Arc::clone(&clock) as Arc<dyn Clock>,
        ));
        let mut world = Self {
            database: Arc::new(MemoryDatabase::default()),
            sockets: AtomicU64::default(),
            nodes: Vec::new(),
            presence,
            clock,
        };
        let limiter = Arc::new(MemoryLimiter::new(world.clock()));
        let dice = Arc::new(Counting::default());
        for number in 0..nodes {
            let node = NodeId::new(number as u128 + 1);
            let presence = Arc::new(world.presence.at(node));
            let line = Arc::new(Detachable::new(Arc::clone(&presence)));
            let sockets = Arc::new(NotingSockets::default());
            let agenda = Arc::new(NotedAgenda::new(world.clock()));
            let (bus, gate) = GatedBus::new(hub.connect());
            let mut ports = Ports {
                node,
                users: Arc::clone(&world.database) as _,
                groups: Arc::clone(&world.database) as _,
                memberships: Arc::clone(&world.database) as _,
                roster: Arc::clone(&world.database) as _,
                log: Arc::clone(&world.database) as _,
                marks: Arc::clone(&world.database) as _,
                revoked: Arc::clone(&world.database) as _,
                presence: Arc::clone(&line) as _,
                typing: presence,
                bus: Arc::new(bus),
                limiter: Arc::clone(&limiter) as _,
                sockets: Arc::clone(&sockets) as _,
                agenda: Arc::clone(&agenda) as _,
                observer: Arc::new(()),
                clock: world.clock(),
                dice: Arc::clone(&dice) as _,
            };
            rig(&mut ports);
            world.nodes.push(Node {
                chat: Chat::new(ports, policy),
                sockets,
                gate,
                line,
                agenda,
            });
        }
        world
    }

    /// Makes a group. The first one owns it, the others are plain members.
    pub async fn group(&self, id: &str, members: &[&str]) {
        let now = self.clock.now();
        for member in members {
            let saved = UserRepo::save(&*self.database, &user(member), now).await;
            saved.expect("memory does not fail");
        }
        let new = Group {
            id: group(id),
            name: GroupName::parse(id).expect("ids are fine names"),
            description: None,
            is_private: false,
            head: Head {
                last_seq: Seq::ZERO,
                epoch: Epoch::new("first"),
            },
            created_at: now,
        };
        let owner = user_id(members[0]);
        let created = GroupRepo::create(&*self.database, &new, &owner).await;
        assert!(created.expect("memory does not fail"), "the group is new");
        for member in &members[1..] {
            let member = Member {
                group: group(id),
                user: user_id(member),
                role: Role::Member,
                joined_at: now,
            };
            let added = Roster::add(&*self.database, &member).await;
            added.expect("memory does not fail");
        }
    }

    /// One more socket of a user at that node.
    pub async fn connect(&self, node: usize, name: &str) -> Client {
        let number = self.sockets.fetch_add(1, Ordering::Relaxed);
        let socket = SocketId::new(&format!("{name}-{number}"));
        let node = &self.nodes[node];
        node.sockets.open(&socket, &user_id(name));
        let connected = node.chat.connect(user(name), socket).await;
        let connection = connected.expect("memory does not fail");
        Client::new(
            connection,
            Arc::clone(&node.chat),
            Arc::clone(&node.sockets),
        )
    }

    /// Lets time pass, and does on every node what falls due meanwhile, in its order.
    pub async fn advance(&self, span: Duration) {
        let until = self.clock.now() + span;
        for _ in 0..CHORES {
            self.settle().await;
            let due = self.nodes.iter().filter_map(|node| node.agenda.next_due());
            let next = due.min().filter(|due| *due <= until);
            self.clock
                .advance(next.unwrap_or(until).since(self.clock.now()));
            if next.is_none() {
                return;
            }
        }
        panic!("the chores do not end");
    }

    /// Does what is due now.
    pub async fn settle(&self) {
        for _ in 0..CHORES {
            let mut due = self.nodes.iter().map(|node| (node, node.agenda.take_due()));
            let Some((node, Some(chore))) = due.find(|(_, chore)| chore.is_some()) else {
                return;
            };
            // Whoever keeps the agenda would log it; the room asks again by itself.
            let _ = node.chat.perform(chore).await;
        }
        panic!("the chores do not end");
    }

    /// Who is in the room, in the store's words.
    pub async fn in_store(&self, id: &str) -> RoomSnapshot {
        let snapshot = self.presence.snapshot(&group(id)).await;
        snapshot.expect("memory does not fail")
    }

    /// Whether nothing is left to be done on any node.
    pub fn is_idle(&self) -> bool {
        let mut due = self.nodes.iter().map(|node| node.agenda.next_due());
        due.all(|due| due.is_none())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as _
    }
}

/// Dice that show 1, 2, 3 …
#[derive(Default)]
struct Counting(AtomicU64);

impl Dice for Counting {
    fn roll(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
