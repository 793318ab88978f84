//! What every client sent, was answered and received, as it happened.
//!
//! A [`Diary`] is one client's, written by nobody else, so that nothing is locked; a [`Record`] is all of them
//! and what the server says at the end. Users, rooms and messages are numbers here: [`Cast`]
//! knows their names.
//!
//! Invariant: an entry takes 32 bytes. A million deliveries fit into 32 MB.

use std::{
    io::{self, Write},
    time::Duration,
};

use crate::cast::Cast;

/// A user of this run, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct User(pub u32);

/// A room of this run, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(pub u32);

/// A message that a client wanted to send, however often it then did: its `clientMessageId`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u32);

/// The server's id of a message, folded to 64 bits. Two of a run differ but by a chance of 1 in 2^60.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub u64);

/// The place of a message in its room.
pub type Seq = u32;

impl User {
    /// Somebody whom this run did not bring.
    pub const STRANGER: Self = Self(u32::MAX);
}

impl Key {
    /// A message that this run did not send, or not in this sender's name.
    pub const FOREIGN: Self = Self(u32::MAX);
}

impl MessageId {
    /// Folds the text of an id.
    pub fn fold(text: &str) -> Self {
        // FNV-1a: short, and spreads well enough for equality.
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// This client, on purpose.
    Client,
    /// The server, or the network.
    Server,
    /// It never was one: the server could not be reached, or did not let the client in.
    Refused,
}

/// Something that happened to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Event {
    /// It began to connect.
    Connecting,
    /// The server said `session`.
    Opened,
    /// The server said `session_closed`; whether because the client did not read.
    Farewell { slow_consumer: bool },
    /// `service_status`: whether everything works.
    Status { full: bool },
    /// The connection is gone, and every room session with it.
    Closed(End),
    /// It reads nothing from here on, on purpose.
    StoppedReading,
    /// It asked to join.
    Joining { room: Room },
    /// A room session begins: history after `after` up to `last` is asked for, everything later comes live.
    Joined {
        room: Room,
        after: Seq,
        last: Seq,
        epoch: u32,
        reset: bool,
    },
    /// It asked to leave, which ends the room session.
    Left { room: Room },
    /// A message was written to the socket; `intended` is when it was due, in microseconds.
    Sent { room: Room, key: Key, intended: u64 },
    /// A message was acknowledged; `fresh` unless the server called it a duplicate.
    Acked {
        room: Room,
        key: Key,
        seq: Seq,
        id: MessageId,
        fresh: bool,
    },
    /// A message was refused for now.
    Refused { room: Room, key: Key },
    /// A message was refused for good.
    GaveUp { room: Room, key: Key },
    /// A live message.
    Received {
        room: Room,
        seq: Seq,
        key: Key,
        id: MessageId,
    },
    /// A message in a page of history.
    Paged {
        room: Room,
        seq: Seq,
        key: Key,
        id: MessageId,
    },
    /// A page of history is complete; `more` if others follow.
    PageEnd { room: Room, more: bool },
    /// The room was shown as having so many users.
    Counted { room: Room, users: u32 },
    /// `user_joined_group`.
    Entered { room: Room, user: User },
    /// `user_left_group`.
    Gone { room: Room, user: User },
    /// `user_typing`, or named as typing on joining.
    Typing { room: Room, user: User },
    /// `user_stopped_typing`.
    StoppedTyping { room: Room, user: User },
    /// It sent `typing_start`; `intended` is when it was due, in microseconds.
    Keystroke { room: Room, intended: u64 },
    /// It sent `typing_stop`, likewise.
    Paused { room: Room, intended: u64 },
}

/// An event and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Microseconds since the run began.
    pub at: u64,
    /// What happened.
    pub event: Event,
}

/// All that happened to one client, in order.
#[derive(Debug, Clone)]
pub struct Diary {
    /// Whose client it is.
    pub user: User,
    /// The oldest first.
    pub entries: Vec<Entry>,
}

impl Diary {
    /// An empty one.
    pub fn new(user: User) -> Self {
        let entries = Vec::new();
        Self { user, entries }
    }

    /// Adds what happened now.
    pub fn note(&mut self, now: Duration, event: Event) {
        let at = micros(now);
        self.entries.push(Entry { at, event });
    }
}

/// A message of the final history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Row {
    pub seq: Seq,
    pub key: Key,
    pub id: MessageId,
}

/// Who is in a room, as the server says at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Census {
    pub room: Room,
    /// Whom it names, in its order.
    pub users: Vec<User>,
    /// Whether it names all.
    pub complete: bool,
    pub user_count: u32,
    pub socket_count: u32,
}

/// A whole run.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Record {
    pub diaries: Vec<Diary>,
    /// The final history of every room, by number, as it was read.
    pub history: Vec<Vec<Row>>,
    /// The answers of `get_room_info`.
    pub asked: Vec<Census>,
    /// The last `room_members_update` of every client that was connected, with the diary's number.
    pub shown: Vec<(usize, Census)>,
    /// When the last question had been asked, in microseconds: open sessions go on until here.
    pub end: u64,
}

impl Record {
    /// Writes everything down, a line each: the time in microseconds, the user, what happened.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, cast: &Cast, out: &mut impl Write) -> io::Result<()> {
        for diary in &self.diaries {
            let user = cast.user_id(diary.user);
            for Entry { at, event } in &diary.entries {
                writeln!(out, "{at} {user} {event:?}")?;
            }
        }
        for (room, rows) in cast.rooms.iter().zip(&self.history) {
            for row in rows {
                writeln!(out, "history {room} {row:?}")?;
            }
        }
        let shown = self.shown.iter().map(|(_, census)| census);
        for census in self.asked.iter().chain(shown) {
            writeln!(out, "end {census:?}")?;
        }
        Ok(())
    }
}

/// Whole microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_32_bytes() {
        assert_eq!(size_of::<Entry>(), 32);
    }
}
