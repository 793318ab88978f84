//! Messages that are not acknowledged yet. Each is sent again, with the same id, until it is.

use std::{collections::BTreeMap, time::Duration};

use crate::record::{Key, Room};

/// An answer that has not come by then is not waited for.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Never.
pub const NEVER: Duration = Duration::MAX;

/// A message to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Letter {
    /// Where to.
    pub room: Room,
    /// When it was to be sent first.
    pub intended: Duration,
    /// How large it is.
    pub bytes: usize,
    /// How often it is sent at once.
    pub copies: u32,
    due: Duration,
}

impl Letter {
    /// A letter that is due when it is meant to be.
    pub fn new(room: Room, intended: Duration, bytes: usize, copies: u32) -> Self {
        Self {
            room,
            intended,
            bytes,
            copies,
            due: intended,
        }
    }
}

/// The letters under way, in the order in which they were written.
#[derive(Debug)]
pub struct Outbox {
    letters: BTreeMap<Key, Letter>,
    /// No letter is due before.
    next: Duration,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            letters: BTreeMap::new(),
            next: NEVER,
        }
    }
}

impl Outbox {
    /// Adds a letter.
    pub fn add(&mut self, key: Key, letter: Letter) {
        self.next = self.next.min(letter.due);
        self.letters.insert(key, letter);
    }

    /// Takes note of an answer. Returns the letter, unless it had been answered before.
    pub fn answered(&mut self, key: Key) -> Option<Letter> {
        self.letters.remove(&key)
    }

    /// Tries a letter again at that time.
    pub fn postpone(&mut self, key: Key, until: Duration) {
        if let Some(letter) = self.letters.get_mut(&key) {
            letter.due = until;
            letter.copies = 1;
            self.next = self.next.min(until);
        }
    }

    /// Tries every letter to a room at once: who was asked is gone.
    pub fn start_over(&mut self, room: Room, now: Duration) {
        for letter in self.letters.values_mut() {
            if letter.room == room && letter.due > now {
                letter.due = now;
            }
        }
        self.next = self.next.min(now);
    }

    /// The next letter that is due to a room that is `open`; it then counts as sent.
    pub fn take_due(
        &mut self,
        now: Duration,
        open: impl Fn(Room) -> bool,
    ) -> Option<(Key, Letter)> {
        if now < self.next {
            return None;
        }
        let due =
            (self.letters.iter_mut()).find(|(_, letter)| letter.due <= now && open(letter.room));
        if let Some((key, letter)) = due {
            letter.due = now + ANSWERED_WITHIN;
            let sent = (*key, *letter);
            letter.copies = 1;
            return Some(sent);
        }
        // Those to a room that is not open start over when it is.
        let later = self.letters.values().map(|letter| letter.due);
        self.next = later.filter(|due| *due > now).min().unwrap_or(NEVER);
        None
    }

    /// When the next letter may be due.
    pub fn next(&self) -> Duration {
        self.next
    }

    /// Whether everything was answered.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Room = Room(0);

    fn second(number: u64) -> Duration {
        Duration::from_secs(number)
    }

    #[test]
    fn a_letter_is_sent_until_it_is_answered() {
        let mut outbox = Outbox::default();
        outbox.add(Key(1), Letter::new(ROOM, second(1), 10, 1));

        assert!(outbox.take_due(second(0), |_| true).is_none());
        assert!(outbox.take_due(second(1), |_| true).is_some());
        assert!(outbox.take_due(second(2), |_| true).is_none());
        assert!(outbox.take_due(second(11), |_| true).is_some());
        assert!(outbox.answered(Key(1)).is_some());
        assert!(outbox.take_due(second(60), |_| true).is_none());
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_letter_waits_for_its_room() {
        let mut outbox = Outbox::default();
        outbox.add(Key(1), Letter::new(ROOM, second(1), 10, 1));

        assert!(outbox.take_due(second(1), |_| false).is_none());
        outbox.start_over(ROOM, second(2));
        assert!(outbox.take_due(second(2), |_| true).is_some());
    }
}
