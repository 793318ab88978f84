//! Ending a connection, from the outside of its task.
//!
//! A Socket.IO disconnect makes a stock client stay away; a transport that closes makes it come back. The
//! engine offers the first alone. So the transport is closed underneath it: the TCP connection of a WebSocket
//! is cut, and a polling session is closed with the packet that its own client would send.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use http::{Method, Request};
use socketioxide::{SocketIo, TransportType, extract::SocketRef, socket::Sid};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::debug;

use super::{PATH, Service, listener::Carrier};
use crate::app::{closing::Closing, connections::Line};

/// How long the last words have to leave the server.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long a client has to go by itself after a Socket.IO disconnect.
const GO_BY_ITSELF: Duration = Duration::from_secs(1);

/// Which TCP connection carries which WebSocket session.
pub struct Carriers {
    service: Service,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_session: HashMap<String, Weak<CancellationToken>>,
    sweep_at: usize,
}

/// When so many are kept, those that are gone are thrown out.
const SWEEP_AT: usize = 1_024;

impl Carriers {
    pub(super) fn new(service: Service) -> Self {
        Self {
            service,
            inner: Mutex::default(),
        }
    }

    /// The session goes on on this connection, from its upgrade on.
    pub fn note(&self, session: &str, carrier: &Carrier) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.by_session.len() >= inner.sweep_at.max(SWEEP_AT) {
            inner
                .by_session
                .retain(|_, cutter| cutter.strong_count() > 0);
            inner.sweep_at = inner.by_session.len() * 2;
        }
        let cutter = Arc::downgrade(carrier.cutter());
        inner.by_session.insert(session.to_owned(), cutter);
    }

    fn upgraded(&self, session: Sid) -> Option<Arc<CancellationToken>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner
            .by_session
            .get(session.as_str())
            .and_then(Weak::upgrade)
    }

    /// Says in the client's place that a polling session is over.
    async fn end_polling(&self, session: Sid) {
        let uri = format!("{PATH}/?EIO=4&transport=polling&sid={session}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri)
            .body(Body::from("1"));
        let response = match request {
            Ok(request) => self.service.clone().oneshot(request).await,
            Err(error) => return debug!(%error, "could not ask to end a session"),
        };
        let Ok(response) = response;
        debug!(status = %response.status(), "ended a polling session");
    }
}

/// One connection, as those see it who may want to end it.
pub struct SocketLine {
    io: SocketIo,
    session: Sid,
    /// The connection that the session began on.
    first: Weak<CancellationToken>,
    carriers: Arc<Carriers>,
    is_closing: AtomicBool,
}

/// A socket's own line, as an extension of the socket.
#[derive(Clone)]
pub struct OwnLine(pub Arc<dyn Line>);

impl SocketLine {
    pub(super) fn new(
        io: SocketIo,
        socket: &SocketRef,
        carrier: &Carrier,
        carriers: Arc<Carriers>,
    ) -> Self {
        let first = Arc::downgrade(carrier.cutter());
        Self {
            io,
            session: socket.id,
            first,
            carriers,
            is_closing: AtomicBool::new(false),
        }
    }

    fn socket(&self) -> Option<SocketRef> {
        self.io.of("/")?.get_socket(self.session)
    }

    /// Closes the transport after `delay`. Works also where the session was never let in.
    pub(super) fn cut_after(&self, delay: Duration, transport: TransportType) {
        let carriers = Arc::clone(&self.carriers);
        let (session, first) = (self.session, self.first.clone());
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            match transport {
                TransportType::Polling => carriers.end_polling(session).await,
                TransportType::Websocket => {
                    // A session that was upgraded began on a connection that others may be using now.
                    if let Some(cutter) = carriers.upgraded(session).or_else(|| first.upgrade()) {
                        cutter.cancel();
                    }
                }
            }
        });
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
            return self.cut_after(LAST_WORDS, transport);
        }
        if let Err(error) = socket.disconnect() {
            debug!(%error, "could not disconnect a socket politely");
        }
        self.cut_after(GO_BY_ITSELF, transport);
    }
}

/// How long a client that is refused for now has to read the refusal.
pub(super) const REFUSAL_READ: Duration = LAST_WORDS;
