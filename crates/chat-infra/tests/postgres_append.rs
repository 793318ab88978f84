//! Many messages at once: how they share commits, what fails alone, and what is left behind.

use std::time::Duration;

use chat_domain::{
    id::MessageId,
    message::{ClientMessageId, Draft},
    ports::{Appended, GroupRepo, MessageLog},
};
use chat_infra::postgres::PostgresDatabase;
use sqlx::Executor;
use tokio::time::sleep;

use support::{
    NOON, ada,
    appending::{append_all, history, is_overloaded, numbers, seqs},
    draft, group, group_id, make_ada_in_ops,
    postgres::{Open as _, Server},
    relay::Relay,
    user,
};

mod support;

/// A server, and a database on it that has `ada`, the owner of the group `ops`.
async fn ada_in_ops() -> (Server, PostgresDatabase) {
    let server = Server::start().await;
    let database = server.open().await;
    make_ada_in_ops(&database).await;
    (server, database)
}

#[tokio::test]
async fn messages_that_come_together_share_a_commit() {
    let (_server, database) = ada_in_ops().await;
    let drafts = (0..640).map(|number| draft(&ada(), "hello", number));

    let outcomes = append_all(&database, drafts).join_all().await;

    assert_eq!(seqs(outcomes), numbers(1..=640));
    // Ten would do; a few small ones come before the queue has filled.
    let commits = database.committed_batches();
    assert!((10..=20).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn a_commit_is_bounded_in_bytes_too() {
    let (_server, database) = ada_in_ops().await;
    let long = "x".repeat(16_000);
    let drafts = (0..64).map(|number| draft(&ada(), &long, number));

    let outcomes = append_all(&database, drafts).join_all().await;

    assert_eq!(seqs(outcomes), numbers(1..=64));
    // Sixteen fit into 256 KiB.
    let commits = database.committed_batches();
    assert!(commits >= 4, "{commits} commits");
}

/// Groups with such names, of which `ada` is the owner.
async fn make_groups(database: &PostgresDatabase, count: u128) {
    for number in 0..count {
        let id = format!("group-{number}");
        let created = database.create(&group(&id), &ada().id).await;
        assert!(created.expect("it is created"));
    }
}

/// Of these groups by turns.
fn drafts_by_turns(groups: u128, count: u128) -> impl Iterator<Item = Draft> {
    (0..count).map(move |number| Draft {
        group: group_id(&format!("group-{}", number % groups)),
        ..draft(&ada(), "hello", number)
    })
}

#[tokio::test]
async fn messages_of_many_groups_share_a_commit() {
    let (_server, database) = ada_in_ops().await;
    make_groups(&database, 100).await;

    let appending = append_all(&database, drafts_by_turns(100, 500));
    let outcomes = appending.join_all().await;

    let five_each = (0..500).map(|it| it / 100 + 1);
    assert_eq!(seqs(outcomes), five_each.collect::<Vec<_>>());
    // If each group was stored by itself, there would be a hundred at least.
    let commits = database.committed_batches();
    assert!(commits < 50, "{commits} commits");
}

#[tokio::test]
async fn a_message_costs_one_round_trip() {
    let (server, database) = ada_in_ops().await;
    database.close().await;
    let relay = Relay::start(server.port()).await;
    let url = Server::url_at(relay.port());
    let database = PostgresDatabase::open(&url, Duration::from_secs(10)).await;
    let database = database.unwrap();
    // The first one also prepares the statement.
    database.append(draft(&ada(), "hello", 0)).await.unwrap();
    let before = relay.round_trips();

    for number in 1..=10 {
        database
            .append(draft(&ada(), "hello", number))
            .await
            .unwrap();
    }

    assert_eq!(relay.round_trips() - before, 10);
}

#[tokio::test]
async fn of_the_same_drafts_in_a_batch_the_first_is_stored() {
    let (_server, database) = ada_in_ops().await;
    let named = |number: u128| {
        let name = format!("c{}", number / 2);
        let client_id = Some(ClientMessageId::parse(&name).unwrap());
        let draft = draft(&ada(), "hello", number);
        Draft { client_id, ..draft }
    };

    let outcomes = append_all(&database, (0..100).map(named)).join_all().await;

    let is_stored = |outcome: &_| matches!(outcome, Ok(Appended::Stored(_)));
    let (stored, again): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_stored);
    assert_eq!(seqs(stored), numbers(1..=50));
    let is_again = |outcome: &_| matches!(outcome, Ok(Appended::Duplicate(_)));
    assert!(again.iter().all(is_again), "{again:?}");
    assert_eq!(history(&database).await.len(), 50);
    // They are found before they are stored: what breaks a rule of the tables is stored one by one.
    let commits = database.committed_batches();
    assert!(commits < 50, "{commits} commits");
}

#[tokio::test]
async fn several_nodes_share_a_group_without_a_gap() {
    let (server, database) = ada_in_ops().await;
    let nodes = [database, server.open().await, server.open().await];
    let drafts_of = |node: u128| (0..100).map(move |it| draft(&ada(), "hello", node * 100 + it));

    let appending = (0..).zip(&nodes);
    let appending = appending.map(|(node, database)| append_all(database, drafts_of(node)));
    let mut outcomes = Vec::new();
    for node in appending.collect::<Vec<_>>() {
        outcomes.extend(node.join_all().await);
    }

    assert_eq!(seqs(outcomes), numbers(1..=300));
}

#[tokio::test]
async fn a_draft_that_breaks_a_rule_of_the_tables_fails_alone() {
    let (_server, database) = ada_in_ops().await;
    let stranger = user("stranger");
    let drafts = (0..30).map(|number| {
        let author = if number == 10 { &stranger } else { &ada() };
        draft(author, "hello", number)
    });

    let outcomes = append_all(&database, drafts).join_all().await;

    let (stored, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!(failed.len(), 1);
    assert_eq!(seqs(stored), numbers(1..=29));
    assert_eq!(history(&database).await.len(), 29);
}

#[tokio::test]
async fn past_what_can_wait_drafts_are_refused_at_once_and_the_others_stored() {
    let (server, database) = ada_in_ops().await;
    let mut other_program = server.connect().await;
    let lock = "begin; select 1 from groups where id = 'ops' for update";
    other_program.execute(lock).await.unwrap();

    // A thousand wait, and one batch is on its way.
    let drafts = (0..1_500).map(|number| draft(&ada(), "hello", number));
    let mut appending = append_all(&database, drafts);
    let mut refused = 0;
    for _ in 0..1_500 - 1_000 - 64 {
        let outcome = appending.join_next().await.unwrap().unwrap();
        assert!(is_overloaded(&outcome.unwrap_err()));
        refused += 1;
    }
    other_program.execute("rollback").await.unwrap();

    let rest = appending.join_all().await;
    let (stored, late): (Vec<_>, Vec<_>) = rest.into_iter().partition(Result::is_ok);
    refused += late.len();
    let count = u64::try_from(1_500 - refused).unwrap();
    assert_eq!(seqs(stored), numbers(1..=count));
    assert!(late.iter().all(|it| it.as_ref().is_err_and(is_overloaded)));
}

#[tokio::test]
async fn a_group_that_is_locked_keeps_no_other_group_waiting() {
    let (server, database) = ada_in_ops().await;
    database.create(&group("dev"), &ada().id).await.unwrap();
    let mut other_program = server.connect().await;
    let lock = "begin; select 1 from groups where id = 'ops' for update";
    other_program.execute(lock).await.unwrap();
    let mut in_vain = append_all(&database, [draft(&ada(), "hello", 0)].into_iter());

    let elsewhere = Draft {
        group: group_id("dev"),
        ..draft(&ada(), "hello", 1)
    };
    let stored = database.append(elsewhere).await;

    assert_eq!(seqs(vec![stored]), [1]);
    assert_eq!(database.busy_groups(), 1);
    // The one that waits for the lock gives up before its caller does.
    assert!(in_vain.join_next().await.unwrap().unwrap().is_err());
    assert!(database.ping().await.is_ok(), "it is no sign of an outage");
}

#[tokio::test]
async fn a_locked_group_is_stored_when_it_is_free_and_those_beside_it_at_once() {
    let (server, database) = ada_in_ops().await;
    make_groups(&database, 30).await;
    let mut other_program = server.connect().await;
    let lock = "begin; select 1 from groups where id = 'ops' for update";
    other_program.execute(lock).await.unwrap();

    let beside = drafts_by_turns(30, 90).map(|beside| [draft(&ada(), "hello", 0), beside]);
    let all = beside.flatten().zip(1..).map(|(draft, number)| Draft {
        id: MessageId::v7(NOON, number),
        ..draft
    });
    let mut appending = append_all(&database, all);
    let mut at_once = Vec::new();
    for _ in 0..90 {
        at_once.push(appending.join_next().await.unwrap().unwrap());
    }
    other_program.execute("rollback").await.unwrap();
    let then = appending.join_all().await;

    let three_each = (0..90).map(|it| it / 30 + 1);
    assert_eq!(seqs(at_once), three_each.collect::<Vec<_>>());
    assert_eq!(seqs(then), numbers(1..=90));
}

#[tokio::test]
async fn a_draft_whose_sender_went_away_leaves_no_gap() {
    let (_server, database) = ada_in_ops().await;
    let drafts = (0..50).map(|number| draft(&ada(), "hello", number));
    let mut appending = append_all(&database, drafts);
    appending.join_next().await.unwrap().unwrap().unwrap();

    appending.shutdown().await;

    let last = database.append(draft(&ada(), "last", 50)).await;
    let last = seqs(vec![last])[0];
    let messages = history(&database).await;
    let found: Vec<u64> = messages.iter().map(|message| message.seq.get()).collect();
    assert_eq!(found, numbers(1..=last));
}

#[tokio::test]
async fn groups_that_fall_silent_leave_nothing_behind() {
    let (_server, database) = ada_in_ops().await;
    make_groups(&database, 20).await;

    let drafts = drafts_by_turns(20, 200);
    let outcomes = append_all(&database, drafts).join_all().await;

    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    while database.busy_groups() > 0 {
        sleep(Duration::from_millis(1)).await;
    }
}
