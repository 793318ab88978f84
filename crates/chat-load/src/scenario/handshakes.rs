//! Everybody goes and comes again at once, over and over, at a fixed rate.

use std::time::Duration;

use super::{Script, ScriptError, positive, share};
use crate::{
    plan::{Action, Manner, Role},
    record::User,
};

/// Everybody goes and comes again at once, over and over, at a fixed rate.
#[derive(Debug, Clone, clap::Args)]
pub struct Handshakes {
    /// Clients, in no room.
    #[arg(long, default_value_t = 200)]
    pub clients: u32,
    /// New connections per second, over all clients.
    #[arg(long, default_value_t = 200)]
    pub rate: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u32,
}

impl Handshakes {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        let Self { clients, rate, .. } = *self;
        positive(
            &[clients.into(), rate.into()],
            "clients and rate must be positive",
        )?;
        let total = u64::from(rate) * u64::from(self.seconds);
        let again = |_| Action::Drop {
            manner: Manner::Goodbye,
            away: Duration::ZERO,
        };
        let role =
            |user: User| Role::new(user, Vec::new(), share(user, clients, rate, total, again));
        let roles = (0..clients).map(User).map(role).collect();
        let length = Duration::from_secs(self.seconds.into());
        Ok(Script::new("handshakes", Vec::new(), roles, length))
    }
}
