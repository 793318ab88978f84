//! What the sockets of this node hold, as this node knows it: the truth about this node.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat_domain::{
    id::{SocketId, UserId},
    presence::Seat,
};

/// Separates the parts of an entry. Neither ids nor names have it.
pub(super) const SEPARATOR: char = '\u{1f}';

/// A seat in a room, or a connection, as the store lists what a node owns.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Entry(String);

impl Entry {
    pub(super) fn seat(seat: &Seat) -> Self {
        Self::of(seat.group.as_str(), &seat.user, &seat.socket)
    }

    /// A connection is a seat in no room.
    pub(super) fn connection(user: &UserId, socket: &SocketId) -> Self {
        Self::of("", user, socket)
    }

    /// As the store has it.
    pub(super) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// Group, user and socket. What the store has of somebody else's making may have less.
    pub(super) fn parts(&self) -> [&str; 3] {
        let mut parts = self.0.splitn(3, SEPARATOR);
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    }

    fn connected_user(&self) -> Option<&str> {
        let [group, user, _] = self.parts();
        group.is_empty().then_some(user)
    }

    fn of(group: &str, user: &UserId, socket: &SocketId) -> Self {
        let socket = socket.reveal();
        Self(format!("{group}{SEPARATOR}{user}{SEPARATOR}{socket}"))
    }
}

/// The socket is a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [group, user, _] = self.parts();
        write!(f, "Entry({group}, {user}, hidden)")
    }
}

/// What belongs to an entry: the name of who sits there, or since when the connection is, in microseconds.
pub(super) type Label = String;

/// Everything that is held, and what was given up is gone from here first.
#[derive(Default)]
pub(super) struct Holdings(Mutex<Held>);

#[derive(Default)]
struct Held {
    all: HashMap<Entry, Label>,
    /// Those of all that are connections, by user.
    connections: HashMap<String, HashSet<Entry>>,
}

impl Held {
    fn take(&mut self, entry: Entry, label: Label) {
        if let Some(user) = entry.connected_user() {
            let connections = self.connections.entry(user.to_owned());
            connections.or_default().insert(entry.clone());
        }
        self.all.insert(entry, label);
    }

    fn give_up(&mut self, entry: &Entry) -> bool {
        if let Some(user) = entry.connected_user()
            && let Some(connections) = self.connections.get_mut(user)
        {
            connections.remove(entry);
            if connections.is_empty() {
                self.connections.remove(user);
            }
        }
        self.all.remove(entry).is_some()
    }
}

/// What the store has too much and too little.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) surplus: Vec<Entry>,
    pub(super) missing: Vec<Entry>,
}

impl Holdings {
    pub(super) fn take(&self, entry: Entry, label: Label) {
        self.lock().take(entry, label);
    }

    /// Returns whether it was held.
    pub(super) fn give_up(&self, entry: &Entry) -> bool {
        self.lock().give_up(entry)
    }

    pub(super) fn has(&self, entry: &Entry) -> bool {
        self.lock().all.contains_key(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().all.len()
    }

    /// Those of these that are held now, with their labels.
    pub(super) fn labelled(&self, entries: &[Entry]) -> Vec<(Entry, Label)> {
        let held = self.lock();
        let labelled = entries.iter();
        labelled
            .filter_map(|entry| Some((entry.clone(), held.all.get(entry)?.clone())))
            .collect()
    }

    pub(super) fn compare(&self, stored: &HashSet<Entry>) -> Difference {
        let held = self.lock();
        let surplus = stored.iter().filter(|entry| !held.all.contains_key(entry));
        let missing = held.all.keys().filter(|entry| !stored.contains(entry));
        Difference {
            surplus: surplus.cloned().collect(),
            missing: missing.cloned().collect(),
        }
    }

    /// The user's connections but this one, the oldest first.
    pub(super) fn connections_but(&self, user: &UserId, but: &Entry) -> Vec<Entry> {
        let held = self.lock();
        let connections = held.connections.get(user.as_str()).into_iter().flatten();
        let others = connections.filter(|entry| *entry != but);
        let since = |entry: &Entry| held.all.get(entry)?.parse().ok();
        let mut by_age: Vec<(u64, Entry)> = others
            .map(|entry| (since(entry).unwrap_or_default(), entry.clone()))
            .collect();
        by_age.sort();
        by_age.into_iter().map(|(_, entry)| entry).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn entry(text: &str) -> Entry {
        Entry::stored(text.replace('/', "\u{1f}"))
    }

    #[test]
    fn an_entry_falls_into_its_parts_and_hides_the_socket() {
        let user = UserId::parse("ada").unwrap();
        let connection = Entry::connection(&user, &SocketId::new("s3cret"));

        assert_eq!(connection.parts(), ["", "ada", "s3cret"]);
        assert_eq!(entry("tea/ada/a/b").parts(), ["tea", "ada", "a\u{1f}b"]);
        assert_eq!(entry("foreign").parts(), ["foreign", "", ""]);
        assert!(!format!("{connection:?}").contains("s3cret"));
    }

    #[test]
    fn a_users_connections_are_found_among_many_by_age() {
        const HELD: usize = 100_000;
        let holdings = Holdings::default();
        for number in 0..HELD {
            holdings.take(entry(&format!("tea/u{number}/s")), String::new());
            holdings.take(entry(&format!("/u{number}/s")), "7".to_owned());
        }
        let ada = UserId::parse("ada").unwrap();
        for (socket, since) in [("young", "9"), ("gone", "1"), ("old", "5"), ("me", "3")] {
            let connection = Entry::connection(&ada, &SocketId::new(socket));
            holdings.take(connection, since.to_owned());
        }
        holdings.take(entry("tea/ada/old"), "Ada".to_owned());
        holdings.give_up(&entry("/ada/gone"));

        let start = Instant::now();
        let mut found = Vec::new();
        for _ in 0..2_000 {
            found = holdings.connections_but(&ada, &entry("/ada/me"));
        }
        let took = start.elapsed();

        assert_eq!(found, [entry("/ada/old"), entry("/ada/young")]);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }

    #[test]
    fn the_difference_is_what_only_one_side_has() {
        let holdings = Holdings::default();
        holdings.take(entry("tea/ada/a"), "Ada".to_owned());
        holdings.take(entry("tea/bob/b"), "Bob".to_owned());
        let stored = [entry("tea/ada/a"), entry("tea/cid/c")].into();

        let difference = holdings.compare(&stored);

        assert_eq!(difference.surplus, [entry("tea/cid/c")]);
        assert_eq!(difference.missing, [entry("tea/bob/b")]);
    }
}
