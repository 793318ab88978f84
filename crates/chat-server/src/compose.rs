//! Putting the parts together: the only file that knows which store stands behind which port.

use std::sync::Arc;

use async_trait::async_trait;
use chat_domain::{
    memory::{MemoryHub, MemoryLimiter, MemoryPresence},
    ports::{Clock, Dice, PortResult},
    usecase::{Chat, Ports},
};
use chat_infra::{
    schema::SchemaError,
    sqlite::{OpenError, SqliteDatabase},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{
        App, Dependency, KnownUsers,
        agenda::TimedAgenda,
        connections::Connections,
        system::{SystemClock, SystemDice},
    },
    auth::Tokens,
    config::{Config, Secret},
    io::Engine,
};

/// Why the parts cannot be put together: one clear line.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database is not what this program knows.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database does not answer.
    #[error(transparent)]
    Port(#[from] chat_domain::ports::PortError),
}

/// A server, put together.
pub(crate) struct Composed {
    pub app: Arc<App>,
    pub engine: Engine,
    pub agenda: Arc<TimedAgenda>,
    pub database: Database,
}

/// The database, for who opens and closes it.
pub struct Database(SqliteDatabase);

impl Database {
    /// Opens the configured database.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn open(config: &Config) -> Result<Self, ComposeError> {
        Ok(Self(SqliteDatabase::open(&config.database.url).await?))
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn migrate(&self) -> Result<(), ComposeError> {
        Ok(self.0.migrate().await?)
    }

    /// Whether the tables are those that this program knows.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn check(&self) -> Result<(), ComposeError> {
        self.0.ping().await?;
        Ok(self.0.check_schema().await?)
    }

    /// Starts a new life of every group's history.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn new_epoch(&self) -> Result<(), ComposeError> {
        Ok(self.0.new_epoch(SystemDice.roll()).await?)
    }

    /// Stores what was handed in, and closes.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl Dependency for SqliteDatabase {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn ping(&self) -> PortResult<()> {
        Self::ping(self).await
    }
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
    let store = Arc::new(database.0.clone());
    let hub = Arc::new(MemoryHub::default());
    let presence = Arc::new(MemoryPresence::new(Arc::clone(&hub), Arc::clone(&clock)));
    let ports = Ports {
        users: store.clone(),
        groups: store.clone(),
        memberships: store.clone(),
        roster: store.clone(),
        log: store.clone(),
        marks: store.clone(),
        presence: presence.clone(),
        typing: presence,
        bus: Arc::new(hub.connect()),
        limiter: Arc::new(MemoryLimiter::new(Arc::clone(&clock))),
        sockets: Arc::new(engine.sockets()),
        agenda: agenda.clone(),
        clock: Arc::clone(&clock),
        dice: Arc::new(SystemDice),
    };
    let app = Arc::new(App {
        chat: Chat::new(ports, config.policy()),
        tokens: Tokens::new(secret, &config.auth),
        clock,
        connections: Connections::new(&config.limits),
        dependencies: vec![store],
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
