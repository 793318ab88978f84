//! A client's mind: it is told what came and what time it is, and says what to send.
//!
//! Invariant: a room session that the server opened is in the diary before anything that was heard in it.

mod act;
mod hear;

use std::{collections::HashMap, collections::HashSet, iter::Peekable, sync::Arc, time::Duration};

use super::{
    allowance::Allowance,
    census::Questions,
    outbox::{NEVER, Outbox},
    payload::Members,
    seat::{Seat, Todo},
    shared::{Phase, Shared},
};
use crate::{
    cast::Cast,
    plan::{Manner, Manners, Plan, Role},
    record::{Census, Diary, End, Event, Key, Room, Seq, User},
};

/// Whoever is not let in by then hangs up.
const LET_IN_WITHIN: Duration = Duration::from_secs(15);
/// How often a client looks around while all wait for each other.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// One client.
pub struct Phone {
    shared: Arc<Shared>,
    diary: Diary,
    plan: Peekable<Plan>,
    seats: Vec<Seat>,
    outbox: Outbox,
    /// The message that was acknowledged last.
    last_acked: Option<(Room, Key, usize)>,
    link: Link,
    /// The server's name for the connection.
    socket: String,
    away_when_lost: Duration,
    manners: Manners,
    phase: Phase,
    reading: bool,
    messages: Allowance,
    typing: Allowance,
    message_chars: usize,
    /// Whom this client sees typing.
    typists: HashSet<(Room, User)>,
    next_ack: u32,
    asked: HashMap<u32, Asked>,
    questions: Questions,
    rng: fastrand::Rng,
    text: String,
}

/// The connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Down {
        again_at: Duration,
        failures: u32,
    },
    /// Waiting for `session`.
    Opening {
        since: Duration,
        failures: u32,
    },
    Up,
    /// It is to end.
    Ending {
        manner: Manner,
        by: End,
        again_at: Duration,
        failures: u32,
    },
}

/// A question that has not been answered.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// With the attempt's number.
    Join(Room, u32),
    Leave,
    Page(Room, Seq),
    Message(Room, Key),
    Census,
}

/// What a phone wants of its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// What there is.
    AsIs,
    /// A connection.
    Connect,
    /// None.
    Cut(Manner, End),
}

/// What is left of a client after a run.
pub struct Legacy {
    /// What happened to it.
    pub diary: Diary,
    /// The last `room_members_update` of every room it was in.
    pub shown: Vec<Census>,
    /// What it was answered about rooms.
    pub asked: Vec<Census>,
}

impl Phone {
    /// A client that connects at that time.
    pub fn new(role: Role, shared: Arc<Shared>, connect_at: Duration, seed: u64) -> Self {
        let seats = role.rooms.iter().map(|room| {
            let mut seat = Seat::new(*room, role.from_the_beginning);
            seat.wanted = true;
            seat
        });
        Self {
            diary: Diary::new(role.user),
            seats: seats.collect(),
            plan: role.plan.peekable(),
            shared,
            outbox: Outbox::default(),
            last_acked: None,
            link: Link::Down {
                again_at: connect_at,
                failures: 0,
            },
            socket: String::new(),
            away_when_lost: role.away_when_lost,
            manners: role.manners,
            phase: Phase::Gather,
            reading: true,
            messages: Allowance::NONE,
            typing: Allowance::NONE,
            message_chars: 0,
            typists: HashSet::new(),
            next_ack: 0,
            asked: HashMap::new(),
            questions: Questions::default(),
            rng: fastrand::Rng::with_seed(seed),
            text: String::new(),
        }
    }

    /// What is to become of the line.
    pub fn want(&self, now: Duration) -> Want {
        match self.link {
            Link::Down { again_at, .. } if again_at <= now && self.phase != Phase::Over => {
                Want::Connect
            }
            Link::Ending { manner, by, .. } => Want::Cut(manner, by),
            Link::Down { .. } | Link::Opening { .. } | Link::Up => Want::AsIs,
        }
    }

    /// Whether the client reads what comes.
    pub fn is_reading(&self) -> bool {
        self.reading
    }

    /// Where the run is, as far as this client knows.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Another part of the run begins.
    pub fn enter(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        if phase == Phase::Ask {
            let shared = &self.shared;
            let rooms = self.seats.iter().filter(|seat| seat.is_inside());
            let mine = rooms
                .map(|seat| seat.room)
                .filter(|room| shared.claim(*room));
            self.questions.begin(mine, now);
        }
    }

    /// Whether this client has done what the phase is for.
    pub fn is_ready(&mut self) -> bool {
        match self.phase {
            Phase::Gather => self.has_everything(),
            Phase::Play { .. } => {
                self.plan.peek().is_none() && self.outbox.is_empty() && self.has_everything()
            }
            Phase::Settle => {
                self.has_everything()
                    && self.outbox.is_empty()
                    && self.typists.is_empty()
                    && self.sees_the_truth()
            }
            Phase::Ask => self.questions.is_done(),
            Phase::Over => true,
        }
    }

    /// It begins to connect.
    pub fn connecting(&mut self, now: Duration) {
        if let Link::Down { failures, .. } = self.link {
            self.link = Link::Opening {
                since: now,
                failures,
            };
        }
        self.diary.note(now, Event::Connecting);
    }

    /// The line is down.
    pub fn closed(&mut self, by: End, now: Duration) {
        self.diary.note(now, Event::Closed(by));
        self.link = match self.link {
            Link::Ending {
                again_at, failures, ..
            } => Link::Down { again_at, failures },
            Link::Opening { failures, .. } => self.down_for_a_while(failures + 1, now),
            Link::Up | Link::Down { .. } => match self.down_for_a_while(0, now) {
                Link::Down { again_at, failures } => Link::Down {
                    again_at: again_at.max(now + self.away_when_lost),
                    failures,
                },
                other => other,
            },
        };
        self.reading = true;
        self.asked.clear();
        self.typists.clear();
        self.questions.start_over(now);
        for seat in &mut self.seats {
            if seat.leave() {
                self.shared.depart(seat.room, self.diary.user);
            }
        }
    }

    /// When it wants to be called again.
    pub fn wake(&mut self) -> Duration {
        let mut wake = match self.link {
            Link::Down { again_at, .. } => again_at,
            Link::Opening { since, .. } => since + LET_IN_WITHIN,
            Link::Ending { .. } => Duration::ZERO,
            Link::Up => {
                let todos = self.seats.iter().filter_map(|seat| seat.todo);
                let todo = todos.map(|(at, _)| at).min().unwrap_or(NEVER);
                let question = self.questions.next().unwrap_or(NEVER);
                todo.min(question).min(self.outbox.next())
            }
        };
        if let Phase::Play { start } = self.phase
            && let Some(step) = self.plan.peek()
        {
            wake = wake.min(start + step.at);
        }
        wake
    }

    /// How long it may sleep at most, because it waits for what nobody tells it.
    pub fn nap(&self) -> Duration {
        match self.phase {
            Phase::Settle | Phase::Ask => LOOK_AROUND,
            Phase::Gather | Phase::Play { .. } | Phase::Over => NEVER,
        }
    }

    /// What is left of it.
    pub fn into_legacy(self) -> Legacy {
        let cast = &self.shared.cast;
        let inside = self.seats.iter().filter(|seat| seat.is_inside());
        Legacy {
            shown: inside.filter_map(|seat| census(seat, cast)).collect(),
            asked: self.questions.into_answers(),
            diary: self.diary,
        }
    }

    fn down_for_a_while(&mut self, failures: u32, now: Duration) -> Link {
        Link::Down {
            again_at: now + backoff(self.manners, failures, &mut self.rng),
            failures,
        }
    }

    fn seat(&mut self, room: Room) -> &mut Seat {
        if let Some(at) = self.seats.iter().position(|seat| seat.room == room) {
            return &mut self.seats[at];
        }
        self.seats.push(Seat::new(room, false));
        let last = self.seats.len() - 1;
        &mut self.seats[last]
    }

    fn has_everything(&self) -> bool {
        let shared = &self.shared;
        self.link == Link::Up
            && (self.seats.iter()).all(|seat| !seat.wanted || seat.is_up_to(shared.goal(seat.room)))
    }

    fn sees_the_truth(&self) -> bool {
        let shared = &self.shared;
        (self.seats.iter())
            .filter(|seat| seat.wanted)
            .all(|seat| seat.counted == Some(shared.present(seat.room)))
    }

    /// Asks to come into every room that it wants to be in.
    fn join_all(&mut self, now: Duration) {
        for seat in self.seats.iter_mut().filter(|seat| seat.wanted) {
            seat.todo = Some((now, Todo::Join));
        }
    }
}

/// How long to wait after so many attempts in vain: half as much or half as much again, twice as much each time.
fn backoff(manners: Manners, failures: u32, rng: &mut fastrand::Rng) -> Duration {
    let (usual, longest) = match manners {
        Manners::Good => (Duration::from_millis(100), Duration::from_secs(3)),
        // `reconnectionDelay` and `reconnectionDelayMax` of socket.io-client.
        Manners::Stock => (Duration::from_secs(1), Duration::from_secs(5)),
    };
    let wait = usual * 2_u32.saturating_pow(failures.min(10));
    wait.mul_f64(0.5 + rng.f64()).min(longest)
}

fn census(seat: &Seat, cast: &Cast) -> Option<Census> {
    let members: Members<'_> = serde_json::from_str(&seat.shown).ok()?;
    Some(Census {
        room: seat.room,
        users: (members.online_members.iter())
            .map(|id| cast.user(id))
            .collect(),
        complete: !members.truncated,
        user_count: members.member_count,
        socket_count: members.socket_count,
    })
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::client::frame::Outgoing;

    const FAREWELL: &str =
        r#"42["session_closed",{"code":"SERVER_SHUTDOWN","reconnectInMs":2500}]"#;

    /// Somebody who is told to go, a second after the beginning.
    fn told_to_go(manners: Manners) -> Phone {
        let cast = Cast::new(vec!["ada".to_owned()], vec!["token".to_owned()], Vec::new());
        let role = Role {
            manners,
            ..Role::new(User(0), Vec::new(), iter::empty())
        };
        let mut phone = Phone::new(role, Arc::new(Shared::new(cast)), Duration::ZERO, 1);
        let mut out = Outgoing::default();
        phone.connecting(Duration::ZERO);
        phone.hear(r#"42["session",{"limits":{}}]"#, Duration::ZERO, &mut out);
        phone.hear(FAREWELL, Duration::from_secs(1), &mut out);
        phone
    }

    #[test]
    fn who_has_manners_goes_when_told_to_and_is_back_when_told_to() {
        let mut phone = told_to_go(Manners::Good);
        let now = Duration::from_secs(1);
        assert_eq!(phone.want(now), Want::Cut(Manner::HangUp, End::Server));

        phone.closed(End::Server, now);

        assert_eq!(phone.wake(), Duration::from_millis(3_500));
    }

    #[test]
    fn a_stock_client_stays_to_the_end_and_is_back_after_a_second_more_or_less() {
        let mut phone = told_to_go(Manners::Stock);
        let now = Duration::from_millis(1_200);
        assert_eq!(phone.want(now), Want::AsIs);

        phone.closed(End::Server, now);

        let usual = now + Duration::from_millis(500)..=now + Duration::from_millis(1_500);
        assert!(usual.contains(&phone.wake()), "{:?}", phone.wake());
    }
}
