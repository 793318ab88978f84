//! People start and stop typing at random, or in turn at a fixed rate.

use std::time::Duration;

use fastrand::Rng;

use super::{Script, ScriptError, one_room_each, positive, room_of, share};
use crate::{
    plan::{Action, Manner, Role, Step},
    record::{Room, User},
};

/// People start and stop typing at random.
#[derive(Debug, Clone, clap::Args)]
pub struct Typing {
    /// Clients, each in one room.
    #[arg(long, default_value_t = 50)]
    pub clients: u32,
    /// Clients in a room.
    #[arg(long, default_value_t = 10)]
    pub room_size: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 20)]
    pub seconds: u32,
    /// Instead of chance: everybody starts and stops by turns, so many events per second over all.
    #[arg(long)]
    pub rate: Option<u32>,
}

impl Typing {
    pub(super) fn script(&self, seed: u64) -> Result<Script, ScriptError> {
        let Self { clients, rate, .. } = *self;
        positive(
            &[
                clients.into(),
                self.room_size.into(),
                rate.unwrap_or(1).into(),
            ],
            "clients, room size and rate must be positive",
        )?;
        let rooms = one_room_each(clients, self.room_size);
        let length = Duration::from_secs(self.seconds.into());
        let role = |user: User| {
            let room = room_of(user, &rooms);
            let Some(rate) = rate else {
                let rng =
                    Rng::with_seed(seed.wrapping_mul(0x9e37_79b9).wrapping_add(user.0.into()));
                return Role::new(user, vec![room], by_chance(rng, room, length));
            };
            let turn = move |number: u64| match (number / u64::from(clients)) % 2 {
                0 => Action::TypingStart(room),
                _ => Action::TypingStop(room),
            };
            let total = u64::from(rate) * u64::from(self.seconds);
            Role::new(user, vec![room], share(user, clients, rate, total, turn))
        };
        let roles = (0..clients).map(User).map(role).collect();
        Ok(Script::new("typing", rooms, roles, length))
    }
}

/// Somebody who types on and on, stops, sends, forgets about it, or loses the connection.
fn by_chance(mut rng: Rng, room: Room, length: Duration) -> impl Iterator<Item = Step> + Send {
    let mut at = Duration::from_millis(rng.u64(0..2_000));
    // At last everybody is there again, and what was written meanwhile can be sent.
    let back = Step::new(length, Action::Join(room));
    let by_chance = std::iter::from_fn(move || {
        let action = match rng.u8(0..100) {
            0..60 => Action::TypingStart(room),
            60..75 => Action::TypingStop(room),
            75..85 => Action::Send {
                room,
                bytes: 100,
                copies: 1,
            },
            85..90 => Action::Drop {
                manner: Manner::Vanish,
                away: Duration::from_millis(rng.u64(0..3_000)),
            },
            90..95 => Action::Leave(room),
            _ => Action::Join(room),
        };
        let step = Step::new(at, action);
        at += Duration::from_millis(match rng.u8(0..10) {
            // Somebody was called away from the phone.
            0 => rng.u64(8_000..13_000),
            _ => rng.u64(200..2_500),
        });
        (step.at < length).then_some(step)
    });
    by_chance.chain([back])
}
