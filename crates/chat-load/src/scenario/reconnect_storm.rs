//! Everybody loses the connection at once, and comes back with `afterSeq`.

use std::time::Duration;

use super::{Script, ScriptError, one_room_each, positive, room_of, share};
use crate::{
    plan::{Action, Manner, Role, Step},
    record::User,
};

/// Everybody loses the connection at once, and comes back with `afterSeq`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReconnectStorm {
    /// Clients, each in one room.
    #[arg(long, default_value_t = 300)]
    pub clients: u32,
    /// Clients in a room.
    #[arg(long, default_value_t = 50)]
    pub room_size: u32,
    /// Messages per second, over all rooms.
    #[arg(long, default_value_t = 100)]
    pub rate: u32,
    /// How often everybody is gone.
    #[arg(long, default_value_t = 3)]
    pub storms: u32,
    /// The time from one storm to the next, in seconds.
    #[arg(long, default_value_t = 4)]
    pub every: u64,
    /// The longest that somebody is away, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    pub away_ms: u64,
    /// Bytes in a message.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
}

impl ReconnectStorm {
    pub(super) fn script(&self, seed: u64) -> Result<Script, ScriptError> {
        let Self {
            clients,
            rate,
            bytes,
            storms,
            away_ms,
            ..
        } = *self;
        positive(
            &[
                clients.into(),
                self.room_size.into(),
                rate.into(),
                self.every,
            ],
            "clients, room size, rate and the time between storms must be positive",
        )?;
        let rooms = one_room_each(clients, self.room_size);
        let every = Duration::from_secs(self.every);
        let length = every * (storms + 1);
        let total = u64::from(rate) * self.every * u64::from(storms + 1);
        let role = |user: User| {
            let room = room_of(user, &rooms);
            let copies = 1;
            let message = move |_| Action::Send {
                room,
                bytes,
                copies,
            };
            let mut rng = fastrand::Rng::with_seed(seed.wrapping_add(user.0.into()));
            let mut storm = 0;
            let mut messages = share(user, clients, rate, total, message).peekable();
            let plan = std::iter::from_fn(move || {
                let next = every * (storm + 1);
                if storm < storms && messages.peek().is_none_or(|step| step.at >= next) {
                    storm += 1;
                    let away = Duration::from_millis(rng.u64(0..=away_ms));
                    let manner = Manner::Vanish;
                    return Some(Step::new(next, Action::Drop { manner, away }));
                }
                messages.next()
            });
            Role::new(user, vec![room], plan)
        };
        let roles = (0..clients).map(User).map(role).collect();
        Ok(Script::new("reconnect-storm", rooms, roles, length))
    }
}
