//! How fast it was, and at what cost.

pub mod latency;
pub mod table;

use std::{collections::HashSet, time::Instant};

use serde::Serialize;

use self::latency::{Latencies, Percentiles};
use crate::{
    record::{End, Event, Record},
    usage,
};

/// What was measured.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Report {
    pub scenario: &'static str,
    /// From the first step of a plan to the last answer.
    pub seconds: f64,
    pub counts: Counts,
    /// Per second of the play.
    pub acked_per_second: f64,
    pub delivered_per_second: f64,
    pub latencies: Vec<Percentiles>,
    pub cpu: Cpu,
}

/// How often what happened.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Counts {
    pub clients: u64,
    pub rooms: u64,
    pub connections: u64,
    pub connections_refused: u64,
    pub ended_by_server: u64,
    pub ended_as_slow: u64,
    pub room_sessions: u64,
    /// Different messages.
    pub messages: u64,
    /// Sends, repeats included.
    pub sends: u64,
    pub acked: u64,
    pub acked_as_duplicate: u64,
    pub refused: u64,
    pub delivered: u64,
    pub read_in_pages: u64,
    pub typing_sent: u64,
    pub typing_told: u64,
    /// Joins, leaves and lists of members.
    pub presence_told: u64,
    pub in_history: u64,
}

/// What it cost while the play went on.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Cpu {
    pub own_seconds: f64,
    pub own_resident_kib: u64,
    pub servers: Vec<ServerUsage>,
}

/// What a server's process used, and those that it started.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the names say it")]
pub struct ServerUsage {
    pub pid: u32,
    /// `null` if the process ended meanwhile.
    pub cpu_seconds: Option<f64>,
    pub resident_kib_before: Option<u64>,
    pub resident_kib_after: Option<u64>,
}

/// What was used until now, and then from there to the end of the play.
#[derive(Debug, Clone)]
pub struct Spent {
    begun: Instant,
    seconds: f64,
    cpu: Cpu,
}

impl Spent {
    /// Begins to count.
    pub fn so_far(servers: &[u32]) -> Self {
        let server = |pid: &u32| ServerUsage {
            pid: *pid,
            cpu_seconds: usage::family_cpu_seconds(*pid),
            resident_kib_before: usage::resident_kib(*pid),
            resident_kib_after: None,
        };
        Self {
            begun: Instant::now(),
            seconds: 0.0,
            cpu: Cpu {
                own_seconds: usage::cpu_seconds(usage::own_id()).unwrap_or(0.0),
                own_resident_kib: 0,
                servers: servers.iter().map(server).collect(),
            },
        }
    }

    /// Stops counting.
    #[must_use]
    pub fn until_now(mut self) -> Self {
        let own = usage::own_id();
        self.seconds = self.begun.elapsed().as_secs_f64();
        self.cpu.own_seconds = usage::cpu_seconds(own).unwrap_or(0.0) - self.cpu.own_seconds;
        self.cpu.own_resident_kib = usage::resident_kib(own).unwrap_or(0);
        for server in &mut self.cpu.servers {
            let now = usage::family_cpu_seconds(server.pid);
            let spent = now
                .zip(server.cpu_seconds)
                .map(|(now, before)| now - before);
            server.cpu_seconds = spent;
            server.resident_kib_after = usage::resident_kib(server.pid);
        }
        self
    }

    /// Adds what the record says.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate is shown with few digits"
    )]
    pub fn finish(self, scenario: &'static str, record: &Record) -> Report {
        let counts = Counts::of(record);
        let per_second = |count: u64| count as f64 / self.seconds.max(0.001);
        Report {
            scenario,
            seconds: self.seconds,
            acked_per_second: per_second(counts.acked),
            delivered_per_second: per_second(counts.delivered),
            counts,
            latencies: Latencies::of(record).percentiles(),
            cpu: self.cpu,
        }
    }
}

impl Counts {
    fn of(record: &Record) -> Self {
        let mut counts = Self {
            clients: record.diaries.len() as u64,
            rooms: record.history.len() as u64,
            in_history: record.history.iter().map(|rows| rows.len() as u64).sum(),
            ..Self::default()
        };
        let (mut sent, mut acked) = (HashSet::new(), HashSet::new());
        for entry in record.diaries.iter().flat_map(|diary| &diary.entries) {
            counts.add(entry.event);
            match entry.event {
                Event::Sent { key, .. } => {
                    sent.insert(key);
                }
                Event::Acked { key, .. } => {
                    acked.insert(key);
                }
                _ => {}
            }
        }
        counts.messages = sent.len() as u64;
        counts.acked = acked.len() as u64;
        counts
    }

    fn add(&mut self, event: Event) {
        let count = match event {
            Event::Opened => &mut self.connections,
            Event::Closed(End::Refused) => &mut self.connections_refused,
            Event::Closed(End::Server) => &mut self.ended_by_server,
            Event::Farewell {
                slow_consumer: true,
            } => &mut self.ended_as_slow,
            Event::Joined { .. } => &mut self.room_sessions,
            Event::Sent { .. } => &mut self.sends,
            Event::Acked { fresh: false, .. } => &mut self.acked_as_duplicate,
            Event::Refused { .. } | Event::GaveUp { .. } => &mut self.refused,
            Event::Received { .. } => &mut self.delivered,
            Event::Paged { .. } => &mut self.read_in_pages,
            Event::Keystroke { .. } | Event::Paused { .. } => &mut self.typing_sent,
            Event::Typing { .. } | Event::StoppedTyping { .. } => &mut self.typing_told,
            Event::Entered { .. } | Event::Gone { .. } | Event::Counted { .. } => {
                &mut self.presence_told
            }
            _ => return,
        };
        *count += 1;
    }
}
