//! What the connections are set to, and what becomes of them in trouble.

use std::time::Duration;

use chat_domain::{
    group::{Group, GroupName, Head},
    id::{Epoch, GroupId, MessageId, Seq, UserId},
    message::{Draft, MessageBody},
    ports::{Appended, GroupRepo, MessageLog, UserRepo},
    time::Timestamp,
};
use sqlx::{
    AssertSqlSafe, Connection, Executor, Row, SqliteConnection, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

use super::{SqliteDatabase, connection::Writing};

const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_123);

async fn database_with_a_group() -> (SqliteDatabase, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/chat.db", folder.path().display());
    let database = SqliteDatabase::open(&url).await.unwrap();
    database.migrate().await.unwrap();
    let ada = UserId::parse("ada").unwrap();
    database.ensure(&ada, NOON).await.unwrap();
    let ops = Group {
        id: GroupId::parse("ops").unwrap(),
        name: GroupName::parse("ops").unwrap(),
        description: None,
        is_private: false,
        head: Head {
            last_seq: Seq::ZERO,
            epoch: Epoch::new("first"),
        },
        created_at: NOON,
    };
    database.create(&ops, &ada).await.unwrap();
    (database, folder)
}

fn draft(number: u128) -> Draft {
    let body = MessageBody::stored(&"x".repeat(4_000));
    let ops = GroupId::parse("ops").unwrap();
    Draft::by_system(ops, body, None, MessageId::v7(NOON, number), NOON)
}

async fn setting(writing: &mut Writing<'_>, name: &str) -> String {
    let question = AssertSqlSafe(format!("pragma {name}"));
    let row = sqlx::query(question)
        .fetch_one(&mut **writing)
        .await
        .unwrap();
    row.get_unchecked(0)
}

#[tokio::test]
async fn what_was_answered_is_on_the_disk() {
    let (database, _folder) = database_with_a_group().await;

    for attempt in ["the first connection", "the one after a failure"] {
        let mut writing = database.connections.begin().await.unwrap();
        for (name, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("busy_timeout", "3000"),
        ] {
            let found = setting(&mut writing, name).await;
            assert_eq!(found, value, "{name} of {attempt}");
        }
        // Neither committed nor kept: it is thrown away.
        drop(writing);
    }
}

#[tokio::test]
async fn who_reads_cannot_write() {
    let (database, _folder) = database_with_a_group().await;

    let refused = database
        .connections
        .readers()
        .execute("delete from groups")
        .await;

    assert!(refused.is_err());
}

/// Or what it read first could be old when it writes.
#[tokio::test]
async fn a_write_keeps_other_programs_out_from_its_beginning() {
    let (database, folder) = database_with_a_group().await;
    let beside = SqliteConnectOptions::new()
        .filename(folder.path().join("chat.db"))
        .busy_timeout(Duration::ZERO);
    let mut other_program = SqliteConnection::connect_with(&beside).await.unwrap();

    let writing = database.connections.begin().await.unwrap();
    let meanwhile = other_program.execute("delete from groups").await;
    writing.commit().await.unwrap();
    let afterwards = other_program.execute("delete from groups").await;

    assert!(meanwhile.is_err());
    assert!(afterwards.is_ok());
}

#[tokio::test]
async fn a_write_that_is_dropped_half_way_has_not_happened() {
    let (database, _folder) = database_with_a_group().await;
    let ops = GroupId::parse("ops").unwrap();

    let mut writing = database.connections.begin().await.unwrap();
    let deleted = writing.execute("delete from groups").await.unwrap();
    drop(writing);

    assert_eq!(deleted.rows_affected(), 1);
    assert!(GroupRepo::find(&database, &ops).await.unwrap().is_some());
    let next = database.append(draft(1)).await.unwrap();
    assert!(matches!(next, Appended::Stored(_)));
}

#[tokio::test]
async fn a_full_disk_fails_what_does_not_fit_and_nothing_after_it() {
    let (database, _folder) = database_with_a_group().await;
    let mut writer = database.connections.take_writer().await.unwrap();
    writer.execute("pragma max_page_count = 1").await.unwrap();
    writer.keep();

    let mut stored = 0;
    let mut number = 0;
    let full = loop {
        number += 1;
        match database.append(draft(number)).await {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        assert!(number < 1_000, "the limit holds");
    };
    // The connection that met the limit is gone, and the limit with it: there is room again.
    let after = database.append(draft(number + 1)).await.unwrap();

    let Appended::Stored(after) = after else {
        panic!("stored, not {after:?} after {full}");
    };
    assert_eq!(after.seq, Seq::new(stored + 1));
}
