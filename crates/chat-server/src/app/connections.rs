//! Every live connection of this node, and the places that they take.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::{
    id::{NodeId, SocketId, UserId},
    ports::{Admission, ConnectionLedger, PortResult, WhenFull},
    revocation::TokenId,
    time::Timestamp,
};
use tokio::runtime::Handle;

use super::closing::Closing;
use crate::{config::Limits, wire::peers::SessionHere};

/// A connection that can be ended.
pub trait Line: Send + Sync {
    /// Says why, where that is still possible, and ends the connection. Does not wait.
    fn close(&self, closing: Closing);

    /// What is to be said of it at the moment.
    fn figures(&self) -> LineFigures;
}

/// What operators may know of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LineFigures {
    /// `websocket` or `polling`; empty if it is about to end.
    pub transport: &'static str,
    /// The groups of its rooms.
    pub rooms: Vec<String>,
    /// What the network has not taken yet.
    pub waiting_bytes: usize,
}

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The user has as many as allowed.
    #[error("the user has too many connections")]
    OfUser,
    /// The address has as many as allowed.
    #[error("the address has too many connections")]
    FromAddress,
    /// This node has as many as it takes.
    #[error("the server has as many connections as it takes")]
    AtNode,
}

/// So much of a node's id tells it from the others.
const LABEL: usize = 8;

/// More rooms of one connection are counted and not listed.
const MOST_ROOMS_LISTED: usize = 100;

/// Every live connection of this node.
pub struct Connections {
    per_user: usize,
    per_address: usize,
    per_node: usize,
    when_full: WhenFull,
    /// Knows the connections of users, over all nodes.
    ledger: Arc<dyn ConnectionLedger>,
    /// What the names of this node's connections begin with.
    label: String,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    users: HashMap<UserId, Vec<Entry>>,
    addresses: HashMap<IpAddr, Guests>,
    /// How many there are.
    count: usize,
    /// How many there ever were.
    numbered: u64,
}

/// The connections from one address, the oldest first.
type Guests = BTreeMap<u64, Guest>;

struct Guest {
    user: UserId,
    socket: SocketId,
    /// It was displaced, and counts no more.
    is_leaving: bool,
}

struct Entry {
    /// That of its slot: a client that connects again on its transport has the same socket id.
    number: u64,
    socket: SocketId,
    /// The token that it came with, or got since.
    token: Option<TokenId>,
    expires_at: Timestamp,
    connected_at: Timestamp,
    line: Arc<dyn Line>,
}

/// A connection that was let in.
pub struct Admitted {
    /// Its place.
    pub slot: Slot,
    /// The connections that have to go for it: the user's, at any node, or those from the address.
    pub displaced: Vec<(UserId, SocketId)>,
}

/// The place of one connection. It is free again when this is dropped.
pub struct Slot {
    connections: Arc<Connections>,
    user: UserId,
    address: IpAddr,
    socket: SocketId,
    /// Its number among all that ever came.
    number: u64,
    /// It was given back already.
    is_free: bool,
}

impl Connections {
    /// Nobody is connected yet.
    pub fn new(limits: &Limits, ledger: Arc<dyn ConnectionLedger>, node: NodeId) -> Arc<Self> {
        let limit = |number: u32| match usize::try_from(number) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        let when_full = if limits.connections_evict_oldest {
            WhenFull::EvictOldest
        } else {
            WhenFull::Refuse
        };
        Arc::new(Self {
            per_user: limit(limits.connections_per_user),
            per_address: limit(limits.connections_per_address),
            per_node: limit(limits.connections_per_node),
            when_full,
            ledger,
            label: node.to_string().chars().take(LABEL).collect(),
            inner: Mutex::default(),
        })
    }

    /// Whether this node has as many as it takes.
    pub fn is_full(&self) -> bool {
        self.lock().count >= self.per_node
    }

    /// Lets a connection in, or says why not.
    ///
    /// # Errors
    /// [`TooMany`].
    pub async fn admit(
        self: &Arc<Self>,
        user: &UserId,
        address: IpAddr,
        socket: &SocketId,
        line: Arc<dyn Line>,
    ) -> Result<Admitted, TooMany> {
        // If this is dropped half way, the place is free again.
        let slot = self.take_place(user, address, socket, line)?;
        let displaced = match self.enter_ledger(user, socket).await {
            Admission::Admitted => Vec::new(),
            Admission::AdmittedInsteadOf(sockets) => sockets,
            Admission::Refused => return Err(TooMany::OfUser),
        };
        let displaced = displaced.into_iter().map(|socket| (user.clone(), socket));
        let displaced = self
            .lock()
            .make_room(&slot, self.per_address, displaced.collect());
        Ok(Admitted { slot, displaced })
    }

    /// Ends every connection of a user. Returns how many there were.
    pub fn close_user(&self, user: &UserId, closing: Closing) -> usize {
        let lines = self.lines_of(user, |_| true);
        for line in &lines {
            line.close(closing);
        }
        lines.len()
    }

    /// Has every connection of a user ended at the other nodes, also at those that do not hear of it now.
    ///
    /// # Errors
    /// The ledger could not be asked.
    pub async fn end_elsewhere(&self, user: &UserId) -> PortResult<()> {
        self.ledger.end_all(user).await
    }

    /// Ends every connection with that token. Returns how many there were.
    pub fn close_token(&self, token: &TokenId, closing: Closing) -> usize {
        let inner = self.lock();
        let entries = inner.users.values().flatten();
        let lines: Vec<_> = entries
            .filter(|entry| entry.token.as_ref() == Some(token))
            .map(|entry| Arc::clone(&entry.line))
            .collect();
        drop(inner);
        for line in &lines {
            line.close(closing);
        }
        lines.len()
    }

    /// How many connections there are.
    pub fn count(&self) -> usize {
        self.lock().count
    }

    /// How many connections a user has, and what is to be said of the first ones.
    pub fn sessions_of(&self, user: &UserId, most: usize) -> (usize, Vec<SessionHere>) {
        let inner = self.lock();
        let entries = inner.users.get(user).into_iter().flatten();
        // Some have a place, and are not let in yet.
        let entries = entries.filter(|entry| entry.connected_at != Timestamp::default());
        let first = entries.clone().take(most);
        let first: Vec<_> = first
            .map(|entry| {
                let times = (entry.connected_at, entry.expires_at);
                (entry.number, times, Arc::clone(&entry.line))
            })
            .collect();
        let count = entries.count();
        drop(inner);
        let described = first.into_iter().map(|(number, times, line)| {
            let mut figures = line.figures();
            let room_count = figures.rooms.len();
            figures.rooms.sort_unstable();
            figures.rooms.truncate(MOST_ROOMS_LISTED);
            SessionHere {
                session: self.name(number),
                connected_at_ms: times.0.as_millis(),
                token_expires_at_ms: times.1.as_millis(),
                transport: figures.transport.to_owned(),
                rooms: figures.rooms,
                room_count,
                waiting_bytes: figures.waiting_bytes,
            }
        });
        (count, described.collect())
    }

    /// Ends the connection of a user that is called so, if it is here. Returns how many there were.
    pub fn close_session(&self, user: &UserId, name: &str, closing: Closing) -> usize {
        let lines = self.lines_of(user, |entry| self.name(entry.number) == name);
        for line in &lines {
            line.close(closing);
        }
        lines.len()
    }

    /// Ends one connection of a user, if it is here.
    pub fn close_socket(&self, user: &UserId, socket: &SocketId, closing: Closing) {
        for line in self.lines_of(user, |entry| entry.socket == *socket) {
            line.close(closing);
        }
    }

    /// Ends every connection because the server stops. Each client is told to wait for a time of its own,
    /// spread evenly over `spread`.
    pub fn close_all(&self, spread: Duration) -> usize {
        let lines: Vec<_> = self
            .lock()
            .users
            .values()
            .flatten()
            .map(|entry| Arc::clone(&entry.line))
            .collect();
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX).max(1);
        for (place, line) in (0_u32..).zip(&lines) {
            let reconnect_in = spread / count * place;
            line.close(Closing::Shutdown { reconnect_in });
        }
        lines.len()
    }

    fn take_place(
        self: &Arc<Self>,
        user: &UserId,
        address: IpAddr,
        socket: &SocketId,
        line: Arc<dyn Line>,
    ) -> Result<Slot, TooMany> {
        let mut inner = self.lock();
        if inner.count >= self.per_node {
            return Err(TooMany::AtNode);
        }
        let from_address = inner.addresses.get(&address).map_or(0, Guests::len);
        if self.when_full == WhenFull::Refuse && from_address >= self.per_address {
            return Err(TooMany::FromAddress);
        }
        let number = inner.numbered;
        inner.numbered += 1;
        inner.count += 1;
        let guest = Guest {
            user: user.clone(),
            socket: socket.clone(),
            is_leaving: false,
        };
        let guests = inner.addresses.entry(address).or_default();
        guests.insert(number, guest);
        let entry = Entry {
            number,
            socket: socket.clone(),
            token: None,
            expires_at: Timestamp::default(),
            connected_at: Timestamp::default(),
            line,
        };
        // Most have one.
        let entries = inner.users.entry(user.clone());
        entries.or_insert_with(|| Vec::with_capacity(1)).push(entry);
        Ok(Slot {
            connections: Arc::clone(self),
            user: user.clone(),
            address,
            socket: socket.clone(),
            number,
            is_free: false,
        })
    }

    fn name(&self, number: u64) -> String {
        format!("{}-{number}", self.label)
    }

    async fn enter_ledger(&self, user: &UserId, socket: &SocketId) -> Admission {
        self.ledger
            .admit(user, socket, self.per_user, self.when_full)
            .await
    }

    fn lines_of(&self, user: &UserId, which: impl Fn(&Entry) -> bool) -> Vec<Arc<dyn Line>> {
        let inner = self.lock();
        let entries = inner.users.get(user).into_iter().flatten();
        entries
            .filter(|entry| which(entry))
            .map(|entry| Arc::clone(&entry.line))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// What the connection is called in logs. Nobody can do anything with it.
    pub fn name(&self) -> String {
        self.connections.name(self.number)
    }

    /// The connection is over, and its place is free. What this returns tells the ledger.
    pub fn leave(mut self) -> impl Future<Output = ()> {
        let was_last = self.free();
        async move {
            if was_last {
                let ledger = &self.connections.ledger;
                ledger.release(&self.user, &self.socket).await;
            }
        }
    }

    /// Returns whether that was the last place of its socket.
    fn free(&mut self) -> bool {
        !std::mem::replace(&mut self.is_free, true) && self.connections.lock().free(self)
    }

    /// The connection goes on with that token, which it came with, or got.
    pub fn hold(&self, token: Option<&TokenId>, expires_at: Timestamp, now: Timestamp) {
        let mut inner = self.connections.lock();
        let mut entries = inner.users.get_mut(&self.user).into_iter().flatten();
        if let Some(entry) = entries.find(|entry| entry.number == self.number) {
            entry.token = token.cloned();
            entry.expires_at = expires_at;
            if entry.connected_at == Timestamp::default() {
                entry.connected_at = now;
            }
        }
    }
}

impl Inner {
    /// Returns whether that was the last place of its socket.
    fn free(&mut self, slot: &Slot) -> bool {
        let mut is_last = true;
        if let Some(entries) = self.users.get_mut(&slot.user) {
            entries.retain(|entry| entry.number != slot.number);
            is_last = !entries.iter().any(|entry| entry.socket == slot.socket);
            if entries.is_empty() {
                self.users.remove(&slot.user);
            }
        }
        if let Some(guests) = self.addresses.get_mut(&slot.address)
            && guests.remove(&slot.number).is_some()
        {
            self.count -= 1;
            if guests.is_empty() {
                self.addresses.remove(&slot.address);
            }
        }
        is_last
    }

    /// Adds the oldest from the address to those who have to go, as far as there are still more than `most`.
    fn make_room(
        &mut self,
        slot: &Slot,
        most: usize,
        mut displaced: Vec<(UserId, SocketId)>,
    ) -> Vec<(UserId, SocketId)> {
        let guests = self.addresses.entry(slot.address).or_default();
        if guests.len() <= most {
            return displaced;
        }
        for guest in guests.values_mut() {
            guest.is_leaving |= displaced.iter().any(|(_, socket)| *socket == guest.socket);
        }
        let surplus = guests.values().filter(|guest| !guest.is_leaving).count();
        let surplus = surplus.saturating_sub(most);
        let others = guests
            .iter_mut()
            .filter(|(number, _)| **number != slot.number);
        let oldest = others
            .map(|(_, guest)| guest)
            .filter(|guest| !guest.is_leaving);
        for guest in oldest.take(surplus) {
            guest.is_leaving = true;
            displaced.push((guest.user.clone(), guest.socket.clone()));
        }
        displaced
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.free() {
            return;
        }
        // Without a runtime the process is at its end, and with it the node's places.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let ledger = Arc::clone(&self.connections.ledger);
        let (user, socket) = (self.user.clone(), self.socket.clone());
        runtime.spawn(async move { ledger.release(&user, &socket).await });
    }
}
