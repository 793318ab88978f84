//! Typing indicators: none outlives the last keystroke by more than its time, and each ends once.

use std::collections::HashMap;

use super::{Case, Kind, second};
use crate::record::{Diary, Event, Room, User, micros};

/// Follows every indicator at every client.
pub fn judge(case: &mut Case<'_>) {
    let keystrokes = keystrokes(case);
    for diary in &case.record.diaries {
        indicators(case, diary, &keystrokes);
    }
}

type Keystrokes = HashMap<(Room, User), Vec<u64>>;

fn keystrokes(case: &Case<'_>) -> Keystrokes {
    let mut keystrokes = Keystrokes::new();
    for diary in &case.record.diaries {
        for entry in &diary.entries {
            if let Event::Keystroke { room } = entry.event {
                let times = keystrokes.entry((room, diary.user)).or_default();
                times.push(entry.at);
            }
        }
    }
    for times in keystrokes.values_mut() {
        times.sort_unstable();
    }
    keystrokes
}

fn indicators(case: &mut Case<'_>, diary: &Diary, keystrokes: &Keystrokes) {
    // Since when whom this client sees typing.
    let mut shown: HashMap<(Room, User), u64> = HashMap::new();
    let mut ended = Vec::new();
    for entry in &diary.entries {
        match entry.event {
            Event::Typing { room, user } => {
                shown.entry((room, user)).or_insert(entry.at);
            }
            Event::StoppedTyping { room, user } => {
                if let Some(since) = shown.remove(&(room, user)) {
                    ended.push((room, user, since, entry.at));
                    continue;
                }
                let at = second(entry.at);
                let (to, user, room) = (case.user(diary.user), case.user(user), case.room(room));
                case.verdict.add(Kind::RepeatedStop, || {
                    format!("`{to}` was told at {at} that `{user}` stopped typing in `{room}`, who did not type")
                });
            }
            Event::Joined { room, .. } | Event::Left { room } => {
                let over = shown.extract_if(|(other, _), _| *other == room);
                ended.extend(over.map(|((room, user), since)| (room, user, since, entry.at)));
            }
            Event::Closed(_) => {
                let over = shown.drain();
                ended.extend(over.map(|((room, user), since)| (room, user, since, entry.at)));
            }
            _ => {}
        }
    }
    let end = case.record.end;
    ended.extend(
        shown
            .into_iter()
            .map(|((room, user), since)| (room, user, since, end)),
    );
    let longest = micros(case.rules.typing_within);
    for (room, user, since, until) in ended {
        let times = keystrokes.get(&(room, user)).map_or(&[][..], Vec::as_slice);
        let before = times.partition_point(|time| *time <= until);
        let last = before.checked_sub(1).map(|at| times[at]);
        if last.is_none_or(|last| until.saturating_sub(last) > longest) {
            let (to, user, room) = (case.user(diary.user), case.user(user), case.room(room));
            case.verdict.add(Kind::StuckTyping, || {
                let last = last.map_or("never".to_owned(), second);
                let (since, until) = (second(since), second(until));
                format!("`{to}` saw `{user}` typing in `{room}` from {since} to {until}; the last keystroke: {last}")
            });
        }
    }
}
