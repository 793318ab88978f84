//! What went on at this node lately, for administrators: the way of each message, and figures for every two seconds.
//!
//! All of it is bounded, and costs what is watched an atomic or one short lock.

pub mod histogram;
mod journeys;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chat_domain::{
    delivery::Source, id::MessageId, message::Message, ports::Clock, time::Timestamp,
    usecase::census::RoomFigures,
};

pub use self::journeys::MOST as MOST_JOURNEYS;
use self::{
    histogram::Histogram,
    journeys::{Delivered, Journeys},
};
use crate::wire::peers::{JourneyHere, Queues, Sample};

/// Ten minutes of samples.
const MOST_SAMPLES: usize = 300;

/// What went on.
pub struct Lately {
    clock: Arc<dyn Clock>,
    journeys: Mutex<Journeys>,
    counts: Counts,
    samples: Mutex<VecDeque<Sample>>,
}

/// Since the last sample, but for what waits.
#[derive(Default)]
struct Counts {
    events: AtomicU64,
    messages: AtomicU64,
    deliveries: AtomicU64,
    commit: Histogram,
    delivery: Histogram,
    inbox: AtomicUsize,
    log: AtomicUsize,
}

/// What is only known when somebody looks.
pub struct Seen {
    /// When that is.
    pub at: Timestamp,
    /// How long ago somebody looked last.
    pub elapsed: Duration,
    pub connections: usize,
    pub rooms: Vec<RoomFigures>,
    pub degraded: Vec<String>,
    /// Notices for other nodes.
    pub bus: usize,
    /// Tasks that no worker has taken yet.
    pub runtime: usize,
}

impl Lately {
    /// Nothing went on yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            journeys: Mutex::default(),
            counts: Counts::default(),
            samples: Mutex::default(),
        }
    }

    /// A message is durable, so long after it was handed to the log.
    pub fn committed(&self, message: &Message, took: Duration) {
        self.counts.messages.fetch_add(1, Ordering::Relaxed);
        self.counts.commit.record(took);
        let now = self.clock.now();
        self.journeys().of(message).committed_at = Some(now);
    }

    /// Redis has passed messages on to the other nodes, so long after it was asked to.
    pub fn published(&self, messages: &[MessageId], took: Duration) {
        let asked_at = self.clock.now().before(took);
        let mut journeys = self.journeys();
        for message in messages {
            // Those that are forgotten by then stay so.
            if let Some(journey) = journeys.find(*message) {
                journey.published_at = Some(asked_at);
            }
        }
    }

    /// A message was handed to so many sockets, so long after it was sent.
    pub fn delivered(&self, message: &Message, sockets: usize, source: Source, after: Duration) {
        self.counts.delivery.record(after);
        if sockets == 0 {
            return;
        }
        self.journeys().of(message).delivered = Some(Delivered {
            at: self.clock.now(),
            sockets,
            source,
        });
    }

    /// Something was handed to so many sockets.
    pub fn told(&self, sockets: usize) {
        let sockets = sockets as u64;
        self.counts.deliveries.fetch_add(sockets, Ordering::Relaxed);
    }

    /// An event of a client was answered.
    pub fn answered(&self) {
        self.counts.events.fetch_add(1, Ordering::Relaxed);
    }

    /// An event of a client begins to wait.
    pub fn wait(&self) {
        self.counts.inbox.fetch_add(1, Ordering::Relaxed);
    }

    /// It waits no longer.
    pub fn taken(&self) {
        self.counts.inbox.fetch_sub(1, Ordering::Relaxed);
    }

    /// A message is handed to the log, and waits until this is dropped.
    pub fn appending(&self) -> Appending<'_> {
        self.counts.log.fetch_add(1, Ordering::Relaxed);
        Appending(&self.counts.log)
    }

    /// The way of that message, if it came by lately.
    pub fn journey(&self, message: MessageId) -> Option<JourneyHere> {
        self.journeys().find(message).map(|journey| journey.tell())
    }

    /// Keeps what went on since the last time.
    pub fn sample(&self, seen: Seen) {
        let take = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        let counts = &self.counts;
        let sample = Sample {
            at_ms: seen.at.as_millis(),
            elapsed_ms: u64::try_from(seen.elapsed.as_millis()).unwrap_or(u64::MAX),
            connections: seen.connections,
            rooms: seen.rooms.iter().map(part).sum(),
            users_in_rooms: seen.rooms.iter().map(users).sum(),
            degraded: seen.degraded,
            queues: Queues {
                inbox: counts.inbox.load(Ordering::Relaxed),
                log: counts.log.load(Ordering::Relaxed),
                bus: seen.bus,
                runtime: seen.runtime,
            },
            events: take(&counts.events),
            messages: take(&counts.messages),
            deliveries: take(&counts.deliveries),
            commit: counts.commit.take(),
            delivery: counts.delivery.take(),
        };
        let mut samples = self.samples();
        if samples.len() >= MOST_SAMPLES {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    /// The last sample.
    pub fn last(&self) -> Option<Sample> {
        self.samples().back().cloned()
    }

    /// Every sample that was taken after that.
    pub fn since(&self, since_ms: u64) -> Vec<Sample> {
        let samples = self.samples();
        let fresh = samples.iter().filter(|sample| sample.at_ms > since_ms);
        fresh.cloned().collect()
    }

    fn journeys(&self) -> MutexGuard<'_, Journeys> {
        self.journeys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn samples(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message that the log has not answered yet, also if nobody waits for it any more.
pub struct Appending<'a>(&'a AtomicUsize);

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// This node's part of a room, by its sockets: the parts of all nodes are one.
#[expect(clippy::cast_precision_loss, reason = "no room has 2^53 sockets")]
fn part(room: &RoomFigures) -> f64 {
    let all = room.counts.sockets.max(room.sockets_here).max(1);
    room.sockets_here as f64 / all as f64
}

/// This node's part of the users in a room.
#[expect(clippy::cast_precision_loss, reason = "no room has 2^53 users")]
fn users(room: &RoomFigures) -> f64 {
    part(room) * room.counts.members as f64
}

#[cfg(test)]
mod tests {
    use chat_domain::{
        id::{GroupId, Seq},
        presence::Counts,
    };

    use super::*;

    #[test]
    fn the_parts_of_all_nodes_are_one_room() {
        let at = |sockets_here| RoomFigures {
            group: GroupId::parse("tea").unwrap(),
            counts: Counts {
                members: 4,
                sockets: 6,
            },
            sockets_here,
            typists: 0,
            last_seq: Seq::ZERO,
        };
        let nodes = [at(1), at(2), at(3)];

        let rooms: f64 = nodes.iter().map(part).sum();
        let users: f64 = nodes.iter().map(users).sum();

        assert!((rooms - 1.0).abs() < 1e-9 && (users - 4.0).abs() < 1e-9);
    }
}
