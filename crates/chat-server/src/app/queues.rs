//! All queues of a node together: what its connections sent and what they are sent, as far as it waits.
//!
//! Each connection has limits of its own. When all of them together hold more than the node has memory for, whoever
//! has more than a fair share gets no more: that is never one with little, and whoever reads has next to nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Whoever has as little is never the reason.
const LEAST_SHARE_BYTES: usize = 64 * 1_024;

/// How much waits at this node.
#[derive(Debug)]
pub struct Queues {
    most_bytes: usize,
    bytes: AtomicUsize,
    shares: AtomicUsize,
}

/// What waits of one connection, or for it. It is counted until this is dropped.
#[derive(Debug)]
pub struct Share {
    queues: Arc<Queues>,
    bytes: AtomicUsize,
}

impl Queues {
    /// Nothing waits yet.
    pub fn new(most_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            most_bytes,
            bytes: AtomicUsize::new(0),
            shares: AtomicUsize::new(0),
        })
    }

    /// For one queue of a connection.
    pub fn share(self: &Arc<Self>) -> Share {
        self.shares.fetch_add(1, Relaxed);
        Share {
            queues: Arc::clone(self),
            bytes: AtomicUsize::new(0),
        }
    }
}

impl Share {
    /// So many bytes more wait.
    pub fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Relaxed);
        self.queues.bytes.fetch_add(bytes, Relaxed);
    }

    /// So many bytes wait no more.
    pub fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
        self.queues.bytes.fetch_sub(bytes, Relaxed);
    }

    /// Whether the node holds too much, and this queue more than its share of it.
    pub fn is_too_large(&self) -> bool {
        let most = self.queues.most_bytes;
        if self.queues.bytes.load(Relaxed) <= most {
            return false;
        }
        let fair = most / self.queues.shares.load(Relaxed).max(1);
        self.bytes.load(Relaxed) > fair.max(LEAST_SHARE_BYTES)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.queues.shares.fetch_sub(1, Relaxed);
        self.queues.bytes.fetch_sub(*self.bytes.get_mut(), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1_024;

    #[test]
    fn when_all_hold_too_much_those_with_more_than_their_share_are_too_large() {
        let queues = Queues::new(1_000 * KIB);
        let [large, middling, small] = [500, 400, 50].map(|kib| {
            let share = queues.share();
            share.add(kib * KIB);
            share
        });
        let too_large = || [&large, &middling, &small].map(Share::is_too_large);
        assert_eq!(too_large(), [false; 3], "there is room");

        small.add(60 * KIB);
        assert_eq!(too_large(), [true, true, false]);

        large.remove(100 * KIB);
        assert_eq!(too_large(), [false; 3], "there is room again");
    }

    #[test]
    fn who_is_gone_holds_nothing() {
        let queues = Queues::new(100 * KIB);
        let one = queues.share();
        one.add(90 * KIB);
        let other = queues.share();
        other.add(90 * KIB);
        assert!(one.is_too_large());

        drop(other);

        assert!(!one.is_too_large());
    }

    #[test]
    fn who_holds_little_is_never_too_large_however_many_there_are() {
        let queues = Queues::new(KIB);
        let shares: Vec<_> = (0..100).map(|_| queues.share()).collect();
        for share in &shares {
            share.add(LEAST_SHARE_BYTES);
        }

        assert!(!shares.iter().any(Share::is_too_large));
    }
}
