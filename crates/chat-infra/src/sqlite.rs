//! Users, groups, members and messages in one `SQLite` file.
//!
//! Read in this order: `connection` (one that writes, a few that read), one file for each port, and
//! `append`, which makes many messages durable at once. `row` turns rows into the domain's nouns.
//!
//! Invariants: what was answered is on the disk (`synchronous=FULL`); this process writes through one
//! connection, so that it never waits for itself.

mod append;
mod connection;
mod groups;
mod history;
mod log;
mod marks;
mod memberships;
#[cfg(test)]
mod plans;
mod revoked;
mod roster;
mod row;
mod store;
#[cfg(test)]
mod trouble;
mod users;

use std::sync::Arc;

use chat_domain::{
    id::Epoch,
    ports::{PortError, PortResult},
};
use sqlx::migrate::Migrator;

use crate::schema::{self, SchemaError};

pub use self::connection::OpenError;
use self::{
    append::Appender,
    connection::{Connections, Writing},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Every repository, in one file. Clones share it.
#[derive(Clone)]
pub struct SqliteDatabase {
    connections: Arc<Connections>,
    appender: Arc<Appender>,
}

impl SqliteDatabase {
    /// Opens the file of a `sqlite://path/to/file`; makes it, and its folder, if it is missing. Changes nothing in it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let connections = Arc::new(Connections::open(url).await?);
        let appender = Arc::new(Appender::start(Arc::clone(&connections)));
        Ok(Self {
            connections,
            appender,
        })
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// See [`SchemaError`]; never [`SchemaError::Behind`].
    pub async fn migrate(&self) -> Result<(), SchemaError> {
        let mut writer = self.writer().await?;
        schema::migrate(&MIGRATIONS, &mut *writer).await?;
        writer.keep();
        Ok(())
    }

    /// Whether the tables are those that this program knows, for who does not [`migrate`](Self::migrate).
    ///
    /// # Errors
    /// See [`SchemaError`].
    pub async fn check_schema(&self) -> Result<(), SchemaError> {
        let mut writer = self.writer().await?;
        schema::check(&MIGRATIONS, &mut *writer).await?;
        writer.keep();
        Ok(())
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

    /// Whether the file can be read, and whether the one that writes answers.
    ///
    /// # Errors
    /// They cannot, or do not within two seconds.
    pub async fn ping(&self) -> PortResult<()> {
        let answer = if self.appender.is_running() {
            self.connections.ping().await
        } else {
            Err(sqlx::Error::PoolClosed)
        };
        answer.map_err(PortError::during("reach the database"))
    }

    /// Stores what was handed in already, refuses what comes later, and closes the file.
    pub async fn close(&self) {
        self.appender.close().await;
        self.connections.close().await;
    }

    /// How many transactions have made messages durable since the file was opened.
    #[must_use]
    pub fn committed_batches(&self) -> u64 {
        self.appender.committed_batches()
    }

    async fn writer(&self) -> Result<Writing<'_>, SchemaError> {
        let writer = self.connections.take_writer().await;
        writer.map_err(|error| SchemaError::Store(error.into()))
    }
}
