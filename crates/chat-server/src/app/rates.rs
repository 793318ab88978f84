//! How much is said in each open room, from looking at its numbers again and again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::{id::GroupId, usecase::census::RoomFigures};

/// Messages per time, for each room that was open at the last look.
#[derive(Debug, Default)]
pub struct Rates(Mutex<HashMap<GroupId, Rate>>);

#[derive(Debug, Clone, Copy)]
struct Rate {
    last_seq: u64,
    per_thousand_seconds: u64,
}

impl Rates {
    /// These rooms are open, so long after the last look.
    pub fn look(&self, rooms: &[RoomFigures], elapsed: Duration) {
        let elapsed_ms = u64::try_from(elapsed.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let mut rates = self.lock();
        let seen = rooms.iter().map(|room| {
            let last_seq = room.last_seq.get();
            // What was said before it was opened here counts for nothing.
            let before = rates
                .get(&room.group)
                .map_or(last_seq, |rate| rate.last_seq);
            let said = last_seq.saturating_sub(before);
            let per_thousand_seconds = said.saturating_mul(1_000_000) / elapsed_ms;
            let rate = Rate {
                last_seq,
                per_thousand_seconds,
            };
            (room.group.clone(), rate)
        });
        *rates = seen.collect();
    }

    /// Messages in a thousand seconds.
    pub fn of(&self, group: &GroupId) -> u64 {
        let rates = self.lock();
        rates.get(group).map_or(0, |rate| rate.per_thousand_seconds)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<GroupId, Rate>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::{id::Seq, presence::Counts};

    use super::*;

    fn room(group: &str, last_seq: u64) -> RoomFigures {
        RoomFigures {
            group: GroupId::parse(group).unwrap(),
            counts: Counts {
                members: 1,
                sockets: 1,
            },
            sockets_here: 1,
            typists: 0,
            last_seq: Seq::new(last_seq),
        }
    }

    #[test]
    fn what_was_said_since_the_last_look_counts_and_closed_rooms_are_forgotten() {
        let (rates, tea) = (Rates::default(), GroupId::parse("tea").unwrap());

        let looks = [
            vec![room("tea", 100)],
            vec![room("tea", 107), room("milk", 7)],
            vec![room("milk", 7)],
        ];
        let found = looks.map(|rooms| {
            rates.look(&rooms, Duration::from_secs(2));
            rates.of(&tea)
        });

        assert_eq!(found, [0, 3_500, 0]);
    }
}
