//! Many small rooms, several for each client.

use std::time::Duration;

use super::{Script, ScriptError, positive, share};
use crate::{
    plan::{Action, Role},
    record::{Room, User},
};

/// Many small rooms, several for each client.
#[derive(Debug, Clone, clap::Args)]
pub struct ManyRooms {
    /// Clients.
    #[arg(long, default_value_t = 200)]
    pub clients: u32,
    /// Rooms.
    #[arg(long, default_value_t = 500)]
    pub rooms: u32,
    /// Clients in a room. (A client may be in 100 rooms, unless the server is told otherwise.)
    #[arg(long, default_value_t = 4)]
    pub room_size: u32,
    /// Messages per second, over all rooms.
    #[arg(long, default_value_t = 200)]
    pub rate: u32,
    /// How long, in seconds.
    #[arg(long, default_value_t = 10)]
    pub seconds: u32,
    /// Bytes in a message.
    #[arg(long, default_value_t = 100)]
    pub bytes: usize,
}

impl ManyRooms {
    pub(super) fn script(&self) -> Result<Script, ScriptError> {
        let Self {
            clients,
            rate,
            bytes,
            ..
        } = *self;
        positive(
            &[
                clients.into(),
                self.rooms.into(),
                self.room_size.into(),
                rate.into(),
            ],
            "clients, rooms, room size and rate must be positive",
        )?;
        if self.room_size > clients {
            return Err(ScriptError("a room cannot have more than all clients"));
        }
        // The members of one room follow those of the one before, around and around.
        let seat = |room: u32, place: u32| {
            let at = u64::from(room) * u64::from(self.room_size) + u64::from(place);
            // Less than the number of clients.
            User(u32::try_from(at % u64::from(clients)).unwrap_or(0))
        };
        let rooms: Vec<Vec<User>> = (0..self.rooms)
            .map(|room| (0..self.room_size).map(|place| seat(room, place)).collect())
            .collect();
        let mut rooms_of = vec![Vec::new(); clients as usize];
        for (room, members) in (0..).map(Room).zip(&rooms) {
            for user in members {
                rooms_of[user.0 as usize].push(room);
            }
        }
        if rooms_of.iter().any(Vec::is_empty) {
            return Err(ScriptError("there are clients without a room"));
        }
        let total = u64::from(rate) * u64::from(self.seconds);
        let role = |user: User| {
            let mine = rooms_of[user.0 as usize].clone();
            let choice = mine.clone();
            let send = move |number: u64| Action::Send {
                room: in_turn(&choice, number / u64::from(clients)),
                bytes,
                copies: 1,
            };
            Role::new(user, mine, share(user, clients, rate, total, send))
        };
        let roles = (0..clients).map(User).map(role).collect();
        let length = Duration::from_secs(self.seconds.into());
        Ok(Script::new("many-rooms", rooms, roles, length))
    }
}

/// One room after the other.
fn in_turn(rooms: &[Room], turn: u64) -> Room {
    let at = turn % rooms.len().max(1) as u64;
    rooms[usize::try_from(at).unwrap_or(0)]
}
