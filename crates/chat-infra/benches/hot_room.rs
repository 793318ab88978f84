//! One busy group on PostgreSQL, with `fsync` on: messages a second, committed one by one and in batches.
//!
//! `cargo bench -p chat-infra --bench hot_room`. It starts a server of its own.

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::ports::{Appended, MessageLog};
use chat_infra::postgres::PostgresDatabase;
use sqlx::PgConnection;
use tokio::task::JoinSet;

use support::{
    ada, draft, make_ada_in_ops,
    postgres::{Open as _, Server},
};

const RUNS_FOR: Duration = Duration::from_secs(5);
const TEXT_BYTES: usize = 200;

/// What a message costs that is stored alone: the same row, the same lock, one round trip.
const STORE_ONE: &str = "
    with head as (update groups set last_seq = last_seq + 1 where id = 'ops' returning last_seq)
    insert into messages (group_id, seq, updated_seq, id, sender_id, kind, created_at, content)
    select 'ops', last_seq, last_seq, gen_random_uuid(), 'ada', 'TEXT', now(), $1 from head";

#[tokio::main]
async fn main() {
    let server = Server::start_as_installed().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;
    let seconds = RUNS_FOR.as_secs();
    println!("one group, {TEXT_BYTES} bytes a message, fsync on, {seconds} s each");

    let mut best_apart = 0;
    for connections in [1, 4, 16] {
        let stored = one_by_one(&server, connections).await;
        let rate = stored / seconds;
        println!("{rate:>8}/s  one a transaction, over {connections} connections");
        best_apart = best_apart.max(stored);
    }
    let mut best_together = 0;
    for senders in [1, 16, 64, 256] {
        let before = database.committed_batches();
        let stored = in_batches(&database, senders).await;
        let size = stored / (database.committed_batches() - before);
        let rate = stored / seconds;
        println!("{rate:>8}/s  in batches of {size}, from {senders} senders");
        best_together = best_together.max(stored);
    }
    let tenths = 10 * best_together / best_apart;
    println!("{:>6}.{} times as many", tenths / 10, tenths % 10);
    database.close().await;
}

async fn one_by_one(server: &Server, connections: usize) -> u64 {
    let text = Arc::new("x".repeat(TEXT_BYTES));
    let mut storing = JoinSet::new();
    for _ in 0..connections {
        let connection = server.connect().await;
        storing.spawn(store_one_by_one(connection, Arc::clone(&text)));
    }
    storing.join_all().await.into_iter().sum()
}

async fn store_one_by_one(mut connection: PgConnection, text: Arc<String>) -> u64 {
    let start = Instant::now();
    let mut stored = 0;
    while start.elapsed() < RUNS_FOR {
        let statement = sqlx::query(STORE_ONE).bind(text.as_str());
        let done = statement.execute(&mut connection).await;
        stored += done.expect("it is stored").rows_affected();
    }
    stored
}

async fn in_batches(database: &PostgresDatabase, senders: usize) -> u64 {
    let mut sending = JoinSet::new();
    for _ in 0..senders {
        sending.spawn(send_one_after_another(database.clone()));
    }
    sending.join_all().await.into_iter().sum()
}

async fn send_one_after_another(database: PostgresDatabase) -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let text = "x".repeat(TEXT_BYTES);
    let author = ada();
    let start = Instant::now();
    let mut stored = 0;
    while start.elapsed() < RUNS_FOR {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let outcome = database.append(draft(&author, &text, number.into())).await;
        assert!(matches!(outcome, Ok(Appended::Stored(_))), "{outcome:?}");
        stored += 1;
    }
    stored
}
