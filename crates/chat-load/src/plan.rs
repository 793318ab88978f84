//! What a client is going to do, and when.

use std::time::Duration;

use crate::record::{Room, User};

/// A client's part in a scenario.
pub struct Role {
    /// Whose client it is.
    pub user: User,
    /// The rooms it is in before the play begins.
    pub rooms: Vec<Room>,
    /// Whether it asks for the whole history when it first joins a room.
    pub from_the_beginning: bool,
    /// Whether its kernel takes in only a little, so that not reading is soon noticed.
    pub small_buffer: bool,
    /// How long it stays away at least when the server or the network has ended its connection.
    pub away_when_lost: Duration,
    /// What it makes of such an end.
    pub manners: Manners,
    /// Its steps, in order of time; made while they are played.
    pub plan: Plan,
}

impl Role {
    /// A user who is in these rooms, and follows that plan.
    pub fn new(
        user: User,
        rooms: Vec<Room>,
        plan: impl Iterator<Item = Step> + Send + 'static,
    ) -> Self {
        Self {
            user,
            rooms,
            from_the_beginning: false,
            small_buffer: false,
            away_when_lost: Duration::ZERO,
            manners: Manners::Good,
            plan: Box::new(plan),
        }
    }
}

/// What a client makes of a connection that it did not end itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    /// It goes when it is told to, and comes back when it was told to, or soon.
    Good,
    /// It knows nothing of `session_closed`: a Socket.IO client as it comes, which waits a second, more or less.
    Stock,
}

/// The steps of a client.
pub type Plan = Box<dyn Iterator<Item = Step> + Send>;

/// Something to do.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// When, after the play began.
    pub at: Duration,
    /// What.
    pub action: Action,
}

impl Step {
    /// An action and its time.
    pub fn new(at: Duration, action: Action) -> Self {
        Self { at, action }
    }
}

/// What a client can do.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Action {
    /// Enter a room, with `afterSeq` if the client knows how far it had come.
    Join(Room),
    /// Leave a room.
    Leave(Room),
    /// Send a message of about so many bytes, that often at once with one `clientMessageId`.
    Send {
        room: Room,
        bytes: usize,
        copies: u32,
    },
    /// Send the message that was acknowledged last once more.
    SendAgain,
    /// Send `typing_start`.
    TypingStart(Room),
    /// Send `typing_stop`.
    TypingStop(Room),
    /// Lose the connection, and come back after that time.
    Drop { manner: Manner, away: Duration },
    /// Read nothing any more.
    StopReading,
    /// Read again: whatever is left, and then the end.
    ReadAgain,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// By a Socket.IO disconnect and a closed transport.
    Goodbye,
    /// The transport is closed without a word.
    HangUp,
    /// The transport breaks: a reset, and nothing that was still under way arrives.
    Vanish,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_small_enough_to_be_made_by_the_million() {
        assert!(size_of::<Step>() <= 48);
    }
}
