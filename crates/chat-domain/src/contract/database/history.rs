//! How every [`MessageLog`](crate::ports::MessageLog) must be read.

use crate::{
    contract::together::together,
    group::Head,
    id::{Epoch, Seq},
    message::{Author, Draft, MessageKind},
    ports::Slice,
    user::{ImageUrl, User},
};

use super::{
    Database,
    scene::{NOON, client_id, draft, draft_of_server, group_id, numbers, reply_to, stored, user},
};

/// Oldest message first on it.
pub async fn the_newest_page_comes_first(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let said = at.say_many("ops", "ada", 5).await;

    let page = at.log.before(&group_id("ops"), None, 3).await.unwrap();

    assert_eq!(page.messages, said[2..]);
    assert!(page.more);
}

/// The last one says that there is no more.
pub async fn older_pages_follow_without_gap_or_overlap(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["ada"]).await;
    at.say_many("dev", "ada", 3).await;
    at.say_many("ops", "ada", 6).await;

    let mut pages = Vec::new();
    let mut before = None;
    loop {
        let page = at.log.before(&group_id("ops"), before, 2).await.unwrap();
        before = page.messages.first().map(|message| message.seq);
        pages.push((numbers(&page.messages), page.more));
        if !page.more || pages.len() > 6 {
            break;
        }
    }

    assert_eq!(
        pages,
        [(vec![5, 6], true), (vec![3, 4], true), (vec![1, 2], false)]
    );
}

/// The last one says that there is no more.
pub async fn newer_pages_follow_without_gap_or_overlap(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.people_in("dev", &["ada"]).await;
    at.say_many("dev", "ada", 3).await;
    at.say_many("ops", "ada", 6).await;

    let mut pages = Vec::new();
    let mut after = Seq::new(1);
    loop {
        let page = at.log.after(&group_id("ops"), after, 2).await.unwrap();
        after = page.messages.last().map_or(after, |last| last.updated_seq);
        pages.push((numbers(&page.messages), page.more));
        if !page.more || pages.len() > 6 {
            break;
        }
    }

    assert_eq!(
        pages,
        [(vec![2, 3], true), (vec![4, 5], true), (vec![6], false)]
    );
}

/// However far beyond.
pub async fn beyond_the_ends_there_is_nothing(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.say_many("ops", "ada", 2).await;
    let ops = group_id("ops");

    let first = Some(Seq::new(1));
    assert_eq!(
        at.log.before(&ops, first, 10).await.unwrap(),
        Slice::default()
    );
    for end in [2, 3, u64::MAX] {
        let page = at.log.after(&ops, Seq::new(end), 10).await.unwrap();
        assert_eq!(page, Slice::default(), "after {end}");
    }
    let everything = at.log.before(&ops, Some(Seq::new(u64::MAX)), 10).await;
    assert_eq!(numbers(&everything.unwrap().messages), [1, 2]);
}

/// It is no failure either.
pub async fn a_missing_group_has_no_history(at: &Database) {
    let gone = group_id("gone");

    assert_eq!(at.log.head(&gone).await.unwrap(), None);
    assert_eq!(
        at.log.before(&gone, None, 10).await.unwrap(),
        Slice::default()
    );
    let after = at.log.after(&gone, Seq::ZERO, 10).await.unwrap();
    assert_eq!(after, Slice::default());
}

/// Read either way, messages are those that were answered with.
pub async fn a_history_shows_everything_that_was_stored(at: &Database) {
    at.people_in("ops", &["ada", "bob"]).await;
    let odd = Draft {
        kind: MessageKind::File,
        client_id: Some(client_id("c1")),
        ..draft("ops", "ada", "tab\tline\nquote ' \" \u{1F680}")
    };
    let odd = stored(at.append(odd).await);
    let reply = stored(at.append(reply_to(odd.id, "ops", "bob")).await);
    let notice = stored(at.append(draft_of_server("ops", Some("c1"))).await);

    let ops = group_id("ops");
    let backward = at.log.before(&ops, None, 10).await.unwrap();
    let forward = at.log.after(&ops, Seq::ZERO, 10).await.unwrap();

    assert_eq!(backward.messages, [odd, reply, notice]);
    assert_eq!(forward, backward);
}

/// Name and picture.
pub async fn a_history_shows_authors_as_they_are_today(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    at.say("ops", "ada", "long ago").await;
    let today = User {
        image: ImageUrl::parse("https://example.org/ada.png"),
        ..user("ada", "Countess Ada")
    };
    at.users.save(&today, NOON).await.unwrap();

    let messages = at.all_messages("ops").await;

    assert_eq!(messages[0].author, Author::User(today));
}

/// The epoch stays.
pub async fn the_head_moves_with_the_newest_message(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let head = |number| Head {
        last_seq: Seq::new(number),
        epoch: Epoch::new("first"),
    };
    let ops = group_id("ops");
    assert_eq!(at.log.head(&ops).await.unwrap(), Some(head(0)));

    at.say_many("ops", "ada", 2).await;

    assert_eq!(at.log.head(&ops).await.unwrap(), Some(head(2)));
    let group = at.groups.find(&ops).await.unwrap();
    assert_eq!(group.map(|group| group.head), Some(head(2)));
}

/// In any order.
pub async fn tips_are_those_of_the_groups_that_exist(at: &Database) {
    for (group, count) in [("dev", 2), ("hr", 0), ("ops", 1)] {
        at.people_in(group, &["ada"]).await;
        at.say_many(group, "ada", count).await;
    }

    let asked = ["ops", "gone", "dev", "hr"].map(group_id);
    let tips = at.log.tips(&asked).await.unwrap();

    let tips = tips.into_iter().map(|(id, tip)| (id, tip.last_seq));
    let mut tips: Vec<_> = tips.collect();
    tips.sort();
    let expected = [("dev", 2), ("hr", 0), ("ops", 1)];
    assert_eq!(
        tips,
        expected.map(|(id, seq)| (group_id(id), Seq::new(seq)))
    );
    assert!(at.log.tips(&[]).await.unwrap().is_empty());
}

/// What is committed later never has a smaller `seq`.
pub async fn who_reads_on_while_others_write_misses_nothing(at: &Database) {
    at.people_in("ops", &["ada"]).await;
    let writer = async |number: u64| {
        if number == 0 {
            return read_on_until(at, 60).await;
        }
        at.say("ops", "ada", &format!("number {number}")).await;
        Vec::new()
    };

    let seen = together((0..=60).map(writer)).await;

    assert_eq!(seen[0], (1..=60).collect::<Vec<_>>());
}

async fn read_on_until(at: &Database, last: u64) -> Vec<u64> {
    let ops = group_id("ops");
    let mut seen = Vec::new();
    while seen.last() != Some(&last) {
        let after = Seq::new(seen.last().copied().unwrap_or(0));
        let page = at.log.after(&ops, after, 7).await.unwrap();
        if page.messages.is_empty() {
            let_others_go_on().await;
        }
        seen.extend(numbers(&page.messages));
    }
    seen
}

/// A store that never waits would keep the others from writing.
async fn let_others_go_on() {
    let mut is_first = true;
    std::future::poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(())
    })
    .await;
}
