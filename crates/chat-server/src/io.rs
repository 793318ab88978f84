//! The Socket.IO side.
//!
//! A connection's way: [`listener`] accepts it, over TLS or not ([`stream`]), [`guarded`] ends it when that is due, and
//! [`serve`](mod@serve) speaks HTTP on it; [`gate`] looks at each request, [`head`] at what of it is kept; [`connect`] counts the [`attempts`], checks the token and
//! registers [`inbox`], which puts every event in the socket's queue; [`conversation`] is the one task that takes
//! them out, in order, and calls the topic: [`rooms`], [`messages`], [`typing`], [`token`]. [`reply`] answers
//! the caller, [`fanout`] tells the [`recipients`], both with a [`packet`] through the socket's [`outlet`]: straight over the
//! connection's [`lane`], which knows by the [`frames`] when that is possible, or through the engine, where the [`backlog`]
//! counts what waits. [`line`](mod@line) ends the connection, with the help of [`carriers`] and of its [`cable`].

mod attempts;
mod backlog;
mod cable;
mod carriers;
mod connect;
mod conversation;
pub mod fanout;
mod frames;
pub mod gate;
mod guarded;
mod head;
mod inbox;
mod lane;
mod line;
pub mod listener;
mod messages;
mod outlet;
mod packet;
mod places;
mod recipients;
mod reply;
mod rooms;
pub mod serve;
mod stream;
mod token;
mod typing;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    BoxError,
    body::{Body, Bytes, HttpBody},
    http::{Request, Response, StatusCode},
    response::IntoResponse,
};
use chat_domain::ports::Clock;
use socketioxide::{
    ParserConfig, SocketIo, SocketIoBuilder, TransportType, extract::SocketRef,
    handler::ConnectHandler,
};
use tower::{ServiceExt, util::BoxCloneSyncService};

use self::{carriers::Carriers, line::Exchange, recipients::Recipients};
use crate::{
    app::{App, connections::Connections, figures::Transports},
    auth::RefusedTokens,
    config::{self, Config},
    lately::Lately,
    traces::Traces,
};

/// Where clients connect.
pub const PATH: &str = "/socket.io";

/// A client that sent no token by then is cut off.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// With these, a client that vanished is gone after 15 s.
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Frames may be this much larger than an event, so that an event that is a little too large still gets a coded
/// answer. What is larger than that ends the transport.
const FRAME_SLACK_BYTES: usize = 64 * 1_024;

/// Enough to refuse binary events with a code; more ends the transport.
const MOST_ATTACHMENTS: usize = 4;

/// The engine keeps this many packets more for a socket than are ever waiting there, so that the last words find room.
const SPARE_PACKETS: usize = 64;

/// Idle connections cost this much less memory than with the library's default.
const READ_BUFFER_BYTES: usize = 1_024;

/// Handles requests to [`PATH`].
pub type Service = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The Socket.IO engine, before it knows what it is for.
pub struct Engine {
    io: SocketIo,
    service: Service,
    carriers: Arc<Carriers>,
    recipients: Arc<Recipients>,
}

impl Engine {
    /// An engine with the configured transports and sizes.
    pub fn new(config: &Config) -> Self {
        let frame_bytes = config.limits.event_bytes + FRAME_SLACK_BYTES;
        let parser = ParserConfig::common()
            .max_incoming_binaries(MOST_ATTACHMENTS)
            .max_incoming_binary_buf_size(frame_bytes)
            .packet_completion_timeout(CONNECT_TIMEOUT);
        let builder = SocketIo::builder()
            .with_parser(parser)
            .req_path(PATH)
            .connect_timeout(CONNECT_TIMEOUT)
            .ping_interval(PING_INTERVAL)
            .ping_timeout(PING_TIMEOUT)
            .max_buffer_size(config.limits.socket_queue_packets + SPARE_PACKETS)
            .max_payload(frame_bytes as u64)
            .ws_max_message_size(frame_bytes)
            .ws_max_frame_size(frame_bytes)
            .ws_read_buffer_size(READ_BUFFER_BYTES);
        let elsewhere = tower::service_fn(not_for_the_engine);
        let (service, io) =
            with_transports(builder, config.http.transports).build_with_inner_svc(elsewhere);
        let service = ServiceExt::<Request<Body>>::map_response(service, erase_body);
        let service = ServiceExt::<Request<Body>>::map_request(service, head::copied);
        let service = BoxCloneSyncService::new(service);
        Self {
            io,
            carriers: Arc::new(Carriers::new(service.clone())),
            recipients: Arc::default(),
            service,
        }
    }

    /// The sockets, as the rules see them.
    pub fn sockets(
        &self,
        connections: Arc<Connections>,
        refused: Arc<RefusedTokens>,
        clock: Arc<dyn Clock>,
        traces: Arc<Traces>,
        lately: Arc<Lately>,
    ) -> fanout::Fanout {
        let recipients = Arc::clone(&self.recipients);
        fanout::Fanout::new(recipients, connections, refused, clock, traces, lately)
    }

    /// Which transports the sockets use.
    pub fn transports(&self) -> Arc<dyn Transports> {
        Arc::clone(&self.carriers) as _
    }

    fn exchange(&self) -> Exchange {
        Exchange {
            io: self.io.clone(),
            carriers: Arc::clone(&self.carriers),
            recipients: Arc::clone(&self.recipients),
        }
    }

    /// Starts serving. Returns what handles requests, and which connection carries which session.
    pub fn serve(self, app: &Arc<App>) -> (Service, Arc<Carriers>) {
        let (admitting, talking) = (Arc::clone(app), Arc::clone(app));
        let (recipients, exchange) = (Arc::clone(&self.recipients), self.exchange());
        let admit = move |socket, auth| {
            connect::admit(Arc::clone(&admitting), exchange.clone(), socket, auth)
        };
        let talk = move |socket: SocketRef| {
            conversation::begin(Arc::clone(&talking), &recipients, &socket);
            std::future::ready(())
        };
        self.io.ns("/", talk.with(admit));
        (self.service, self.carriers)
    }
}

fn with_transports(builder: SocketIoBuilder, transports: config::Transports) -> SocketIoBuilder {
    match transports {
        config::Transports::Websocket => builder.transports([TransportType::Websocket]),
        config::Transports::Polling => builder.transports([TransportType::Polling]),
        config::Transports::Both => {
            builder.transports([TransportType::Polling, TransportType::Websocket])
        }
    }
}

/// Only requests to [`PATH`] come here, and all of those are the engine's.
async fn not_for_the_engine(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(StatusCode::NOT_FOUND.into_response())
}

fn erase_body<B>(response: Response<B>) -> Response<Body>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    response.map(Body::new)
}
