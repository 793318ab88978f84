//! Ports for services that are killed and started again where they were.

use std::{
    fs::{self, File},
    net::TcpListener,
};

use crate::cache;

/// Below those that the system gives to outgoing connections: one of these could take the port while its service
/// is away, even a client that tries to reach it.
const CHOICE: std::ops::Range<u16> = 10_000..32_000;

/// A port that no other test takes as long as this lives.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Locked, in all tests on this machine that were built in the same place.
    _lock: File,
}

impl Port {
    /// One that nobody listens on.
    pub fn reserve() -> Self {
        let locks = cache::folder().join("ports");
        fs::create_dir_all(&locks).expect("what is built can be written to");
        loop {
            let number = fastrand::u16(CHOICE);
            let lock = File::create(locks.join(number.to_string())).expect("a lock");
            if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self {
                    number,
                    _lock: lock,
                };
            }
        }
    }

    /// Its number.
    pub const fn number(&self) -> u16 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_gets_a_port_that_is_taken() {
        let port = Port::reserve();

        let lock = cache::folder()
            .join("ports")
            .join(port.number().to_string());

        assert!(File::create(lock).unwrap().try_lock().is_err());
    }
}
