//! Whether each question is answered from an index, however much there is: the server explains what it did.

#![allow(clippy::unwrap_used, reason = "all of it is one test")]

use std::slice;

use chat_domain::{
    group::GroupChange,
    id::Seq,
    member::{Member, Role},
    message::{ClientMessageId, Draft, MessageBody},
    ports::{GroupRepo, MembershipRepo, MessageLog, ReadMarks, Roster, UserRepo},
};
use chat_infra::postgres::PostgresDatabase;

use support::{
    NOON, ada, draft, group_id, make_ada_in_ops,
    postgres::{Open as _, Server},
    user,
};

mod support;

/// Everything is explained, also what functions and rules of the tables ask.
const EXPLAIN: [&str; 3] = [
    "shared_preload_libraries=auto_explain",
    "auto_explain.log_min_duration=0",
    "auto_explain.log_nested_statements=on",
];

/// Each is there for a question.
const INDEXES: [&str; 9] = [
    "users_pkey",
    "groups_pkey",
    "group_members_pkey",
    "group_members_of_user",
    "group_members_owning",
    "messages_pkey",
    "messages_id_key",
    "messages_changed",
    "messages_once",
];

#[tokio::test]
async fn every_index_is_used_and_nothing_is_read_from_end_to_end_or_sorted() {
    let server = Server::start_with(&EXPLAIN).await;
    let database = server.open().await;
    let already_said = server.log().len();

    ask_everything(&database).await;

    let log = server.log();
    let plans = &log[already_said..];
    for index in INDEXES {
        assert!(plans.contains(&format!(" using {index} ")), "{index}");
    }
    let steps: Vec<&str> = plans.lines().collect();
    for (number, step) in steps.iter().enumerate() {
        let is_scan = step.contains("Seq Scan") || step.contains("Hash Join");
        // What was asked for is put in its order; it is short.
        let is_brief = steps[number + 1..].iter().take(1).any(|key| {
            key.ends_with("Sort Key: d.n") || key.ends_with("Sort Key: d_1.place, d_1.n")
        });
        let is_sort = step.contains("Sort  (") && !is_brief;
        assert!(
            !is_scan && !is_sort,
            "{}",
            steps[number.saturating_sub(9)..].join("\n")
        );
    }
}

async fn ask_everything(database: &PostgresDatabase) {
    make_ada_in_ops(database).await;
    let (ops, ada) = (group_id("ops"), ada());
    let bob = user("bob");
    let membership = Member {
        group: ops.clone(),
        user: bob.id.clone(),
        role: Role::Member,
        joined_at: NOON,
    };

    database.ensure(&bob.id, NOON).await.unwrap();
    UserRepo::find(database, &bob.id).await.unwrap();
    database.add(&membership).await.unwrap();
    say_everything(database).await;
    MembershipRepo::find(database, &ops, &bob.id).await.unwrap();
    MembershipRepo::list(database, &ops, None, 10)
        .await
        .unwrap();
    database.groups_of(&bob.id).await.unwrap();
    database
        .among(&[(ops.clone(), ada.id.clone())])
        .await
        .unwrap();
    GroupRepo::find(database, &ops).await.unwrap();
    GroupRepo::list(database, &bob.id, None, 10).await.unwrap();
    let change = GroupChange::default();
    database.change(&ops, &change).await.unwrap();
    database.head(&ops).await.unwrap();
    database.tips(slice::from_ref(&ops)).await.unwrap();
    database.before(&ops, None, 10).await.unwrap();
    database.after(&ops, Seq::ZERO, 10).await.unwrap();
    database.mark(&ops, &bob.id, Seq::new(1)).await.unwrap();
    database.pass_on(&ops, &bob.id).await.unwrap();
    database
        .set_role(&ops, &ada.id, Role::Member)
        .await
        .unwrap();
    database.remove(&ops, &ada.id).await.unwrap();
    GroupRepo::delete(database, &ops).await.unwrap();
}

/// A message, the same again, and an answer to it.
async fn say_everything(database: &PostgresDatabase) {
    let client_id = ClientMessageId::parse("c1").unwrap();
    let first = Draft {
        client_id: Some(client_id),
        ..draft(&ada(), "hello", 1)
    };
    let answer = Draft {
        reply_to: Some(first.id),
        body: MessageBody::stored("hello yourself"),
        ..draft(&ada(), "", 2)
    };
    for draft in [first.clone(), first, answer] {
        database.append(draft).await.unwrap();
    }
}
