//! The life of a database on a server: reached, migrated, closed, restored.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use chat_domain::{
    id::Seq,
    ports::{Appended, GroupRepo, MessageLog, UserRepo},
};
use chat_infra::{
    postgres::{OpenError, PostgresDatabase},
    schema::SchemaError,
};
use sqlx::Executor;
use tokio::task::JoinSet;

use support::{
    NOON, ada,
    appending::append_all,
    draft, group, group_id, make_ada_in_ops,
    postgres::{Open as _, Server},
};

mod support;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_address_of_something_else_is_refused() {
    for url in ["", "postgres", "postgres://host:port/chat", "chat.db"] {
        let refused = PostgresDatabase::open(url, PATIENCE).await.err();
        assert!(matches!(refused, Some(OpenError::Url(_))), "{url}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_and_then_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = PostgresDatabase::open(&Server::url_at(port), Duration::from_secs(1)).await;
    drop(listener);
    let absent = PostgresDatabase::open(&Server::url_at(port), Duration::from_secs(1)).await;

    for unreachable in [silent, absent] {
        let refused = unreachable.err().unwrap();
        assert!(matches!(refused, OpenError::Unreachable { .. }));
        let line = format!("could not reach the database server at `127.0.0.1:{port}` within 1 s");
        assert_eq!(refused.to_string(), line);
    }
}

#[tokio::test]
async fn a_server_that_starts_late_is_waited_for() {
    let mut server = Server::start().await;
    server.kill();
    let url = server.url();

    let opening = tokio::spawn(async move { PostgresDatabase::open(&url, PATIENCE).await });
    server.restart().await;

    assert!(opening.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_is_not_waited_for() {
    let server = Server::start().await;
    let url = format!("postgres://postgres@127.0.0.1:{}/gone", server.port());
    let start = Instant::now();

    let refused = PostgresDatabase::open(&url, PATIENCE).await.err();

    assert!(matches!(refused, Some(OpenError::Refused(_))));
    assert!(start.elapsed() < PATIENCE / 2);
}

#[tokio::test]
async fn a_database_that_was_never_migrated_is_told_from_one_that_is_up_to_date() {
    let server = Server::start().await;
    let database = PostgresDatabase::open(&server.url(), PATIENCE)
        .await
        .unwrap();

    let before = database.check_schema().await;
    database.migrate().await.unwrap();
    let after = database.check_schema().await;

    assert!(matches!(before, Err(SchemaError::Behind { missing: 1 })));
    assert!(after.is_ok(), "{after:?}");
}

#[tokio::test]
async fn of_many_who_migrate_at_once_one_does_it_and_all_find_it_done() {
    let server = Server::start().await;
    let mut migrating = JoinSet::new();
    for _ in 0..8 {
        let url = server.url();
        migrating.spawn(async move {
            let database = PostgresDatabase::open(&url, PATIENCE).await.unwrap();
            let migrated = database.migrate().await;
            migrated.and(database.check_schema().await)
        });
    }

    let outcomes = migrating.join_all().await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[tokio::test]
async fn who_may_only_read_and_write_can_check_and_serve() {
    let server = Server::start().await;
    server.open().await.close().await;
    let rights = "create role clerk login;
        grant select, insert, update, delete on all tables in schema public to clerk";
    server.connect().await.execute(rights).await.unwrap();
    let url = server.url().replace("postgres@", "clerk@");

    let database = PostgresDatabase::open(&url, PATIENCE).await.unwrap();

    assert!(database.check_schema().await.is_ok());
    make_ada_in_ops(&database).await;
    let stored = database.append(draft(&ada(), "hello", 1)).await.unwrap();
    assert!(matches!(stored, Appended::Stored(_)));
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let server = Server::start().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;

    database.migrate().await.unwrap();

    let found = UserRepo::find(&database, &ada().id).await.unwrap();
    assert_eq!(found, Some(ada()));
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let server = Server::start().await;
    let database = server.open().await;
    let newer =
        "insert into _sqlx_migrations select 9999, description, installed_on, success, checksum, 0
        from _sqlx_migrations limit 1";
    server.connect().await.execute(newer).await.unwrap();

    for refused in [database.migrate().await, database.check_schema().await] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SchemaError::TooNew { found: 9999, .. }));
    }
}

#[tokio::test]
async fn closing_stores_what_was_handed_in_and_refuses_what_comes_later() {
    let server = Server::start().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;
    let drafts = (0..100).map(|number| draft(&ada(), "hello", number));
    let mut handed_in = append_all(&database, drafts);
    let first = handed_in.join_next().await.unwrap().unwrap().unwrap();
    assert!(matches!(first, Appended::Stored(_)));

    database.close().await;

    for outcome in handed_in.join_all().await {
        assert!(matches!(outcome, Ok(Appended::Stored(_))), "{outcome:?}");
    }
    assert!(database.append(draft(&ada(), "late", 100)).await.is_err());
    assert!(database.save(&ada(), NOON).await.is_err());
    assert!(database.ping().await.is_err());
    let count = "select count(*) from pg_stat_activity where application_name = 'chat-server'";
    let mut administrator = server.connect().await;
    let mut open: i64 = 1;
    while open > 0 {
        let counted = sqlx::query_scalar(count).fetch_one(&mut administrator);
        open = counted.await.unwrap();
    }
}

#[tokio::test]
async fn a_new_epoch_is_every_groups_and_changes_nothing_else() {
    let server = Server::start().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;
    database.create(&group("dev"), &ada().id).await.unwrap();
    database.append(draft(&ada(), "hello", 1)).await.unwrap();

    database.new_epoch(7 << 64).await.unwrap();

    let dev = database.head(&group_id("dev")).await.unwrap().unwrap();
    let ops = database.head(&group_id("ops")).await.unwrap().unwrap();
    assert_ne!(dev.epoch, group("dev").head.epoch);
    assert_eq!(dev.epoch, ops.epoch);
    assert_eq!(ops.last_seq, Seq::new(1));
}
