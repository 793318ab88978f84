//! The database: SQLite or PostgreSQL, as its address says.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chat_domain::ports::{
    Dice as _, GroupRepo, MembershipRepo, MessageLog, PortResult, ReadMarks, RevokedTokens, Roster,
    UserRepo,
};
use chat_infra::{postgres::PostgresDatabase, sqlite::SqliteDatabase};

use super::ComposeError;
use crate::{
    app::{Dependency, system::SystemDice},
    config::Config,
};

/// An open database.
pub enum Database {
    /// One file.
    Sqlite(SqliteDatabase),
    /// A server, which several nodes may share.
    Postgres(PostgresDatabase),
}

impl Database {
    /// Opens the configured database. Waits for a server that is not there yet, but no longer than `patience`.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn open(config: &Config, patience: Duration) -> Result<Self, ComposeError> {
        let url = &config.database.url;
        if url.sqlite_path().is_some() {
            return Ok(Self::Sqlite(SqliteDatabase::open(url.reveal()).await?));
        }
        Ok(Self::Postgres(
            PostgresDatabase::open(url.reveal(), patience).await?,
        ))
    }

    /// Brings the tables up to date.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn migrate(&self) -> Result<(), ComposeError> {
        match self {
            Self::Sqlite(database) => database.migrate().await?,
            Self::Postgres(database) => database.migrate().await?,
        }
        Ok(())
    }

    /// Whether it answers, and the tables are those that this program knows.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn check(&self) -> Result<(), ComposeError> {
        match self {
            Self::Sqlite(database) => {
                database.ping().await?;
                database.check_schema().await?;
            }
            Self::Postgres(database) => {
                database.ping().await?;
                database.check_schema().await?;
            }
        }
        Ok(())
    }

    /// Starts a new life of every group's history.
    ///
    /// # Errors
    /// See [`ComposeError`].
    pub async fn new_epoch(&self) -> Result<(), ComposeError> {
        let chance = SystemDice.roll();
        match self {
            Self::Sqlite(database) => database.new_epoch(chance).await?,
            Self::Postgres(database) => database.new_epoch(chance).await?,
        }
        Ok(())
    }

    /// Stores what was handed in, and closes.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }

    pub(super) fn repositories(&self) -> Repositories {
        match self {
            Self::Sqlite(database) => Repositories::of(database.clone()),
            Self::Postgres(database) => Repositories::of(database.clone()),
        }
    }
}

/// One database behind each of its ports.
pub(super) struct Repositories {
    pub users: Arc<dyn UserRepo>,
    pub groups: Arc<dyn GroupRepo>,
    pub memberships: Arc<dyn MembershipRepo>,
    pub roster: Arc<dyn Roster>,
    pub log: Arc<dyn MessageLog>,
    pub marks: Arc<dyn ReadMarks>,
    pub revoked: Arc<dyn RevokedTokens>,
    pub dependency: Arc<dyn Dependency>,
}

impl Repositories {
    fn of<D>(database: D) -> Self
    where
        D: UserRepo
            + GroupRepo
            + MembershipRepo
            + Roster
            + MessageLog
            + ReadMarks
            + RevokedTokens
            + Dependency
            + 'static,
    {
        let database = Arc::new(database);
        Self {
            users: database.clone(),
            groups: database.clone(),
            memberships: database.clone(),
            roster: database.clone(),
            log: database.clone(),
            marks: database.clone(),
            revoked: database.clone(),
            dependency: database,
        }
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

#[async_trait]
impl Dependency for PostgresDatabase {
    fn name(&self) -> &'static str {
        "database"
    }

    async fn ping(&self) -> PortResult<()> {
        Self::ping(self).await
    }
}
