//! A PostgreSQL server keeps the contract of every database.

use chat_domain::{contract::database::Database, database_contract};

use support::postgres::{Open as _, Server};

mod support;

async fn fresh() -> Database {
    let server = Server::start().await;
    Database::of(server.open().await).keeping(server)
}

database_contract!(fresh());
