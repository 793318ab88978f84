//! What the project claims about itself, and how long its proofs take.
//!
//! The same tests run bounded with all others, and at full length for `make prove`, which shows what they
//! measured in one table. What depends on the machine is judged there alone.

use std::{
    collections::HashMap,
    env::{self, VarError},
    fmt::{self, Display},
    fs,
    io::Write,
    path::PathBuf,
};

use crate::cache;

/// The variable that asks for the full length.
pub const VARIABLE: &str = "PROVE";

/// How long a proof takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Seconds: it shows that everything works.
    Bounded,
    /// What the claim says.
    Full,
}

impl Length {
    /// What the environment asks for.
    pub fn asked() -> Self {
        match env::var(VARIABLE).as_deref() {
            Err(VarError::NotPresent) => Self::Bounded,
            Ok("full") => Self::Full,
            other => panic!("{VARIABLE} is `full` or absent, not {other:?}"),
        }
    }

    /// One of two, as it asks.
    pub fn pick<T>(self, bounded: T, full: T) -> T {
        match self {
            Self::Bounded => bounded,
            Self::Full => full,
        }
    }
}

/// Something that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// On a file.
    FlakyOnSqlite,
    /// On a server.
    FlakyOnPostgres,
    /// The program, on a file.
    KillsOnSqlite,
    /// The program, the database, and connections between them.
    KillsOnPostgres,
    /// Many messages share a commit.
    HotRoom,
    /// Against a model.
    PresenceModel,
    /// At the same moment.
    PresenceRaces,
    /// Of one dead node.
    Reapers,
    /// It is put out.
    SlowReaderLeaves,
    /// Others do not notice.
    SlowReaderAlone,
    /// Nothing of it stays.
    SlowReaderMemory,
    /// Its users leave once, or were never away.
    FleetKills,
    /// Redis goes, and comes back with nothing.
    FleetOutage,
    /// Redis forgets everything.
    FleetFlush,
    /// Nodes are upgraded.
    FleetRolling,
    /// Whoever is put out hears no more.
    Revoked,
    /// Whoever floods disturbs nobody.
    FloodOfEvents,
    /// Over HTTP.
    FloodOfRequests,
    /// Of Engine.IO.
    FloodOfHandshakes,
    /// Held ones.
    FloodOfConnections,
    /// Before anything is said.
    FloodOfTls,
    /// Whoever types, and whatever dies.
    FleetTyping,
    /// A node hears of its rooms.
    FleetTraffic,
}

impl Claim {
    /// In the order of the table.
    pub const ALL: [Self; 23] = [
        Self::FlakyOnSqlite,
        Self::FlakyOnPostgres,
        Self::KillsOnSqlite,
        Self::KillsOnPostgres,
        Self::HotRoom,
        Self::PresenceModel,
        Self::PresenceRaces,
        Self::Reapers,
        Self::SlowReaderLeaves,
        Self::SlowReaderAlone,
        Self::SlowReaderMemory,
        Self::FleetKills,
        Self::FleetOutage,
        Self::FleetFlush,
        Self::FleetRolling,
        Self::Revoked,
        Self::FloodOfEvents,
        Self::FloodOfRequests,
        Self::FloodOfHandshakes,
        Self::FloodOfConnections,
        Self::FloodOfTls,
        Self::FleetTyping,
        Self::FleetTraffic,
    ];

    /// What is done.
    pub const fn what(self) -> &'static str {
        match self {
            Self::FlakyOnSqlite => "SQLite: 100,000 messages of 200 flaky phones in 20 rooms",
            Self::FlakyOnPostgres => "PostgreSQL: the same",
            Self::KillsOnSqlite => "SQLite: 50 kills of the server under load",
            Self::KillsOnPostgres => {
                "PostgreSQL: 50 kills of connections, database and server under load"
            }
            Self::HotRoom => "PostgreSQL, fsync on: one room, batches against single commits",
            Self::PresenceModel => {
                "Redis: 20 x 100,000 random operations of 3 nodes against a model, with kills, pauses and flushes"
            }
            Self::PresenceRaces => {
                "Redis: 100,000 sockets of 3 users come and go, 8 at once at 2 nodes"
            }
            Self::Reapers => "Redis: 5 nodes find a dead one with 20,000 seats",
            Self::SlowReaderLeaves => "a reader that stops; its room gets 10,000 messages of 4 kB",
            Self::SlowReaderAlone => "the others' p99 of delivery, beside it and without it",
            Self::SlowReaderMemory => "the server's memory after it, and before",
            Self::FleetKills => "3 nodes under load: 20 kills of one",
            Self::FleetOutage => "3 nodes under load: Redis killed, empty again after 30 s",
            Self::FleetFlush => "3 nodes under load: FLUSHALL with 300 users",
            Self::FleetRolling => {
                "3 nodes behind HAProxy, 600 clients, 200 messages/s: all restarted, one after the other"
            }
            Self::Revoked => {
                "3 nodes: 1,000 sockets of users who are removed, disconnected, or whose tokens are revoked"
            }
            Self::FloodOfEvents => {
                "others' p99 from sending to receiving, beside 100 times the limit of events, and without"
            }
            Self::FloodOfRequests => "the same, of HTTP requests from an address",
            Self::FloodOfHandshakes => "the same, of new transports and wrong tokens",
            Self::FloodOfConnections => "the same, of connections that are held",
            Self::FloodOfTls => "the same, of handshakes of TLS",
            Self::FleetTyping => "3 nodes: 10,000 random keystrokes and stops, 10 kills of one",
            Self::FleetTraffic => "3 nodes, 1,000 busy rooms: a node with sockets in 2 of them",
        }
    }

    /// What has to come of it.
    pub const fn required(self) -> &'static str {
        match self {
            Self::FlakyOnSqlite
            | Self::FlakyOnPostgres
            | Self::KillsOnSqlite
            | Self::KillsOnPostgres => "0 lost, 0 doubled, 0 out of order",
            Self::HotRoom => "5 times as many a second",
            Self::PresenceModel => "0 violations",
            Self::PresenceRaces => "one joins and one leaves, in turns",
            Self::Reapers => "each given up once, no step longer than 20 ms",
            Self::SlowReaderLeaves => "evicted within 16 s",
            Self::SlowReaderAlone
            | Self::FloodOfEvents
            | Self::FloodOfRequests
            | Self::FloodOfHandshakes
            | Self::FloodOfConnections
            | Self::FloodOfTls => "less than 2 times",
            Self::SlowReaderMemory => "at most 10 % more",
            Self::FleetKills => {
                "gone once within 15 s, or never away; 0 lost, 0 doubled, 0 out of order"
            }
            Self::FleetOutage => {
                "received within 2 s, keys exact after 10 s, nothing false, 0 lost"
            }
            Self::FleetFlush => "nothing seen, keys exact after 5 s",
            Self::FleetRolling => {
                "each ends with 0, nobody is said to leave, 0 lost, 0 doubled, 0 out of order, reconnects spread"
            }
            Self::Revoked => "no message that was stored 1 s later",
            Self::FleetTyping => "shown for at most 10.5 s, one stop for each start",
            Self::FleetTraffic => "told at most 1 % of what one with sockets in all others is",
        }
    }

    /// Notes what was measured, if the proof has its full length.
    pub fn measured(self, length: Length, holds: bool, measured: impl Display) {
        if length == Length::Bounded {
            return;
        }
        let row = format!("{self:?}\t{holds}\t{measured}\n");
        let mut rows = fs::File::options()
            .create(true)
            .append(true)
            .open(rows())
            .expect("what is built can be written to");
        rows.write_all(row.as_bytes()).expect("there is room");
    }
}

/// What was measured, by claim.
pub struct Table {
    rows: HashMap<String, (bool, String)>,
}

impl Table {
    /// What was noted since it was forgotten.
    pub fn read() -> Self {
        let text = fs::read_to_string(rows()).unwrap_or_default();
        let row = |line: &str| {
            let mut cells = line.splitn(3, '\t').map(str::to_owned);
            let claim = cells.next()?;
            Some((claim, (cells.next()? == "true", cells.next()?)))
        };
        Self {
            rows: text.lines().filter_map(row).collect(),
        }
    }

    /// Whether everything was shown. What was not measured was not.
    pub fn holds(&self) -> bool {
        let holds = |claim| self.row(claim).is_some_and(|(holds, _)| *holds);
        Claim::ALL.into_iter().all(holds)
    }

    fn row(&self, claim: Claim) -> Option<&(bool, String)> {
        self.rows.get(&format!("{claim:?}"))
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | required | measured | verdict |")?;
        writeln!(f, "|---|---|---|---|")?;
        for claim in Claim::ALL {
            let (verdict, measured) = match self.row(claim) {
                Some((true, measured)) => ("holds", measured.as_str()),
                Some((false, measured)) => ("FAILS", measured.as_str()),
                None => ("MISSING", ""),
            };
            let (what, required) = (claim.what(), claim.required());
            writeln!(f, "| {what} | {required} | {measured} | {verdict} |")?;
        }
        Ok(())
    }
}

/// Forgets what was measured before.
pub fn forget() {
    // There may be nothing to forget.
    let _ = fs::remove_file(rows());
}

fn rows() -> PathBuf {
    cache::folder().join("proofs.tsv")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(holds: impl Fn(Claim) -> Option<bool>) -> Table {
        let row = |claim| Some((format!("{claim:?}"), (holds(claim)?, "7".to_owned())));
        Table {
            rows: Claim::ALL.into_iter().filter_map(row).collect(),
        }
    }

    #[test]
    fn everything_was_shown_if_every_row_is_there_and_holds() {
        assert!(table(|_| Some(true)).holds());
        assert!(!table(|claim| Some(claim != Claim::HotRoom)).holds());
        assert!(!table(|claim| (claim != Claim::HotRoom).then_some(true)).holds());
    }
}
