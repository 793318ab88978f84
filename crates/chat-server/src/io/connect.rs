//! Letting a socket in: the token, the limits, the handlers.
//!
//! All of it happens in the middleware, which the client's first event cannot overtake.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::extract::ConnectInfo;
use chat_domain::id::SocketId;
use futures_channel::mpsc;
use http::HeaderMap;
use serde::Deserialize;
use socketioxide::{
    TransportType,
    extract::{AckSender, Event, SocketRef, TryData},
    socket::DisconnectReason,
};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::warn;

use super::{
    attempts::{Attempt, Attempts},
    backlog::Backlog,
    inbox::{Inbox, Job, Raw},
    line::{Exchange, SocketLine},
    listener::Carrier,
    outlet::Outlet,
};
use crate::{
    app::{
        App,
        address::Address,
        closing::Closing,
        connections::{Admitted as Admission, Slot, TooMany},
    },
    auth::{Identity, TokenError},
    bearer,
    metrics::connections::{self, Ended, Refused as Cause},
    wire::refusal::Code,
};

/// A task that never began, or that a store holds up for longer, is not waited for.
const TASK_ENDS_WITHIN: Duration = Duration::from_secs(30);

/// What the client sends to connect.
#[derive(Deserialize)]
pub struct Auth {
    token: Option<String>,
}

/// Why a socket is not let in. Clients see nothing but this text, so it starts with the code.
#[derive(Debug)]
pub struct Refused {
    code: Code,
    cause: Cause,
    message: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl Refused {
    fn new(code: Code, cause: Cause, message: impl Into<String>) -> Self {
        Self {
            code,
            cause,
            message: message.into(),
        }
    }

    fn by_token(error: &TokenError) -> Self {
        let code = error.code();
        let cause = match code {
            Code::Unauthorized => Cause::Unauthorized,
            _ => Cause::Unavailable,
        };
        Self::new(code, cause, error.to_string())
    }

    fn too_many(error: TooMany) -> Self {
        let (code, cause) = match error {
            TooMany::OfUser => (Code::ConnectionLimit, Cause::UserLimit),
            TooMany::FromAddress => (Code::ConnectionLimit, Cause::AddressLimit),
            TooMany::AtNode => (Code::ServiceUnavailable, Cause::NodeFull),
        };
        Self::new(code, cause, error.to_string())
    }

    fn shutting_down() -> Self {
        let (code, cause) = (Code::ServiceUnavailable, Cause::Draining);
        Self::new(code, cause, "the server is shutting down")
    }
}

/// What the socket's own task begins with.
pub struct Admitted {
    pub identity: Identity,
    pub jobs: mpsc::Receiver<Job>,
    /// Cancelled when the connection is gone.
    pub gone: CancellationToken,
    pub outlet: Arc<Outlet>,
    pub slot: Slot,
    /// Says that the task has ended.
    pub ended: DropGuard,
}

/// Hands [`Admitted`] from the middleware to the task, once.
#[derive(Clone)]
pub struct Handover(Arc<Mutex<Option<Admitted>>>);

impl Handover {
    pub fn take(&self) -> Option<Admitted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The middleware.
pub async fn admit(
    app: Arc<App>,
    exchange: Exchange,
    socket: SocketRef,
    auth: TryData<Auth>,
) -> Result<(), Refused> {
    let is_websocket = socket.transport_type() == TransportType::Websocket;
    let admitted = let_in(app, exchange, socket, auth).await;
    match &admitted {
        Ok(()) => connections::connected(is_websocket),
        Err(refused) => connections::refused(refused.cause),
    }
    admitted
}

async fn let_in(
    app: Arc<App>,
    exchange: Exchange,
    socket: SocketRef,
    TryData(auth): TryData<Auth>,
) -> Result<(), Refused> {
    let request = socket.req_parts();
    let known = (
        request.extensions.get::<ConnectInfo<Carrier>>().cloned(),
        request.extensions.get::<Address>().copied(),
        request.extensions.get::<Attempts>(),
    );
    let (Some(ConnectInfo(carrier)), Some(Address(address)), Some(attempts)) = known else {
        let (code, cause) = (Code::InternalError, Cause::Unavailable);
        return Err(Refused::new(code, cause, "the connection is not known"));
    };
    let carriers = Arc::clone(&exchange.carriers);
    carriers.began(socket.id, &carrier, socket.transport_type());
    let limits = &app.config.limits;
    let (packets, bytes) = (limits.socket_queue_packets, limits.socket_queue_bytes);
    let backlog = Arc::new(Backlog::new(packets, bytes, app.queues.share()));
    let line = SocketLine::new(exchange, socket.id, Arc::clone(&backlog));
    let attempt = attempts.count(app.now(), || {
        app.requests.handshakes.spend(&address, app.now())
    });
    if attempt != Attempt::Taken {
        if attempt == Attempt::OneTooMany {
            line.turn_away(socket.transport_type());
        }
        let message = "there were too many attempts to sign in";
        return Err(Refused::new(Code::RateLimited, Cause::Attempts, message));
    }
    let admitted = greet(&app, auth.ok(), &request.headers).await;
    // What will pass closes the transport too, so that the client does not give up.
    let identity = admitted.inspect_err(|refused| {
        if refused.code == Code::ServiceUnavailable {
            line.turn_away(socket.transport_type());
        }
    })?;

    let line = Arc::new(line);
    let user = &identity.user.id;
    let has_polled = socket.transport_type() == TransportType::Polling;
    let outlet = Outlet::new(user.clone(), Arc::clone(&line), backlog, has_polled);
    let outlet = Arc::new(outlet);
    carriers.admitted(socket.id, &outlet);
    let id = SocketId::new(socket.id.as_str());
    let admission = app.connections.admit(user, address, &id, line.clone());
    let admission = admission.await.inspect_err(|error| {
        if *error == TooMany::AtNode {
            line.turn_away(socket.transport_type());
        }
    });
    let Admission { slot, displaced } = admission.map_err(Refused::too_many)?;
    for (user, old) in displaced {
        app.chat.displace(&user, old);
    }
    // Whoever revokes the token sees it here from now on, or has done so before.
    slot.hold(identity.token.as_ref(), identity.expires_at, app.now());
    let checked = app.tokens.check_revoked(&identity);
    checked.map_err(|error| Refused::by_token(&error))?;
    // Whoever stops the server sees the slot from now on, or is seen here.
    if app.draining.is_cancelled() {
        line.turn_away(socket.transport_type());
        return Err(Refused::shutting_down());
    }
    let (inbox, jobs) = Inbox::new(Arc::clone(&app), Arc::clone(&outlet));
    let inbox = Arc::new(inbox);
    let gone = CancellationToken::new();
    socket.on_fallback(move |Event(event): Event, ack: AckSender, raw: Raw| {
        inbox.receive(event, raw, ack);
        std::future::ready(())
    });
    let ended = CancellationToken::new();
    let leaving = Arc::clone(&outlet);
    let admitted = Admitted {
        identity,
        jobs,
        gone: gone.clone(),
        outlet,
        slot,
        ended: ended.clone().drop_guard(),
    };
    let handover = Handover(Arc::new(Mutex::new(Some(admitted))));
    socket.extensions.insert(handover.clone());
    socket.on_disconnect(async move |reason: DisconnectReason| {
        // Nor does the engine send it anything from now on.
        leaving.backlog.shut();
        connections::ended(why(leaving.line.closing(), reason));
        gone.cancel();
        if reason == DisconnectReason::ClientNSDisconnect {
            leaving.line.left();
        }
        // The engine forgets the socket after this: the task must not put it into a room any more.
        if timeout(TASK_ENDS_WITHIN, ended.cancelled()).await.is_err() {
            handover.take();
        }
    });
    Ok(())
}

async fn greet(app: &App, auth: Option<Auth>, headers: &HeaderMap) -> Result<Identity, Refused> {
    if app.draining.is_cancelled() {
        return Err(Refused::shutting_down());
    }
    let token = auth
        .and_then(|auth| auth.token)
        .or_else(|| bearer::token(headers).map(str::to_owned));
    let no_token = || {
        let (code, cause) = (Code::Unauthorized, Cause::Unauthorized);
        Refused::new(code, cause, "there is no token")
    };
    let token = token.ok_or_else(no_token)?;
    let verified = app.tokens.verify(&token).await;
    let identity = verified.map_err(|error| Refused::by_token(&error))?;
    app.greet(&identity.user).await.map_err(|error| {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not let a user in"
        );
        let (code, cause) = (Code::ServiceUnavailable, Cause::Unavailable);
        Refused::new(code, cause, "the database cannot be reached right now")
    })?;
    Ok(identity)
}

/// What the server wanted counts, and not how the transport ended then.
fn why(closing: Option<Closing>, reason: DisconnectReason) -> Ended {
    match (closing, reason) {
        (Some(Closing::Shutdown { .. }), _) | (None, DisconnectReason::ClosingServer) => {
            Ended::Shutdown
        }
        (Some(Closing::SlowConsumer), _) => Ended::SlowConsumer,
        (Some(Closing::RateLimited), _) => Ended::RateLimited,
        (Some(Closing::AuthExpired), _) => Ended::AuthExpired,
        (Some(Closing::Unavailable), _) => Ended::Unavailable,
        (Some(Closing::Evicted), _) | (None, DisconnectReason::ServerNSDisconnect) => {
            Ended::Evicted
        }
        (None, DisconnectReason::ClientNSDisconnect) => Ended::Client,
        (None, DisconnectReason::HeartbeatTimeout) => Ended::PingTimeout,
        (
            None,
            DisconnectReason::TransportClose
            | DisconnectReason::TransportError
            | DisconnectReason::MultipleHttpPollingError
            | DisconnectReason::PacketParsingError,
        ) => Ended::Transport,
    }
}
