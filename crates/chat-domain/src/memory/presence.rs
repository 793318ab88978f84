use std::{
    collections::{BTreeMap, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;

use crate::{
    id::{GroupId, NodeId, SocketId, UserId},
    news::Notice,
    ports::{Clock, PortResult, PresenceStore, TypingStore},
    presence::{Counts, Movement, Occupant, PresenceChange, RoomSnapshot, Seat, Version},
    time::Timestamp,
    typing::{TTL, Typist},
    user::UserName,
};

use super::MemoryHub;

/// Rooms with different names rarely wait for each other.
const SHARDS: usize = 64;

/// One node's access to the presence and the typing marks of the nodes of one process.
pub struct MemoryPresence {
    node: NodeId,
    store: Arc<Store>,
}

struct Store {
    hub: Arc<MemoryHub>,
    clock: Arc<dyn Clock>,
    versions: AtomicU64,
    shards: [Mutex<HashMap<GroupId, Occupancy>>; SHARDS],
}

#[derive(Default)]
struct Occupancy {
    version: Version,
    users: BTreeMap<UserId, Present>,
    socket_count: usize,
    typists: BTreeMap<UserId, (UserName, Timestamp)>,
}

struct Present {
    name: UserName,
    sockets: BTreeMap<SocketId, NodeId>,
}

impl Present {
    fn occupant(&self) -> Occupant {
        let mut sockets = BTreeMap::new();
        for node in self.sockets.values() {
            *sockets.entry(*node).or_default() += 1;
        }
        Occupant {
            name: self.name.clone(),
            sockets,
        }
    }
}

impl Occupancy {
    fn counts(&self) -> Counts {
        Counts {
            members: self.users.len(),
            sockets: self.socket_count,
        }
    }

    fn is_forgettable(&self) -> bool {
        self.users.is_empty() && self.typists.is_empty()
    }
}

impl MemoryPresence {
    /// A first node's access to an empty store, which publishes on this hub.
    #[must_use]
    pub fn new(node: NodeId, hub: Arc<MemoryHub>, clock: Arc<dyn Clock>) -> Self {
        let store = Store {
            hub,
            clock,
            versions: AtomicU64::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
        };
        Self {
            node,
            store: Arc::new(store),
        }
    }

    /// Another node's access to the same store.
    #[must_use]
    pub fn at(&self, node: NodeId) -> Self {
        let store = Arc::clone(&self.store);
        Self { node, store }
    }
}

impl Store {
    fn shard(&self, group: &GroupId) -> MutexGuard<'_, HashMap<GroupId, Occupancy>> {
        let mut hasher = DefaultHasher::new();
        group.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % SHARDS as u64).unwrap_or_default();
        self.shards[place]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the change its version, and publishes it while the room is still locked.
    fn publish(
        &self,
        room: &mut Occupancy,
        seat: &Seat,
        node: NodeId,
        movement: Movement,
    ) -> Counts {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        let previous = room.version;
        let counts = room.counts();
        room.version = if counts.sockets == 0 { 0 } else { version };
        self.hub.tell_all(&Notice::Presence(PresenceChange {
            group: seat.group.clone(),
            user: seat.user.clone(),
            name: seat.name.clone(),
            node,
            movement,
            previous,
            version,
            counts,
        }));
        counts
    }
}

#[async_trait]
impl PresenceStore for MemoryPresence {
    async fn enter(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let mut shard = self.store.shard(&seat.group);
        let room = shard.entry(seat.group.clone()).or_default();
        let is_first = !room.users.contains_key(&seat.user);
        let present = room
            .users
            .entry(seat.user.clone())
            .or_insert_with(|| Present {
                name: seat.name.clone(),
                sockets: BTreeMap::new(),
            });
        if present.sockets.contains_key(&seat.socket) {
            return Ok(Some(room.counts()));
        }
        present.sockets.insert(seat.socket.clone(), self.node);
        room.socket_count += 1;
        let movement = if is_first {
            Movement::Joined
        } else {
            Movement::Came
        };
        Ok(Some(self.store.publish(room, seat, self.node, movement)))
    }

    async fn leave(&self, seat: &Seat) -> PortResult<Option<Counts>> {
        let mut shard = self.store.shard(&seat.group);
        let Some(room) = shard.get_mut(&seat.group) else {
            return Ok(Some(Counts::default()));
        };
        let Some(present) = room.users.get_mut(&seat.user) else {
            return Ok(Some(room.counts()));
        };
        let Some(node) = present.sockets.remove(&seat.socket) else {
            return Ok(Some(room.counts()));
        };
        room.socket_count -= 1;
        let movement = if present.sockets.is_empty() {
            room.users.remove(&seat.user);
            room.typists.remove(&seat.user);
            Movement::Left
        } else {
            Movement::Went
        };
        let counts = self.store.publish(room, seat, node, movement);
        if room.is_forgettable() {
            shard.remove(&seat.group);
        }
        Ok(Some(counts))
    }

    async fn snapshot(&self, group: &GroupId) -> PortResult<RoomSnapshot> {
        let shard = self.store.shard(group);
        let Some(room) = shard.get(group) else {
            return Ok(RoomSnapshot::default());
        };
        let users = room.users.iter();
        Ok(RoomSnapshot {
            version: room.version,
            users: users
                .map(|(user, present)| (user.clone(), present.occupant()))
                .collect(),
        })
    }

    async fn versions(&self, groups: &[GroupId]) -> PortResult<Vec<Version>> {
        let version = |group| {
            let shard = self.store.shard(group);
            shard.get(group).map_or(0, |room| room.version)
        };
        Ok(groups.iter().map(version).collect())
    }
}

#[async_trait]
impl TypingStore for MemoryPresence {
    async fn started(&self, group: &GroupId, user: &UserId, name: &UserName) -> PortResult<()> {
        let ends_at = self.store.clock.now() + TTL;
        let mut shard = self.store.shard(group);
        let room = shard.entry(group.clone()).or_default();
        room.typists.insert(user.clone(), (name.clone(), ends_at));
        Ok(())
    }

    async fn stopped(&self, group: &GroupId, user: &UserId) -> PortResult<()> {
        let mut shard = self.store.shard(group);
        if let Some(room) = shard.get_mut(group) {
            room.typists.remove(user);
            if room.is_forgettable() {
                shard.remove(group);
            }
        }
        Ok(())
    }

    async fn current(&self, group: &GroupId) -> PortResult<Vec<Typist>> {
        let now = self.store.clock.now();
        let mut shard = self.store.shard(group);
        let Some(room) = shard.get_mut(group) else {
            return Ok(Vec::new());
        };
        room.typists.retain(|_, (_, ends_at)| *ends_at > now);
        Ok(room
            .typists
            .iter()
            .map(|(user, (name, ends_at))| Typist {
                user: user.clone(),
                name: name.clone(),
                remaining: ends_at.since(now),
            })
            .collect())
    }
}
