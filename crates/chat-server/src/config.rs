//! The settings: defaults, then a file, then environment variables (contract, section 6).
//!
//! [`Config`] is what was written; each part knows how to turn itself into what the rest needs. Unknown
//! settings are refused, so that a typing error cannot silently switch a limit off.

mod auth;
mod database_url;
mod jwks_url;
mod list;
mod load;
mod otlp;
mod redis_url;
mod secret;
mod tls;

use std::{net::SocketAddr, time::Duration};

use chat_domain::{limit::Quota, room::RoomPolicy, usecase::Policy};
use serde::Deserialize;
use validator::Validate;

pub use self::{
    auth::{Algorithm, Auth, TokenSource},
    database_url::DatabaseUrl,
    jwks_url::JwksUrl,
    list::{Cidrs, Origins, Transports},
    load::{ConfigError, load, read},
    otlp::{CollectorUrl, Otlp},
    redis_url::RedisUrl,
    secret::Secret,
    tls::Tls,
};
use crate::wire::outgoing::SessionLimits;

/// A page of a history that is larger is cut, and leads on.
const MOST_PAGE_BYTES: usize = 256 * 1_024;

/// Every setting.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where users, groups and messages are kept.
    pub database: Database,
    /// What several nodes share.
    pub redis: Redis,
    /// How tokens are checked.
    pub auth: Auth,
    /// How another backend administers the server.
    pub admin: Admin,
    /// Who may connect from where, and how slowly.
    #[validate(nested)]
    pub http: Http,
    /// TLS without a proxy.
    pub tls: Tls,
    /// What is too much.
    #[validate(nested)]
    pub limits: Limits,
    /// How rooms behave.
    #[validate(nested)]
    pub rooms: Rooms,
    /// How the server stops.
    #[validate(nested)]
    pub shutdown: Shutdown,
    /// How operators watch the server.
    pub metrics: Metrics,
    /// What the lines of the log look like.
    pub log: Log,
    /// Where traces go.
    #[validate(nested)]
    pub otlp: Otlp,
}

/// What the lines of the log look like.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For whom they are.
    pub format: LogFormat,
}

/// For whom the lines of the log are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: an object a line.
    Json,
}

/// How operators watch the server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    /// A port for `/metrics` alone; else it is on the main one, for who is on this machine or has the key.
    pub listen: Option<SocketAddr>,
}

/// Where users, groups and messages are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://…`.
    pub url: DatabaseUrl,
    /// Whether `serve` brings the database up to date.
    pub migrate: bool,
}

/// What several nodes share. Without it there is one node.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Who is where, who types, how often users do things; and, if there is no `bus_url`, what nodes tell each other.
    pub url: Option<RedisUrl>,
    /// What nodes tell each other; may be a cluster.
    pub bus_url: Option<RedisUrl>,
}

/// How another backend administers the server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// The key; without one there are no administrator's paths.
    pub key: Option<Secret>,
}

/// Who may connect from where, and how slowly.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Foreign origins that browsers may connect from.
    pub cors_origins: Origins,
    /// Proxies whose word about the client's address counts.
    pub trusted_proxies: Cidrs,
    /// The transports of Engine.IO.
    pub transports: Transports,
    /// How long a client may take for the head of a request; for the first one, from the beginning of TLS on.
    #[validate(range(min = 100, max = 600_000))]
    pub headers_within_ms: u64,
    /// How long a client may take for the body of a request.
    #[validate(range(min = 100, max = 600_000))]
    pub body_within_ms: u64,
}

/// Section 2 of the contract. 0 switches a limit off, but for the sizes.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the names are the documentation, and the contract"
)]
pub struct Limits {
    pub connections_per_user: u32,
    pub connections_per_address: u32,
    pub handshake_burst: u32,
    pub handshakes_per_second: u32,
    pub connections_per_node: u32,
    pub connections_evict_oldest: bool,
    pub message_burst: u32,
    pub messages_per_second: u32,
    pub typing_burst: u32,
    pub typing_per_second: u32,
    pub event_burst: u32,
    pub events_per_second: u32,
    pub join_burst: u32,
    pub joins_per_second: u32,
    pub history_burst: u32,
    pub history_per_second: u32,
    pub request_burst: u32,
    pub requests_per_second: u32,
    pub address_request_burst: u32,
    pub address_requests_per_second: u32,
    pub rooms_per_socket: u32,
    #[validate(range(min = 1_024, max = 16_777_216))]
    pub event_bytes: usize,
    #[validate(range(min = 65_536, max = 1_073_741_824))]
    pub socket_inbox_bytes: usize,
    #[validate(range(min = 65_536, max = 1_073_741_824))]
    pub socket_queue_bytes: usize,
    #[validate(range(min = 16, max = 65_536))]
    pub socket_queue_packets: usize,
    #[validate(range(min = 1_048_576, max = 1_099_511_627_776_usize))]
    pub node_queue_bytes: usize,
    pub socket_stall_ms: u64,
    #[validate(range(min = 1, max = 100_000))]
    pub message_chars: usize,
}

/// How rooms behave.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// How long changes are collected until the members are listed anew.
    #[validate(range(min = 1, max = 60_000))]
    pub members_update_interval_ms: u64,
    /// How many users such a list names.
    #[validate(range(min = 1, max = 10_000))]
    pub online_members_listed: usize,
    /// Rooms with more users announce no single joins, leaves and typing; 0: never.
    pub large: usize,
}

/// How the server stops.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long clients have to come back elsewhere.
    #[validate(range(max = 8_000))]
    pub grace_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8001)),
            database: Database::default(),
            redis: Redis::default(),
            auth: Auth::default(),
            admin: Admin::default(),
            http: Http::default(),
            tls: Tls::default(),
            limits: Limits::default(),
            rooms: Rooms::default(),
            shutdown: Shutdown::default(),
            metrics: Metrics::default(),
            log: Log::default(),
            otlp: Otlp::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: DatabaseUrl::new("sqlite://data/chat.db".to_owned()).expect("it is an address"),
            migrate: true,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            cors_origins: Origins::default(),
            trusted_proxies: Cidrs::default(),
            transports: Transports::default(),
            headers_within_ms: 10_000,
            body_within_ms: 30_000,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_user: 10,
            connections_per_address: 500,
            handshake_burst: 2_000,
            handshakes_per_second: 500,
            connections_per_node: 50_000,
            connections_evict_oldest: false,
            message_burst: 10,
            messages_per_second: 5,
            typing_burst: 5,
            typing_per_second: 1,
            event_burst: 200,
            events_per_second: 50,
            join_burst: 2_000,
            joins_per_second: 50,
            history_burst: 2_000,
            history_per_second: 200,
            request_burst: 2_000,
            requests_per_second: 200,
            address_request_burst: 10_000,
            address_requests_per_second: 1_000,
            rooms_per_socket: 100,
            event_bytes: 64 * 1_024,
            socket_inbox_bytes: 1_024 * 1_024,
            socket_queue_bytes: 1_024 * 1_024,
            socket_queue_packets: 1_024,
            node_queue_bytes: 1_024 * 1_024 * 1_024,
            socket_stall_ms: 15_000,
            message_chars: 4_000,
        }
    }
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            members_update_interval_ms: 250,
            online_members_listed: 200,
            large: 500,
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { grace_ms: 5_000 }
    }
}

impl Config {
    /// What the rules need to know.
    pub fn policy(&self) -> Policy {
        let limits = &self.limits;
        let rooms_per_socket = usize::try_from(limits.rooms_per_socket).unwrap_or(usize::MAX);
        Policy {
            rooms: RoomPolicy {
                members_update_interval: Duration::from_millis(
                    self.rooms.members_update_interval_ms,
                ),
                online_members_listed: self.rooms.online_members_listed,
                large: (self.rooms.large > 0).then_some(self.rooms.large),
            },
            rooms_per_socket: (rooms_per_socket > 0).then_some(rooms_per_socket),
            // A page is sent as answer and as event, and its text may grow by half: still it is no backlog.
            page_bytes: (limits.socket_queue_bytes / 4).min(MOST_PAGE_BYTES),
            messages: Quota::new(limits.message_burst, limits.messages_per_second),
            typing: Quota::new(limits.typing_burst, limits.typing_per_second),
            joins: limits.joins(),
            history: limits.history(),
        }
    }

    /// How long clients have to come back elsewhere.
    pub fn grace(&self) -> Duration {
        Duration::from_millis(self.shutdown.grace_ms)
    }
}

impl Http {
    /// How long a client may take for the head of a request.
    pub fn headers_within(&self) -> Duration {
        Duration::from_millis(self.headers_within_ms)
    }

    /// How long a client may take for the body of a request.
    pub fn body_within(&self) -> Duration {
        Duration::from_millis(self.body_within_ms)
    }
}

impl Limits {
    /// What clients are told.
    pub fn for_session(&self) -> SessionLimits {
        SessionLimits {
            connections_per_user: self.connections_per_user,
            message_burst: self.message_burst,
            messages_per_second: self.messages_per_second,
            typing_burst: self.typing_burst,
            typing_per_second: self.typing_per_second,
            event_burst: self.event_burst,
            events_per_second: self.events_per_second,
            join_burst: self.joins().map_or(0, Quota::burst),
            joins_per_second: self.joins().map_or(0, Quota::per_second),
            history_burst: self.history().map_or(0, Quota::burst),
            history_per_second: self.history().map_or(0, Quota::per_second),
            rooms_per_socket: self.rooms_per_socket,
            event_bytes: self.event_bytes,
            message_chars: self.message_chars,
        }
    }

    /// How long a write may make no progress.
    pub fn stall(&self) -> Option<Duration> {
        (self.socket_stall_ms > 0).then(|| Duration::from_millis(self.socket_stall_ms))
    }

    /// How often one socket may send events.
    pub fn events(&self) -> Option<Quota> {
        Quota::new(self.event_burst, self.events_per_second)
    }

    /// How often one user may join; however often, where events are not limited.
    pub fn joins(&self) -> Option<Quota> {
        self.events()?;
        Quota::new(self.join_burst, self.joins_per_second)
    }

    /// How many pages of messages one user may read; however many, where events are not limited.
    pub fn history(&self) -> Option<Quota> {
        self.events()?;
        Quota::new(self.history_burst, self.history_per_second)
    }

    /// How often one user may ask over HTTP; however often, where messages are not limited.
    pub fn requests(&self) -> Option<Quota> {
        Quota::new(self.message_burst, self.messages_per_second)?;
        Quota::new(self.request_burst, self.requests_per_second)
    }

    /// How often anybody may ask over HTTP from one address; however often, where its connections are not limited.
    pub fn address_requests(&self) -> Option<Quota> {
        let quota = Quota::new(self.address_request_burst, self.address_requests_per_second);
        quota.filter(|_| self.connections_per_address > 0)
    }

    /// How often a transport may be opened from one address; however often, where its connections are not limited. All
    /// that may be signed in from there may lose theirs at once, and again before they are.
    pub fn handshakes(&self) -> Option<Quota> {
        let connections = self.connections_per_address;
        let quota = Quota::new(self.handshake_burst, self.handshakes_per_second)?;
        let burst = quota.burst().max(connections.saturating_mul(2));
        let per_second = quota.per_second().max(connections);
        Quota::new(burst, per_second).filter(|_| connections > 0)
    }

    /// How often TLS may begin with one address, if its connections are limited: as often as transports, and on all TCP
    /// connections that there may be from there at once.
    pub fn tls_handshakes(&self) -> Option<Quota> {
        let quota = self.handshakes()?;
        let carriers = self.carriers_per_address().unwrap_or_default();
        let carriers = u32::try_from(carriers).unwrap_or(u32::MAX);
        Quota::new(quota.burst().max(carriers), quota.per_second())
    }

    /// How many TCP connections there may be from one address, if its connections are limited: browsers keep some
    /// that are idle, and a client that polls has two at times.
    pub fn carriers_per_address(&self) -> Option<usize> {
        const FEW: u32 = 64;
        let connections = self.connections_per_address;
        let most = usize::try_from(connections.max(FEW)).unwrap_or(usize::MAX);
        (connections > 0).then(|| most.saturating_mul(4))
    }

    /// How many TCP connections there may be: a client that polls has two at times.
    pub fn carriers(&self) -> Option<usize> {
        let connections = usize::try_from(self.connections_per_node).unwrap_or(usize::MAX);
        (connections > 0).then(|| connections.saturating_mul(2))
    }
}
