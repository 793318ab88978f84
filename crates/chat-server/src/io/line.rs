//! Ending a connection, from the outside of its task.
//!
//! A Socket.IO disconnect makes a stock client stay away; a transport that closes makes it come back. The
//! engine offers the first alone, so the transport is closed underneath it: see [`super::carriers`].

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use socketioxide::{SocketIo, TransportType, extract::SocketRef, socket::Sid};
use tracing::debug;

use super::carriers::Carriers;
use crate::app::{closing::Closing, connections::Line};

/// How long the last words have to leave the server.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a client that polls has to fetch them.
const LAST_POLL: Duration = Duration::from_millis(700);

/// How long a client has to go by itself after a Socket.IO disconnect.
const GO_BY_ITSELF: Duration = Duration::from_secs(1);

/// One connection, as those see it who may want to end it. It does not keep the socket alive.
pub struct SocketLine {
    io: SocketIo,
    session: Sid,
    carriers: Arc<Carriers>,
    is_closing: AtomicBool,
}

impl SocketLine {
    pub(super) fn new(io: SocketIo, session: Sid, carriers: Arc<Carriers>) -> Self {
        Self {
            io,
            session,
            carriers,
            is_closing: AtomicBool::new(false),
        }
    }

    /// Closes the transport of a client that is refused for now, when it has read the refusal.
    pub(super) fn turn_away(&self, transport: TransportType) {
        self.end_after(last_words(transport), transport);
    }

    fn socket(&self) -> Option<SocketRef> {
        self.io.of("/")?.get_socket(self.session)
    }

    fn end_after(&self, delay: Duration, transport: TransportType) {
        let (carriers, session) = (Arc::clone(&self.carriers), self.session);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            carriers.end(session.as_str(), transport).await;
        });
    }
}

fn last_words(transport: TransportType) -> Duration {
    match transport {
        TransportType::Websocket => LAST_WORDS,
        TransportType::Polling => LAST_POLL,
    }
}

impl Line for SocketLine {
    fn close(&self, closing: Closing) {
        if self.is_closing.swap(true, Ordering::Relaxed) {
            return;
        }
        let Some(socket) = self.socket() else {
            return;
        };
        let notice = closing.notice();
        if let Err(error) = socket.emit("session_closed", &notice) {
            debug!(%error, "could not say why a session is closed");
        }
        let transport = socket.transport_type();
        if notice.reconnect {
            return self.end_after(last_words(transport), transport);
        }
        if let Err(error) = socket.disconnect() {
            debug!(%error, "could not disconnect a socket politely");
        }
        self.end_after(GO_BY_ITSELF, transport);
    }
}
