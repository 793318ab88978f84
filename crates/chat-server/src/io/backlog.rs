//! What waits for one socket, packet by packet, until the network has taken it.
//!
//! Invariant: more than the limit waits for nobody, but for one packet, and less when the node holds too much. Who does
//! not read gets what waits already, and nothing else.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::app::queues::Share;

/// How much waits for one socket.
#[derive(Debug)]
pub struct Backlog {
    limit_packets: usize,
    limit_bytes: usize,
    /// Its part of what waits for all.
    share: Share,
    state: Mutex<State>,
    progress: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The sizes of what waits, in the order in which it came.
    packets: VecDeque<usize>,
    bytes: usize,
    is_shut: bool,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It is sent.
    Sent,
    /// It is sent, and after it nothing: too much waits.
    TheLast,
    /// It is not sent: the last one was before it.
    Refused,
}

impl Backlog {
    /// Nothing waits yet.
    pub fn new(limit_packets: usize, limit_bytes: usize, share: Share) -> Self {
        Self {
            limit_packets,
            limit_bytes,
            share,
            state: Mutex::default(),
            progress: Notify::new(),
        }
    }

    /// A packet of so many bytes wants to be sent.
    pub fn enter(&self, bytes: usize) -> Entry {
        let mut state = self.lock();
        if state.is_shut {
            return Entry::Refused;
        }
        // A packet alone is never too much.
        state.is_shut = state.bytes > self.limit_bytes || state.packets.len() >= self.limit_packets;
        state.is_shut |= self.share.is_too_large();
        state.push(bytes, &self.share);
        if state.is_shut {
            Entry::TheLast
        } else {
            Entry::Sent
        }
    }

    /// How much waits.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Nothing else is sent.
    pub fn shut(&self) {
        self.lock().is_shut = true;
    }

    /// Whether a packet would overtake nothing if it left now, and may.
    pub fn is_clear(&self) -> bool {
        let state = self.lock();
        state.packets.is_empty() && !state.is_shut
    }

    /// A packet is leaving already, and so many bytes of it wait.
    pub fn begun(&self, bytes: usize) {
        self.lock().push(bytes, &self.share);
    }

    /// The network has taken the first packet.
    pub fn left(&self) {
        let mut state = self.lock();
        self.share.remove(state.take_first());
    }

    /// A poll has taken so many bytes: whole packets, with a byte between two of them.
    pub fn polled(&self, bytes: usize) {
        let mut state = self.lock();
        let mut left = bytes + 1;
        while let Some(first) = state.packets.front().map(|first| first + 1)
            && left >= first
        {
            left -= first;
            self.share.remove(state.take_first());
        }
        drop(state);
        self.progress.notify_one();
    }

    /// Returns when a poll has taken something since the last call.
    pub async fn progress(&self) {
        self.progress.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, bytes: usize, share: &Share) {
        self.packets.push_back(bytes);
        self.bytes += bytes;
        share.add(bytes);
    }

    /// Returns how large it was.
    fn take_first(&mut self) -> usize {
        let first = self.packets.pop_front().unwrap_or_default();
        self.bytes -= first;
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::queues::Queues;

    /// Of a node with room for anything.
    fn backlog(limit_packets: usize, limit_bytes: usize) -> Backlog {
        Backlog::new(limit_packets, limit_bytes, Queues::new(usize::MAX).share())
    }

    #[test]
    fn of_too_many_bytes_the_packet_that_finds_them_is_the_last() {
        let backlog = backlog(100, 1_000);

        let entries = [5_000, 1, 1].map(|bytes| backlog.enter(bytes));

        let expected = [Entry::Sent, Entry::TheLast, Entry::Refused];
        assert_eq!(entries, expected, "a packet alone may be large");
    }

    #[test]
    fn of_too_many_packets_one_more_is_the_last() {
        let backlog = backlog(2, 1_000);

        let entries = [1, 1, 1, 1].map(|bytes| backlog.enter(bytes));

        assert_eq!(entries[1..], [Entry::Sent, Entry::TheLast, Entry::Refused]);
    }

    #[test]
    fn what_has_left_waits_no_more() {
        let backlog = backlog(2, 1_000);
        for bytes in [100, 200] {
            backlog.enter(bytes);
        }

        backlog.left();
        assert_eq!((backlog.bytes(), backlog.enter(1)), (200, Entry::Sent));

        assert_eq!(backlog.enter(1), Entry::TheLast);
    }

    #[test]
    fn it_is_clear_when_nothing_waits_and_something_may() {
        let backlog = backlog(2, 1_000);
        assert!(backlog.is_clear());

        backlog.begun(100);
        assert!(!backlog.is_clear());
        backlog.left();
        assert!(backlog.is_clear());
        backlog.shut();

        assert!(!backlog.is_clear());
    }

    #[test]
    fn what_was_polled_waits_no_more() {
        let backlog = backlog(2, 1_000);
        for bytes in [100, 200] {
            backlog.enter(bytes);
        }

        backlog.polled(100);
        assert_eq!(backlog.enter(300), Entry::Sent);
        backlog.polled(200 + 1 + 300);

        assert_eq!([(); 2].map(|()| backlog.enter(1)), [Entry::Sent; 2]);
    }

    #[test]
    fn when_the_node_holds_too_much_less_may_wait_until_it_has_left() {
        let queues = Queues::new(100_000);
        let backlog = |bytes| {
            let backlog = Backlog::new(100, 1_000_000, queues.share());
            (0..bytes / 10_000).for_each(|_| assert_eq!(backlog.enter(10_000), Entry::Sent));
            backlog
        };
        let (large, small) = (backlog(90_000), backlog(20_000));

        assert_eq!(
            [&small, &large].map(|it| it.enter(1)),
            [Entry::Sent, Entry::TheLast]
        );
        (0..9).for_each(|_| large.left());
        assert_eq!(backlog(70_000).enter(1), Entry::Sent);
    }

    #[test]
    fn after_it_was_shut_nothing_is_sent() {
        let backlog = backlog(2, 1_000);

        backlog.shut();

        assert_eq!(backlog.enter(1), Entry::Refused);
    }
}
