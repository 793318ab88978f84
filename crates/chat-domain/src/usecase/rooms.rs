//! The rooms that this node has sockets in, and the one way to touch them.
//!
//! Invariant: whatever a room tells is handed to the sockets while its lock is held, so every socket
//! sees the same order. Nothing waits while a lock is held.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    chore::Chore,
    id::{GroupId, NodeId, SocketId},
    news::News,
    ports::{Agenda, Bus, PortResult, Sockets},
    room::{Room, RoomPolicy},
    time::Timestamp,
};

use super::followers::Followers;

/// The rooms of one node.
pub struct Rooms {
    node: NodeId,
    policy: RoomPolicy,
    agenda: Arc<dyn Agenda>,
    sockets: Arc<dyn Sockets>,
    bus: Arc<dyn Bus>,
    followers: Arc<Followers>,
    cells: RwLock<HashMap<GroupId, Arc<Cell>>>,
    /// Whether the store of presence is away. Changed before the rooms are told.
    is_frozen: AtomicBool,
}

/// One room and who holds it open.
struct Cell {
    room: Mutex<Room>,
    /// Until when somebody already promised to look after the room.
    noted: Mutex<Option<Timestamp>>,
    /// Visits under way. Changed only under the lock of `cells`.
    visitors: Mutex<usize>,
    is_followed: AtomicBool,
    /// Set under the room's lock when the room is closed: whoever found it before must not touch it any more.
    is_closed: AtomicBool,
}

/// Keeps a room open while a socket is on its way in or out. Ends when it is dropped; the last
/// visit to an empty room closes it.
pub struct Visit<'a> {
    rooms: &'a Rooms,
    group: GroupId,
    cell: Arc<Cell>,
}

impl Rooms {
    pub fn new(
        node: NodeId,
        policy: RoomPolicy,
        agenda: Arc<dyn Agenda>,
        sockets: Arc<dyn Sockets>,
        bus: Arc<dyn Bus>,
        followers: Arc<Followers>,
    ) -> Self {
        Self {
            node,
            policy,
            agenda,
            sockets,
            bus,
            followers,
            cells: RwLock::default(),
            is_frozen: AtomicBool::new(false),
        }
    }

    /// Opens the room, or keeps it open.
    pub fn visit(&self, group: &GroupId, now: Timestamp) -> Visit<'_> {
        let mut cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.entry(group.clone()).or_insert_with(|| {
            let mut room = Room::new(group.clone(), self.node, self.policy);
            if self.is_frozen.load(Ordering::Relaxed) {
                room.freeze(now, &mut |_| {});
            }
            Arc::new(Cell {
                room: Mutex::new(room),
                noted: Mutex::default(),
                visitors: Mutex::default(),
                is_followed: AtomicBool::new(false),
                is_closed: AtomicBool::new(false),
            })
        });
        *lock(&cell.visitors) += 1;
        Visit {
            rooms: self,
            group: group.clone(),
            cell: Arc::clone(cell),
        }
    }

    /// Touches the room, if it is open: what it tells is told, and what falls due is noted.
    pub fn with<T>(
        &self,
        group: &GroupId,
        now: Timestamp,
        act: impl FnOnce(&mut Room, &mut dyn FnMut(News)) -> T,
    ) -> Option<T> {
        let cell = self.find(group)?;
        let mut room = lock(&cell.room);
        if cell.is_closed.load(Ordering::Relaxed) {
            return None;
        }
        Some(self.touch(&cell, &mut room, now, act))
    }

    /// Looks at the room, if it is open.
    pub fn look<T>(&self, group: &GroupId, see: impl FnOnce(&Room) -> T) -> Option<T> {
        self.find(group).map(|cell| see(&lock(&cell.room)))
    }

    /// Whether that socket is in that room.
    pub fn is_seated(&self, group: &GroupId, socket: &SocketId) -> bool {
        self.look(group, |room| room.is_seated(socket)) == Some(true)
    }

    /// Every room that is open.
    pub fn open(&self) -> Vec<GroupId> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.keys().cloned().collect()
    }

    /// Looks at every room that is open, one after the other: for a moment each is held up.
    pub fn look_at_each<T>(&self, see: impl Fn(&Room) -> T) -> Vec<T> {
        let cells: Vec<Arc<Cell>> = {
            let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
            cells.values().cloned().collect()
        };
        cells.iter().map(|cell| see(&lock(&cell.room))).collect()
    }

    /// Touches every open room; those that open meanwhile are as the last call of [`Rooms::freeze`] says.
    pub fn with_each(&self, now: Timestamp, act: impl Fn(&mut Room, &mut dyn FnMut(News))) {
        for group in self.open() {
            self.with(&group, now, &act);
        }
    }

    /// The store of presence went away, or came back.
    pub fn freeze(&self, is_frozen: bool, now: Timestamp) {
        {
            // Under this lock, so that a room is opened either before, and told below, or after, and knows.
            let _cells = self.cells.write().unwrap_or_else(PoisonError::into_inner);
            self.is_frozen.store(is_frozen, Ordering::Relaxed);
        }
        self.with_each(now, |room, tell| {
            if is_frozen {
                room.freeze(now, tell);
            } else {
                room.thaw();
            }
        });
    }

    /// Somebody keeps the promise to look after the room at that time. Returns whether it still stands: an earlier
    /// one may have taken its place, and then that is followed by the next.
    pub fn chore_begun(&self, group: &GroupId, at: Timestamp) -> bool {
        let Some(cell) = self.find(group) else {
            return false;
        };
        let mut noted = lock(&cell.noted);
        let stands = *noted == Some(at);
        if stands {
            *noted = None;
        }
        stands
    }

    fn find(&self, group: &GroupId) -> Option<Arc<Cell>> {
        let cells = self.cells.read().unwrap_or_else(PoisonError::into_inner);
        cells.get(group).map(Arc::clone)
    }

    fn touch<T>(
        &self,
        cell: &Cell,
        room: &mut Room,
        now: Timestamp,
        act: impl FnOnce(&mut Room, &mut dyn FnMut(News)) -> T,
    ) -> T {
        let result = act(room, &mut |news| self.sockets.tell(&news));
        if let Some(at) = room.wake_at(now) {
            let mut noted = lock(&cell.noted);
            if noted.is_none_or(|earlier| at < earlier) {
                *noted = Some(at);
                let chore = Chore::TendRoom(room.group().clone(), at);
                self.agenda.note(chore, at.since(now));
            }
        }
        result
    }
}

impl Visit<'_> {
    /// Touches the room; see [`Rooms::with`].
    pub fn with<T>(
        &self,
        now: Timestamp,
        act: impl FnOnce(&mut Room, &mut dyn FnMut(News)) -> T,
    ) -> T {
        let mut room = lock(&self.cell.room);
        self.rooms.touch(&self.cell, &mut room, now, act)
    }

    /// Makes sure that what other nodes tell about the room is heard here.
    pub async fn follow(&self) -> PortResult<()> {
        if !self.cell.is_followed.load(Ordering::Acquire) {
            self.rooms.bus.follow(&self.group).await?;
            self.cell.is_followed.store(true, Ordering::Release);
            self.rooms.followers.room_opened(&self.group);
        }
        Ok(())
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut cells = self
            .rooms
            .cells
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let mut visitors = lock(&self.cell.visitors);
        *visitors -= 1;
        if *visitors > 0 {
            return;
        }
        let room = lock(&self.cell.room);
        if room.is_empty() {
            self.cell.is_closed.store(true, Ordering::Relaxed);
            cells.remove(&self.group);
            // Still under the lock: whoever opens the room again follows it after this.
            self.rooms.followers.room_closed(&self.group);
            self.rooms.bus.unfollow(&self.group);
        }
    }
}

/// A panic elsewhere must not take the room with it: the machines are whole between calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
