//! One busy group on PostgreSQL, with `fsync` on: messages a second, committed one by one and in batches.

#![allow(clippy::unwrap_used, reason = "all of it is one test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chat_domain::ports::{Appended, MessageLog};
use chat_infra::postgres::PostgresDatabase;
use chat_testkit::proof::{Claim, Length};
use sqlx::PgConnection;
use tokio::task::JoinSet;

use support::{
    ada, draft, make_ada_in_ops,
    postgres::{Open as _, Server},
};

mod support;

const TEXT_BYTES: usize = 200;

/// What a message costs that is stored alone: the same row, the same lock, one round trip.
const STORE_ONE: &str = "
    with head as (update groups set last_seq = last_seq + 1 where id = 'ops' returning last_seq)
    insert into messages (group_id, seq, updated_seq, id, sender_id, kind, created_at, content)
    select 'ops', last_seq, last_seq, gen_random_uuid(), 'ada', 'TEXT', now(), $1 from head";

/// So many at once, in turn: the best of each way counts.
const CONNECTIONS: [usize; 3] = [1, 4, 16];
const SENDERS: [usize; 4] = [1, 16, 64, 256];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_share_commits_are_stored_many_times_as_fast() {
    let length = Length::asked();
    let each = length.pick(Duration::from_millis(200), Duration::from_secs(5));
    let server = Server::start_as_installed().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;

    let mut best_apart = 0;
    for connections in CONNECTIONS {
        let stored = one_by_one(&server, connections, each).await;
        best_apart = best_apart.max(stored);
    }
    let before = database.committed_batches();
    let mut best_together = 0;
    let mut all_together = 0;
    for senders in SENDERS {
        let stored = in_batches(&database, senders, each).await;
        best_together = best_together.max(stored);
        all_together += stored;
    }
    let commits = database.committed_batches() - before;

    assert!(commits < all_together, "some share a commit");
    assert!(best_apart > 0, "there is something to compare with");
    let per_second = |stored: u64| stored / each.as_secs().max(1);
    let tenths = 10 * best_together / best_apart;
    let measured = format!(
        "{}.{} times: {}/s against {}/s",
        tenths / 10,
        tenths % 10,
        per_second(best_together),
        per_second(best_apart),
    );
    Claim::HotRoom.measured(length, tenths >= 50, measured);
    database.close().await;
}

async fn one_by_one(server: &Server, connections: usize, length: Duration) -> u64 {
    let text = Arc::new("x".repeat(TEXT_BYTES));
    let mut storing = JoinSet::new();
    for _ in 0..connections {
        let connection = server.connect().await;
        storing.spawn(store_one_by_one(connection, Arc::clone(&text), length));
    }
    storing.join_all().await.into_iter().sum()
}

async fn store_one_by_one(
    mut connection: PgConnection,
    text: Arc<String>,
    length: Duration,
) -> u64 {
    let start = Instant::now();
    let mut stored = 0;
    while start.elapsed() < length {
        let statement = sqlx::query(STORE_ONE).bind(text.as_str());
        let done = statement.execute(&mut connection).await;
        stored += done.expect("it is stored").rows_affected();
    }
    stored
}

async fn in_batches(database: &PostgresDatabase, senders: usize, length: Duration) -> u64 {
    let mut sending = JoinSet::new();
    for _ in 0..senders {
        sending.spawn(send_one_after_another(database.clone(), length));
    }
    sending.join_all().await.into_iter().sum()
}

async fn send_one_after_another(database: PostgresDatabase, length: Duration) -> u64 {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let text = "x".repeat(TEXT_BYTES);
    let author = ada();
    let start = Instant::now();
    let mut stored = 0;
    while start.elapsed() < length {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let outcome = database.append(draft(&author, &text, number.into())).await;
        assert!(matches!(outcome, Ok(Appended::Stored(_))), "{outcome:?}");
        stored += 1;
    }
    stored
}
