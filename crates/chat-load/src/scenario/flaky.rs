//! Phones that lose the connection at random, resume with `afterSeq`, and send things twice.

use std::time::Duration;

use fastrand::Rng;

use super::{Script, ScriptError, at_rate, positive};
use crate::{
    plan::{Action, Manner, Role, Step},
    record::{Room, User},
};

/// Phones that lose the connection at random, resume with `afterSeq`, and send things twice.
#[derive(Debug, Clone, clap::Args)]
pub struct Flaky {
    /// Clients, each in one room.
    #[arg(long, default_value_t = 50)]
    pub clients: u32,
    /// Rooms.
    #[arg(long, default_value_t = 5)]
    pub rooms: u32,
    /// Messages, over all rooms.
    #[arg(long, default_value_t = 5_000)]
    pub messages: u64,
    /// Messages per second, over all rooms.
    #[arg(long, default_value_t = 250)]
    pub rate: u32,
    /// How long a connection lasts on average, in milliseconds.
    #[arg(long, default_value_t = 3_000)]
    pub session_ms: u64,
    /// The longest that somebody is away, in milliseconds.
    #[arg(long, default_value_t = 1_500)]
    pub away_ms: u64,
    /// Of 100 messages, how many are sent twice at once; as many are sent again after their answer.
    #[arg(long, default_value_t = 10)]
    pub twice: u8,
    /// Bytes in a message.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
}

impl Flaky {
    pub(super) fn script(&self, seed: u64) -> Result<Script, ScriptError> {
        positive(
            &[
                self.clients.into(),
                self.rooms.into(),
                self.rate.into(),
                self.session_ms,
            ],
            "clients, rooms, rate and the length of a session must be positive",
        )?;
        if self.rooms > self.clients {
            return Err(ScriptError("there are rooms without a client"));
        }
        let room_of = |user: User| Room(user.0 % self.rooms);
        let mut rooms = vec![Vec::new(); self.rooms as usize];
        for user in (0..self.clients).map(User) {
            rooms[room_of(user).0 as usize].push(user);
        }
        let role = |user: User| Role {
            from_the_beginning: true,
            ..Role::new(
                user,
                vec![room_of(user)],
                self.plan(user, room_of(user), seed),
            )
        };
        let roles = (0..self.clients).map(User).map(role).collect();
        let length = at_rate(self.messages, self.rate);
        Ok(Script::new("flaky", rooms, roles, length))
    }

    /// Sends at the common rate, and between two of them whatever went wrong meanwhile.
    fn plan(&self, user: User, room: Room, seed: u64) -> impl Iterator<Item = Step> + Send + use<> {
        let arguments = self.clone();
        let mut rng = Rng::with_seed(seed.wrapping_mul(0x9e37_79b9).wrapping_add(user.0.into()));
        let mut number = u64::from(user.0);
        let mut trouble_at = arguments.lasts(&mut rng);
        std::iter::from_fn(move || {
            let next = at_rate(number, arguments.rate);
            if number >= arguments.messages {
                return None;
            }
            if trouble_at < next {
                let away = Duration::from_millis(rng.u64(0..=arguments.away_ms));
                let action = Action::Drop {
                    manner: manner(&mut rng),
                    away,
                };
                let at = trouble_at;
                trouble_at += away + arguments.lasts(&mut rng);
                return Some(Step::new(at, action));
            }
            if rng.u8(0..100) < arguments.twice / 2 {
                return Some(Step::new(next, Action::SendAgain));
            }
            number += u64::from(arguments.clients);
            let copies = 1 + u32::from(rng.u8(0..100) < arguments.twice);
            let bytes = arguments.bytes;
            Some(Step::new(
                next,
                Action::Send {
                    room,
                    bytes,
                    copies,
                },
            ))
        })
    }

    /// How long a connection lasts: anything up to twice the average.
    fn lasts(&self, rng: &mut Rng) -> Duration {
        Duration::from_millis(rng.u64(1..=self.session_ms * 2))
    }
}

fn manner(rng: &mut Rng) -> Manner {
    match rng.u8(0..4) {
        0 => Manner::Goodbye,
        1 => Manner::HangUp,
        _ => Manner::Vanish,
    }
}
