//! The way out to one socket: counts what waits there, and ends a socket that does not read.
//!
//! Invariant: nothing that a socket is sent is dropped silently. When too much waits, what waits is still sent, in
//! order, and then why the session ends; nothing comes after that, and the client resumes.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use socketioxide::{
    SendError, SocketError,
    extract::{AckSender, SocketRef},
};
use tracing::error;

use super::backlog::{Backlog, Entry};
use crate::app::{closing::Closing, connections::Line};

/// What an event's packet has besides its name and its payload: `42["",]`.
const EVENT_BYTES: usize = 7;

/// What an answer's packet has besides its payload: `430[]`. Numbers of more digits are not worth a look.
const ANSWER_BYTES: usize = 5;

/// What ends the session of a socket, and counts what waits for it: an extension of the socket.
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
    let bytes = EVENT_BYTES + event.len() + payload.get().len();
    send(socket, bytes, || socket.emit(event, payload));
}

/// Answers an event of one socket.
pub fn acknowledge<T: Serialize>(socket: &SocketRef, ack: AckSender, event: &str, answer: &T) {
    if let Some(answer) = write(event, answer) {
        let bytes = ANSWER_BYTES + answer.get().len();
        send(socket, bytes, || ack.send(&answer));
    }
}

fn send(socket: &SocketRef, bytes: usize, send: impl FnOnce() -> Result<(), SendError>) {
    let Some(outlet) = socket.extensions.get::<Arc<Outlet>>() else {
        return;
    };
    // Before it is sent: afterwards it may have left already.
    let entry = outlet.backlog.enter(bytes);
    if entry == Entry::Refused {
        return;
    }
    match send() {
        // It is on its way out.
        Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
        Err(SendError::Socket(SocketError::InternalChannelFull)) => {
            outlet.backlog.shut();
            outlet.line.close(Closing::SlowConsumer);
        }
        Err(SendError::Serialize(error)) => error!(%error, "could not write a packet"),
    }
    if entry == Entry::TheLast {
        outlet.line.close(Closing::SlowConsumer);
    }
}
