//! How far a client has come in a room.

use std::time::Duration;

use crate::record::{Room, Seq};

/// A client's place in a room.
#[derive(Debug)]
pub struct Seat {
    /// Which one.
    pub room: Room,
    /// Whether the client wants to be in the room.
    pub wanted: bool,
    /// Everything up to here has been seen; `None` for somebody who never joined and asks for no history.
    seen: Option<Seq>,
    inside: Option<Inside>,
    /// Counts what was asked, so that the answer to an older question is not taken for that to a newer one.
    attempt: u32,
    admitted: bool,
    /// What is to be asked next, and when.
    pub todo: Option<(Duration, Todo)>,
    /// How many users the room was last shown to have.
    pub counted: Option<u32>,
    /// The last `room_members_update`.
    pub shown: String,
}

/// What a client has to ask the server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// To join.
    Join,
    /// For the page of history after that message.
    Page(Seq),
}

/// A room session.
#[derive(Debug)]
struct Inside {
    /// Live messages have come up to here.
    live: Seq,
    /// History has come up to here.
    paged: Seq,
    /// Whether all of history up to the first live message has come.
    complete: bool,
}

impl Seat {
    /// A place that the client does not have yet.
    pub fn new(room: Room, from_the_beginning: bool) -> Self {
        Self {
            room,
            wanted: false,
            seen: from_the_beginning.then_some(0),
            inside: None,
            attempt: 0,
            admitted: false,
            todo: None,
            counted: None,
            shown: String::new(),
        }
    }

    /// What to resume after.
    pub fn after(&self) -> Option<Seq> {
        self.seen
    }

    /// Whether the client is in the room.
    pub fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    /// Whether the client has what it asked for, and everything up to that message.
    pub fn is_up_to(&self, head: Seq) -> bool {
        (self.inside.as_ref()).is_some_and(|inside| inside.complete && inside.live >= head)
    }

    /// The client asks to come in, or to go. Returns what an answer is recognised by.
    pub fn ask(&mut self) -> u32 {
        self.attempt += 1;
        self.admitted = false;
        self.attempt
    }

    /// The question was answered: if it is the newest, the next `joined_group_success` is its.
    pub fn admit(&mut self, attempt: u32) {
        self.admitted = attempt == self.attempt;
    }

    /// Whether the client waits for a `joined_group_success`.
    pub fn may_enter(&self) -> bool {
        self.wanted && self.admitted && self.inside.is_none()
    }

    /// The server has another history: what was seen is of no use.
    pub fn forget(&mut self) {
        self.seen = None;
    }

    /// A room session begins. Returns what history follows after; `last` if none does.
    pub fn enter(&mut self, last: Seq) -> Seq {
        let after = self.seen.unwrap_or(last).min(last);
        self.inside = Some(Inside {
            live: last,
            paged: after,
            complete: self.seen.is_none(),
        });
        self.seen = Some(after);
        self.todo = None;
        after
    }

    /// The room session is over. Returns whether there was one.
    pub fn leave(&mut self) -> bool {
        self.todo = None;
        self.counted = None;
        self.shown.clear();
        self.inside.take().is_some()
    }

    /// A live message came.
    pub fn hear(&mut self, seq: Seq) {
        if let Some(inside) = &mut self.inside {
            if seq == inside.live + 1 {
                inside.live = seq;
            }
            if inside.complete {
                self.seen = Some(inside.live);
            }
        }
    }

    /// A message in a page of history came.
    pub fn read(&mut self, seq: Seq) {
        if let Some(inside) = &mut self.inside
            && seq == inside.paged + 1
        {
            inside.paged = seq;
            self.seen = Some(seq);
        }
    }

    /// A page of history has ended. Returns what the next one comes after.
    pub fn turn(&mut self, more: bool) -> Option<Seq> {
        let inside = self.inside.as_mut()?;
        if more {
            return Some(inside.paged);
        }
        inside.complete = true;
        self.seen = Some(inside.live.max(inside.paged));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_ends_between_pages_resumes_after_the_last_page() {
        let mut seat = Seat::new(Room(0), true);
        assert_eq!(seat.enter(3), 0);
        seat.read(1);
        assert_eq!(seat.turn(true), Some(1));
        seat.hear(4);
        assert!(!seat.is_up_to(4));

        assert!(seat.leave());

        assert_eq!(seat.after(), Some(1));
    }

    #[test]
    fn a_session_that_has_all_resumes_after_the_last_live_message() {
        let mut seat = Seat::new(Room(0), false);
        assert_eq!(seat.after(), None);
        assert_eq!(seat.enter(3), 3);
        seat.hear(4);
        assert!(seat.is_up_to(4));

        seat.leave();
        assert_eq!(seat.enter(5), 4);
        seat.read(5);
        assert!(!seat.is_up_to(5));
        assert_eq!(seat.turn(false), None);

        assert!(seat.is_up_to(5));
    }
}
