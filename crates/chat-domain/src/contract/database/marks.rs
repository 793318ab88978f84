//! What every [`ReadMarks`](crate::ports::ReadMarks) must do.

use crate::{contract::together::together, id::Seq, news::ReadMark};

use super::{
    Database,
    scene::{draft, draft_of_server, group_id, plain, user_id},
};

/// Of all who are not the reader.
pub async fn unread_are_the_messages_after_the_mark(at: &Database) {
    at.people_in("ops", &["ada", "bob", "cyd"]).await;
    at.say_many("ops", "ada", 3).await;
    at.say_many("ops", "cyd", 2).await;

    assert_eq!(at.mark("ops", "bob", 0).await, Some((0, 5)));
    assert_eq!(at.mark("ops", "bob", 2).await, Some((2, 3)));
    assert_eq!(at.mark("ops", "bob", 5).await, Some((5, 0)));
}

/// Though the mark stays behind them.
pub async fn ones_own_messages_are_never_unread(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "bob", 2).await;
    at.say("ops", "ada", "unread").await;

    assert_eq!(at.mark("ops", "bob", 0).await, Some((0, 1)));
}

/// It is nobody's own.
pub async fn what_the_server_says_is_unread(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    at.append(draft_of_server("ops", None)).await;

    assert_eq!(at.mark("ops", "ada", 0).await, Some((0, 1)));
}

/// One's own messages are not counted on the way.
pub async fn counting_stops_at_a_thousand(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "bob", 3).await;
    for _ in 0..6 {
        let drafts = (0..200).map(|_| draft("ops", "ada", "much"));
        together(drafts.map(|draft| at.append(draft))).await;
    }

    assert_eq!(at.mark("ops", "bob", 0).await, Some((0, ReadMark::MOST)));
    assert_eq!(
        at.mark("ops", "bob", 203).await,
        Some((203, ReadMark::MOST))
    );
    assert_eq!(at.mark("ops", "bob", 204).await, Some((204, 999)));
}

/// What was read stays read.
pub async fn a_mark_never_moves_back(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "ada", 3).await;
    at.mark("ops", "bob", 2).await;

    assert_eq!(at.mark("ops", "bob", 1).await, Some((2, 1)));
}

/// However far beyond: what comes later is unread.
pub async fn a_mark_never_moves_past_the_end(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "ada", 2).await;

    assert_eq!(at.mark("ops", "bob", u64::MAX).await, Some((2, 0)));

    at.say("ops", "ada", "later").await;
    assert_eq!(at.mark("ops", "bob", 0).await, Some((2, 1)));
}

/// From several devices, in any order.
pub async fn marks_set_at_once_end_at_the_furthest(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.say_many("ops", "ada", 9).await;

    let seqs = [3, 9, 1, 7, 2, 8, 4];
    together(seqs.map(|seq| at.mark("ops", "bob", seq))).await;

    assert_eq!(at.mark("ops", "bob", 0).await, Some((9, 0)));
}

/// Whether the group exists or not.
pub async fn who_is_no_member_has_no_mark(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["bob"]).await;

    assert_eq!(at.mark("ops", "bob", 1).await, None);
    assert_eq!(at.mark("gone", "ada", 1).await, None);
}

/// In any order.
pub async fn marks_are_found_for_members_only(at: &Database) {
    at.people_in("ops", &["ada", "bob", "cyd"]).await;
    at.say_many("ops", "ada", 3).await;
    at.marks
        .mark(&group_id("ops"), &user_id("bob"), Seq::new(2))
        .await
        .unwrap();

    let asked = ["cyd", "nobody", "bob", "ada"].map(user_id);
    let found = at.marks.marks(&group_id("ops"), &asked).await.unwrap();

    let mut found: Vec<_> = found
        .into_iter()
        .map(|(id, mark)| (id, plain(mark)))
        .collect();
    found.sort();
    let expected = [("ada", (0, 0)), ("bob", (2, 1)), ("cyd", (0, 3))];
    assert_eq!(found, expected.map(|(id, mark)| (user_id(id), mark)));
    let elsewhere = at.marks.marks(&group_id("gone"), &asked).await.unwrap();
    assert!(elsewhere.is_empty());
}
