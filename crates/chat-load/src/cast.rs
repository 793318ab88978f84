//! Who plays in a run: the names behind the numbers.

use std::{collections::HashMap, fmt::Write as _};

use crate::record::{Key, Room, User};

/// The users and rooms of a run, and what they need to get in.
#[derive(Debug, Default)]
pub struct Cast {
    /// Ids by number.
    pub users: Vec<String>,
    /// Ids by number.
    pub rooms: Vec<String>,
    /// Tokens by user.
    pub tokens: Vec<String>,
    user_numbers: HashMap<String, User>,
    room_numbers: HashMap<String, Room>,
}

impl Cast {
    /// Users with their tokens, and rooms.
    pub fn new(users: Vec<String>, tokens: Vec<String>, rooms: Vec<String>) -> Self {
        let numbered = |ids: &[String]| ids.iter().cloned().zip(0..).collect::<Vec<_>>();
        Self {
            user_numbers: (numbered(&users).into_iter())
                .map(|(id, number)| (id, User(number)))
                .collect(),
            room_numbers: (numbered(&rooms).into_iter())
                .map(|(id, number)| (id, Room(number)))
                .collect(),
            users,
            rooms,
            tokens,
        }
    }

    /// The room with that id, if it is one of ours.
    pub fn room(&self, id: &str) -> Option<Room> {
        self.room_numbers.get(id).copied()
    }

    /// The user with that id.
    pub fn user(&self, id: &str) -> User {
        (self.user_numbers.get(id).copied()).unwrap_or(User::STRANGER)
    }

    /// A room's id.
    pub fn room_id(&self, room: Room) -> &str {
        self.rooms.get(room.0 as usize).map_or("?", String::as_str)
    }

    /// A user's id.
    pub fn user_id(&self, user: User) -> &str {
        (self.users.get(user.0 as usize)).map_or("a stranger", String::as_str)
    }
}

/// Writes a message's `clientMessageId`: the number, and the sender so that it cannot pass for another's.
pub fn write_key(out: &mut String, key: Key, sender: &str) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{}.{sender}", key.0);
}

/// Reads what [`write_key`] wrote; [`Key::FOREIGN`] if it was not that sender's.
pub fn read_key(client_message_id: Option<&str>, sender: Option<&str>) -> Key {
    let read = || {
        let (number, owner) = client_message_id?.split_once('.')?;
        (Some(owner) == sender).then_some(Key(number.parse().ok()?))
    };
    read().unwrap_or(Key::FOREIGN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_anothers_name_is_foreign() {
        let mut text = String::new();
        write_key(&mut text, Key(7), "ada");

        assert_eq!(read_key(Some(&text), Some("ada")), Key(7));
        assert_eq!(read_key(Some(&text), Some("bob")), Key::FOREIGN);
        assert_eq!(read_key(Some(&text), None), Key::FOREIGN);
        assert_eq!(read_key(None, Some("ada")), Key::FOREIGN);
    }
}
