//! How many TCP connections there may be: over all, and from one address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    app::address::Address,
    config::{Cidrs, Config},
    metrics::connections::Tcp,
};

/// What there is for connections.
pub struct Places {
    free: Arc<Semaphore>,
    most_per_address: Option<usize>,
    /// Everybody comes from there.
    proxies: Cidrs,
    taken: Arc<Taken>,
}

/// The place of one connection. It is free again when this is dropped.
pub struct Place {
    address: Address,
    taken: Arc<Taken>,
    _permit: OwnedSemaphorePermit,
    _counted: Tcp,
}

/// How many connections there are, by address.
#[derive(Default)]
struct Taken(Mutex<HashMap<Address, usize>>);

impl Places {
    /// As many as the limits say.
    pub fn new(config: &Config) -> Self {
        let most = config.limits.carriers().unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            most_per_address: config.limits.carriers_per_address(),
            proxies: config.http.trusted_proxies.clone(),
            taken: Arc::default(),
        }
    }

    /// A place, if there is one for that address.
    pub fn take(&self, peer: IpAddr) -> Option<Place> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        let address = Address::of(peer.to_canonical());
        let most = self
            .most_per_address
            .filter(|_| !self.proxies.contain(peer));
        let mut taken = self.taken.lock();
        let count = taken.entry(address).or_default();
        if most.is_some_and(|most| *count >= most) {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place {
            address,
            taken: Arc::clone(&self.taken),
            _permit: permit,
            _counted: Tcp::opened(),
        })
    }
}

impl Taken {
    fn lock(&self) -> MutexGuard<'_, HashMap<Address, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}
