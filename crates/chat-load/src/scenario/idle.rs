//! Everybody is in a room, and says nothing.

use std::{iter, time::Duration};

use super::{Script, ScriptError, one_room_each, positive, room_of};
use crate::{
    plan::{Action, Role, Step},
    record::User,
};

/// Everybody is in a room, and says nothing.
#[derive(Debug, Clone, clap::Args)]
pub struct Idle {
    /// Clients, each in one room.
    #[arg(long, default_value_t = 1_000)]
    pub clients: u32,
    /// Clients in a room.
    #[arg(long, default_value_t = 10)]
    pub room_size: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u32,
}

impl Idle {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        positive(
            &[self.clients.into(), self.room_size.into()],
            "clients and room size must be positive",
        )?;
        let rooms = one_room_each(self.clients, self.room_size);
        let length = Duration::from_secs(self.seconds.into());
        // A plan ends with its last step.
        let until = Step::new(length, Action::ReadAgain);
        let role = |user: User| Role::new(user, vec![room_of(user, &rooms)], iter::once(until));
        let roles = (0..self.clients).map(User).map(role).collect();
        Ok(Script::new("idle", rooms, roles, length))
    }
}
