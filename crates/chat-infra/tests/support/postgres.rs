//! A PostgreSQL server of its own for each test, and the database on it.

use std::time::Duration;

use chat_infra::postgres::PostgresDatabase;

pub use chat_testkit::postgres::PostgresServer as Server;

const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// What this crate makes of a server.
pub trait Open {
    /// A database that is up to date.
    async fn open(&self) -> PostgresDatabase;
}

impl Open for Server {
    async fn open(&self) -> PostgresDatabase {
        let database = PostgresDatabase::open(&self.url(), ANSWERS_WITHIN).await;
        let database = database.expect("it opens");
        database.migrate().await.expect("it migrates");
        database
    }
}
