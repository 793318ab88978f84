//! What callers see of a server in trouble, and what becomes of their messages.

use std::{
    slice,
    time::{Duration, Instant},
};

use chat_domain::{
    id::Seq,
    message::{ClientMessageId, Draft},
    ports::{Appended, GroupRepo, MembershipRepo, MessageLog, ReadMarks, Roster, UserRepo},
};
use chat_infra::postgres::PostgresDatabase;
use sqlx::Executor;
use tokio::time::{sleep, timeout};

use support::{
    ada, draft, group_id,
    load::Load,
    make_ada_in_ops,
    postgres::{Open as _, Server},
    relay::Relay,
};

mod support;

/// A promise to clients leaves this much to a call (contract, section 1, Database unreachable).
const AT_MOST: Duration = Duration::from_secs(4);
/// Enough to begin something.
const A_MOMENT: Duration = Duration::from_millis(300);
const AT_ONCE: Duration = Duration::from_millis(100);

async fn ada_in_ops(settings: &[&str]) -> (Server, PostgresDatabase) {
    let server = Server::start_with(settings).await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;
    (server, database)
}

/// All at once; returns how long the slowest took. All fail.
async fn ask_everything_in_vain(database: &PostgresDatabase) -> Duration {
    let (ops, ada) = (group_id("ops"), ada().id);
    let start = Instant::now();
    let (sent, user, member, read, marked, group, ping) = tokio::join!(
        database.append(draft(&support::ada(), "hello", 1)),
        UserRepo::find(database, &ada),
        MembershipRepo::find(database, &ops, &ada),
        database.after(&ops, Seq::ZERO, 10),
        database.mark(&ops, &ada, Seq::ZERO),
        GroupRepo::delete(database, &ops),
        database.ping(),
    );
    let failed = [
        sent.is_err(),
        user.is_err(),
        member.is_err(),
        read.is_err(),
        marked.is_err(),
        group.is_err(),
        ping.is_err(),
    ];
    assert_eq!(failed, [true; 7]);
    start.elapsed()
}

async fn answers_again(database: &PostgresDatabase) {
    let again = async {
        while database.ping().await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    let within = Duration::from_secs(10);
    timeout(within, again).await.expect("it comes back");
    let stored = database.append(draft(&ada(), "again", 2)).await;
    assert!(stored.is_ok(), "{stored:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up_in_time_and_then_at_once() {
    let (server, database) = ada_in_ops(&[]).await;
    server.pause();

    let first = ask_everything_in_vain(&database).await;
    let then = ask_everything_in_vain(&database).await;

    assert!(first < AT_MOST, "{first:?}");
    assert!(then < AT_ONCE, "{then:?}");
    server.resume();
    answers_again(&database).await;
}

#[tokio::test]
async fn a_server_that_is_gone_is_noticed_at_once_and_found_again() {
    let (mut server, database) = ada_in_ops(&[]).await;
    server.kill();

    let first = ask_everything_in_vain(&database).await;
    let then = ask_everything_in_vain(&database).await;

    assert!(first < AT_MOST, "{first:?}");
    assert!(then < AT_ONCE, "{then:?}");
    server.restart().await;
    answers_again(&database).await;
}

#[tokio::test]
async fn what_a_caller_began_and_gave_up_is_nobody_elses() {
    let (server, database) = ada_in_ops(&[]).await;
    let mut other_program = server.connect().await;
    let lock = "begin; lock table group_members";
    other_program.execute(lock).await.unwrap();
    let (ops, ada) = (group_id("ops"), ada());
    let removing = Roster::remove(&database, &ops, &ada.id);
    assert!(timeout(A_MOMENT, removing).await.is_err());
    other_program.execute("rollback").await.unwrap();

    let stored = database.append(draft(&ada, "hello", 1)).await;

    assert!(stored.is_ok(), "{stored:?}");
    let committed: i64 = sqlx::query_scalar("select count(*) from messages")
        .fetch_one(&mut other_program)
        .await
        .unwrap();
    assert_eq!(committed, 1);
}

#[tokio::test]
async fn callers_who_come_and_go_keep_no_more_connections_than_there_are() {
    let (server, database) = ada_in_ops(&[]).await;
    let mut other_program = server.connect().await;
    let lock = "begin; lock table users";
    other_program.execute(lock).await.unwrap();
    let ada = ada();
    for _ in 0..50 {
        let asking = UserRepo::find(&database, &ada.id);
        assert!(timeout(Duration::from_millis(2), asking).await.is_err());
    }
    let count = "select count(*) from pg_stat_activity where application_name = 'chat-server'";
    let connections: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut other_program)
        .await
        .unwrap();
    other_program.execute("rollback").await.unwrap();
    let found = UserRepo::find(&database, &ada.id).await;

    assert!(connections <= 16, "{connections} connections");
    assert_eq!(found.unwrap(), Some(ada));
}

#[tokio::test]
async fn a_server_without_a_free_connection_serves_with_those_that_there_are() {
    // Three are the superuser's own, and this test is one.
    let settings = ["max_connections=6", "superuser_reserved_connections=0"];
    let (_server, database) = ada_in_ops(&settings).await;

    let load = Load::start(slice::from_ref(&database), 8);
    let reading = (0..200).map(|_| {
        let database = database.clone();
        async move { UserRepo::find(&database, &ada().id).await }
    });
    let mut asked = tokio::task::JoinSet::new();
    asked.extend(reading);
    let answers = asked.join_all().await;

    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    load.stop_and_judge(&database).await;
}

#[tokio::test]
async fn a_message_whose_answer_was_lost_is_settled_by_sending_it_again() {
    let (server, database) = ada_in_ops(&[]).await;
    database.close().await;
    let relay = Relay::start(server.port()).await;
    let url = Server::url_at(relay.port());
    let database = PostgresDatabase::open(&url, AT_MOST).await.unwrap();
    let message = Draft {
        client_id: Some(ClientMessageId::parse("c1").unwrap()),
        ..draft(&ada(), "hello", 1)
    };
    // The first one also prepares the statement.
    database.append(draft(&ada(), "before", 0)).await.unwrap();

    relay.lose_next_answer();
    let lost = database.append(message.clone()).await;
    answers_again(&database).await;
    let again = database.append(message).await;

    assert!(lost.is_err(), "nobody knows: {lost:?}");
    let Ok(Appended::Duplicate(first)) = again else {
        panic!("it was stored the first time: {again:?}");
    };
    assert_eq!(first.seq, Seq::new(2));
}

#[tokio::test]
async fn killed_backends_lose_and_double_nothing() {
    let (server, database) = ada_in_ops(&[]).await;
    let nodes = [database, server.open().await];
    let mut administrator = server.connect().await;
    let load = Load::start(&nodes, 10);

    for _ in 0..10 {
        load.goes_on(30).await;
        let kill = "select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'chat-server'";
        administrator.execute(kill).await.unwrap();
    }
    load.goes_on(30).await;

    assert!(load.failures() > 0, "the kills were felt");
    load.stop_and_judge(&nodes[0]).await;
}

#[tokio::test]
async fn a_server_that_is_killed_and_started_again_loses_and_doubles_nothing() {
    let (mut server, database) = ada_in_ops(&[]).await;
    let load = Load::start(slice::from_ref(&database), 20);

    for _ in 0..3 {
        load.goes_on(100).await;
        server.kill();
        server.restart().await;
    }
    load.goes_on(100).await;

    assert!(load.failures() > 0, "the kills were felt");
    load.stop_and_judge(&database).await;
}
