//! Room sessions: from `joined_group_success` to the end, everything, in order, once.

use std::collections::{HashMap, HashSet};

use super::{Case, Kind, ledger, run::Run, second};
use crate::{
    cast::Cast,
    record::{Diary, Entry, Event, Key, MessageId, Room, Seq, micros},
};

/// Looks at every session of every client, as it was received.
pub fn judge(case: &mut Case<'_>) {
    let known = known(case);
    let mut epochs = HashMap::new();
    for diary in &case.record.diaries {
        let mut reader = Reader {
            diary,
            known: &known,
            sessions: HashMap::new(),
            left: HashSet::new(),
            reading: true,
        };
        for entry in &diary.entries {
            reader.read(case, entry, &mut epochs);
        }
        let open: Vec<_> = reader.sessions.drain().collect();
        for (room, session) in open {
            reader.end(case, room, &session, None);
        }
    }
}

/// By room: when which number was known to be acknowledged, both rising.
fn known(case: &Case<'_>) -> HashMap<Room, Vec<(u64, Seq)>> {
    let mut known: HashMap<Room, Vec<(u64, Seq)>> = HashMap::new();
    for entry in case.record.diaries.iter().flat_map(|diary| &diary.entries) {
        if let Event::Acked { room, seq, .. } = entry.event {
            known.entry(room).or_default().push((entry.at, seq));
        }
    }
    for acked in known.values_mut() {
        acked.sort_unstable();
        let mut highest = 0;
        for (_, seq) in acked {
            highest = highest.max(*seq);
            *seq = highest;
        }
    }
    known
}

/// One client's sessions, one entry after the other.
struct Reader<'a> {
    diary: &'a Diary,
    known: &'a HashMap<Room, Vec<(u64, Seq)>>,
    sessions: HashMap<Room, Session>,
    /// Rooms that this connection asked to leave: what was under way still comes.
    left: HashSet<Room>,
    reading: bool,
}

/// A room session.
struct Session {
    since: u64,
    last: Seq,
    live: Run,
    pages: Run,
    /// Whether history has come up to `last`, or none is due.
    complete: bool,
    /// The client was told to begin anew: what pages it is given is not judged any more.
    reset: bool,
}

impl Reader<'_> {
    fn read(&mut self, case: &mut Case<'_>, entry: &Entry, epochs: &mut HashMap<Room, u32>) {
        let at = entry.at;
        match entry.event {
            Event::Joined {
                room,
                after,
                last,
                epoch,
                reset,
            } => {
                if reset || *epochs.entry(room).or_insert(epoch) != epoch {
                    let whose = self.whose(case.names, room, at);
                    case.verdict.add(Kind::Restored, || {
                        format!("{whose}: another epoch, or a reset")
                    });
                }
                let session = Session {
                    since: at,
                    last,
                    live: Run::from(last + 1),
                    pages: Run::from(after + 1),
                    complete: after >= last || reset,
                    reset,
                };
                self.sessions.insert(room, session);
                self.left.remove(&room);
            }
            Event::Left { room } => {
                self.left.insert(room);
                if let Some(session) = self.sessions.remove(&room) {
                    self.end(case, room, &session, Some(at));
                }
            }
            Event::Closed(_) => {
                let open: Vec<_> = self.sessions.drain().collect();
                for (room, session) in open {
                    self.end(case, room, &session, Some(at));
                }
                self.left.clear();
                self.reading = true;
            }
            Event::StoppedReading => self.reading = false,
            Event::Received { room, seq, key, id } => {
                let wrong = match self.sessions.get_mut(&room) {
                    Some(session) => session.live.take(seq),
                    None if self.left.contains(&room) => None,
                    None => Some(Kind::Phantom),
                };
                self.arrival(case, (room, seq, key, id), wrong, at);
            }
            Event::Paged { room, seq, key, id } => {
                let session = self
                    .sessions
                    .get_mut(&room)
                    .filter(|session| !session.reset);
                let wrong = session.and_then(|session| session.pages.take(seq));
                self.arrival(case, (room, seq, key, id), wrong, at);
            }
            Event::PageEnd { room, more: false } => {
                if let Some(session) = self.sessions.get_mut(&room) {
                    session.complete = true;
                    let (reached, last) = (session.pages.reached(), session.last);
                    if reached < last && !session.reset {
                        let whose = self.whose(case.names, room, at);
                        case.verdict
                            .add_many(Kind::Lost, (last - reached).into(), || {
                                format!("{whose}: the pages end at seq {reached} instead of {last}")
                            });
                    }
                }
            }
            _ => {}
        }
    }

    /// What was received is what the history has, and in order.
    fn arrival(
        &self,
        case: &mut Case<'_>,
        (room, seq, key, id): (Room, Seq, Key, MessageId),
        wrong: Option<Kind>,
        at: u64,
    ) {
        let row = ledger::row(&case.record.history, room, seq);
        let stored = row.is_some_and(|row| row.id == id && row.key == key);
        let wrong = if stored { wrong } else { Some(Kind::Phantom) };
        if let Some(kind) = wrong {
            let whose = self.whose(case.names, room, at);
            case.verdict.add(kind, || {
                format!(
                    "{whose}: seq {seq}, message {}; the history has {row:?}",
                    key.0
                )
            });
        }
    }

    /// A session ends; at the end of the run if no time is given.
    fn end(&self, case: &mut Case<'_>, room: Room, session: &Session, at: Option<u64>) {
        let whose = self.whose(case.names, room, session.since);
        for (run, what) in [(&session.live, "live"), (&session.pages, "in the pages")] {
            if let (Some(first), count) = (run.left_out().next(), run.left_out().count()) {
                case.verdict.add_many(Kind::Lost, count as u64, || {
                    format!("{whose}: {count} left out {what}, the first is seq {first}")
                });
            }
        }
        if at.is_none() && !session.complete {
            let (reached, last) = (session.pages.reached(), session.last);
            case.verdict
                .add_many(Kind::Lost, (last - reached.min(last)).into(), || {
                    format!("{whose}: history came up to seq {reached} of {last}, and no further")
                });
        }
        let must = match at {
            Some(at) => {
                self.acked_before(room, at.saturating_sub(micros(case.rules.delivered_within)))
            }
            None => head(case, room),
        };
        let reached = session.live.reached();
        if self.reading && reached < must {
            let until = second(at.unwrap_or(case.record.end));
            case.verdict.add_many(Kind::Lost, (must - reached).into(), || {
                format!("{whose}: until {until} live messages came up to seq {reached} instead of {must}")
            });
        }
    }

    fn acked_before(&self, room: Room, at: u64) -> Seq {
        let acked = self.known.get(&room).map_or(&[][..], Vec::as_slice);
        let count = acked.partition_point(|(time, _)| *time <= at);
        count.checked_sub(1).map_or(0, |last| acked[last].1)
    }

    fn whose(&self, names: &Cast, room: Room, at: u64) -> String {
        let (user, room) = (names.user_id(self.diary.user), names.room_id(room));
        format!("`{user}` in `{room}` at {}", second(at))
    }
}

fn head(case: &Case<'_>, room: Room) -> Seq {
    let rows = case.record.history.get(room.0 as usize);
    let seqs = rows.into_iter().flatten().map(|row| row.seq);
    seqs.max().unwrap_or(0)
}
