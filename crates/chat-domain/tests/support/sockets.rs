//! The sockets of one node: a naive model of rooms with audiences.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chat_domain::{
    id::{GroupId, SocketId, UserId},
    news::{Audience, News},
    ports::Sockets,
    revocation::Revocation,
    usecase::join::Joined,
};

use super::heard::Heard;

/// Notes for each socket, in order, what it hears.
#[derive(Default)]
pub struct NotingSockets {
    open: Mutex<BTreeMap<SocketId, OpenSocket>>,
}

struct OpenSocket {
    user: UserId,
    rooms: BTreeSet<GroupId>,
    heard: Vec<Heard>,
}

impl NotingSockets {
    /// A socket has come.
    pub fn open(&self, socket: &SocketId, user: &UserId) {
        let open = OpenSocket {
            user: user.clone(),
            rooms: BTreeSet::new(),
            heard: Vec::new(),
        };
        self.lock().insert(socket.clone(), open);
    }

    /// A socket is gone: what it is told from now on reaches nobody.
    pub fn close(&self, socket: &SocketId) {
        self.lock().remove(socket);
    }

    /// The socket is told that it was let in.
    pub fn welcome(&self, socket: &SocketId, joined: &Joined) {
        if let Some(open) = self.lock().get_mut(socket) {
            open.heard.push(Heard::Welcome(joined.clone()));
        }
    }

    /// What the socket heard since the last time.
    pub fn take(&self, socket: &SocketId) -> Vec<Heard> {
        let mut open = self.lock();
        open.get_mut(socket)
            .map(|open| std::mem::take(&mut open.heard))
            .unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketId, OpenSocket>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sockets for NotingSockets {
    fn tell(&self, news: &News) {
        let audience = news.audience();
        for open in self.lock().values_mut() {
            let is_concerned = match audience {
                Audience::Room(group) => open.rooms.contains(group),
                Audience::RoomBut(group, user) => open.rooms.contains(group) && open.user != *user,
                Audience::User(user) => open.user == *user,
                Audience::Everybody => true,
            };
            if is_concerned {
                open.heard.push(Heard::News(news.clone()));
            }
        }
    }

    fn admit(&self, socket: &SocketId, group: &GroupId) {
        if let Some(open) = self.lock().get_mut(socket) {
            open.rooms.insert(group.clone());
        }
    }

    fn dismiss(&self, socket: &SocketId, group: &GroupId) {
        if let Some(open) = self.lock().get_mut(socket) {
            open.rooms.remove(group);
        }
    }

    fn end_all(&self, user: &UserId) {
        self.lock().retain(|_, open| open.user != *user);
    }

    fn refuse_token(&self, _: &Revocation) {}

    fn end(&self, user: &UserId, socket: &SocketId) {
        self.lock()
            .retain(|id, open| id != socket || open.user != *user);
    }
}
