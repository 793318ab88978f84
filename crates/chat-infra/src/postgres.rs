//! Users, groups, members and messages on a PostgreSQL server, which several nodes may share.
//!
//! Read in this order: `open` (reaching the server), `connections` with `lease` (a bounded number of them),
//! `outage` (what happens when the server does not answer), one file for each port, and `append` with `lot` and `store`,
//! which make many messages durable at once. `row` turns rows into the domain's nouns.
//!
//! Invariants: what was answered is committed; every call ends within [`ANSWER_WITHIN`], whatever the
//! server does; nobody inherits what somebody else began.

mod append;
mod connections;
mod groups;
mod history;
mod lease;
mod log;
mod lot;
mod marks;
mod memberships;
mod open;
mod outage;
mod revoked;
mod roster;
mod row;
mod store;
mod users;

use std::{sync::Arc, time::Duration};

use chat_domain::{
    id::Epoch,
    ports::{PortError, PortResult},
};
use sqlx::{
    PgConnection,
    migrate::{Migrate, Migrator},
};

use crate::schema::{self, SchemaError};

pub use self::open::OpenError;
use self::{append::Appender, connections::Connections};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// Clients are answered within five seconds, and some of what they ask for takes two calls.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(2_400);

/// How long [`PostgresDatabase::open`] waits for a server that is not there (contract, section 6).
pub const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// Every repository, on one server. Clones share it.
#[derive(Clone)]
pub struct PostgresDatabase {
    connections: Arc<Connections>,
    appender: Arc<Appender>,
}

impl PostgresDatabase {
    /// Reaches the database of a `postgres://user:password@host/database`. Changes nothing in it.
    /// `patience` is how long it may take until the server is there: [`OPEN_WITHIN`].
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str, patience: Duration) -> Result<Self, OpenError> {
        let options = open::options(url)?;
        let first = open::reach(&options, patience).await?;
        let connections = Arc::new(Connections::new(options, first));
        let appender = Arc::new(Appender::new(Arc::clone(&connections)));
        Ok(Self {
            connections,
            appender,
        })
    }

    /// Brings the tables up to date. Of many that do it at once, one does it and the others wait.
    ///
    /// # Errors
    /// See [`SchemaError`]; never [`SchemaError::Behind`].
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        let mut connection = self.patient_connection().await?;
        schema::migrate(&MIGRATIONS, &mut connection).await
    }

    /// Whether the tables are those that this program knows, for who does not [`migrate`](Self::migrate).
    /// Needs no right to change anything.
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let mut connection = self.patient_connection().await?;
        let table = &*MIGRATIONS.table_name;
        let was_migrated: bool = sqlx::query_scalar("select to_regclass($1) is not null")
            .bind(table)
            .fetch_one(&mut connection)
            .await
            .map_err(|error| SchemaError::Store(error.into()))?;
        let applied = if was_migrated {
            let listed = connection.list_applied_migrations(table).await;
            listed.map_err(SchemaError::Store)?
        } else {
            Vec::new()
        };
        schema::compare(&MIGRATIONS, &applied)
    }

    /// Starts a new life of every group's history: for after a backup was restored.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn new_epoch(&self, chance: u128) -> PortResult<()> {
        let epoch = Epoch::random(chance);
        self.write_epoch(&epoch)
            .await
            .map_err(PortError::during("start a new epoch"))
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// It does not, or did not a moment ago.
    pub async fn ping(&self) -> PortResult<()> {
        self.connections
            .within(self.connections.ping())
            .await
            .map_err(PortError::during("reach the database"))
    }

    /// Stores what was handed in already, refuses what comes later, and closes the connections.
    pub async fn close(&self) {
        self.appender.close().await;
        self.connections.close().await;
    }

    /// How many transactions have made messages durable since the database was opened.
    #[must_use]
    pub fn committed_batches(&self) -> u64 {
        self.appender.committed_batches()
    }

    /// How many groups have messages that wait or are being stored at this moment.
    #[must_use]
    pub fn busy_groups(&self) -> usize {
        self.appender.busy_groups()
    }

    async fn patient_connection(&self) -> Result<PgConnection, SchemaError> {
        let connection = self.connections.connect_patiently().await;
        connection.map_err(|error| SchemaError::Store(error.into()))
    }
}
