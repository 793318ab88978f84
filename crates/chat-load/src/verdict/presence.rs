//! Who is shown as being in a room, and who is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Case, Kind, second};
use crate::record::{Census, Diary, Event, Room, User};

/// Compares what is shown at the end with the open sessions, and follows each client's joins and leaves.
pub fn judge(case: &mut Case<'_>) {
    let there = there(case);
    let record = case.record;
    for census in &record.asked {
        compare(case, census, &there, "get_room_info");
    }
    for (diary, census) in &record.shown {
        let whom = case.user(record.diaries[*diary].user);
        compare(case, census, &there, whom);
    }
    let asked: BTreeSet<Room> = record.asked.iter().map(|census| census.room).collect();
    for room in there.keys().filter(|room| !asked.contains(room)) {
        let room = case.room(*room);
        case.verdict.add(Kind::Unanswered, || {
            format!("nobody could find out who is in `{room}`")
        });
    }
    for diary in &record.diaries {
        alternation(case, diary);
    }
}

/// By room: every user with an open session at the end, as often as he has one.
fn there(case: &Case<'_>) -> BTreeMap<Room, Vec<User>> {
    let mut there: BTreeMap<Room, Vec<User>> = BTreeMap::new();
    for diary in &case.record.diaries {
        let mut inside = BTreeSet::new();
        for entry in &diary.entries {
            match entry.event {
                Event::Joined { room, .. } => {
                    inside.insert(room);
                }
                Event::Left { room } => {
                    inside.remove(&room);
                }
                Event::Closed(_) => inside.clear(),
                _ => {}
            }
        }
        for room in inside {
            there.entry(room).or_default().push(diary.user);
        }
    }
    there
}

fn compare(case: &mut Case<'_>, census: &Census, there: &BTreeMap<Room, Vec<User>>, to: &str) {
    let sockets = there.get(&census.room).map_or(&[][..], Vec::as_slice);
    let users: BTreeSet<User> = sockets.iter().copied().collect();
    let shown: BTreeSet<User> = census.users.iter().copied().collect();
    let room = case.room(census.room);
    let before = case.verdict.findings.len();
    for ghost in shown.difference(&users) {
        let user = case.user(*ghost);
        case.verdict.add(Kind::Ghost, || {
            format!("`{room}` as shown to {to}: `{user}` is not there")
        });
    }
    if census.complete {
        for missing in users.difference(&shown) {
            let user = case.user(*missing);
            case.verdict.add(Kind::Absent, || {
                format!("`{room}` as shown to {to}: `{user}` is there, and not shown")
            });
        }
    }
    if case.verdict.findings.len() > before {
        return;
    }
    // Who is counted and not named, or named twice.
    let counts = [
        ("users", census.user_count as usize, users.len()),
        ("sockets", census.socket_count as usize, sockets.len()),
    ];
    for (what, shown, true_count) in counts {
        if shown != true_count {
            let kind = if shown > true_count {
                Kind::Ghost
            } else {
                Kind::Absent
            };
            case.verdict.add(kind, || {
                format!("`{room}` as shown to {to}: {shown} {what} instead of {true_count}")
            });
        }
    }
    if census.users.len() != shown.len() {
        case.verdict.add(Kind::Ghost, || {
            format!("`{room}` as shown to {to}: somebody is named twice")
        });
    }
}

/// At a client, the joins and leaves of one user in one room alternate.
fn alternation(case: &mut Case<'_>, diary: &Diary) {
    // Fewer than that many, and single joins and leaves are surely told.
    let quiet_from = case.rules.large_rooms - case.rules.large_rooms / 10;
    let mut inside: HashMap<(Room, User), bool> = HashMap::new();
    for entry in &diary.entries {
        let (room, user, enters) = match entry.event {
            Event::Entered { room, user } => (room, user, true),
            Event::Gone { room, user } => (room, user, false),
            Event::Joined { room, .. } => {
                inside.retain(|(other, _), _| *other != room);
                continue;
            }
            Event::Counted { room, users } if quiet_from > 0 && users >= quiet_from => {
                inside.retain(|(other, _), _| *other != room);
                continue;
            }
            Event::Closed(_) => {
                inside.clear();
                continue;
            }
            _ => continue,
        };
        if inside.insert((room, user), enters) == Some(enters) {
            let (to, user, room) = (case.user(diary.user), case.user(user), case.room(room));
            let what = if enters { "joined" } else { "left" };
            let at = second(entry.at);
            case.verdict.add(Kind::NotAlternating, || {
                format!("`{to}` was told at {at} that `{user}` {what} `{room}`, for the second time in a row")
            });
        }
    }
}
