//! Which TCP connection carries which session.
//!
//! A session that begins with polling goes on over a WebSocket of another connection; polling itself may use many
//! connections, and a proxy may share one between many sessions. So only a WebSocket's connection is ever cut, and
//! a polling session is ended with the packet that its own client would send.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use axum::body::Body;
use http::{Method, Request};
use socketioxide::{TransportType, socket::Sid};
use tower::ServiceExt;
use tracing::debug;

use super::{
    PATH, Service,
    listener::{Cable, Carrier},
    outlet::Backlog,
};

/// The sessions of this node, by the engine's own ids.
pub struct Carriers {
    service: Service,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sessions: HashMap<Sid, Session>,
    sweep_at: usize,
}

/// What is known of a session. What is gone is forgotten.
#[derive(Default)]
struct Session {
    /// The connection of its WebSocket.
    cable: Weak<Cable>,
    /// What waits for it, once it was let in.
    backlog: Weak<Backlog>,
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

    /// The session began on this connection, with that transport.
    pub(super) fn began(&self, session: Sid, carrier: &Carrier, transport: TransportType) {
        if transport == TransportType::Websocket {
            self.change(session, |known| {
                // If it began with polling and was upgraded since, that is known better.
                if known.cable.strong_count() == 0 {
                    known.cable = Arc::downgrade(carrier.cable());
                }
            });
        }
    }

    /// The session's WebSocket is on this connection.
    pub fn upgraded(&self, session: Sid, carrier: &Carrier) {
        self.change(session, |known| {
            known.cable = Arc::downgrade(carrier.cable());
        });
    }

    /// The session was let in.
    pub fn admitted(&self, session: Sid, backlog: &Arc<Backlog>) {
        self.change(session, |known| known.backlog = Arc::downgrade(backlog));
    }

    /// A poll took so much of what waited for the session.
    pub fn polled(&self, session: Sid, bytes: usize) {
        let backlog = self
            .lock()
            .sessions
            .get(&session)
            .and_then(|known| known.backlog.upgrade());
        if let Some(backlog) = backlog {
            backlog.taken(bytes);
        }
    }

    /// Ends the session's transport, whichever it is by now.
    pub(super) async fn end(&self, session: Sid) {
        let cable = self
            .lock()
            .sessions
            .get(&session)
            .and_then(|known| known.cable.upgrade());
        if let Some(cable) = cable {
            cable.cut();
        }
        // In the middle of an upgrade the session would go on polling. After it, this does nothing.
        self.end_polling(session).await;
    }

    fn change(&self, session: Sid, change: impl FnOnce(&mut Session)) {
        let mut inner = self.lock();
        if inner.sessions.len() >= inner.sweep_at.max(SWEEP_AT) {
            let lives =
                |known: &Session| known.cable.strong_count() + known.backlog.strong_count() > 0;
            inner.sessions.retain(|_, known| lives(known));
            inner.sweep_at = inner.sessions.len() * 2;
        }
        let known = inner.sessions.entry(session).or_default();
        change(known);
        // Whichever of the two comes last puts them together.
        if let (Some(cable), Some(backlog)) = (known.cable.upgrade(), known.backlog.upgrade()) {
            cable.carries(&backlog);
        }
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

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
