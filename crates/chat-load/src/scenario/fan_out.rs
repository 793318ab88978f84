//! Rooms of one size, messages at a fixed rate.

use std::time::Duration;

use super::{Script, ScriptError, one_room_each, positive, room_of, share};
use crate::{
    plan::{Action, Manners, Role},
    record::User,
};

/// Rooms of one size, messages at a fixed rate.
#[derive(Debug, Clone, clap::Args)]
pub struct FanOut {
    /// Clients, each in one room.
    #[arg(long, default_value_t = 500)]
    pub clients: u32,
    /// Clients in a room.
    #[arg(long, default_value_t = 100)]
    pub room_size: u32,
    /// Messages per second, over all rooms.
    #[arg(long, default_value_t = 100)]
    pub rate: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
    /// Of all clients, each one of so many stays away when the server ends its connection; 0: none does.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub one_in_stays_away: u32,
    /// How long these stay away at least, in seconds.
    #[arg(long, default_value_t = 20, value_name = "SECONDS")]
    pub stay_away: u64,
    /// Of all clients, each one of so many is a stock Socket.IO client, which comes back after a second, more or
    /// less, whatever the server says; 0: none is.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub one_in_is_stock: u32,
}

impl FanOut {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        let Self {
            clients,
            rate,
            bytes,
            ..
        } = *self;
        positive(
            &[clients.into(), self.room_size.into(), rate.into()],
            "clients, room size and rate must be positive",
        )?;
        let rooms = one_room_each(clients, self.room_size);
        let total = u64::from(rate) * u64::from(self.seconds);
        let role = |user: User| {
            let room = room_of(user, &rooms);
            let copies = 1;
            let send = move |_| Action::Send {
                room,
                bytes,
                copies,
            };
            let is_one_in = |many| user.0.checked_rem(many) == Some(0);
            let stays_away = is_one_in(self.one_in_stays_away);
            Role {
                away_when_lost: Duration::from_secs(if stays_away { self.stay_away } else { 0 }),
                manners: if is_one_in(self.one_in_is_stock) {
                    Manners::Stock
                } else {
                    Manners::Good
                },
                ..Role::new(user, vec![room], share(user, clients, rate, total, send))
            }
        };
        let roles = (0..clients).map(User).map(role).collect();
        let length = Duration::from_secs(self.seconds.into());
        Ok(Script::new("fan-out", rooms, roles, length))
    }
}
