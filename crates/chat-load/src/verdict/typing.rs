//! Typing indicators: none outlives the last keystroke by more than its time, and each ends once.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use super::{Case, Kind, second};
use crate::record::{Diary, Event, Record, Room, User, micros};

/// Follows every indicator at every client.
pub fn judge(case: &mut Case<'_>) {
    let keystrokes = keystrokes(case.record);
    for diary in &case.record.diaries {
        for fate in fates(diary, case.record.end) {
            match fate {
                Fate::Ended(indicator) => stuck(case, diary, &indicator, &keystrokes),
                Fate::StoppedTwice { room, user, at } => {
                    let at = second(at);
                    let (to, user, room) =
                        (case.user(diary.user), case.user(user), case.room(room));
                    case.verdict.add(Kind::RepeatedStop, || {
                        format!("`{to}` was told at {at} that `{user}` stopped typing in `{room}`, who did not type")
                    });
                }
            }
        }
    }
}

/// How long any indicator outlived the last keystroke before its end.
pub fn longest(record: &Record) -> Duration {
    let keystrokes = keystrokes(record);
    let fates = (record.diaries.iter()).flat_map(|diary| fates(diary, record.end));
    let outlived = fates.filter_map(|fate| match fate {
        Fate::Ended(indicator) => Some(indicator.until - indicator.last(&keystrokes)?),
        Fate::StoppedTwice { .. } => None,
    });
    Duration::from_micros(outlived.max().unwrap_or(0))
}

type Keystrokes = HashMap<(Room, User), Vec<u64>>;

fn keystrokes(record: &Record) -> Keystrokes {
    let mut keystrokes = Keystrokes::new();
    for diary in &record.diaries {
        for entry in &diary.entries {
            if let Event::Keystroke { room, .. } = entry.event {
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

/// What a client saw of somebody who types.
struct Indicator {
    room: Room,
    user: User,
    since: u64,
    until: u64,
}

impl Indicator {
    /// The last keystroke before its end.
    fn last(&self, keystrokes: &Keystrokes) -> Option<u64> {
        let times = keystrokes.get(&(self.room, self.user))?;
        let before = times.partition_point(|time| *time <= self.until);
        before.checked_sub(1).map(|at| times[at])
    }
}

/// What became of an indicator.
enum Fate {
    /// It was taken away, or whoever saw it went, or the run ended.
    Ended(Indicator),
    /// There was none any more.
    StoppedTwice { room: Room, user: User, at: u64 },
}

fn fates(diary: &Diary, end: u64) -> Vec<Fate> {
    // Since when whom this client sees typing.
    let mut shown: HashMap<(Room, User), u64> = HashMap::new();
    // Rooms that this connection asked to leave: what was under way still comes.
    let mut left = HashSet::new();
    let mut fates = Vec::new();
    let ended = |until| {
        move |((room, user), since)| {
            Fate::Ended(Indicator {
                room,
                user,
                since,
                until,
            })
        }
    };
    for entry in &diary.entries {
        let at = entry.at;
        match entry.event {
            Event::Typing { room, .. } | Event::StoppedTyping { room, .. }
                if left.contains(&room) => {}
            Event::Typing { room, user } => {
                shown.entry((room, user)).or_insert(at);
            }
            Event::StoppedTyping { room, user } => {
                let was_shown = shown.remove_entry(&(room, user));
                fates.push(was_shown.map_or(Fate::StoppedTwice { room, user, at }, ended(at)));
            }
            Event::Joined { room, .. } | Event::Left { room } => {
                let over = shown.extract_if(|(other, _), _| *other == room);
                fates.extend(over.map(ended(at)));
                match entry.event {
                    Event::Left { .. } => left.insert(room),
                    _ => left.remove(&room),
                };
            }
            Event::Closed(_) => {
                fates.extend(shown.drain().map(ended(at)));
                left.clear();
            }
            _ => {}
        }
    }
    fates.extend(shown.into_iter().map(ended(end)));
    fates
}

fn stuck(case: &mut Case<'_>, diary: &Diary, indicator: &Indicator, keystrokes: &Keystrokes) {
    let Indicator { since, until, .. } = *indicator;
    let last = indicator.last(keystrokes);
    let longest = micros(case.rules.typing_within);
    if last.is_none_or(|last| until.saturating_sub(last) > longest) {
        let to = case.user(diary.user);
        let (user, room) = (case.user(indicator.user), case.room(indicator.room));
        case.verdict.add(Kind::StuckTyping, || {
            let last = last.map_or("never".to_owned(), second);
            let (since, until) = (second(since), second(until));
            format!("`{to}` saw `{user}` typing in `{room}` from {since} to {until}; the last keystroke: {last}")
        });
    }
}
