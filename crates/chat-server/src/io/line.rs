//! Ending a connection, from the outside of its task.
//!
//! A Socket.IO disconnect makes a stock client stay away; a transport that closes makes it come back. The
//! engine offers the first alone, so the transport is closed underneath it: see [`super::carriers`].

use std::{
    sync::{
        Arc, OnceLock,
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

/// How long a transport that carries no session any more is kept for another one.
const KEPT_FOR_ANOTHER: Duration = Duration::from_secs(10);

/// One connection, as those see it who may want to end it. It does not keep the socket alive.
pub struct SocketLine {
    io: SocketIo,
    session: Sid,
    carriers: Arc<Carriers>,
    /// Why it is to be closed; the first reason counts.
    wanted: OnceLock<Closing>,
    is_closing: AtomicBool,
}

impl SocketLine {
    pub(super) fn new(io: SocketIo, session: Sid, carriers: Arc<Carriers>) -> Self {
        Self {
            io,
            session,
            carriers,
            wanted: OnceLock::new(),
            is_closing: AtomicBool::new(false),
        }
    }

    /// The socket can be reached from now on: what was wanted before that is done now.
    pub(super) fn begun(&self) {
        if let Some(closing) = self.wanted.get() {
            self.carry_out(*closing);
        }
    }

    /// Closes the transport of a client that is refused for now, when it has read the refusal.
    pub(super) fn turn_away(&self, transport: TransportType) {
        self.end_after(last_words(transport));
    }

    /// The client has left the session, and may begin another one on the same transport.
    pub(super) fn left(&self) {
        let (io, carriers, session) = (self.io.clone(), Arc::clone(&self.carriers), self.session);
        tokio::spawn(async move {
            tokio::time::sleep(KEPT_FOR_ANOTHER).await;
            if find(&io, session).is_none() {
                carriers.end(session).await;
            }
        });
    }

    fn carry_out(&self, closing: Closing) {
        let Some(socket) = find(&self.io, self.session) else {
            return;
        };
        if self.is_closing.swap(true, Ordering::Relaxed) {
            return;
        }
        let notice = closing.notice();
        if let Err(error) = socket.emit("session_closed", &notice) {
            debug!(%error, "could not say why a session is closed");
        }
        if notice.reconnect {
            return self.end_after(last_words(socket.transport_type()));
        }
        if let Err(error) = socket.disconnect() {
            debug!(%error, "could not disconnect a socket politely");
        }
        self.end_after(GO_BY_ITSELF);
    }

    fn end_after(&self, delay: Duration) {
        let (carriers, session) = (Arc::clone(&self.carriers), self.session);
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            carriers.end(session).await;
        });
    }
}

impl Line for SocketLine {
    fn close(&self, closing: Closing) {
        if self.wanted.set(closing).is_ok() {
            self.carry_out(closing);
        }
    }
}

fn find(io: &SocketIo, session: Sid) -> Option<SocketRef> {
    io.of("/")?.get_socket(session)
}

fn last_words(transport: TransportType) -> Duration {
    match transport {
        TransportType::Websocket => LAST_WORDS,
        TransportType::Polling => LAST_POLL,
    }
}
