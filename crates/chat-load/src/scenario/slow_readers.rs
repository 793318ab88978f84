//! Some clients stop reading; the others must not notice.

use std::time::Duration;

use super::{Script, ScriptError, positive, share};
use crate::{
    plan::{Action, Role, Step},
    record::{Room, User},
};

/// Some clients stop reading; the others must not notice.
#[derive(Debug, Clone, clap::Args)]
pub struct SlowReaders {
    /// Clients, all in one room.
    #[arg(long, default_value_t = 30)]
    pub clients: u32,
    /// How many of them stop reading.
    #[arg(long, default_value_t = 3)]
    pub slow: u32,
    /// Messages per second.
    #[arg(long, default_value_t = 250)]
    pub rate: u32,
    /// How long, in seconds. The slow ones stop after two of them.
    #[arg(long, default_value_t = 40)]
    pub seconds: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 4_000)]
    pub bytes: usize,
    /// How soon a client that does not read must be out of the room, in seconds. What the kernels keep for it
    /// counts too: until that is full, nobody knows.
    #[arg(long, default_value_t = 30)]
    pub evicted_within: u64,
}

impl SlowReaders {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        let Self {
            clients,
            slow,
            rate,
            bytes,
            ..
        } = *self;
        positive(
            &[clients.into(), rate.into()],
            "clients and rate must be positive",
        )?;
        if slow >= clients {
            return Err(ScriptError("somebody has to read"));
        }
        let length = Duration::from_secs(self.seconds.into());
        let evicted_within = Duration::from_secs(self.evicted_within);
        let stop = Duration::from_secs(2);
        if slow > 0 && stop + evicted_within > length {
            return Err(ScriptError(
                "it is over before the slow ones must be evicted",
            ));
        }
        let room = Room(0);
        let readers = clients - slow;
        let total = u64::from(rate) * u64::from(self.seconds);
        let reader = |user: User| {
            let copies = 1;
            let send = move |_| Action::Send {
                room,
                bytes,
                copies,
            };
            Role::new(user, vec![room], share(user, readers, rate, total, send))
        };
        let slow_one = |user: User| {
            let plan = [
                Step::new(stop, Action::StopReading),
                Step::new(length, Action::ReadAgain),
            ];
            Role {
                small_buffer: true,
                ..Role::new(user, vec![room], plan.into_iter())
            }
        };
        let roles = (0..readers).map(User).map(reader);
        let roles = roles.chain((readers..clients).map(User).map(slow_one));
        let everybody = vec![(0..clients).map(User).collect()];
        Ok(Script {
            evicted_within,
            ..Script::new("slow-readers", everybody, roles.collect(), length)
        })
    }
}
