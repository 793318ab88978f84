//! The judge: a pure function from what was recorded to what was wrong with it.
//!
//! - [`ledger`]: what was acknowledged is in the history, once, as acknowledged; nothing else is.
//! - [`session`]: every room session got everything, in order, once, as it was received.
//! - [`presence`]: who is shown at the end is there, and who is there is shown; joins and leaves alternate.
//! - [`typing`]: no indicator outlives the last keystroke, and none stops twice.
//! - [`eviction`]: who does not read is put out, and nobody else.
//!
//! Deliberately not judged: what a session misses because the client itself ended it, latencies, and edits.

pub mod eviction;
pub mod ledger;
pub mod presence;
pub mod run;
pub mod session;
pub mod typing;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{
    cast::Cast,
    record::{Record, Room, User},
};

/// Findings of a kind beyond these are counted, and not told.
const EXAMPLES: usize = 20;
/// So many of a kind are shown to people.
const SHOWN: usize = 5;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Acknowledged and not in the history, or not received by a session that should have.
    Lost,
    /// Received twice in a session, or two rows for one `clientMessageId`.
    Duplicated,
    /// Not in the order of `seq`, or `seq` not in the order in which one socket sent.
    Reordered,
    /// Received or in the history, and never sent.
    Phantom,
    /// Never acknowledged, however often it was sent; or a question that nobody answered.
    Unanswered,
    /// Another epoch, or a reset: the server says that its history is another one.
    Restored,
    /// Shown in a room without being there.
    Ghost,
    /// In a room without being shown there.
    Absent,
    /// Two joins of a user without a leave between them, or the other way round.
    NotAlternating,
    /// A typing indicator that outlived the last keystroke, or had none.
    StuckTyping,
    /// A second end of one typing episode.
    RepeatedStop,
    /// Somebody who does not read and stays, or who reads and is put out.
    Eviction,
}

/// What the promises leave open.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How soon a message reaches a session after somebody saw it acknowledged. (Sessions that are open at the end must have
    /// everything.)
    pub delivered_within: Duration,
    /// How long an indicator may outlive the last keystroke.
    pub typing_within: Duration,
    /// How soon a client that stops reading is out of its rooms.
    pub evicted_within: Duration,
    /// Rooms with more users announce no single joins and leaves; 0: never.
    pub large_rooms: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            delivered_within: Duration::from_secs(10),
            typing_within: Duration::from_millis(10_500),
            evicted_within: Duration::from_secs(30),
            large_rooms: 500,
        }
    }
}

/// What was found of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// How many.
    pub count: u64,
    /// The first of them, with the evidence.
    pub examples: Vec<String>,
}

/// What was wrong with a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// By kind; a kind without findings is not there.
    pub findings: BTreeMap<Kind, Findings>,
}

impl Verdict {
    /// Whether nothing was wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The kinds of what was wrong.
    pub fn kinds(&self) -> Vec<Kind> {
        self.findings.keys().copied().collect()
    }

    fn add(&mut self, kind: Kind, evidence: impl FnOnce() -> String) {
        self.add_many(kind, 1, evidence);
    }

    fn add_many(&mut self, kind: Kind, count: u64, evidence: impl FnOnce() -> String) {
        let findings = self.findings.entry(kind).or_default();
        findings.count += count;
        if findings.examples.len() < EXAMPLES {
            findings.examples.push(evidence());
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_clean() {
            return f.write_str("verdict: clean");
        }
        f.write_str("verdict: NOT CLEAN")?;
        for (kind, findings) in &self.findings {
            write!(f, "\n  {kind:?}: {}", findings.count)?;
            for example in findings.examples.iter().take(SHOWN) {
                write!(f, "\n    {example}")?;
            }
        }
        Ok(())
    }
}

/// Judges a run. The names are for the evidence alone.
pub fn judge(record: &Record, names: &Cast, rules: &Rules) -> Verdict {
    let mut case = Case {
        record,
        names,
        rules,
        verdict: Verdict::default(),
    };
    ledger::judge(&mut case);
    session::judge(&mut case);
    presence::judge(&mut case);
    typing::judge(&mut case);
    eviction::judge(&mut case);
    case.verdict
}

/// What is judged.
pub struct Case<'a> {
    record: &'a Record,
    names: &'a Cast,
    rules: &'a Rules,
    verdict: Verdict,
}

impl<'a> Case<'a> {
    fn room(&self, room: Room) -> &'a str {
        self.names.room_id(room)
    }

    fn user(&self, user: User) -> &'a str {
        self.names.user_id(user)
    }
}

/// A time of a record, for reading.
fn second(micros: u64) -> String {
    format!("{}.{:03} s", micros / 1_000_000, micros / 1_000 % 1_000)
}
