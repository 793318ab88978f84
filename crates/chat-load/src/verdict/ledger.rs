//! What was sent and acknowledged, against the history.

use std::collections::{HashMap, HashSet};

use super::{Case, Kind, run::Run, second};
use crate::record::{Diary, Event, Key, Room, Row, Seq};

/// Compares every send and every acknowledgement with the final history.
pub fn judge(case: &mut Case<'_>) {
    let sent = sent(case);
    history(case, &sent);
    let mut answered = HashSet::new();
    for diary in &case.record.diaries {
        acknowledgements(case, diary, &mut answered);
        first_in_first_out(case, diary);
    }
    let unanswered = sent.iter().filter(|(key, _)| !answered.contains(*key));
    for (key, room) in unanswered {
        let room = case.room(*room);
        case.verdict.add(Kind::Unanswered, || {
            format!("message {} to `{room}` was never acknowledged", key.0)
        });
    }
}

fn sent(case: &Case<'_>) -> HashMap<Key, Room> {
    let entries = case.record.diaries.iter().flat_map(|diary| &diary.entries);
    entries
        .filter_map(|entry| match entry.event {
            Event::Sent { room, key, .. } => Some((key, room)),
            _ => None,
        })
        .collect()
}

/// Every row was sent, to this room, and is there once; no number is left out.
fn history(case: &mut Case<'_>, sent: &HashMap<Key, Room>) {
    for (room, rows) in (0..).map(Room).zip(&case.record.history) {
        let name = case.room(room);
        let mut rows_of: HashMap<Key, Seq> = HashMap::new();
        let mut run = Run::from(1);
        for row in rows {
            if let Some(wrong) = run.take(row.seq) {
                (case.verdict).add(wrong, || {
                    format!("history of `{name}`: {row:?} is out of order")
                });
            }
            if sent.get(&row.key) != Some(&room) {
                case.verdict.add(Kind::Phantom, || {
                    format!("history of `{name}`: seq {} was never sent", row.seq)
                });
            } else if let Some(first) = rows_of.insert(row.key, row.seq) {
                case.verdict.add(Kind::Duplicated, || {
                    let key = row.key.0;
                    format!(
                        "history of `{name}`: message {key} is seq {first} and seq {}",
                        row.seq
                    )
                });
            }
        }
        for seq in run.left_out() {
            (case.verdict).add(Kind::Lost, || {
                format!("history of `{name}`: there is no seq {seq}")
            });
        }
    }
}

/// What was acknowledged is in the history, as it was acknowledged.
fn acknowledgements(case: &mut Case<'_>, diary: &Diary, answered: &mut HashSet<Key>) {
    for entry in &diary.entries {
        let Event::Acked {
            room, key, seq, id, ..
        } = entry.event
        else {
            continue;
        };
        answered.insert(key);
        let row = row(&case.record.history, room, seq);
        if row.is_none_or(|row| row.key != key || row.id != id) {
            let (room, at) = (case.room(room), second(entry.at));
            case.verdict.add(Kind::Lost, || {
                let key = key.0;
                format!("message {key} was acknowledged as seq {seq} of `{room}` at {at}; the history has {row:?} there")
            });
        }
    }
}

/// What one socket sent to one room first has the smaller number, if nothing was refused or sent again.
fn first_in_first_out(case: &mut Case<'_>, diary: &Diary) {
    let mut places: HashMap<(Room, Key), usize> = HashMap::new();
    // The largest number so far, by room, with its place in the order of sending.
    let mut numbered: HashMap<Room, Vec<(usize, Seq)>> = HashMap::new();
    for (place, entry) in diary.entries.iter().enumerate() {
        match entry.event {
            Event::Sent { room, key, .. } => {
                places.entry((room, key)).or_insert(place);
            }
            Event::Refused { room, key } => {
                places.remove(&(room, key));
            }
            Event::Acked {
                room,
                key,
                seq,
                fresh: true,
                ..
            } => {
                if let Some(place) = places.remove(&(room, key)) {
                    numbered.entry(room).or_default().push((place, seq));
                }
            }
            Event::Closed(_) => {
                places.clear();
                for (room, numbers) in numbered.drain() {
                    in_order(case, diary, room, numbers);
                }
            }
            _ => {}
        }
    }
    for (room, numbers) in numbered {
        in_order(case, diary, room, numbers);
    }
}

fn in_order(case: &mut Case<'_>, diary: &Diary, room: Room, mut numbers: Vec<(usize, Seq)>) {
    numbers.sort_unstable();
    for pair in numbers.windows(2) {
        let (first, second) = (pair[0].1, pair[1].1);
        if first > second {
            let (user, room) = (case.user(diary.user), case.room(room));
            case.verdict.add(Kind::Reordered, || {
                format!("one socket of `{user}` sent seq {first} of `{room}` before seq {second}")
            });
        }
    }
}

/// The row with that number, wherever it is.
pub(super) fn row(history: &[Vec<Row>], room: Room, seq: Seq) -> Option<Row> {
    let rows = history.get(room.0 as usize)?;
    let expected = rows.get((seq as usize).checked_sub(1)?);
    if expected.is_some_and(|row| row.seq == seq) {
        return expected.copied();
    }
    rows.iter().find(|row| row.seq == seq).copied()
}
