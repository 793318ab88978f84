//! The SQLite file keeps the contract of every database.

use chat_domain::{contract::database::Database, database_contract};

mod support;

async fn fresh() -> Database {
    let file = support::File::new();
    Database::of(file.open().await).keeping(file)
}

database_contract!(fresh());
