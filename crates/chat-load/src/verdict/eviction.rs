//! Who stops reading is put out in time; who reads is not put out for not reading.

use super::{Case, Kind, second};
use crate::record::{Diary, End, Event, User, micros};

/// Looks at everybody who stopped reading, and at everybody who was said to.
pub fn judge(case: &mut Case<'_>) {
    for diary in &case.record.diaries {
        let mut reading = true;
        for (at, entry) in diary.entries.iter().enumerate() {
            match entry.event {
                Event::StoppedReading => {
                    reading = false;
                    put_out(case, diary, at);
                }
                Event::Farewell {
                    slow_consumer: true,
                } if reading => {
                    let (user, at) = (case.user(diary.user), second(entry.at));
                    case.verdict.add(Kind::Eviction, || {
                        format!("`{user}` reads, and was evicted as a slow consumer at {at}")
                    });
                }
                Event::Closed(_) => reading = true,
                _ => {}
            }
        }
    }
}

/// From the entry at `at` on, the client did not read.
fn put_out(case: &mut Case<'_>, diary: &Diary, at: usize) {
    let since = diary.entries[at].at;
    let closed = (diary.entries[at..].iter()).find_map(|entry| match entry.event {
        Event::Closed(by) => Some(by),
        _ => None,
    });
    let user = case.user(diary.user);
    let since_text = second(since);
    if closed != Some(End::Server) {
        case.verdict.add(Kind::Eviction, || {
            format!("`{user}` did not read from {since_text} on, and was never put out")
        });
        return;
    }
    let latest = since + micros(case.rules.evicted_within);
    if let Some(seen) = seen_leaving(case, diary.user, since).filter(|seen| *seen > latest) {
        let seen = second(seen);
        case.verdict.add(Kind::Eviction, || {
            format!("`{user}` did not read from {since_text} on, and left the room only at {seen}")
        });
    }
}

/// When the first of the others was told that a user left.
fn seen_leaving(case: &Case<'_>, user: User, since: u64) -> Option<u64> {
    let entries = case.record.diaries.iter().flat_map(|diary| &diary.entries);
    entries
        .filter(|entry| entry.at >= since)
        .filter(|entry| matches!(entry.event, Event::Gone { user: gone, .. } if gone == user))
        .map(|entry| entry.at)
        .min()
}
