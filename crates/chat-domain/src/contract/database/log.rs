//! What every [`MessageLog`](crate::ports::MessageLog) must do with drafts; `history` has how it is read.

use std::collections::BTreeSet;

use crate::{
    contract::together::together,
    id::Seq,
    message::{Author, Draft, MessageKind, Quote},
    ports::Appended,
};

use super::{
    Database,
    scene::{
        NOON, client_id, draft, draft_known_as, draft_of_server, message_id, numbers, reply_to,
        stored, user, user_id,
    },
};

/// Every part of it.
pub async fn a_stored_message_is_the_draft_with_a_seq(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let draft = Draft {
        kind: MessageKind::Image,
        client_id: Some(client_id("~!{}:\"'\\")),
        ..draft(
            "ops",
            "ada",
            "line\n\"two\" \u{1F680} '; drop table messages; --",
        )
    };

    let outcome = at.append(draft.clone()).await;

    let expected = draft.into_message(Seq::new(1), None);
    assert_eq!(outcome, Appended::Stored(expected));
}

/// Without a gap.
pub async fn seq_counts_in_each_group_from_one(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["ada"]).await;

    let ops = at.say_many("ops", "ada", 3).await;
    let dev = at.say_many("dev", "ada", 2).await;

    assert_eq!(numbers(&ops), [1, 2, 3]);
    assert_eq!(numbers(&dev), [1, 2]);
}

/// And the history says the same as the answers.
pub async fn fifty_drafts_at_once_get_every_seq_once(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let drafts = (0..50).map(|number| draft("ops", "ada", &format!("number {number}")));

    let outcomes = together(drafts.map(|draft| at.append(draft))).await;

    let mut answered: Vec<_> = outcomes.into_iter().map(stored).collect();
    answered.sort_by_key(|message| message.seq);
    assert_eq!(numbers(&answered), (1..=50).collect::<Vec<_>>());
    assert_eq!(at.all_messages("ops").await, answered);
}

/// Each group counts for itself, also when they are stored together.
pub async fn drafts_for_many_groups_at_once_stay_apart(at: &Database) {
    let groups = ["dev", "hr", "ops"];
    for group in groups {
        at.people_in(group, &["ada"]).await;
    }

    let drafts =
        (0..30).map(|number| draft(groups[number % 3], "ada", &format!("number {number}")));
    together(drafts.map(|draft| at.append(draft))).await;

    for group in groups {
        let messages = at.all_messages(group).await;
        assert_eq!(numbers(&messages), (1..=10).collect::<Vec<_>>());
    }
}

/// Whatever it says the second time.
pub async fn a_draft_sent_again_answers_with_the_first_message(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let first = stored(at.append(draft_known_as("ops", "ada", "c1")).await);
    let again = Draft {
        client_id: Some(client_id("c1")),
        ..draft("ops", "ada", "something else")
    };

    let outcome = at.append(again).await;

    assert_eq!(outcome, Appended::Duplicate(first));
    assert_eq!(at.last_seq("ops").await, Some(1));
}

/// All of them hear of the same message.
pub async fn a_draft_sent_many_times_at_once_is_stored_once(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let drafts = (0..20).map(|_| draft_known_as("ops", "ada", "c1"));

    let outcomes = together(drafts.map(|draft| at.append(draft))).await;

    let mut stored_times = 0;
    let ids: BTreeSet<_> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Appended::Stored(message) => {
                stored_times += 1;
                message.id
            }
            Appended::Duplicate(message) => message.id,
            refused => panic!("refused: {refused:?}"),
        })
        .collect();
    assert_eq!((stored_times, ids.len()), (1, 1));
    assert_eq!(at.last_seq("ops").await, Some(1));
}

/// Two people may use the same one, and one may use it in two groups. Case counts.
pub async fn a_client_id_belongs_to_its_sender_and_group(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    at.people_in("dev", &["ada"]).await;
    let drafts = [
        draft_known_as("ops", "ada", "c1"),
        draft_known_as("ops", "bob", "c1"),
        draft_known_as("dev", "ada", "c1"),
        draft_known_as("ops", "ada", "C1"),
    ];

    let outcomes = together(drafts.map(|draft| at.append(draft))).await;

    let is_stored = |outcome: &Appended| matches!(outcome, Appended::Stored(_));
    assert!(outcomes.iter().all(is_stored), "{outcomes:?}");
}

/// Also when they say the same.
pub async fn drafts_without_a_client_id_are_never_the_same(at: &Database) {
    at.people_in("ops", &["ada"]).await;

    let first = at.say("ops", "ada", "again").await;
    let second = at.say("ops", "ada", "again").await;

    assert_eq!(numbers([&first, &second]), [1, 2]);
}

/// It shares no client id with anybody, and can be without one.
pub async fn what_the_server_says_again_is_stored_once(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.append(draft_known_as("ops", "ada", "c1")).await;
    let draft = draft_of_server("ops", Some("c1"));

    let first = stored(at.append(draft.clone()).await);
    let again = at.append(draft_of_server("ops", Some("c1"))).await;
    let plain = stored(at.append(draft_of_server("ops", None)).await);

    assert_eq!(first, draft.into_message(Seq::new(2), None));
    assert_eq!(
        (&first.author, first.kind),
        (&Author::System, MessageKind::System)
    );
    assert_eq!(again, Appended::Duplicate(first));
    assert_eq!(plain.seq, Seq::new(3));
}

/// The text and who said it, also if it was the server.
pub async fn a_reply_quotes_what_it_answers(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    let question = at.say("ops", "ada", "Is it so?").await;
    let notice = stored(at.append(draft_of_server("ops", None)).await);

    let answer = stored(at.append(reply_to(question.id, "ops", "bob")).await);
    let remark = stored(at.append(reply_to(notice.id, "ops", "bob")).await);

    let quote = Quote {
        id: question.id,
        body: question.body.clone(),
        author: Some((user_id("ada"), user("ada", "ada").name)),
    };
    assert_eq!(answer.reply_to, Some(quote));
    let author = remark.reply_to.as_ref().map(|quote| &quote.author);
    assert_eq!(author, Some(&None));
    assert_eq!(
        at.all_messages("ops").await,
        [question, notice, answer, remark]
    );
}

/// Whether the message exists elsewhere or not. It takes no `seq`.
pub async fn a_reply_beyond_the_group_is_refused(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["ada"]).await;
    let elsewhere = at.say("dev", "ada", "secret").await;

    for id in [elsewhere.id, message_id()] {
        let outcome = at.append(reply_to(id, "ops", "ada")).await;
        assert_eq!(outcome, Appended::NoSuchReply);
    }

    assert_eq!(at.last_seq("ops").await, Some(0));
}

/// It is no failure either.
pub async fn there_is_no_history_without_a_group(at: &Database) {
    at.users.save(&user("ada", "Ada"), NOON).await.unwrap();

    let outcome = at.append(draft("gone", "ada", "anybody?")).await;

    assert_eq!(outcome, Appended::NoSuchGroup);
}

/// Good and bad ones at once: each gets its own answer.
pub async fn refused_drafts_take_no_seq_from_those_beside_them(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let known = stored(at.append(draft_known_as("ops", "ada", "c1")).await);
    let drafts = [
        draft("ops", "ada", "good"),
        draft_known_as("ops", "ada", "c1"),
        reply_to(message_id(), "ops", "ada"),
        draft("gone", "ada", "lost"),
        reply_to(known.id, "ops", "ada"),
        draft_known_as("ops", "ada", "c2"),
        draft_known_as("ops", "ada", "c2"),
    ];

    let outcomes = together(drafts.map(|draft| at.append(draft))).await;

    let [good, again, nothing, lost, reply, second, second_again] = &outcomes[..] else {
        panic!("an answer is missing: {outcomes:?}");
    };
    assert_eq!(again, &Appended::Duplicate(known));
    assert_eq!(nothing, &Appended::NoSuchReply);
    assert_eq!(lost, &Appended::NoSuchGroup);
    let fresh = [good, reply, second, second_again].map(|outcome| match outcome {
        Appended::Stored(message) => (message.seq.get(), true),
        Appended::Duplicate(message) => (message.seq.get(), false),
        refused => panic!("refused: {refused:?}"),
    });
    let stored_seqs: BTreeSet<u64> = fresh.iter().filter(|it| it.1).map(|it| it.0).collect();
    assert_eq!(stored_seqs, BTreeSet::from([2, 3, 4]));
    assert_eq!(
        fresh[2].0, fresh[3].0,
        "both name the message that was stored"
    );
    assert_eq!(numbers(&at.all_messages("ops").await), [1, 2, 3, 4]);
}

/// What was refused did not happen: it is no first message.
pub async fn a_draft_is_no_duplicate_of_one_that_was_refused(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let refused = Draft {
        client_id: Some(client_id("c1")),
        ..reply_to(message_id(), "ops", "ada")
    };
    let drafts = [refused, draft_known_as("ops", "ada", "c1")];

    let outcomes = together(drafts.map(|draft| at.append(draft))).await;

    assert_eq!(outcomes[0], Appended::NoSuchReply);
    let is_stored = matches!(outcomes[1], Appended::Stored(_));
    assert!(is_stored, "{:?}", outcomes[1]);
}

/// An old message is shown like any other.
pub async fn a_first_message_shows_its_author_of_today(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.append(draft_known_as("ops", "ada", "c1")).await;
    let today = user("ada", "Countess Ada");
    at.users.save(&today, NOON).await.unwrap();

    let outcome = at.append(draft_known_as("ops", "ada", "c1")).await;

    let Appended::Duplicate(first) = outcome else {
        panic!("not a duplicate: {outcome:?}");
    };
    assert_eq!(first.author, Author::User(today));
}
