//! The life of a file: made, opened, migrated, closed, restored.

use std::{fs, os::unix::fs::PermissionsExt};

use chat_domain::{
    id::Seq,
    ports::{Appended, GroupRepo, MessageLog, UserRepo},
};
use chat_infra::{
    schema::SchemaError,
    sqlite::{OpenError, SqliteDatabase},
};
use sqlx::Executor;

use support::{File, NOON, ada, draft, group, group_id};

mod support;

#[tokio::test]
async fn the_file_and_its_folder_are_made_for_this_user_only() {
    let file = File::new();

    file.open().await;

    let folder = file.path().parent().unwrap().metadata().unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    assert!(file.path().is_file());
}

#[tokio::test]
async fn an_address_of_something_else_is_refused() {
    for url in [
        "",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://chat.db?mode=memory",
        "postgres://localhost/chat",
    ] {
        let refused = SqliteDatabase::open(url).await.err();
        assert!(matches!(refused, Some(OpenError::Url { .. })), "{url}");
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let file = File::new();
    fs::create_dir(file.path().parent().unwrap()).unwrap();
    fs::write(file.path(), "a letter to my aunt ".repeat(100)).unwrap();

    let refused = SqliteDatabase::open(&file.url()).await.err();

    assert!(matches!(refused, Some(OpenError::File { .. })));
}

#[tokio::test]
async fn a_file_that_was_never_migrated_is_told_from_one_that_is_up_to_date() {
    let file = File::new();
    let database = SqliteDatabase::open(&file.url()).await.unwrap();

    let before = database.check_schema().await;
    database.migrate().await.unwrap();
    let after = database.check_schema().await;

    assert!(matches!(before, Err(SchemaError::Behind { missing: 1 })));
    assert!(after.is_ok());
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;

    database.migrate().await.unwrap();

    let found = UserRepo::find(&database, &ada().id).await.unwrap();
    assert_eq!(found, Some(ada()));
}

#[tokio::test]
async fn a_file_of_a_newer_program_is_refused() {
    let file = File::new();
    let database = file.open().await;
    let newer =
        "insert into _sqlx_migrations select 9999, description, installed_on, success, checksum, 0
        from _sqlx_migrations limit 1";
    file.open_beside().await.execute(newer).await.unwrap();

    for refused in [database.migrate().await, database.check_schema().await] {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SchemaError::TooNew { found: 9999, .. }));
        assert!(refused.to_string().contains("newer version"));
    }
}

#[tokio::test]
async fn a_file_with_another_migration_of_that_number_is_refused() {
    let file = File::new();
    let database = file.open().await;
    let other = "update _sqlx_migrations set checksum = x'00' where version = 1";
    file.open_beside().await.execute(other).await.unwrap();

    for refused in [database.migrate().await, database.check_schema().await] {
        assert!(matches!(refused, Err(SchemaError::Foreign { version: 1 })));
    }
}

#[tokio::test]
async fn everything_answered_is_there_after_a_drop_without_a_close() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    for number in 0..10 {
        database
            .append(draft(&ada(), "hello", number))
            .await
            .unwrap();
    }

    drop(database);

    let again = SqliteDatabase::open(&file.url()).await.unwrap();
    let slice = again.after(&group_id("ops"), Seq::ZERO, 100).await.unwrap();
    assert_eq!(slice.messages.len(), 10);
    let groups = again.list(&ada().id, None, 10).await.unwrap();
    assert_eq!(groups[0].group.head.last_seq, Seq::new(10));
}

#[tokio::test]
async fn closing_stores_what_was_handed_in_and_refuses_what_comes_later() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    let mut handed_in = tokio::task::JoinSet::new();
    for number in 0..100 {
        let database = database.clone();
        handed_in.spawn(async move { database.append(draft(&ada(), "hello", number)).await });
    }
    let first = handed_in.join_next().await.unwrap().unwrap().unwrap();
    assert!(matches!(first, Appended::Stored(_)));

    database.close().await;

    for outcome in handed_in.join_all().await {
        assert!(matches!(outcome, Ok(Appended::Stored(_))), "{outcome:?}");
    }
    assert!(database.append(draft(&ada(), "late", 100)).await.is_err());
    assert!(database.save(&ada(), NOON).await.is_err());
    assert!(database.ping().await.is_err());
    let log = file.path().with_extension("db-wal");
    assert!(!log.exists(), "everything was moved into the file");
}

#[tokio::test]
async fn a_ping_finds_the_file_in_order() {
    let file = File::new();
    let database = file.open().await;

    assert!(database.ping().await.is_ok());
}

#[tokio::test]
async fn a_new_epoch_is_every_groups_and_changes_nothing_else() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    database.create(&group("dev"), &ada().id).await.unwrap();
    database.append(draft(&ada(), "hello", 1)).await.unwrap();

    database.new_epoch(7 << 64).await.unwrap();

    let listed = database.list(&ada().id, None, 10).await.unwrap();
    let [dev, ops] = &listed[..] else {
        panic!("two groups, not {listed:?}");
    };
    assert_ne!(dev.group.head.epoch, group("dev").head.epoch);
    assert_eq!(dev.group.head.epoch, ops.group.head.epoch);
    assert_eq!(ops.group.head.last_seq, Seq::new(1));
    assert_eq!(ops.group.name, group("ops").name);
}
