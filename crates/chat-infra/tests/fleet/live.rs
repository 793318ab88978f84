//! Nodes over a real Redis, in real time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use chat_domain::{
    id::{GroupId, NodeId},
    ports::{Listener, PresenceStore},
    presence::{Counts, Transition},
};
use chat_infra::redis::{
    address::Address, connection::Connection, leases::Leases, ledger::RedisLedger,
    presence::RedisPresence, script::Time, server::Duty, subscriber::Subscriber,
};
use tokio::time::sleep;

use super::{
    seat,
    truth::{self, Keys, Socket},
    views::Views,
};

/// Fifteen times as fast as in production.
pub const FAST: Leases = Leases {
    heartbeat: Duration::from_millis(200),
    lease: Duration::from_millis(800),
    reap_every: Duration::from_millis(70),
    settle: Duration::from_millis(350),
    compare_every: Duration::from_secs(4),
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A node that runs; it is killed by dropping it.
pub struct Live {
    pub id: NodeId,
    pub connection: Connection,
    pub presence: Arc<RedisPresence>,
    pub ledger: RedisLedger,
    pub views: Arc<Views>,
}

/// Nodes, and what their sockets hold.
pub struct LiveFleet {
    pub nodes: Vec<Live>,
    pub sockets: BTreeMap<String, Socket>,
}

impl Live {
    pub async fn start(url: &str, number: u128, rooms: &[&str], leases: Leases) -> Self {
        let nobody = Weak::<Views>::new();
        // Boxed, for the compiler.
        Box::pin(Self::start_for(url, number, rooms, leases, nobody)).await
    }

    /// One that tells somebody else what it hears, if there is anybody.
    pub async fn start_for(
        url: &str,
        number: u128,
        rooms: &[&str],
        leases: Leases,
        other: Weak<dyn Listener>,
    ) -> Self {
        let id = NodeId::new(number);
        let address = Address::parse(url).expect("it is one");
        let connection = Connection::open(address, Duty::Presence).await;
        let connection = connection.expect("it will do");
        let subscriber = Subscriber::start(connection.clone()).await;
        let presence = RedisPresence::start(id, subscriber, leases, Time::Redis).await;
        let presence = Arc::new(presence);
        let rooms: Vec<GroupId> = rooms.iter().map(|room| super::room_id(room)).collect();
        let views = Arc::new(Views::new(id, &rooms));
        let listener: Weak<dyn Listener> = Arc::downgrade(&views) as _;
        let has_other = other.strong_count() > 0;
        presence.attach(if has_other { other } else { listener });
        for room in &rooms {
            presence.follow(room).await;
        }
        let ledger = RedisLedger::new(Arc::clone(&presence));
        let live = Self {
            id,
            connection,
            presence,
            ledger,
            views,
        };
        live.refresh().await;
        live
    }

    /// Reads the rooms that are in doubt.
    pub async fn refresh(&self) {
        for room in self.views.in_doubt() {
            if let Ok(snapshot) = self.presence.snapshot(&room).await {
                self.views.refresh(&room, snapshot);
            }
        }
    }

    pub async fn enter(&self, room: &str, user: &str, socket: &str) -> Option<Counts> {
        let seat = seat(room, user, socket);
        self.views.arriving(&seat);
        let entered = self.presence.enter(&seat).await;
        let counts = entered.expect("it is remembered at least");
        self.views.arrived(&seat);
        counts
    }

    pub async fn leave(&self, room: &str, user: &str, socket: &str) -> Option<Counts> {
        let seat = seat(room, user, socket);
        self.views.departing(&seat);
        let left = self.presence.leave(&seat).await;
        left.expect("it is remembered at least")
    }

    /// What was told since the last time, as `user joined room`.
    pub fn told(&self) -> Vec<String> {
        let told = self.views.take_told().into_iter();
        let words = told.map(|(room, transition)| match transition {
            Transition::Joined(user, _) => format!("{user} joined {room}"),
            Transition::Left(user, _) => format!("{user} left {room}"),
        });
        words.collect()
    }
}

impl LiveFleet {
    /// Nodes number 1, 2, 3 …
    pub async fn start(url: &str, count: usize, rooms: &[&str], leases: Leases) -> Self {
        let mut nodes = Vec::new();
        for number in 1..=count as u128 {
            nodes.push(Live::start(url, number, rooms, leases).await);
        }
        Self {
            nodes,
            sockets: BTreeMap::new(),
        }
    }

    pub async fn join(&mut self, place: usize, room: &str, user: &str, socket: &str) {
        let node = &self.nodes[place];
        node.enter(room, user, socket).await;
        let entry = self
            .sockets
            .entry(socket.to_owned())
            .or_insert_with(|| Socket {
                user: user.to_owned(),
                node: node.id.to_string(),
                rooms: BTreeSet::new(),
                unknown: BTreeSet::new(),
            });
        entry.rooms.insert(room.to_owned());
    }

    pub async fn leave(&mut self, place: usize, room: &str, socket: &str) {
        let entry = self.sockets.get_mut(socket).expect("it is there");
        self.nodes[place].leave(room, &entry.user, socket).await;
        entry.rooms.remove(room);
    }

    /// Ends a node as `kill -9` does.
    pub fn kill(&mut self, place: usize) {
        let node = self.nodes.remove(place).id.to_string();
        self.sockets.retain(|_, socket| socket.node != node);
    }

    /// Waits until everybody is sure, and what was in doubt is read.
    pub async fn until_exact(&self) {
        until("everybody is sure", async || {
            self.nodes.iter().all(|node| node.presence.is_exact())
        })
        .await;
        for node in &self.nodes {
            node.refresh().await;
        }
    }

    /// Waits until the keys of the contract are what the sockets hold. Returns how long that took.
    pub async fn until_keys_are_exact(&self, connection: &Connection) -> Duration {
        let start = Instant::now();
        let expected = families(truth::expected(&self.sockets, &BTreeSet::new()));
        let mut stored = Keys::new();
        while start.elapsed() < PATIENCE {
            stored = families(truth::stored(connection).await);
            if stored == expected {
                return start.elapsed();
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{}", truth::difference(&expected, &stored));
    }

    /// What everybody was told since the last time.
    pub fn told(&self) -> Vec<Vec<String>> {
        self.nodes.iter().map(Live::told).collect()
    }
}

/// The keys that everybody may look at.
pub fn families(keys: Keys) -> Keys {
    let is_ours = |key: &String| key.starts_with("chat:");
    keys.into_iter().filter(|(key, _)| !is_ours(key)).collect()
}

pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < PATIENCE, "not so: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
