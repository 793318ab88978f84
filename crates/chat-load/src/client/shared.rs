//! What the clients of a run share: the names, the numbers, and how far everybody is.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    cast::Cast,
    record::{Key, Room, Seq, User, micros},
};

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Everybody connects, and joins where the play begins.
    Gather,
    /// The plans are followed.
    Play {
        /// From then on.
        start: Duration,
    },
    /// Everybody is back, has everything, and sees what is true.
    Settle,
    /// The server is asked who is there.
    Ask,
    /// Everybody goes home.
    Over,
}

impl Phase {
    fn number(self) -> usize {
        match self {
            Self::Gather => 0,
            Self::Play { .. } => 1,
            Self::Settle => 2,
            Self::Ask => 3,
            Self::Over => 4,
        }
    }
}

/// Shared by all clients of a run.
#[derive(Debug)]
pub struct Shared {
    /// The names.
    pub cast: Cast,
    /// The totals.
    pub tally: Tally,
    /// From when the times in diaries are counted.
    pub zero: Instant,
    /// Whether somebody is at rest only with every message: a server that does not promise them in order may be waited
    /// for in vain.
    waits_for_all: bool,
    next_key: AtomicU32,
    rooms: Vec<RoomState>,
    roster: Mutex<Roster>,
    /// By phase: clients that have done what it is for.
    ready: [AtomicUsize; 5],
    trouble: Mutex<Option<String>>,
}

/// Who is in which room, and with which socket.
pub type Roster = BTreeMap<(Room, User), String>;

#[derive(Debug, Default)]
struct RoomState {
    head: AtomicU32,
    present: AtomicU32,
    has_witness: AtomicBool,
}

/// Running totals, for the eye.
#[expect(missing_docs, reason = "the names say it")]
#[derive(Debug, Default)]
pub struct Tally {
    pub online: AtomicU64,
    pub planned: AtomicU64,
    pub acked: AtomicU64,
    pub delivered: AtomicU64,
    pub refused: AtomicU64,
    pub reconnected: AtomicU64,
}

impl Shared {
    /// For these users and rooms.
    pub fn new(cast: Cast) -> Self {
        let rooms = cast.rooms.iter().map(|_| RoomState::default()).collect();
        Self {
            cast,
            tally: Tally::default(),
            zero: Instant::now(),
            waits_for_all: true,
            next_key: AtomicU32::new(0),
            rooms,
            roster: Mutex::default(),
            ready: Default::default(),
            trouble: Mutex::new(None),
        }
    }

    /// At a server that promises nothing.
    #[must_use]
    pub fn without_promises(self) -> Self {
        Self {
            waits_for_all: false,
            ..self
        }
    }

    /// What a diary would say that it is now, in microseconds.
    pub fn now(&self) -> u64 {
        micros(self.zero.elapsed())
    }

    /// A number that no other message has.
    pub fn next_key(&self) -> Key {
        Key(self.next_key.fetch_add(1, Relaxed))
    }

    /// Somebody knows that the room has come that far.
    pub fn advance(&self, room: Room, seq: Seq) {
        self.room(room).head.fetch_max(seq, Relaxed);
    }

    /// How far the room has come, as far as anybody knows.
    pub fn head(&self, room: Room) -> Seq {
        self.room(room).head.load(Relaxed)
    }

    /// How far somebody in the room has to have come to be at rest.
    pub fn goal(&self, room: Room) -> Seq {
        if self.waits_for_all {
            self.head(room)
        } else {
            0
        }
    }

    /// A client has come into the room.
    pub fn arrive(&self, room: Room, user: User, socket: &str) {
        self.room(room).present.fetch_add(1, Relaxed);
        let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        roster.insert((room, user), socket.to_owned());
    }

    /// A client has gone from the room.
    pub fn depart(&self, room: Room, user: User) {
        self.room(room).present.fetch_sub(1, Relaxed);
        let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        roster.remove(&(room, user));
    }

    /// How many clients are in the room.
    pub fn present(&self, room: Room) -> u32 {
        self.room(room).present.load(Relaxed)
    }

    /// Who is in which room now, as the clients know it.
    pub fn roster(&self) -> Roster {
        let roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        roster.clone()
    }

    /// Whether the caller is the one who asks about the room: the first who wants to.
    pub fn claim(&self, room: Room) -> bool {
        !self.room(room).has_witness.swap(true, Relaxed)
    }

    /// One more has done what the phase is for.
    pub fn add_ready(&self, phase: Phase) {
        self.ready[phase.number()].fetch_add(1, Relaxed);
    }

    /// One has more to do again.
    pub fn remove_ready(&self, phase: Phase) {
        self.ready[phase.number()].fetch_sub(1, Relaxed);
    }

    /// How many have done what the phase is for.
    pub fn ready(&self, phase: Phase) -> usize {
        self.ready[phase.number()].load(Relaxed)
    }

    /// Keeps the last reason why somebody could not get in.
    pub fn complain(&self, reason: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// The last reason why somebody could not get in.
    pub fn last_complaint(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    fn room(&self, room: Room) -> &RoomState {
        // Rooms come from the cast alone.
        &self.rooms[room.0 as usize]
    }
}
