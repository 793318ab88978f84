//! Everybody joins one room at once.

use std::time::Duration;

use super::{Script, ScriptError, positive};
use crate::{
    plan::{Action, Role, Step},
    record::{Room, User},
};

/// Everybody joins one room at once.
#[derive(Debug, Clone, clap::Args)]
pub struct JoinStorm {
    /// Clients.
    #[arg(long, default_value_t = 500)]
    pub clients: u32,
    /// The time from the first join to the last, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub over_ms: u64,
    /// How often: between two storms all leave.
    #[arg(long, default_value_t = 1)]
    pub rounds: u32,
    /// The time from one storm to the next, in seconds.
    #[arg(long, default_value_t = 5)]
    pub every: u64,
}

impl JoinStorm {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        positive(
            &[self.clients.into(), self.rounds.into()],
            "clients and rounds must be positive",
        )?;
        if self.rounds > 1 && self.over_ms > self.every * 500 {
            return Err(ScriptError("a storm must be over before all leave"));
        }
        let room = Room(0);
        let over = Duration::from_millis(self.over_ms);
        let (every, rounds) = (Duration::from_secs(self.every), self.rounds);
        let role = |user: User| {
            let offset = over * user.0 / self.clients;
            let rounds = (0..rounds).flat_map(move |round| {
                let begin = every * round;
                let join = Step::new(begin + offset, Action::Join(room));
                // The last one stays, so that there is somebody to count.
                let leave = Step::new(begin + every / 2 + offset, Action::Leave(room));
                [Some(join), (round + 1 < rounds).then_some(leave)]
            });
            Role::new(user, Vec::new(), rounds.flatten())
        };
        let everybody: Vec<User> = (0..self.clients).map(User).collect();
        let roles = everybody.iter().copied().map(role).collect();
        let length = every * (rounds - 1) + over;
        Ok(Script::new("join-storm", vec![everybody], roles, length))
    }
}
