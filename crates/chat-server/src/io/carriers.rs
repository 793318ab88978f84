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

use super::{PATH, Service, cable::Cable, listener::Carrier, outlet::Outlet};
use crate::app::figures::Transports;

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
    /// The connection of its WebSocket first. Who knows the session's id may try to put others in its place.
    cables: Vec<Weak<Cable>>,
    /// Its way out, once it was let in.
    outlet: Weak<Outlet>,
}

impl Session {
    fn cables(&self) -> impl Iterator<Item = Arc<Cable>> {
        self.cables.iter().filter_map(Weak::upgrade)
    }
}

/// When so many are kept, those that are gone are thrown out.
const SWEEP_AT: usize = 1_024;

impl Transports for Carriers {
    fn count(&self) -> [usize; 2] {
        let inner = self.lock();
        let signed_in = inner.sessions.values();
        let signed_in = signed_in.filter(|known| known.outlet.strong_count() > 0);
        let (websocket, polling): (Vec<_>, Vec<_>) =
            signed_in.partition(|known| known.cables().next().is_some());
        [websocket.len(), polling.len()]
    }
}

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
                if known.cables().next().is_none() {
                    known.cables = vec![Arc::downgrade(carrier.cable())];
                }
            });
        }
    }

    /// The session's WebSocket is on this connection; or the engine refuses it, and another one goes on.
    pub fn upgraded(&self, session: Sid, carrier: &Carrier) {
        self.change(session, |known| {
            known.cables.retain(|cable| cable.strong_count() > 0);
            known.cables.push(Arc::downgrade(carrier.cable()));
        });
    }

    /// The session has a valid token, and a way out.
    pub fn admitted(&self, session: Sid, outlet: &Arc<Outlet>) {
        self.change(session, |known| known.outlet = Arc::downgrade(outlet));
    }

    /// A poll took so much of what waited for the session.
    pub fn polled(&self, session: Sid, bytes: usize) {
        let outlet = self
            .lock()
            .sessions
            .get(&session)
            .and_then(|known| known.outlet.upgrade());
        if let Some(outlet) = outlet {
            outlet.backlog.polled(bytes);
        }
    }

    /// Lets what waits for the session leave, and ends its WebSocket then. Returns whether there is one.
    pub(super) fn hang_up(&self, session: Sid) -> bool {
        let cables = self.cables(session);
        for cable in &cables {
            cable.hang_up();
        }
        !cables.is_empty()
    }

    /// Ends the session's transport, whichever it is by now.
    pub(super) async fn end(&self, session: Sid) {
        for cable in self.cables(session) {
            cable.cut();
        }
        // In the middle of an upgrade the session would go on polling. After it, this does nothing.
        self.end_polling(session).await;
    }

    fn cables(&self, session: Sid) -> Vec<Arc<Cable>> {
        let inner = self.lock();
        let known = inner.sessions.get(&session);
        known.map_or_else(Vec::new, |known| known.cables().collect())
    }

    fn change(&self, session: Sid, change: impl FnOnce(&mut Session)) {
        let mut inner = self.lock();
        if inner.sessions.len() >= inner.sweep_at.max(SWEEP_AT) {
            let lives = |known: &Session| {
                known.outlet.strong_count() > 0 || known.cables().next().is_some()
            };
            inner.sessions.retain(|_, known| lives(known));
            inner.sweep_at = inner.sessions.len() * 2;
        }
        let known = inner.sessions.entry(session).or_default();
        change(known);
        // Whichever of the two comes last puts them together.
        if let (Some(cable), Some(outlet)) = (known.cables().next(), known.outlet.upgrade()) {
            cable.lane.carries(outlet);
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
