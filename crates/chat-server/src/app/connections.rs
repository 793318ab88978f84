//! The live connections of this node: how many there are, and how to end them.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chat_domain::id::UserId;

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
    evict_oldest: bool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next_number: u64,
    /// Each user's connections, oldest first.
    users: HashMap<UserId, Vec<Entry>>,
    addresses: HashMap<IpAddr, usize>,
}

struct Entry {
    number: u64,
    line: Arc<dyn Line>,
}

/// The place of one connection. It is free again when this is dropped.
pub struct Slot {
    connections: Arc<Connections>,
    user: UserId,
    address: IpAddr,
    number: u64,
}

impl Connections {
    /// Nobody is connected yet.
    pub fn new(limits: &Limits) -> Arc<Self> {
        let limit = |number: u32| match usize::try_from(number) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        Arc::new(Self {
            per_user: limit(limits.connections_per_user),
            per_address: limit(limits.connections_per_address),
            evict_oldest: limits.connections_evict_oldest,
            inner: Mutex::default(),
        })
    }

    /// Lets a connection in, or says why not.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn admit(
        self: &Arc<Self>,
        user: &UserId,
        address: IpAddr,
        line: Arc<dyn Line>,
    ) -> Result<Slot, TooMany> {
        let mut inner = self.lock();
        if inner
            .addresses
            .get(&address)
            .is_some_and(|count| *count >= self.per_address)
        {
            return Err(TooMany::FromAddress);
        }
        let evicted = match inner.users.get_mut(user) {
            Some(entries) if entries.len() >= self.per_user => {
                if !self.evict_oldest {
                    return Err(TooMany::OfUser);
                }
                Some(entries.remove(0))
            }
            _ => None,
        };
        let number = inner.next_number;
        inner.next_number += 1;
        inner
            .users
            .entry(user.clone())
            .or_default()
            .push(Entry { number, line });
        *inner.addresses.entry(address).or_default() += 1;
        drop(inner);
        if let Some(evicted) = evicted {
            evicted.line.close(Closing::Evicted);
        }
        Ok(Slot {
            connections: Arc::clone(self),
            user: user.clone(),
            address,
            number,
        })
    }

    /// Ends every connection of a user. Returns how many there were.
    pub fn close_user(&self, user: &UserId, closing: Closing) -> usize {
        let lines = self
            .lock()
            .users
            .get(user)
            .map(|entries| lines_of(entries))
            .unwrap_or_default();
        for line in &lines {
            line.close(closing);
        }
        lines.len()
    }

    /// Ends every connection because the server stops. Each client is told to wait for a time of its own,
    /// spread evenly over `spread`.
    pub fn close_all(&self, spread: Duration) -> usize {
        let lines: Vec<_> = self
            .lock()
            .users
            .values()
            .flat_map(|entries| lines_of(entries))
            .collect();
        let count = u32::try_from(lines.len()).unwrap_or(u32::MAX).max(1);
        for (place, line) in (0_u32..).zip(&lines) {
            let reconnect_in = spread / count * place;
            line.close(Closing::Shutdown { reconnect_in });
        }
        lines.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lines_of(entries: &[Entry]) -> Vec<Arc<dyn Line>> {
    entries
        .iter()
        .map(|entry| Arc::clone(&entry.line))
        .collect()
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut inner = self.connections.lock();
        if let Some(entries) = inner.users.get_mut(&self.user) {
            entries.retain(|entry| entry.number != self.number);
            if entries.is_empty() {
                inner.users.remove(&self.user);
            }
        }
        if let Some(count) = inner.addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                inner.addresses.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorded(Mutex<Vec<Closing>>);

    impl Line for Recorded {
        fn close(&self, closing: Closing) {
            self.0.lock().unwrap().push(closing);
        }
    }

    fn limits(per_user: u32, per_address: u32, evict: bool) -> Limits {
        Limits {
            connections_per_user: per_user,
            connections_per_address: per_address,
            connections_evict_oldest: evict,
            ..Limits::default()
        }
    }

    fn user(name: &str) -> UserId {
        UserId::parse(name).unwrap()
    }

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_place_is_free_again_when_its_connection_is_gone() {
        let connections = Connections::new(&limits(1, 0, false));
        let slot = connections
            .admit(&user("ada"), HOME, Arc::<Recorded>::default())
            .unwrap();

        let refused = connections
            .admit(&user("ada"), HOME, Arc::<Recorded>::default())
            .err();
        drop(slot);

        assert_eq!(refused, Some(TooMany::OfUser));
        assert!(
            connections
                .admit(&user("ada"), HOME, Arc::<Recorded>::default())
                .is_ok()
        );
    }

    #[test]
    fn an_address_is_counted_over_all_users() {
        let connections = Connections::new(&limits(0, 2, false));
        let admit = |name| connections.admit(&user(name), HOME, Arc::<Recorded>::default());
        let (_one, _two) = (admit("a").unwrap(), admit("b").unwrap());

        assert_eq!(admit("c").err(), Some(TooMany::FromAddress));
    }

    #[test]
    fn the_oldest_makes_room_where_that_is_configured() {
        let connections = Connections::new(&limits(1, 0, true));
        let first = Arc::<Recorded>::default();
        let old = connections
            .admit(&user("ada"), HOME, Arc::clone(&first) as _)
            .unwrap();

        let new = connections.admit(&user("ada"), HOME, Arc::<Recorded>::default());

        assert!(new.is_ok());
        assert_eq!(*first.0.lock().unwrap(), [Closing::Evicted]);
        drop(old);
        assert_eq!(
            connections.close_user(&user("ada"), Closing::Evicted),
            1,
            "the new one is still there"
        );
    }

    #[test]
    fn when_the_server_stops_everybody_gets_a_time_of_their_own() {
        let connections = Connections::new(&limits(0, 0, false));
        let lines: Vec<Arc<Recorded>> = (0..4).map(|_| Arc::default()).collect();
        let _slots: Vec<Slot> = lines
            .iter()
            .map(|line| {
                connections
                    .admit(&user("ada"), HOME, Arc::clone(line) as _)
                    .unwrap()
            })
            .collect();

        connections.close_all(Duration::from_millis(400));

        let told: Vec<Closing> = lines.iter().map(|line| line.0.lock().unwrap()[0]).collect();
        let expected = [0, 100, 200, 300].map(|ms| Closing::Shutdown {
            reconnect_in: Duration::from_millis(ms),
        });
        assert_eq!(told, expected);
    }
}
