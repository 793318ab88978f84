//! Which sockets of this node are in a room, on their way in, or on their way out.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    id::{SocketId, UserId},
    message::Message,
};

/// How many messages wait for a socket whose history is being read.
pub const MISSED_MESSAGES: usize = 2_048;

/// The seats of one room on one node.
#[derive(Debug, Default)]
pub struct Seats {
    taken: HashMap<SocketId, UserId>,
    /// Sockets whose history is being read, with what was told meanwhile.
    waiting: HashMap<SocketId, Vec<Arc<Message>>>,
    /// Sockets that were taken out, which the store does not know yet.
    departing: HashSet<SocketId>,
}

impl Seats {
    /// Keeps what is told from now on for a socket that is about to be seated.
    pub fn wait(&mut self, socket: &SocketId) {
        self.waiting.insert(socket.clone(), Vec::new());
    }

    /// The socket will not come after all.
    pub fn give_up(&mut self, socket: &SocketId) {
        self.waiting.remove(socket);
    }

    /// Takes a socket in. Returns what it missed; `None` if that was too much, and then it is not in.
    pub fn take(&mut self, socket: &SocketId, user: &UserId) -> Option<Vec<Arc<Message>>> {
        let missed = self.waiting.remove(socket).unwrap_or_default();
        if missed.len() > MISSED_MESSAGES {
            return None;
        }
        self.taken.insert(socket.clone(), user.clone());
        Some(missed)
    }

    /// Lets a socket go, also one that only waits. Returns whose it was, if it was in.
    pub fn vacate(&mut self, socket: &SocketId) -> Option<UserId> {
        self.waiting.remove(socket);
        self.taken.remove(socket)
    }

    /// Lets every socket of a user go. Until [`Seats::departed`] says that the store knows, none of them can come
    /// back.
    pub fn evict(&mut self, user: &UserId) -> Vec<SocketId> {
        let of_user = self.taken.iter().filter(|(_, owner)| *owner == user);
        let sockets: Vec<SocketId> = of_user.map(|(socket, _)| socket.clone()).collect();
        for socket in &sockets {
            self.vacate(socket);
            self.departing.insert(socket.clone());
        }
        sockets
    }

    /// Whether the socket is being taken out of the store.
    pub fn is_departing(&self, socket: &SocketId) -> bool {
        self.departing.contains(socket)
    }

    /// The store knows that the socket is gone.
    pub fn departed(&mut self, socket: &SocketId) {
        self.departing.remove(socket);
    }

    /// Whether the socket is in.
    pub fn has(&self, socket: &SocketId) -> bool {
        self.taken.contains_key(socket)
    }

    /// Whether no socket of this node is in, nor on its way out.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.departing.is_empty()
    }

    /// How many sockets are in.
    pub fn count(&self) -> usize {
        self.taken.len()
    }

    /// Everybody who has a socket in, each once.
    pub fn users(&self) -> Vec<UserId> {
        let mut users: Vec<UserId> = self.taken.values().cloned().collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The room tells a message: those who wait will be handed it.
    pub fn keep(&mut self, message: &Arc<Message>) {
        let waiting = self.waiting.values_mut();
        for missed in waiting.filter(|missed| missed.len() <= MISSED_MESSAGES) {
            missed.push(Arc::clone(message));
        }
    }
}
