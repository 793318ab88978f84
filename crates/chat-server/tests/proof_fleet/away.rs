//! A node that the others cannot reach, while its clients stay with it: what is told of them, and what they are told.

use std::{collections::BTreeMap, time::Duration};

use chat_load::{
    client::shared::Roster,
    record::{Event, Record, User, micros},
};

use crate::{fleet::is_at, moves::NOTICED};

/// From when the node can be reached again.
pub const BACK_WITHIN: Duration = Duration::from_secs(10);

/// Which node was out of reach, when, and who was in which room then.
pub struct Away {
    pub node: usize,
    /// In microseconds of the record, as the next.
    pub from: u64,
    pub until: u64,
    pub roster: Roster,
}

/// At all other nodes each is told once, and in time, that a user of the node left, and that the user is back. Nothing
/// else is told, and the node's own users see the list as it was.
pub fn judge(record: &Record, away: &Away) -> Vec<String> {
    let is_away = is_at(away.node);
    let mut wrong = Vec::new();
    for diary in &record.diaries {
        let observer = diary.user;
        let mut told: BTreeMap<User, Vec<(u64, &str)>> = BTreeMap::new();
        // After the end all go home, one after the other.
        let during = away.from..record.end;
        for entry in diary
            .entries
            .iter()
            .filter(|entry| during.contains(&entry.at))
        {
            match entry.event {
                Event::Gone { user, .. } => told.entry(user).or_default().push((entry.at, "left")),
                Event::Entered { user, .. } => {
                    told.entry(user).or_default().push((entry.at, "joined"));
                }
                Event::Counted { room, users } if is_away(observer) => {
                    let there = away.roster.keys().filter(|(other, _)| *other == room);
                    if there.count() != users as usize {
                        wrong.push(format!(
                            "{observer:?} was shown {users} users at {}",
                            entry.at
                        ));
                    }
                }
                _ => {}
            }
        }
        for user in roommates(observer, &away.roster) {
            let told = told.remove(&user).unwrap_or_default();
            let is_right = if is_away(user) && !is_away(observer) {
                matches!(*told, [(left, "left"), (joined, "joined")]
                    if left <= away.from + micros(NOTICED)
                        && (away.until..=away.until + micros(BACK_WITHIN)).contains(&joined))
            } else {
                told.is_empty()
            };
            if !is_right {
                wrong.push(format!("{observer:?} was told of {user:?}: {told:?}"));
            }
        }
    }
    wrong
}

fn roommates(user: User, roster: &Roster) -> impl Iterator<Item = User> {
    let others = roster.keys().filter(move |(_, other)| *other != user);
    others
        .filter(move |(room, _)| roster.contains_key(&(*room, user)))
        .map(|(_, other)| *other)
}

#[cfg(test)]
mod tests {
    use chat_load::record::{Diary, Room};

    use super::*;

    const ROOM: Room = Room(0);
    const ADA: User = User(0);
    const BOB: User = User(1);

    /// Bob's node is away from 10 s to 40 s, and somebody is told that then.
    fn wrong(observer: User, told: &[(u64, Event)]) -> usize {
        let mut diary = Diary::new(observer);
        for (at, event) in told {
            diary.note(Duration::from_secs(*at), *event);
        }
        let record = Record {
            diaries: vec![diary],
            end: 100_000_000,
            ..Record::default()
        };
        let roster = [ADA, BOB].map(|user| ((ROOM, user), String::new()));
        let away = Away {
            node: 1,
            from: 10_000_000,
            until: 40_000_000,
            roster: roster.into(),
        };
        judge(&record, &away).len()
    }

    fn left(user: User) -> Event {
        Event::Gone { room: ROOM, user }
    }

    fn joined(user: User) -> Event {
        Event::Entered { room: ROOM, user }
    }

    #[test]
    fn elsewhere_its_users_leave_once_and_are_back_once_in_time() {
        assert_eq!(wrong(ADA, &[(24, left(BOB)), (44, joined(BOB))]), 0);
        assert_eq!(wrong(ADA, &[]), 1);
        assert_eq!(wrong(ADA, &[(26, left(BOB)), (44, joined(BOB))]), 1);
        assert_eq!(wrong(ADA, &[(24, left(BOB)), (51, joined(BOB))]), 1);
        assert_eq!(wrong(ADA, &[(24, left(BOB)), (30, joined(BOB))]), 1);
    }

    #[test]
    fn its_own_users_see_the_list_as_it_was() {
        let (room, users) = (ROOM, 1);

        assert_eq!(wrong(BOB, &[(30, Event::Counted { room, users: 2 })]), 0);
        assert_eq!(wrong(BOB, &[(30, Event::Counted { room, users })]), 1);
        assert_eq!(wrong(BOB, &[(24, left(ADA)), (44, joined(ADA))]), 1);
    }
}
