//! The way out to one socket: counts what waits there, and ends a socket that does not read.
//!
//! Invariant: nothing that a socket is sent is dropped silently. What cannot wait any longer ends the session, and
//! the client resumes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use tracing::error;

use crate::app::{closing::Closing, connections::Line};

/// What a packet has besides its payload, generously.
const PACKET_BYTES: usize = 64;

/// How much waits for one socket. Sockets that read are emptied with every flush.
#[derive(Debug)]
pub struct Backlog {
    bytes: AtomicUsize,
    limit_bytes: usize,
}

impl Backlog {
    pub fn new(limit_bytes: usize) -> Self {
        Self {
            bytes: AtomicUsize::new(0),
            limit_bytes,
        }
    }

    /// Everything has been handed to the network.
    pub fn emptied(&self) {
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// So much has been handed to the network.
    pub fn taken(&self, bytes: usize) {
        let left = |waiting: usize| Some(waiting.saturating_sub(bytes));
        let updated = self
            .bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        debug_assert!(updated.is_ok(), "there is always an amount that is left");
    }

    /// So much more waits. Returns whether too much waited before: one packet alone is never too much.
    fn add(&self, bytes: usize) -> bool {
        self.bytes.fetch_add(bytes, Ordering::Relaxed) > self.limit_bytes
    }
}

/// What ends the session of a socket, and counts what waits for it: an extension of the socket.
#[derive(Clone)]
pub struct Outlet {
    pub line: Arc<dyn Line>,
    pub backlog: Arc<Backlog>,
}

/// Writes a payload, once for all who get it.
pub fn write<T: Serialize>(event: &str, payload: &T) -> Option<Box<RawValue>> {
    to_raw_value(payload)
        .inspect_err(|error| error!(%error, event, "could not write an event"))
        .ok()
}

/// Sends an event to one socket.
pub fn emit<T: Serialize>(socket: &SocketRef, event: &str, payload: &T) {
    if let Some(payload) = write(event, payload) {
        emit_written(socket, event, &payload);
    }
}

/// Sends an event whose payload is written already.
pub fn emit_written(socket: &SocketRef, event: &str, payload: &RawValue) {
    let outlet = socket.extensions.get::<Outlet>();
    let sent = socket.emit(event, payload);
    settle(outlet, payload.get().len() + event.len(), sent);
}

/// Answers an event of one socket.
pub fn acknowledge<T: Serialize>(socket: &SocketRef, ack: AckSender, event: &str, answer: &T) {
    let Some(answer) = write(event, answer) else {
        return;
    };
    let outlet = socket.extensions.get::<Outlet>();
    let sent = ack.send(&answer);
    settle(outlet, answer.get().len(), sent);
}

fn settle(outlet: Option<Outlet>, bytes: usize, sent: Result<(), SendError>) {
    let is_full = match sent {
        Ok(()) => false,
        Err(SendError::Socket(SocketError::InternalChannelFull)) => true,
        // It is on its way out.
        Err(SendError::Socket(SocketError::Closed)) => return,
        Err(SendError::Serialize(error)) => return error!(%error, "could not write a packet"),
    };
    let Some(outlet) = outlet else {
        return;
    };
    if outlet.backlog.add(bytes + PACKET_BYTES) || is_full {
        outlet.line.close(Closing::SlowConsumer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_before_is_too_much_above_the_limit() {
        let backlog = Backlog::new(100);

        assert!(!backlog.add(1_000), "a single packet may be large");
        assert!(backlog.add(1));
        backlog.taken(901);
        assert!(!backlog.add(1));
        assert!(backlog.add(1));
        backlog.taken(10_000);
        assert!(!backlog.add(101));
        backlog.emptied();
        assert!(!backlog.add(100));
        assert!(!backlog.add(1));
    }
}
