//! Every live connection of this node, and the places that they take.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::{
    id::{SocketId, UserId},
    ports::{Admission, ConnectionLedger, WhenFull},
    revocation::TokenId,
};
use tokio::runtime::Handle;

use super::closing::Closing;
use crate::config::Limits;

/// A connection that can be ended.
pub trait Line: Send + Sync {
    /// Says why, where that is still possible, and ends the connection. Does not wait.
    fn close(&self, closing: Closing);
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
}

/// Every live connection of this node.
pub struct Connections {
    per_user: usize,
    per_address: usize,
    when_full: WhenFull,
    /// Counts the connections of users, over all nodes.
    ledger: Arc<dyn ConnectionLedger>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    users: HashMap<UserId, Vec<Entry>>,
    addresses: HashMap<IpAddr, usize>,
}

struct Entry {
    socket: SocketId,
    /// The token that it came with, or got since.
    token: Option<TokenId>,
    line: Arc<dyn Line>,
}

/// A connection that was let in.
pub struct Admitted {
    /// Its place.
    pub slot: Slot,
    /// Those of the user's connections, at any node, that have to go for it.
    pub displaced: Vec<SocketId>,
}

/// The place of one connection. It is free again when this is dropped.
pub struct Slot {
    connections: Arc<Connections>,
    user: UserId,
    address: IpAddr,
    socket: SocketId,
}

impl Connections {
    /// Nobody is connected yet.
    pub fn new(limits: &Limits, ledger: Arc<dyn ConnectionLedger>) -> Arc<Self> {
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
            when_full,
            ledger,
            inner: Mutex::default(),
        })
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
        let displaced = match self.count(user, socket).await {
            Admission::Admitted => Vec::new(),
            Admission::AdmittedInsteadOf(sockets) => sockets,
            Admission::Refused => return Err(TooMany::OfUser),
        };
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
        let from_address = inner.addresses.entry(address).or_default();
        if *from_address >= self.per_address {
            return Err(TooMany::FromAddress);
        }
        *from_address += 1;
        let socket = socket.clone();
        let entry = Entry {
            socket: socket.clone(),
            token: None,
            line,
        };
        inner.users.entry(user.clone()).or_default().push(entry);
        Ok(Slot {
            connections: Arc::clone(self),
            user: user.clone(),
            address,
            socket,
        })
    }

    async fn count(&self, user: &UserId, socket: &SocketId) -> Admission {
        if self.per_user == usize::MAX {
            return Admission::Admitted;
        }
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
    /// From now on the connection goes on with that token.
    pub fn hold(&self, token: Option<&TokenId>) {
        let mut inner = self.connections.lock();
        let mut entries = inner.users.get_mut(&self.user).into_iter().flatten();
        if let Some(entry) = entries.find(|entry| entry.socket == self.socket) {
            entry.token = token.cloned();
        }
    }
}

impl Inner {
    fn free(&mut self, slot: &Slot) {
        if let Some(entries) = self.users.get_mut(&slot.user) {
            entries.retain(|entry| entry.socket != slot.socket);
            if entries.is_empty() {
                self.users.remove(&slot.user);
            }
        }
        if let Some(count) = self.addresses.get_mut(&slot.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&slot.address);
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.lock().free(self);
        // Without a runtime the process is at its end, and with it the node's places.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        if self.connections.per_user < usize::MAX {
            let ledger = Arc::clone(&self.connections.ledger);
            let (user, socket) = (self.user.clone(), self.socket.clone());
            runtime.spawn(async move { ledger.release(&user, &socket).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use chat_domain::memory::MemoryLedger;

    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<Closing>>);

    impl Line for Recorded {
        fn close(&self, closing: Closing) {
            self.0.lock().unwrap().push(closing);
        }
    }

    fn connections(per_user: u32, per_address: u32, evict: bool) -> Arc<Connections> {
        let limits = Limits {
            connections_per_user: per_user,
            connections_per_address: per_address,
            connections_evict_oldest: evict,
            ..Limits::default()
        };
        Connections::new(&limits, Arc::new(MemoryLedger::default()))
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    fn socket(number: usize) -> SocketId {
        SocketId::new(&number.to_string())
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    async fn admit(
        connections: &Arc<Connections>,
        name: &str,
        number: usize,
    ) -> Result<Admitted, TooMany> {
        admit_line(connections, name, number, Arc::default()).await
    }

    async fn admit_line(
        connections: &Arc<Connections>,
        name: &str,
        number: usize,
        line: Arc<Recorded>,
    ) -> Result<Admitted, TooMany> {
        connections
            .admit(&user(name), HOME, &socket(number), line)
            .await
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_is_gone() {
        let connections = connections(1, 0, false);
        let first = admit(&connections, "ada", 1).await.unwrap();

        let refused = admit(&connections, "ada", 2).await.err();
        drop(first);
        // The place is given back by a task.
        while admit(&connections, "ada", 3).await.is_err() {
            tokio::task::yield_now().await;
        }

        assert_eq!(refused, Some(TooMany::OfUser));
    }

    #[tokio::test]
    async fn an_address_is_counted_over_all_users() {
        let connections = connections(0, 2, false);
        let _one = admit(&connections, "a", 1).await.unwrap();
        let two = admit(&connections, "b", 2).await.unwrap();

        let refused = admit(&connections, "c", 3).await.err();
        drop(two);

        assert_eq!(refused, Some(TooMany::FromAddress));
        assert!(admit(&connections, "c", 4).await.is_ok());
    }

    #[tokio::test]
    async fn the_oldest_makes_room_where_that_is_configured() {
        let connections = connections(1, 0, true);
        let line = Arc::<Recorded>::default();
        let old = admit_line(&connections, "ada", 1, Arc::clone(&line)).await;
        let old = old.unwrap();

        let new = admit(&connections, "ada", 2).await.unwrap();
        for socket in &new.displaced {
            connections.close_socket(&user("ada"), socket, Closing::Evicted);
        }

        assert_eq!(new.displaced, [socket(1)]);
        assert_eq!(*line.0.lock().unwrap(), [Closing::Evicted]);
        drop(old);
        assert_eq!(
            connections.close_user(&user("ada"), Closing::Evicted),
            1,
            "the new one is still there"
        );
    }

    #[tokio::test]
    async fn when_the_server_stops_everybody_gets_a_time_of_their_own() {
        let connections = connections(0, 0, false);
        let lines: Vec<Arc<Recorded>> = (0..4).map(|_| Arc::default()).collect();
        let mut slots = Vec::new();
        for (number, line) in lines.iter().enumerate() {
            let admitted = admit_line(&connections, "ada", number, Arc::clone(line)).await;
            slots.push(admitted.unwrap().slot);
        }

        connections.close_all(Duration::from_millis(400));

        let told: Vec<Closing> = lines.iter().map(|line| line.0.lock().unwrap()[0]).collect();
        let expected = [0, 100, 200, 300].map(|ms| Closing::Shutdown {
            reconnect_in: Duration::from_millis(ms),
        });
        assert_eq!(told, expected);
    }
}
