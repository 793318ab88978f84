//! What the clients do: each scenario turns its arguments and a seed into a [`Script`].

pub mod fan_out;
pub mod flaky;
pub mod handshakes;
pub mod idle;
pub mod join_storm;
pub mod many_rooms;
pub mod reconnect_storm;
pub mod slow_readers;
pub mod typing;

use std::time::Duration;

use thiserror::Error;

use crate::{
    arguments::Scenario,
    plan::{Action, Role, Step},
    record::{Room, User},
};

/// A run, as it is meant to go.
pub struct Script {
    /// Its name, for the report.
    pub name: &'static str,
    /// Every room's members.
    pub rooms: Vec<Vec<User>>,
    /// Every client's part, one for each user, by the user's number.
    pub roles: Vec<Role>,
    /// How long the plans take.
    pub length: Duration,
    /// How soon a client that stops reading must be out of the room.
    pub evicted_within: Duration,
}

/// Why the arguments make no scenario.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct ScriptError(&'static str);

impl Scenario {
    /// The run that these arguments mean.
    ///
    /// # Errors
    /// A number that has to be positive is not, or they do not go together.
    pub fn script(&self, seed: u64) -> Result<Script, ScriptError> {
        match self {
            Self::FanOut(arguments) => arguments.script(),
            Self::ManyRooms(arguments) => arguments.script(),
            Self::JoinStorm(arguments) => arguments.script(),
            Self::ReconnectStorm(arguments) => arguments.script(seed),
            Self::Flaky(arguments) => arguments.script(seed),
            Self::SlowReaders(arguments) => arguments.script(),
            Self::Typing(arguments) => arguments.script(seed),
            Self::Handshakes(arguments) => arguments.script(),
            Self::Idle(arguments) => arguments.script(),
        }
    }
}

impl Script {
    /// A script without slow readers.
    fn new(name: &'static str, rooms: Vec<Vec<User>>, roles: Vec<Role>, length: Duration) -> Self {
        Self {
            name,
            rooms,
            roles,
            length,
            evicted_within: Duration::from_secs(30),
        }
    }
}

fn positive(numbers: &[u64], message: &'static str) -> Result<(), ScriptError> {
    if numbers.contains(&0) {
        return Err(ScriptError(message));
    }
    Ok(())
}

/// Users in rooms of one size, each user in one room: user `n` is in room `n % rooms`.
fn one_room_each(clients: u32, room_size: u32) -> Vec<Vec<User>> {
    let rooms = clients.div_ceil(room_size).max(1);
    (0..rooms)
        .map(|room| (room..clients).step_by(rooms as usize).map(User).collect())
        .collect()
}

/// Where a user is, by [`one_room_each`].
fn room_of(user: User, rooms: &[Vec<User>]) -> Room {
    let rooms = u32::try_from(rooms.len()).unwrap_or(u32::MAX);
    Room(user.0 % rooms)
}

/// One client's share of messages at a fixed rate over all: message `n` is sent at `n / rate` by client
/// `n % clients`, whatever has become of those before (an open loop).
fn share(
    user: User,
    clients: u32,
    rate: u32,
    total: u64,
    action: impl Fn(u64) -> Action + Send + 'static,
) -> impl Iterator<Item = Step> + Send + 'static {
    let mine = (u64::from(user.0)..total).step_by(clients as usize);
    mine.map(move |number| Step::new(at_rate(number, rate), action(number)))
}

/// When the message of that number is due.
fn at_rate(number: u64, rate: u32) -> Duration {
    Duration::from_nanos(number.saturating_mul(1_000_000_000) / u64::from(rate.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_in_one_room_of_about_the_size() {
        let rooms = one_room_each(25, 10);

        let sizes: Vec<usize> = rooms.iter().map(Vec::len).collect();
        assert_eq!(sizes, [9, 8, 8]);
        for user in (0..25).map(User) {
            assert!(rooms[room_of(user, &rooms).0 as usize].contains(&user));
        }
    }

    #[test]
    fn shares_add_up_to_the_rate() {
        let mut times: Vec<Duration> = (0..3)
            .flat_map(|user| share(User(user), 3, 100, 10, |_| Action::SendAgain))
            .map(|step| step.at)
            .collect();
        times.sort();

        let expected: Vec<_> = (0..10).map(|n| Duration::from_millis(10 * n)).collect();
        assert_eq!(times, expected);
    }
}
