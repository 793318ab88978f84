//! Latencies, taken from the record after the run.
//!
//! Invariant: a message's time begins when it was *meant* to be sent, whether or not the client could (no
//! coordinated omission). What the write alone took to come back is listed apart.

use std::collections::{HashMap, HashSet};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::record::{Diary, Event, Key, Record, Room, User};

/// An hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// One histogram a question.
pub struct Latencies {
    histograms: Vec<(&'static str, Histogram<u64>)>,
}

/// A histogram in short; milliseconds.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub name: &'static str,
    pub count: u64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// When something was done that others hear of.
#[derive(Default)]
struct Begun {
    /// Meant, and first written.
    messages: HashMap<Key, (u64, u64)>,
    /// Every start or stop of somebody.
    typing: HashMap<(Room, User), Vec<Typed>>,
    /// When others were told that somebody left.
    gone: HashMap<User, Vec<u64>>,
}

/// Somebody started or stopped typing.
struct Typed {
    meant: u64,
    written: u64,
    starts: bool,
}

impl Latencies {
    /// All of them.
    pub fn of(record: &Record) -> Self {
        let begun = Begun::of(record);
        let names = [
            "connect",
            "join",
            "ack, from when it was meant to be sent",
            "ack, from the write",
            "delivery, from when it was meant to be sent",
            "delivery, from the write",
            "typing, from when it was meant to be sent",
            "typing, from the write",
            "out of the room, from when it stopped reading",
        ];
        let mut latencies = Self {
            // The bounds are right, so that this cannot fail; and if it did, nothing would be measured.
            histograms: (names.into_iter())
                .filter_map(|name| Some((name, Histogram::new_with_bounds(1, LONGEST, 3).ok()?)))
                .collect(),
        };
        for diary in &record.diaries {
            latencies.add(diary, &begun);
        }
        latencies
    }

    /// What is worth showing of them.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds are shown with few digits"
    )]
    pub fn percentiles(&self) -> Vec<Percentiles> {
        let some = (self.histograms.iter()).filter(|(_, histogram)| !histogram.is_empty());
        some.map(|(name, histogram)| {
            let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
            Percentiles {
                name,
                count: histogram.len(),
                p50: at(0.5),
                p90: at(0.9),
                p99: at(0.99),
                p999: at(0.999),
                max: histogram.max() as f64 / 1_000.0,
            }
        })
        .collect()
    }

    fn note(&mut self, which: usize, from: u64, to: u64) {
        if let Some((_, histogram)) = self.histograms.get_mut(which) {
            histogram.saturating_record(to.saturating_sub(from).max(1));
        }
    }

    fn add(&mut self, diary: &Diary, begun: &Begun) {
        let mut connecting = 0;
        let mut reading = true;
        let mut joining: HashMap<Room, u64> = HashMap::new();
        let mut joined: HashMap<Room, u64> = HashMap::new();
        let mut unanswered: HashSet<Key> = HashSet::new();
        for entry in &diary.entries {
            let at = entry.at;
            match entry.event {
                Event::Connecting => connecting = at,
                Event::Opened => self.note(0, connecting, at),
                Event::Joining { room } => {
                    joining.insert(room, at);
                }
                Event::Joined { room, .. } => {
                    joined.insert(room, at);
                    if let Some(from) = joining.remove(&room) {
                        self.note(1, from, at);
                    }
                }
                Event::Sent { key, .. } => {
                    unanswered.insert(key);
                }
                Event::Acked {
                    key, fresh: true, ..
                } => {
                    if let Some((meant, written)) = begun.messages.get(&key)
                        && unanswered.remove(&key)
                    {
                        self.note(2, *meant, at);
                        self.note(3, *written, at);
                    }
                }
                // What waited until somebody read again says nothing about the server.
                Event::Received { key, .. } if reading => {
                    if let Some((meant, written)) = begun.messages.get(&key) {
                        self.note(4, *meant, at);
                        self.note(5, *written, at);
                    }
                }
                // Whoever typed already when this client joined was not told just now.
                Event::Typing { room, .. } if joined.get(&room) == Some(&at) => {}
                Event::Typing { room, user } => self.told(begun, (room, user), true, at),
                Event::StoppedReading => {
                    reading = false;
                    if let Some(seen) = begun.seen_leaving(diary.user, at) {
                        self.note(8, at, seen);
                    }
                }
                Event::Closed(_) => reading = true,
                Event::StoppedTyping { room, user } => self.told(begun, (room, user), false, at),
                _ => {}
            }
        }
    }

    /// A start or stop is told: the last thing that somebody did, if it was that, and the server did not do it
    /// of its own accord.
    fn told(&mut self, begun: &Begun, whose: (Room, User), starts: bool, at: u64) {
        let times = begun.typing.get(&whose).map_or(&[][..], Vec::as_slice);
        let before = times.partition_point(|typed| typed.written <= at);
        if let Some(typed) = before.checked_sub(1).map(|last| &times[last])
            && typed.starts == starts
        {
            self.note(6, typed.meant, at);
            self.note(7, typed.written, at);
        }
    }
}

impl Begun {
    fn of(record: &Record) -> Self {
        let mut begun = Self::default();
        for diary in &record.diaries {
            for entry in &diary.entries {
                match entry.event {
                    Event::Sent { key, intended, .. } => {
                        begun.messages.entry(key).or_insert((intended, entry.at));
                    }
                    Event::Keystroke { room, intended } => {
                        begun.typed((room, diary.user), intended, entry.at, true);
                    }
                    Event::Gone { user, .. } => {
                        begun.gone.entry(user).or_default().push(entry.at);
                    }
                    Event::Paused { room, intended } => {
                        begun.typed((room, diary.user), intended, entry.at, false);
                    }
                    _ => {}
                }
            }
        }
        begun
    }

    fn seen_leaving(&self, user: User, since: u64) -> Option<u64> {
        let times = self.gone.get(&user)?.iter().copied();
        times.filter(|time| *time >= since).min()
    }

    fn typed(&mut self, whose: (Room, User), meant: u64, written: u64, starts: bool) {
        let times = self.typing.entry(whose).or_default();
        times.push(Typed {
            meant,
            written,
            starts,
        });
    }
}
