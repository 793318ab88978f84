//! Asking who is in a room, page by page, until it is what the clients know, or time is up.

use std::{collections::VecDeque, time::Duration};

use crate::{
    cast::Cast,
    client::payload::Members,
    record::{Census, Room, User},
};

const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// The rooms that a client asks about, one after the other.
#[derive(Debug, Default)]
pub struct Questions {
    rooms: VecDeque<Room>,
    so_far: Vec<User>,
    cursor: Option<String>,
    /// When to ask; `None` while an answer is awaited.
    next: Option<Duration>,
    /// The last whole answer for the room that is asked about.
    last: Option<Census>,
    answers: Vec<Census>,
}

impl Questions {
    /// Asks about these rooms.
    pub fn begin(&mut self, rooms: impl Iterator<Item = Room>, now: Duration) {
        self.rooms = rooms.collect();
        self.next = Some(now);
    }

    /// What to ask now: a room, and the cursor of the page.
    pub fn take_due(&mut self, now: Duration) -> Option<(Room, Option<&str>)> {
        let room = *self.rooms.front()?;
        if self.next.is_none_or(|next| next > now) {
            return None;
        }
        self.next = None;
        Some((room, self.cursor.as_deref()))
    }

    /// When to ask next.
    pub fn next(&self) -> Option<Duration> {
        self.next.filter(|_| !self.is_done())
    }

    /// Whether all was asked.
    pub fn is_done(&self) -> bool {
        self.rooms.is_empty()
    }

    /// The question was refused, or the connection is gone: from the first page on.
    pub fn start_over(&mut self, now: Duration) {
        self.so_far.clear();
        self.cursor = None;
        self.next = Some(now + AGAIN_AFTER);
    }

    /// A page has come; the room should have so many users.
    pub fn answered(&mut self, page: &Members<'_>, expected: u32, cast: &Cast, now: Duration) {
        let Some(room) = self.rooms.front().copied() else {
            return;
        };
        let users = page.online_members.iter().map(|id| cast.user(id));
        self.so_far.extend(users);
        if let Some(cursor) = &page.next_cursor {
            self.cursor = Some(cursor.to_string());
            self.next = Some(now);
            return;
        }
        let census = Census {
            room,
            users: std::mem::take(&mut self.so_far),
            complete: true,
            user_count: page.member_count,
            socket_count: page.socket_count,
        };
        self.cursor = None;
        if page.member_count == expected {
            self.last = None;
            self.rooms.pop_front();
            self.answers.push(census);
            self.next = Some(now);
        } else {
            self.last = Some(census);
            self.next = Some(now + AGAIN_AFTER);
        }
    }

    /// All answers; of the room that was still asked about, the last one.
    pub fn into_answers(self) -> Vec<Census> {
        let mut answers = self.answers;
        answers.extend(self.last);
        answers
    }
}
