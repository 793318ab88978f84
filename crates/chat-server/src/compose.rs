//! Putting the parts together: the only file that knows which store stands behind which port.

mod database;
mod mend;
mod peers;
mod shared;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use chat_domain::{
    id::NodeId,
    ports::{Clock, Dice, PortError},
    usecase::{Chat, Ports},
};
use chat_infra::{
    postgres,
    redis::{address::InvalidAddress, census::Census, presence::RedisPresence, server::Unfit},
    schema::SchemaError,
    sqlite,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{
        App, KnownUsers,
        agenda::TimedAgenda,
        connections::Connections,
        queues::Queues,
        rates::Rates,
        requests::Requests,
        system::{SystemClock, SystemDice},
    },
    auth::Tokens,
    config::Config,
    io::Engine,
    lately::Lately,
    metrics::{
        events::Events,
        observed::{ObservedBus, ObservedLog, Repairs},
    },
    traces::{Traces, TracesError},
};

pub use self::{database::Database, shared::check as check_redis};
use self::{peers::Nodes, shared::SharedPorts};
pub use chat_infra::{
    metrics::describe as describe_stores, postgres::OPEN_WITHIN as DATABASE_PATIENCE,
};

/// Whoever only wants to know does not wait for a server that is about to start.
pub const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// Why the parts cannot be put together: one clear line.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The file of the database cannot be opened.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The database server cannot be reached.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The database is not what this program knows.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The address of a Redis cannot be read.
    #[error(transparent)]
    RedisAddress(#[from] InvalidAddress),
    /// A Redis answers, and will never do.
    #[error(transparent)]
    Redis(#[from] Unfit),
    /// There is no bus without presence.
    #[error("CHAT_REDIS__BUS_URL needs CHAT_REDIS__URL beside it")]
    BusAlone,
    /// A Redis does not answer. A server starts all the same.
    #[error("{0}: does not answer; a server would start, but be degraded")]
    RedisAway(&'static str),
    /// Traces cannot be sent.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// The database does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// What a node has in Redis, which is taken out in the end.
pub(crate) type Tenancy = Arc<RedisPresence>;

/// A server, put together.
pub(crate) struct Composed {
    pub app: Arc<App>,
    pub engine: Engine,
    pub agenda: Arc<TimedAgenda>,
    pub database: Database,
    /// What is in Redis is counted by it.
    pub census: Option<Census>,
    /// None without a Redis.
    pub tenancy: Option<Tenancy>,
}

/// Puts a server together on an open database.
///
/// # Errors
/// See [`ComposeError`].
pub(crate) async fn compose(
    config: Config,
    tokens: Tokens,
    database: Database,
    is_dev: bool,
) -> Result<Composed, ComposeError> {
    let engine = Engine::new(&config);
    let agenda = Arc::new(TimedAgenda::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let repositories = database.repositories();
    let dice = Arc::new(SystemDice);
    let node = NodeId::new(dice.roll());
    let traces = Traces::open(&config.otlp, node)?;
    let lately = Arc::new(Lately::new(Arc::clone(&clock)));
    let shared = SharedPorts::open(&config.redis, node, &clock, &lately).await?;
    let connections = Connections::new(&config.limits, shared.ledger, node);
    let ports = Ports {
        node,
        users: repositories.users,
        groups: repositories.groups,
        memberships: repositories.memberships,
        roster: repositories.roster,
        log: Arc::new(ObservedLog::new(
            repositories.log,
            Arc::clone(&traces),
            Arc::clone(&lately),
        )),
        marks: repositories.marks,
        revoked: repositories.revoked,
        presence: shared.presence,
        typing: shared.typing,
        bus: Arc::new(ObservedBus::new(shared.bus, Arc::clone(&traces))),
        limiter: shared.limiter,
        sockets: Arc::new(engine.sockets(
            Arc::clone(&connections),
            Arc::clone(tokens.refused()),
            Arc::clone(&clock),
            Arc::clone(&traces),
            Arc::clone(&lately),
        )),
        agenda: agenda.clone(),
        observer: Arc::new(Repairs::new()),
        clock: Arc::clone(&clock),
        dice,
    };
    let tokens = Arc::new(tokens);
    let mut dependencies = vec![repositories.dependency];
    if config.auth.jwks_url.is_some() {
        dependencies.push(tokens.clone());
    }
    let nodes = Arc::new(Nodes::new(node, shared.peers));
    let app = Arc::new(App {
        chat: Chat::new(ports, config.policy()),
        tokens,
        clock: Arc::clone(&clock),
        connections,
        transports: engine.transports(),
        agenda: Arc::clone(&agenda),
        events: Events::new(Arc::clone(&lately)),
        lately,
        traces,
        requests: Requests::new(&config.limits),
        queues: Queues::new(config.limits.node_queue_bytes),
        peers: nodes.clone(),
        rates: Rates::default(),
        bus_queue: shared.bus_queue,
        node,
        started_at: clock.now(),
        dependencies,
        shared: shared.names,
        draining: CancellationToken::new(),
        grace: OnceLock::new(),
        sockets: TaskTracker::new(),
        known_users: KnownUsers::default(),
        is_dev,
        config,
    });
    nodes.attach(&app);
    Ok(Composed {
        app,
        engine,
        agenda,
        database,
        census: shared.census,
        tenancy: shared.tenancy,
    })
}
