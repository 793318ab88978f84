//! Who was said to come and to go, against who came and went.
//!
//! Of a client that is cut off, nobody knows whether it comes back: who does so soon was never away, and who does
//! not is gone after a while.

use std::{collections::HashMap, fmt, time::Duration};

use chat_load::record::{Diary, Event, Record, Room, User, micros};

/// Who was away for less is not said to have gone.
const UNNOTICED: Duration = Duration::from_secs(8);
/// Who is away for more is said to have gone by then.
pub const NOTICED: Duration = Duration::from_secs(15);
/// From when a client learns something to when all others have learned it.
const SPREADS_WITHIN: Duration = Duration::from_secs(3);

/// What was wrong, and what was right.
#[derive(Debug, Default)]
pub struct Moves {
    /// Those who were away for so long that all had to notice.
    pub long_absences: usize,
    /// Those who were back so soon that nobody could.
    pub short_absences: usize,
    /// How often somebody was told that somebody left.
    pub told_gone: usize,
    /// The longest from somebody's end to when somebody was told of it.
    pub slowest: Duration,
    /// With the evidence.
    pub wrong: Vec<String>,
}

/// When a user was in no room, though the user wanted to be.
#[derive(Debug, Clone, Copy)]
struct Absence {
    from: u64,
    until: u64,
}

impl Absence {
    fn lasts(&self) -> Duration {
        Duration::from_micros(self.until.saturating_sub(self.from))
    }
}

/// When somebody was in a room.
#[derive(Debug, Clone, Copy)]
struct Stay {
    from: u64,
    until: u64,
}

type Who = (Room, User);

/// Judges a run in which clients are cut off, and never go by themselves.
pub fn judge(record: &Record) -> Moves {
    let stays: HashMap<Who, Vec<Stay>> = (record.diaries.iter())
        .flat_map(|diary| stays(diary, record.end))
        .fold(HashMap::new(), |mut all, (who, stay)| {
            all.entry(who).or_insert_with(Vec::new).push(stay);
            all
        });
    let absences: HashMap<Who, Vec<Absence>> = (stays.iter())
        .map(|(who, stays)| (*who, absences(stays, record.end)))
        .collect();
    let mut moves = Moves::default();
    for absence in absences.values().flatten() {
        if absence.lasts() < UNNOTICED {
            moves.short_absences += 1;
        } else if absence.lasts() > NOTICED {
            moves.long_absences += 1;
        }
    }
    for diary in &record.diaries {
        told(diary, &stays, &absences, record.end, &mut moves);
        missed(diary, &stays, &absences, record.end, &mut moves);
    }
    moves
}

/// Nobody is said to have gone, or come, who did not.
fn told(
    diary: &Diary,
    stays: &HashMap<Who, Vec<Stay>>,
    absences: &HashMap<Who, Vec<Absence>>,
    end: u64,
    moves: &mut Moves,
) {
    let slack = micros(SPREADS_WITHIN);
    // After the end all go home, one after the other.
    for entry in diary.entries.iter().filter(|entry| entry.at < end) {
        let at = entry.at;
        match entry.event {
            Event::Gone { room, user } => {
                moves.told_gone += 1;
                let all = absences.get(&(room, user)).map_or(&[][..], Vec::as_slice);
                let absence = all
                    .iter()
                    .find(|it| it.from <= at && at <= it.until.saturating_add(slack));
                let Some(absence) = absence.filter(|it| it.lasts() >= UNNOTICED) else {
                    let wrong = format!("{:?} was told at {at} that {user:?} left", diary.user);
                    moves.wrong.push(wrong);
                    continue;
                };
                let late = Duration::from_micros(at - absence.from);
                moves.slowest = moves.slowest.max(late);
            }
            Event::Entered { room, user } => {
                let stays = stays.get(&(room, user)).map_or(&[][..], Vec::as_slice);
                let came = (stays.iter().enumerate())
                    .find(|(_, it)| it.from <= at + slack && at <= it.from + slack);
                let was_away = came.is_some_and(|(number, it)| {
                    let before = number.checked_sub(1).map(|before| stays[before].until);
                    before.is_none_or(|until| it.from - until >= micros(UNNOTICED))
                });
                if !was_away {
                    let wrong = format!("{:?} was told at {at} that {user:?} joined", diary.user);
                    moves.wrong.push(wrong);
                }
            }
            _ => {}
        }
    }
}

/// Whoever was there all the time is told once, and in time, of everybody who was away for long.
fn missed(
    diary: &Diary,
    stays: &HashMap<Who, Vec<Stay>>,
    absences: &HashMap<Who, Vec<Absence>>,
    end: u64,
    moves: &mut Moves,
) {
    for ((room, user), all) in absences {
        let mine = stays.get(&(*room, diary.user));
        for absence in all.iter().filter(|it| it.lasts() > NOTICED) {
            let latest = absence.from + micros(NOTICED);
            let sees = |stay: &Stay| {
                stay.from + micros(SPREADS_WITHIN) < absence.from && latest < stay.until.min(end)
            };
            if !mine.is_some_and(|mine| mine.iter().any(sees)) {
                continue;
            }
            let told = diary.entries.iter().filter(|entry| {
                entry.event
                    == Event::Gone {
                        room: *room,
                        user: *user,
                    }
                    && (absence.from..=latest).contains(&entry.at)
            });
            let count = told.count();
            if count != 1 {
                let observer = diary.user;
                moves.wrong.push(format!(
                    "{observer:?} was told {count} times within {NOTICED:?} from {} that {user:?} left",
                    absence.from,
                ));
            }
        }
    }
}

fn stays(diary: &Diary, end: u64) -> Vec<(Who, Stay)> {
    let mut open: HashMap<Room, u64> = HashMap::new();
    let mut stays = Vec::new();
    for entry in &diary.entries {
        match entry.event {
            Event::Joined { room, .. } => {
                open.insert(room, entry.at);
            }
            Event::Closed(_) => {
                let until = entry.at;
                let over = open.drain();
                stays.extend(over.map(|(room, from)| ((room, diary.user), Stay { from, until })));
            }
            _ => {}
        }
    }
    let until = end;
    let over = open.into_iter();
    stays.extend(over.map(|(room, from)| ((room, diary.user), Stay { from, until })));
    stays
}

/// Between the stays, which are in order.
fn absences(stays: &[Stay], end: u64) -> Vec<Absence> {
    let next = stays.iter().skip(1).map(|stay| stay.from).chain([u64::MAX]);
    (stays.iter().zip(next))
        .map(|(stay, until)| Absence {
            from: stay.until,
            until,
        })
        .filter(|absence| absence.from < end)
        .collect()
}

impl fmt::Display for Moves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users away for long left within {:.1} s, {} back soon were never away, {} false",
            self.long_absences,
            self.slowest.as_secs_f64(),
            self.short_absences,
            self.wrong.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use chat_load::record::End;

    use super::*;

    const ROOM: Room = Room(0);
    const ADA: User = User(0);
    const BOB: User = User(1);

    /// Bob is away between these seconds, and Ada is told of it then.
    fn away(from: u64, until: u64, told: &[(u64, Event)]) -> Moves {
        let joined = Event::Joined {
            room: ROOM,
            after: 0,
            last: 0,
            epoch: 0,
            reset: false,
        };
        let diary = |user, events: &[(u64, Event)]| {
            let mut diary = Diary::new(user);
            for (at, event) in events {
                diary.note(Duration::from_secs(*at), *event);
            }
            diary
        };
        let adas = [&[(0, joined)], told].concat();
        let bobs = [
            (0, joined),
            (from, Event::Closed(End::Server)),
            (until, joined),
        ];
        judge(&Record {
            diaries: vec![diary(ADA, &adas), diary(BOB, &bobs)],
            end: 100_000_000,
            ..Record::default()
        })
    }

    fn gone(at: u64) -> (u64, Event) {
        (
            at,
            Event::Gone {
                room: ROOM,
                user: BOB,
            },
        )
    }

    fn entered(at: u64) -> (u64, Event) {
        (
            at,
            Event::Entered {
                room: ROOM,
                user: BOB,
            },
        )
    }

    #[test]
    fn who_is_away_for_long_has_to_be_seen_to_leave_in_time_and_to_return() {
        assert_eq!(away(10, 40, &[gone(22), entered(40)]).wrong, [""; 0]);
        assert_eq!(away(10, 40, &[]).wrong.len(), 1);
        assert_eq!(away(10, 40, &[gone(26), entered(40)]).wrong.len(), 1);
    }

    #[test]
    fn who_goes_home_after_the_end_is_seen_to_leave() {
        assert_eq!(away(10, 15, &[gone(101)]).wrong, [""; 0]);
    }

    #[test]
    fn who_is_soon_back_must_not_be_seen_to_leave_or_to_come() {
        assert_eq!(away(10, 15, &[]).wrong, [""; 0]);
        assert_eq!(away(10, 15, &[gone(14), entered(15)]).wrong.len(), 2);
        assert_eq!(
            away(10, 40, &[gone(22), entered(40), gone(60)]).wrong.len(),
            1
        );
    }
}
