//! Putting the parts together: the only file that knows which store stands behind which port.

mod database;

use std::sync::Arc;

use chat_domain::{
    id::NodeId,
    memory::{MemoryHub, MemoryLimiter, MemoryPresence},
    ports::{Clock, Dice, PortError},
    usecase::{Chat, Ports},
};
use chat_infra::{postgres, schema::SchemaError, sqlite};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{
        App, KnownUsers,
        agenda::TimedAgenda,
        connections::Connections,
        system::{SystemClock, SystemDice},
    },
    auth::Tokens,
    config::{Config, Secret},
    io::Engine,
};

pub use self::database::Database;

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
    /// The database does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// A server, put together.
pub(crate) struct Composed {
    pub app: Arc<App>,
    pub engine: Engine,
    pub agenda: Arc<TimedAgenda>,
    pub database: Database,
}

/// Puts a server together on an open database.
pub(crate) fn compose(
    config: Config,
    secret: &Secret,
    database: Database,
    is_dev: bool,
) -> Composed {
    let engine = Engine::new(&config);
    let agenda = Arc::new(TimedAgenda::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let repositories = database.repositories();
    let hub = Arc::new(MemoryHub::default());
    let dice = Arc::new(SystemDice);
    let node = NodeId::new(dice.roll());
    let presence = MemoryPresence::new(node, Arc::clone(&hub), Arc::clone(&clock));
    let presence = Arc::new(presence);
    let connections = Connections::new(&config.limits);
    let ports = Ports {
        node,
        users: repositories.users,
        groups: repositories.groups,
        memberships: repositories.memberships,
        roster: repositories.roster,
        log: repositories.log,
        marks: repositories.marks,
        presence: presence.clone(),
        typing: presence,
        bus: Arc::new(hub.connect()),
        limiter: Arc::new(MemoryLimiter::new(Arc::clone(&clock))),
        sockets: Arc::new(engine.sockets(Arc::clone(&connections))),
        agenda: agenda.clone(),
        clock: Arc::clone(&clock),
        dice,
    };
    let app = Arc::new(App {
        chat: Chat::new(ports, config.policy()),
        tokens: Tokens::new(secret, &config.auth),
        clock,
        connections,
        dependencies: vec![repositories.dependency],
        draining: CancellationToken::new(),
        sockets: TaskTracker::new(),
        known_users: KnownUsers::default(),
        is_dev,
        config,
    });
    Composed {
        app,
        engine,
        agenda,
        database,
    }
}
