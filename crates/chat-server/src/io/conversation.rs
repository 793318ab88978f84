//! The one task of a socket: everything that the client asks for, in order, and its disconnect last.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use chat_domain::{
    id::{GroupId, SocketId},
    time::Timestamp,
    usecase::connect::Connection,
};
use futures_util::{FutureExt, StreamExt};
use serde_json::Value;
use socketioxide::extract::SocketRef;
use tracing::{Instrument, error, error_span, warn};

use super::{
    connect::{Admitted, Handover},
    inbox::{Job, Payload},
    messages,
    outlet::Outlet,
    recipients::{Recipients, Seat},
    reply::Reply,
    rooms, token, typing,
};
use crate::{
    app::{
        App,
        closing::Closing,
        connections::{Line, Slot},
    },
    auth::{Identity, TokenError},
    wire::{
        field::Problem,
        incoming,
        outgoing::{AuthExpired, ServiceStatus, Session, TypingTimes},
        refusal::{Code, Refusal},
        time::{Time, millis},
    },
};

/// How long a client has to bring a new token (contract, section 3).
const REFRESH_WITHIN: Duration = Duration::from_secs(30);

/// Timers of the runtime reach about two years; a token may hold longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// What an event's handler works with.
pub struct Conversation {
    pub app: Arc<App>,
    pub outlet: Arc<Outlet>,
    pub connection: Connection,
    pub identity: Identity,
    slot: Slot,
    token: Token,
}

/// What the client knows about its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// It holds.
    Valid,
    /// It expired, and the client was told then.
    ToldExpired(Timestamp),
    /// No new one came, and the connection ends.
    Closing,
}

/// The connect handler: starts the task.
pub fn begin(app: Arc<App>, recipients: &Arc<Recipients>, socket: &SocketRef) {
    let Some(admitted) = socket
        .extensions
        .get::<Handover>()
        .and_then(|handover| handover.take())
    else {
        return;
    };
    let sockets = app.sockets.clone();
    // Nothing may come before this event, so nothing is told to the user's sockets before it either.
    tell_session(&app, &admitted.outlet, &admitted.identity);
    let seat = recipients.arrive(&admitted.outlet);
    // From here on the socket is told of every change.
    let status = app.chat.service_status();
    if !status.is_full() {
        let status = ServiceStatus::from(&status);
        admitted.outlet.emit("service_status", &status);
    }
    admitted.outlet.line.begun();
    // Lines of any level have it.
    let span = error_span!("connection", id = admitted.slot.name());
    sockets.spawn(converse(app, admitted, seat).instrument(span));
}

async fn converse(app: Arc<App>, admitted: Admitted, seat: Seat) {
    let Admitted {
        identity,
        mut jobs,
        gone,
        outlet,
        slot,
        ended,
    } = admitted;
    let id = SocketId::new(outlet.line.session().as_str());
    let connected = Box::pin(app.chat.connect(identity.user.clone(), id)).await;
    let connection = match connected {
        Ok(connection) => connection,
        Err(error) => {
            warn!(
                error = &error as &dyn std::error::Error,
                "could not begin a session"
            );
            drop(seat);
            return outlet.line.close(Closing::Unavailable);
        }
    };
    let mut talk = Conversation {
        app,
        outlet,
        connection,
        identity,
        slot,
        token: Token::Valid,
    };
    loop {
        let deadline = talk.until_deadline().min(LONGEST_SLEEP);
        tokio::select! {
            biased;
            () = talk.outlet.line.dismissed() => break,
            job = jobs.next() => match job {
                Some(job) => {
                    // Apart, so that who says nothing takes no memory for it.
                    Box::pin(talk.take(job)).await;
                    // With a client that never pauses, the timer below is never asked.
                    if talk.until_deadline().is_zero() {
                        talk.token_lapsed();
                    }
                }
                None => break,
            },
            () = gone.cancelled() => break,
            () = tokio::time::sleep(deadline) => {
                if talk.until_deadline().is_zero() {
                    talk.token_lapsed();
                }
            }
        }
    }
    // What the client sent before it went still counts.
    jobs.close();
    while let Some(job) = jobs.next().await {
        Box::pin(talk.take(job)).await;
    }
    if let Err(error) = Box::pin(talk.app.chat.disconnect(talk.connection)).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not take a socket out of its rooms"
        );
    }
    // The next session on the same transport may begin as soon as this one has ended.
    drop(seat);
    if talk.outlet.line.is_dismissed() {
        // What waits for it takes memory: until that is gone, its place is taken.
        gone.cancelled().await;
    }
    let leaving = talk.slot.leave();
    // Nobody waits for the ledger.
    drop(ended);
    leaving.await;
}

fn tell_session(app: &App, outlet: &Outlet, identity: &Identity) {
    use chat_domain::typing::{RENEW, TTL};
    let id = outlet.line.session();
    let session = Session {
        user_id: identity.user.id.as_str(),
        user_name: identity.user.name.as_str(),
        socket_id: id.as_str(),
        server_time: Time(app.now()),
        token_expires_at: Time(identity.expires_at),
        limits: app.config.limits.for_session(),
        typing: TypingTimes {
            ttl_ms: millis(TTL),
            renew_ms: millis(RENEW),
        },
    };
    outlet.emit("session", &session);
}

impl Conversation {
    /// Sends an event to this socket alone.
    pub fn tell<T: serde::Serialize>(&self, event: &str, payload: &T) {
        self.outlet.emit(event, payload);
    }

    /// A new token holds from now on.
    ///
    /// # Errors
    /// It has been revoked meanwhile, and the connection ends.
    pub fn renew(&mut self, identity: Identity) -> Result<(), TokenError> {
        let (token, now) = (identity.token.as_ref(), self.app.now());
        self.slot.hold(token, identity.expires_at, now);
        if let Err(error) = self.app.tokens.check_revoked(&identity) {
            self.outlet.line.close(Closing::Evicted);
            return Err(error);
        }
        self.connection.user = identity.user.clone();
        self.identity = identity;
        self.token = Token::Valid;
        Ok(())
    }

    async fn take(&mut self, job: Job) {
        let Job {
            payload,
            reply,
            room: _room,
            waiting,
        } = job;
        self.app.events.taken(&waiting);
        drop(waiting);
        let event = reply.event().to_owned();
        let begun = Instant::now();
        let mut reply = Some(reply);
        let handling = self.handle(&event, &payload, &mut reply);
        let handled = AssertUnwindSafe(handling).catch_unwind().await;
        let refused = *handled.as_ref().unwrap_or(&Some(Code::InternalError));
        self.app.events.answered(&event, begun, refused);
        if handled.is_err() {
            // The panic itself has been logged. The rules are whole between calls.
            error!(event, "an event was given up after a panic");
            if let Some(reply) = reply.take() {
                let message = "Something went wrong in the server.";
                reply.refuse(&Refusal::new(Code::InternalError, message), None);
            }
        }
    }

    /// Returns why it was refused, if it was.
    async fn handle(
        &mut self,
        event: &str,
        payload: &Payload,
        slot: &mut Option<Reply>,
    ) -> Option<Code> {
        let argument = match argument(payload) {
            Ok(argument) => argument,
            Err(problem) => {
                refuse(slot, &problem.into(), None);
                return Some(Code::ValidationError);
            }
        };
        let group = group_of(&argument);
        let outcome = match event {
            "join_group" => rooms::join(self, argument, slot).await,
            "leave_group" => rooms::leave(self, argument, slot).await,
            "get_room_info" => rooms::info(self, argument, slot).await,
            "send_message" => messages::send(self, argument, slot).await,
            "get_group_messages" => messages::history(self, argument, slot).await,
            "mark_read" => messages::mark_read(self, argument, slot).await,
            "typing_start" => typing::start(self, argument, slot).await,
            "typing_stop" => typing::stop(self, argument, slot).await,
            "refresh_token" => token::refresh(self, argument, slot).await,
            _ => Err(Refusal::new(
                Code::ValidationError,
                "There is no such event.",
            )),
        };
        if let Err(refusal) = outcome {
            refuse(slot, &refusal, group.as_ref());
            return Some(refusal.code);
        }
        if let Some(reply) = slot.take() {
            reply.done_silently();
        }
        None
    }

    fn until_deadline(&self) -> Duration {
        let now = self.app.now();
        match self.token {
            Token::Valid => self.identity.lapses_at().since(now),
            Token::ToldExpired(at) => (at + REFRESH_WITHIN).since(now),
            Token::Closing => Duration::MAX,
        }
    }

    fn token_lapsed(&mut self) {
        match self.token {
            Token::Valid => {
                self.token = Token::ToldExpired(self.app.now());
                let disconnect_in_ms = millis(REFRESH_WITHIN);
                self.tell("auth_expired", &AuthExpired { disconnect_in_ms });
            }
            Token::ToldExpired(_) => {
                self.token = Token::Closing;
                self.outlet.line.close(Closing::AuthExpired);
            }
            Token::Closing => {}
        }
    }
}

fn refuse(slot: &mut Option<Reply>, refusal: &Refusal, group: Option<&GroupId>) {
    if let Some(reply) = slot.take() {
        reply.refuse(refusal, group);
    }
}

/// The one argument of an event.
fn argument(payload: &Payload) -> Result<Value, Problem> {
    if payload.has_attachments {
        return Err(Problem::new(
            "",
            "has binary attachments, which are not accepted",
        ));
    }
    incoming::argument(&payload.text)
}

/// The group that an event is about, as far as it can be told: for the error object.
fn group_of(argument: &Value) -> Option<GroupId> {
    let id = argument
        .as_str()
        .or_else(|| argument.get("groupId")?.as_str());
    id.and_then(|id| GroupId::parse(id).ok())
}

/// Answers with data; what a handler does at the end.
pub fn answer<T: serde::Serialize>(reply: &mut Option<Reply>, data: &T) {
    if let Some(reply) = reply.take() {
        reply.done(data);
    }
}
