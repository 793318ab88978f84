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
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{backlog::Backlog, carriers::Carriers, outlet, packet::Packet, recipients::Recipients};
use crate::{
    app::{
        closing::Closing,
        connections::{Line, LineFigures},
    },
    wire::outgoing::SessionClosed,
};

/// How long a client may take to read what waits for it when it was told to go.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a client that polls has to fetch them.
const LAST_POLL: Duration = Duration::from_millis(700);

/// How long a transport has to end by itself.
const HANGS_UP_WITHIN: Duration = Duration::from_millis(500);

/// How long a client that did not read has to do so after all, until nobody waits for it any more. It has left its
/// rooms already.
pub const FAREWELL: Duration = Duration::from_secs(10);

/// How long a client has to go by itself after a Socket.IO disconnect.
const GO_BY_ITSELF: Duration = Duration::from_secs(1);

/// How long a transport that carries no session any more is kept for another one.
const KEPT_FOR_ANOTHER: Duration = Duration::from_secs(10);

/// What all lines share.
#[derive(Clone)]
pub struct Exchange {
    pub io: SocketIo,
    pub carriers: Arc<Carriers>,
    pub recipients: Arc<Recipients>,
}

impl Exchange {
    fn find(&self, session: Sid) -> Option<SocketRef> {
        self.io.of("/")?.get_socket(session)
    }
}

/// One connection, as those see it who may want to end it. It does not keep the socket alive.
pub struct SocketLine {
    exchange: Exchange,
    session: Sid,
    backlog: Arc<Backlog>,
    /// Why it is to be closed; the first reason counts.
    wanted: OnceLock<Closing>,
    is_closing: AtomicBool,
    /// Cancelled when its task is over, although the connection is still there.
    dismissed: CancellationToken,
}

impl SocketLine {
    pub(super) fn new(exchange: Exchange, session: Sid, backlog: Arc<Backlog>) -> Self {
        Self {
            exchange,
            session,
            backlog,
            wanted: OnceLock::new(),
            is_closing: AtomicBool::new(false),
            dismissed: CancellationToken::new(),
        }
    }

    /// The engine's name of the session.
    pub(super) fn session(&self) -> Sid {
        self.session
    }

    /// The engine's socket, if it is still there.
    pub(super) fn socket(&self) -> Option<SocketRef> {
        self.exchange.find(self.session)
    }

    /// Why the server ends the connection, if it does.
    pub(super) fn closing(&self) -> Option<Closing> {
        self.wanted.get().copied()
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

    /// Returns when the socket is to leave its rooms, although the connection is still there.
    pub(super) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }

    /// Whether [`Self::dismissed`] returns.
    pub(super) fn is_dismissed(&self) -> bool {
        self.dismissed.is_cancelled()
    }

    /// The client has left the session, and may begin another one on the same transport.
    pub(super) fn left(&self) {
        let (exchange, session) = (self.exchange.clone(), self.session);
        tokio::spawn(async move {
            sleep(KEPT_FOR_ANOTHER).await;
            if exchange.find(session).is_none() {
                exchange.carriers.end(session).await;
            }
        });
    }

    fn carry_out(&self, closing: Closing) {
        let Some(socket) = self.socket() else {
            return;
        };
        if self.is_closing.swap(true, Ordering::Relaxed) {
            return;
        }
        if closing == Closing::SlowConsumer {
            // It gets what waits already, and then the reason.
            self.backlog.shut();
            self.dismissed.cancel();
        }
        let notice = closing.notice();
        self.say_why(&socket, &notice);
        if closing == Closing::SlowConsumer {
            return self.see_off();
        }
        if notice.reconnect {
            return self.end_after(last_words(socket.transport_type()));
        }
        // The engine sends nothing after that either.
        self.backlog.shut();
        if let Err(error) = socket.disconnect() {
            debug!(%error, "could not disconnect a socket politely");
        }
        self.end_after(GO_BY_ITSELF);
    }

    fn say_why(&self, socket: &SocketRef, notice: &SessionClosed) {
        const EVENT: &str = "session_closed";
        let Some(packet) = outlet::written(EVENT, Packet::event(EVENT, notice)) else {
            return;
        };
        // Nothing may overtake it.
        self.backlog.begun(packet.len());
        if let Err(error) = socket.emit(EVENT, packet.payload()) {
            debug!(%error, "could not say why a session is closed");
        }
    }

    /// Ends the transport when everything has left, or when that takes too long.
    fn see_off(&self) {
        let (carriers, session) = (Arc::clone(&self.exchange.carriers), self.session);
        let backlog = Arc::clone(&self.backlog);
        tokio::spawn(async move {
            if carriers.hang_up(session) {
                sleep(FAREWELL).await;
            } else {
                let polled =
                    async { while timeout(LAST_POLL, backlog.progress()).await.is_ok() {} };
                let _ = timeout(FAREWELL, polled).await;
            }
            carriers.end(session).await;
        });
    }

    fn end_after(&self, delay: Duration) {
        let (carriers, session) = (Arc::clone(&self.exchange.carriers), self.session);
        tokio::spawn(async move {
            sleep(delay).await;
            if carriers.hang_up(session) {
                sleep(HANGS_UP_WITHIN).await;
            }
            carriers.end(session).await;
        });
    }
}

impl Line for SocketLine {
    fn close(&self, closing: Closing) {
        if self.wanted.set(closing).is_ok() {
            self.carry_out(closing);
        } else if matches!(closing, Closing::Shutdown { .. }) {
            // A farewell may last longer than the server has.
            self.end_after(LAST_WORDS);
        }
    }

    fn figures(&self) -> LineFigures {
        let waiting_bytes = self.backlog.bytes();
        let Some(socket) = self.socket() else {
            return LineFigures {
                waiting_bytes,
                ..LineFigures::default()
            };
        };
        let transport = match socket.transport_type() {
            TransportType::Websocket => "websocket",
            TransportType::Polling => "polling",
        };
        let rooms = self.exchange.recipients.rooms_of(self.session);
        LineFigures {
            transport,
            rooms: rooms.iter().map(ToString::to_string).collect(),
            waiting_bytes,
        }
    }
}

fn last_words(transport: TransportType) -> Duration {
    match transport {
        TransportType::Websocket => LAST_WORDS,
        TransportType::Polling => LAST_POLL,
    }
}
