//! Many messages at once: how they share commits, and what fails alone.

use chat_domain::{
    message::{ClientMessageId, Draft},
    ports::{Appended, MessageLog},
};
use sqlx::Executor;

use support::{
    File, ada,
    appending::{append_all, history, is_overloaded, numbers, seqs},
    draft, user,
};

mod support;

#[tokio::test]
async fn messages_that_come_together_share_a_commit() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    let drafts = (0..640).map(|number| draft(&ada(), "hello", number));

    let outcomes = append_all(&database, drafts).join_all().await;

    assert_eq!(seqs(outcomes), numbers(1..=640));
    // Ten would do; a few small ones come before the queue has filled.
    let commits = database.committed_batches();
    assert!((10..=20).contains(&commits), "{commits} commits");
}

#[tokio::test]
async fn a_commit_is_bounded_in_bytes_too() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    let long = "x".repeat(16_000);
    let drafts = (0..64).map(|number| draft(&ada(), &long, number));

    let outcomes = append_all(&database, drafts).join_all().await;

    assert_eq!(seqs(outcomes), numbers(1..=64));
    // Sixteen fit into 256 KiB.
    let commits = database.committed_batches();
    assert!(commits >= 4, "{commits} commits");
}

#[tokio::test]
async fn of_the_same_drafts_in_a_batch_the_first_is_stored() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
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
async fn a_draft_that_breaks_a_rule_of_the_tables_fails_alone() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
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
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
    let mut other_program = file.open_beside().await;
    other_program.execute("begin immediate").await.unwrap();

    // A thousand wait, one batch and one draft more are on their way.
    let drafts = (0..1_500).map(|number| draft(&ada(), "hello", number));
    let mut appending = append_all(&database, drafts);
    let mut refused = 0;
    for _ in 0..1_500 - 1_000 - 65 {
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
async fn a_draft_whose_sender_went_away_leaves_no_gap() {
    let file = File::new();
    let database = file.open_with_ada_in_ops().await;
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
