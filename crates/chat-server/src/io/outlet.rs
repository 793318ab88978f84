//! The way out to one socket: straight to the network if nothing waits, else through the engine. Counts what waits
//! there, and ends a socket that does not read.
//!
//! Invariant: nothing that a socket is sent is dropped silently. When too much waits, what waits is still sent, in
//! order, and then why the session ends; nothing comes after that, and the client resumes.

use std::sync::{Arc, OnceLock};

use chat_domain::id::UserId;
use serde::Serialize;
use socketioxide::{SendError, SocketError, extract::AckSender};
use tracing::error;

use super::{
    backlog::{Backlog, Entry},
    cable::Cable,
    line::SocketLine,
    packet::Packet,
};
use crate::app::{closing::Closing, connections::Line as _};

/// One socket, as those see it who have something to say to it. It does not keep the socket alive.
pub struct Outlet {
    /// Whose it is.
    pub user: UserId,
    /// Ends it.
    pub line: Arc<SocketLine>,
    /// What waits in the engine.
    pub backlog: Arc<Backlog>,
    /// It was admitted on a transport that polls.
    pub has_polled: bool,
    direct: OnceLock<Arc<Cable>>,
}

/// A client waits for the acknowledgement of this number.
pub struct Awaited {
    pub number: i64,
    pub sender: AckSender,
}

impl Outlet {
    pub fn new(
        user: UserId,
        line: Arc<SocketLine>,
        backlog: Arc<Backlog>,
        has_polled: bool,
    ) -> Self {
        Self {
            user,
            line,
            backlog,
            has_polled,
            direct: OnceLock::new(),
        }
    }

    /// The engine has sent a packet of this session over that WebSocket: others may go there directly.
    pub fn open(&self, cable: &Arc<Cable>) {
        self.direct.get_or_init(|| Arc::clone(cable));
    }

    /// Sends an event.
    pub fn emit<T: Serialize>(&self, event: &str, payload: &T) {
        if let Some(packet) = written(event, Packet::event(event, payload)) {
            self.send(&packet);
        }
    }

    /// Sends an event that was written for all who get it.
    pub fn send(&self, packet: &Packet<'_>) {
        self.pass(packet, || match self.line.socket() {
            Some(socket) => socket.emit(packet.name(), packet.payload()),
            None => Ok(()),
        });
    }

    /// Answers an event.
    pub fn acknowledge<T: Serialize>(&self, awaited: Awaited, event: &str, answer: &T) {
        let packet = Packet::acknowledgement(awaited.number, answer);
        if let Some(packet) = written(event, packet) {
            self.pass(&packet, || awaited.sender.send(packet.payload()));
        }
    }

    fn pass(&self, packet: &Packet<'_>, send: impl FnOnce() -> Result<(), SendError>) {
        let cable = self.direct.get();
        if cable.is_some_and(|cable| cable.write(packet.frame(), self)) {
            return;
        }
        // Before it is sent: afterwards it may have left already.
        let entry = self.backlog.enter(packet.len());
        if entry == Entry::Refused {
            return;
        }
        match send() {
            // It is on its way out.
            Ok(()) | Err(SendError::Socket(SocketError::Closed)) => {}
            Err(SendError::Socket(SocketError::InternalChannelFull)) => {
                self.backlog.shut();
                self.line.close(Closing::SlowConsumer);
            }
            Err(SendError::Serialize(error)) => error!(%error, "could not write a packet"),
        }
        if entry == Entry::TheLast {
            self.line.close(Closing::SlowConsumer);
        }
    }
}

/// The packet, if it could be written.
pub fn written<'a>(event: &str, packet: serde_json::Result<Packet<'a>>) -> Option<Packet<'a>> {
    packet
        .inspect_err(|error| error!(%error, event, "could not write an event"))
        .ok()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{app::queues::Queues, io::Engine};

    /// The way out to a socket that is not there: of the user, and of that number.
    pub fn sample(user: &str, number: u8) -> Arc<Outlet> {
        let settings = [
            ("CHAT_DATABASE__URL", "sqlite://unused.db"),
            (
                "CHAT_AUTH__SECRET",
                "a secret that is long enough for HS256",
            ),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = crate::config::load(None, settings.into()).unwrap();
        let share = Queues::new(usize::MAX).share();
        let backlog = Arc::new(Backlog::new(usize::MAX, usize::MAX, share));
        let letter = char::from(b'A' + number);
        let session = letter.to_string().repeat(16).parse().unwrap();
        let exchange = Engine::new(&config).exchange();
        let line = SocketLine::new(exchange, session, Arc::clone(&backlog));
        let user = UserId::parse(user).unwrap();
        Arc::new(Outlet::new(user, Arc::new(line), backlog, false))
    }
}
