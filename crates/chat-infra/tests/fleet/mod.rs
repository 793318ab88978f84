//! Nodes of one process over a real Redis, in a time of their own: a heartbeat takes place when the test says so.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod live;
pub mod truth;
pub mod views;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::{
    id::{GroupId, NodeId, SocketId, UserId},
    ports::{Admission, ConnectionLedger, PresenceStore, WhenFull},
    presence::{Seat, Transition},
    user::UserName,
};
use chat_infra::redis::{
    address::Address,
    connection::Connection,
    leases::Leases,
    ledger::RedisLedger,
    presence::RedisPresence,
    script::Time,
    server::Duty,
    subscriber::{Ear, Subscriber},
};
use chat_testkit::redis::RedisServer;
use fred::interfaces::PubsubInterface;

use self::{truth::Socket, views::Views};

/// How long a dead node's seats may be shown, while there is a node that is awake. One that was away first makes
/// sure of its own claim, and several may be awake in turns.
const REAPED_WITHIN_MS: u64 = 60_000;

/// The channel of markers.
const MARKERS: &str = "test:markers";

/// A node that runs.
pub struct Node {
    pub id: NodeId,
    pub presence: Arc<RedisPresence>,
    pub ledger: RedisLedger,
    pub views: Arc<Views>,
    subscriber: Subscriber,
    /// When it wants to be tended.
    due: u64,
    /// It does nothing until then.
    pub paused_until: u64,
    /// It was away for so long that others may have taken it for dead, and is not back.
    pub is_suspect: bool,
}

/// A node that was killed.
pub struct Dead {
    /// By [`Fleet::awake`].
    at: u64,
    pub sockets: BTreeMap<String, Socket>,
}

/// Everything.
pub struct Fleet {
    pub server: RedisServer,
    pub connection: Connection,
    pub nodes: Vec<Node>,
    pub dead: Vec<Dead>,
    pub sockets: BTreeMap<String, Socket>,
    pub rooms: Vec<GroupId>,
    pub leases: Leases,
    /// Milliseconds since the test began.
    pub elapsed: u64,
    /// How many of them somebody was awake.
    awake: u64,
    /// Milliseconds by Redis's clock.
    pub redis_clock: Arc<AtomicU64>,
    start: Instant,
    node_count: u128,
    marker: u64,
    /// How many joins and leaves were told.
    pub told: usize,
}

pub async fn connect(server: &RedisServer) -> Connection {
    let address = Address::parse(&server.url()).expect("it is one");
    let connection = Connection::open(address, Duty::Presence).await;
    connection.expect("it will do")
}

pub fn user_id(user: &str) -> UserId {
    UserId::parse(user).expect("tests use valid ids")
}

pub fn room_id(room: &str) -> GroupId {
    GroupId::parse(room).expect("tests use valid ids")
}

pub fn seat(room: &str, user: &str, socket: &str) -> Seat {
    Seat {
        group: room_id(room),
        user: user_id(user),
        name: UserName::parse(&user.to_uppercase()).expect("tests use valid names"),
        socket: SocketId::new(socket),
    }
}

impl Fleet {
    pub async fn start(nodes: usize, rooms: usize) -> Self {
        let server = RedisServer::start().await;
        let rooms = (0..rooms).map(|number| format!("room{number}"));
        let rooms = rooms.map(|id| GroupId::parse(&id).expect("a valid id"));
        let mut fleet = Self {
            connection: connect(&server).await,
            server,
            nodes: Vec::new(),
            dead: Vec::new(),
            sockets: BTreeMap::new(),
            rooms: rooms.collect(),
            leases: Leases::default(),
            elapsed: 0,
            awake: 0,
            redis_clock: Arc::new(AtomicU64::new(1_700_000_000_000)),
            start: Instant::now(),
            node_count: 0,
            marker: 0,
            told: 0,
        };
        for _ in 0..nodes {
            fleet.add_node().await;
        }
        fleet
    }

    /// One more node.
    pub async fn add_node(&mut self) {
        self.node_count += 1;
        let id = NodeId::new(self.node_count);
        let subscriber = Subscriber::start(self.connection.clone()).await;
        let time = Time::Turned(Arc::clone(&self.redis_clock));
        let presence = RedisPresence::unattended(id, subscriber.clone(), self.leases, time).await;
        let presence = Arc::new(presence);
        let views = Arc::new(Views::new(id, &self.rooms));
        let ear: Arc<dyn Ear> = Arc::clone(&views) as _;
        subscriber
            .follow(MARKERS.to_owned(), Arc::downgrade(&ear))
            .await;
        presence.attach(Arc::downgrade(&views) as Weak<_>);
        for room in &self.rooms {
            presence.follow(room).await;
        }
        presence.tend(self.now()).await;
        self.nodes.push(Node {
            id,
            ledger: RedisLedger::new(Arc::clone(&presence)),
            presence,
            views,
            subscriber,
            due: self.elapsed,
            paused_until: 0,
            is_suspect: false,
        });
    }

    /// Ends a node as `kill -9` does.
    pub fn kill(&mut self, place: usize) {
        let node = self.nodes.swap_remove(place).id.to_string();
        let is_its = |socket: &Socket| socket.node == node;
        let mut sockets = std::mem::take(&mut self.sockets);
        self.sockets = sockets
            .extract_if(.., |_, socket| !is_its(socket))
            .collect();
        let at = self.awake;
        self.dead.push(Dead { at, sockets });
    }

    pub fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.elapsed)
    }

    pub fn is_paused(&self, node: &Node) -> bool {
        node.paused_until > self.elapsed
    }

    pub fn is_everybody_exact(&self) -> bool {
        self.nodes.iter().all(|node| node.presence.is_exact())
    }

    pub fn is_anybody_paused(&self) -> bool {
        self.nodes.iter().any(|node| self.is_paused(node))
    }

    /// Whether everybody is alive, awake and sure, and has been for a while.
    pub fn is_quiet(&self) -> bool {
        self.is_everybody_exact()
            && self.nodes.iter().all(|node| !node.is_suspect)
            && self.dead.iter().all(|dead| self.is_reaped(dead))
    }

    fn is_reaped(&self, dead: &Dead) -> bool {
        dead.at + REAPED_WITHIN_MS < self.awake
    }

    /// A node does nothing for so long.
    pub fn pause(&mut self, place: usize, millis: u64) {
        let node = &mut self.nodes[place];
        node.paused_until = self.elapsed + millis;
        node.is_suspect = true;
    }

    /// Everybody goes on.
    pub fn resume(&mut self) {
        for node in &mut self.nodes {
            node.paused_until = 0;
        }
    }

    /// Waits until Redis is away for everybody, or there for everybody.
    pub async fn wait_until_redis(&self, is_there: bool) {
        let mut life = self.connection.watch();
        let known = life.wait_for(|life| life.is_some() == is_there).await;
        known.expect("the connection is looked after");
        while self
            .nodes
            .iter()
            .any(|node| node.subscriber.is_up() != is_there)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    // --- Sockets ---

    /// A user connects, and displaces the oldest if there are too many.
    pub async fn connect(&mut self, place: usize, user: &str, socket: &str, most: usize) {
        let (id, node) = (user_id(user), &self.nodes[place]);
        let new = SocketId::new(socket);
        let admission = node
            .ledger
            .admit(&id, &new, most, WhenFull::EvictOldest)
            .await;
        let connected = Socket {
            user: user.to_owned(),
            node: node.id.to_string(),
            rooms: BTreeSet::new(),
            unknown: BTreeSet::new(),
        };
        self.sockets.insert(socket.to_owned(), connected);
        if let Admission::AdmittedInsteadOf(others) = admission {
            for other in others {
                self.disconnect(other.reveal()).await;
            }
        }
    }

    pub async fn disconnect(&mut self, socket: &str) {
        let Some(gone) = self.sockets.get(socket).cloned() else {
            return;
        };
        for room in &gone.rooms {
            self.leave(socket, room).await;
        }
        let (node, id) = (self.node_of(&gone), user_id(&gone.user));
        node.ledger.release(&id, &SocketId::new(socket)).await;
        self.sockets.remove(socket);
    }

    pub async fn join(&mut self, socket: &str, room: &str) {
        let user = self.sockets[socket].user.clone();
        let seat = seat(room, &user, socket);
        let node = self.node_of(&self.sockets[socket]);
        node.views.arriving(&seat);
        let entered = node.presence.enter(&seat).await;
        let counts = entered.expect("it is remembered at least");
        node.views.arrived(&seat);
        let is_known = counts.is_some() && self.is_everybody_exact();
        let socket = self.sockets.get_mut(socket).expect("it is connected");
        socket.rooms.insert(room.to_owned());
        if !is_known {
            socket.unknown.insert(room.to_owned());
        }
        self.settle().await;
    }

    pub async fn leave(&mut self, socket: &str, room: &str) {
        let user = self.sockets[socket].user.clone();
        let seat = seat(room, &user, socket);
        let node = self.node_of(&self.sockets[socket]);
        node.views.departing(&seat);
        let left = node.presence.leave(&seat).await;
        left.expect("it is remembered at least");
        let socket = self.sockets.get_mut(socket).expect("it is connected");
        socket.rooms.remove(room);
        socket.unknown.remove(room);
        self.settle().await;
    }

    pub fn node_of(&self, socket: &Socket) -> &Node {
        let mut nodes = self.nodes.iter();
        let node = nodes.find(|node| node.id.to_string() == socket.node);
        node.expect("its node lives")
    }

    // --- Time ---

    /// Time passes, for Redis and for the nodes, and everybody does what is due.
    pub async fn pass(&mut self, millis: u64) {
        let end = self.elapsed + millis;
        loop {
            let due = |node: &Node| node.due.max(node.paused_until).max(self.elapsed);
            let next = self.nodes.iter().map(due).min().unwrap_or(end);
            if next > end {
                self.turn(end);
                break;
            }
            self.turn(next);
            for place in 0..self.nodes.len() {
                if due_now(&self.nodes[place], self.elapsed) {
                    self.tend(place).await;
                }
            }
            self.settle().await;
        }
    }

    /// Redis's clock is turned; nobody else's.
    pub fn turn_clock(&self, millis: i64) {
        let now = self.redis_clock.load(Ordering::SeqCst);
        self.redis_clock
            .store(now.saturating_add_signed(millis), Ordering::SeqCst);
    }

    pub async fn tend(&mut self, place: usize) {
        let now = self.now();
        let node = &mut self.nodes[place];
        let next = node.presence.tend(now).await;
        let next = u64::try_from(next.as_millis()).expect("it is soon");
        node.due = self.elapsed + next.max(1);
        if node.presence.is_exact() {
            node.is_suspect = false;
        }
    }

    fn turn(&mut self, to: u64) {
        let passed = to - self.elapsed;
        if !self.nodes.iter().all(|node| self.is_paused(node)) {
            self.awake += passed;
        }
        self.elapsed = to;
        self.redis_clock.fetch_add(passed, Ordering::SeqCst);
    }

    // --- What is told ---

    /// Everybody hears what was published, reads what is in doubt, and what that tells is judged.
    pub async fn settle(&mut self) {
        self.drain().await;
        for node in &self.nodes {
            if !node.presence.is_exact() {
                continue;
            }
            for room in node.views.in_doubt() {
                if let Ok(snapshot) = node.presence.snapshot(&room).await {
                    node.views.refresh(&room, snapshot);
                }
            }
        }
        self.judge();
        if self.is_everybody_exact() {
            for socket in self.sockets.values_mut() {
                socket.unknown.clear();
            }
        }
        for node in &mut self.nodes {
            if !node.presence.is_exact() {
                // Whoever doubts is tended at once.
                node.due = node.due.min(self.elapsed + 200);
            }
        }
    }

    async fn drain(&mut self) {
        self.marker += 1;
        let marker = self.marker;
        let publishing = self.connection.ask(|redis| async move {
            redis.publish::<(), _, _>(MARKERS, marker.to_string()).await
        });
        if publishing.await.is_err() {
            return;
        }
        for node in &self.nodes {
            if node.subscriber.is_up() {
                node.views.heard(marker).await;
            }
        }
    }

    /// No user is said to have left who is there at a node that others can know of; and none to have joined who
    /// was not there a moment ago.
    fn judge(&mut self) {
        let holds = |socket: &Socket, room: &GroupId, user: &UserId| {
            socket.user == user.as_str() && socket.rooms.contains(room.as_str())
        };
        for node in &self.nodes {
            assert_eq!(node.views.broken(), 0, "each change follows the one before");
            for (room, transition) in node.views.take_told() {
                self.told += 1;
                let mut living = self.sockets.values();
                match transition {
                    Transition::Left(user, _) => {
                        let stays = living.find(|socket| {
                            holds(socket, &room, &user)
                                && !socket.unknown.contains(room.as_str())
                                && !self.node_of(socket).is_suspect
                        });
                        assert!(stays.is_none(), "{user} left {room}: {stays:?}");
                    }
                    Transition::Joined(user, _) => {
                        let dead = self.dead.iter().filter(|dead| !self.is_reaped(dead));
                        let mut all = living.chain(dead.flat_map(|it| it.sockets.values()));
                        let is_there = all.any(|socket| holds(socket, &room, &user));
                        assert!(is_there, "{user} joined {room}, and is not there");
                    }
                }
            }
        }
    }

    /// What has to be in Redis when nobody is in doubt and the dead are reaped.
    pub async fn assert_exact(&self) {
        let nodes = self.nodes.iter().map(|node| node.id.to_string()).collect();
        let expected = truth::expected(&self.sockets, &nodes);
        let stored = truth::stored(&self.connection).await;
        let difference = truth::difference(&expected, &stored);
        assert!(
            difference.is_empty(),
            "after {} ms:\n{difference}",
            self.elapsed
        );
    }

    /// What everybody's users see.
    pub fn assert_shown(&self) {
        for room in &self.rooms {
            let there = self.sockets.values();
            let there = there.filter(|socket| socket.rooms.contains(room.as_str()));
            let there: BTreeSet<&str> = there.map(|socket| socket.user.as_str()).collect();
            for node in &self.nodes {
                let shown = node.views.shown(room);
                let shown: BTreeSet<&str> = shown.iter().map(String::as_str).collect();
                assert_eq!(shown, there, "{room} at {:?}", node.id);
            }
        }
    }
}

fn due_now(node: &Node, elapsed: u64) -> bool {
    node.due.max(node.paused_until) <= elapsed
}
