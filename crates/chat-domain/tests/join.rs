//! Coming into a room and leaving it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat_domain::{
    id::{Epoch, Seq},
    ports::Slice,
    presence::RoomSnapshot,
    usecase::{
        Policy,
        join::{Join, JoinError},
    },
};

use self::support::{
    client::join,
    failing::{MockPresence, MutePresence, away, log_with_head},
    group, user_id,
    world::{POLICY, World},
};

fn texts(slice: &Slice) -> Vec<&str> {
    let messages = slice.messages.iter();
    messages.map(|message| message.body.as_str()).collect()
}

/// A group of Ada and Bob in which Ada has said "1", "2" … up to there.
async fn world_with_history(messages: usize) -> World {
    let world = World::new(1);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    for number in 1..=messages {
        ada.send("tea", &number.to_string()).await.unwrap();
    }
    ada.disconnect().await.unwrap();
    world
}

#[tokio::test]
async fn only_members_are_let_in_whether_or_not_the_group_exists() {
    let world = World::new(1);
    world.group("tea", &["ada"]).await;
    let mut eve = world.connect(0, "eve").await;

    let existing = eve.join("tea").await;
    let missing = eve.join("nothing").await;

    assert!(matches!(existing, Err(JoinError::NotAMember)));
    assert!(matches!(missing, Err(JoinError::NotAMember)));
    assert_eq!(world.in_store("tea").await.counts().sockets, 0);
}

#[tokio::test]
async fn the_welcome_comes_before_anything_else() {
    let world = world_with_history(2).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    let mut bob = world.connect(0, "bob").await;
    ada.send("tea", "not for Bob").await.unwrap();

    let joined = bob.join("tea").await.unwrap();
    ada.send("tea", "for both").await.unwrap();

    assert_eq!(bob.heard(), ["welcome after 3", "4 ada: for both"]);
    assert_eq!((joined.counts.members, joined.counts.sockets), (2, 2));
    assert_eq!(
        ada.heard(),
        [
            "welcome after 2",
            "3 ada: not for Bob",
            "bob joined (2)",
            "4 ada: for both"
        ]
    );
}

#[tokio::test]
async fn a_client_that_says_what_it_knows_gets_what_it_lacks() {
    let world = world_with_history(5).await;
    let mut bob = world.connect(0, "bob").await;

    let joined = bob.join_after("tea", 2).await.unwrap();

    let history = joined.history.unwrap();
    assert_eq!(texts(&history), ["3", "4", "5"]);
    assert_eq!((history.more, joined.reset), (false, false));
    assert_eq!(joined.last_seq, Seq::new(5));
}

#[tokio::test]
async fn the_page_after_a_join_is_limited_and_says_that_there_is_more() {
    let world = world_with_history(5).await;
    let mut bob = world.connect(0, "bob").await;
    let request = Join {
        after: Some(Seq::ZERO),
        limit: 3,
        ..join("tea")
    };

    let joined = bob.join_with(request).await.unwrap();

    let history = joined.history.unwrap();
    assert_eq!(texts(&history), ["1", "2", "3"]);
    assert!(history.more);
    assert_eq!(joined.last_seq, Seq::new(5), "live events follow the head");
}

#[tokio::test]
async fn who_lacks_nothing_gets_an_empty_page() {
    let world = world_with_history(5).await;
    let mut bob = world.connect(0, "bob").await;

    let joined = bob.join_after("tea", 5).await.unwrap();

    assert_eq!(
        (joined.history, joined.reset),
        (Some(Slice::default()), false)
    );
}

#[tokio::test]
async fn who_knows_more_than_there_is_starts_anew() {
    let world = world_with_history(5).await;
    let mut bob = world.connect(0, "bob").await;
    let request = Join {
        after: Some(Seq::new(6)),
        limit: 2,
        ..join("tea")
    };

    let joined = bob.join_with(request).await.unwrap();

    let history = joined.history.unwrap();
    assert!(joined.reset);
    assert_eq!((texts(&history), history.more), (vec!["4", "5"], true));
}

#[tokio::test]
async fn who_knows_another_life_of_the_history_starts_anew() {
    let world = world_with_history(2).await;
    for (after, epoch, reset) in [
        (Some(Seq::new(1)), "first", false),
        (Some(Seq::new(1)), "restored", true),
        (None, "restored", true),
    ] {
        let mut bob = world.connect(0, "bob").await;
        let epoch = Some(Epoch::new(epoch));
        let request = Join {
            after,
            epoch,
            ..join("tea")
        };

        let joined = bob.join_with(request).await.unwrap();

        assert_eq!(joined.reset, reset);
        let shown = if reset { vec!["1", "2"] } else { vec!["2"] };
        assert_eq!(texts(&joined.history.unwrap()), shown);
    }
}

#[tokio::test]
async fn joining_again_is_harmless_and_announces_nothing() {
    let world = world_with_history(1).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    world.advance(Duration::from_secs(1)).await;
    ada.take();
    bob.take();

    let joined = bob.join_after("tea", 0).await.unwrap();
    ada.send("tea", "once").await.unwrap();
    world.advance(Duration::from_secs(1)).await;

    assert_eq!((joined.counts.members, joined.counts.sockets), (2, 2));
    assert_eq!(texts(&joined.history.unwrap()), ["1"]);
    assert_eq!(bob.heard(), ["welcome after 1", "2 ada: once"]);
    assert_eq!(ada.heard(), ["2 ada: once"]);
}

#[tokio::test]
async fn a_socket_is_in_so_many_rooms_at_most() {
    let policy = Policy {
        rooms_per_socket: Some(2),
        ..POLICY
    };
    let world = World::with(1, policy);
    for id in ["a", "b", "c"] {
        world.group(id, &["owner", "ada"]).await;
    }
    let mut ada = world.connect(0, "ada").await;
    ada.join("a").await.unwrap();
    ada.join("b").await.unwrap();

    let third = ada.join("c").await;
    let again = ada.join("b").await;
    ada.leave("a").await.unwrap();
    let after_leaving = ada.join("c").await;

    assert!(matches!(third, Err(JoinError::TooManyRooms)));
    assert!(again.is_ok());
    assert!(after_leaving.is_ok());
}

#[tokio::test]
async fn a_room_that_was_taken_away_counts_no_longer() {
    let policy = Policy {
        rooms_per_socket: Some(1),
        ..POLICY
    };
    let world = World::with(1, policy);
    world.group("a", &["owner", "ada"]).await;
    world.group("b", &["owner", "ada"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("a").await.unwrap();
    let chat = &world.nodes[0].chat;
    chat.delete_member(&group("a"), &user_id("ada"))
        .await
        .unwrap();

    let joined = ada.join("b").await;

    assert!(joined.is_ok());
}

#[tokio::test]
async fn leaving_a_room_that_one_is_not_in_succeeds_and_announces_nothing() {
    let world = world_with_history(0).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    let mut bob = world.connect(0, "bob").await;
    let mut eve = world.connect(0, "eve").await;

    let of_member = bob.leave("tea").await.unwrap();
    let of_stranger = eve.leave("tea").await.unwrap();

    assert_eq!((of_member.members, of_member.sockets), (1, 1));
    assert_eq!((of_stranger.members, of_stranger.sockets), (0, 0));
    assert_eq!(ada.heard(), ["welcome after 0"]);
}

#[tokio::test]
async fn who_left_hears_nothing_more_and_can_come_back() {
    let world = world_with_history(0).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();

    let counts = bob.leave("tea").await.unwrap();
    ada.send("tea", "missed").await.unwrap();
    bob.join_after("tea", 0).await.unwrap();

    assert_eq!((counts.members, counts.sockets), (1, 1));
    assert_eq!(bob.heard(), ["welcome after 0", "welcome after 1"]);
}

#[tokio::test]
async fn a_store_that_refuses_a_seat_lets_nobody_in() {
    let world = World::rigged(1, POLICY, |ports| {
        let mut presence = MockPresence::new();
        presence
            .expect_snapshot()
            .returning(|_| Ok(RoomSnapshot::default()));
        presence.expect_enter().returning(|_| away());
        presence.expect_leave().returning(|_| Ok(None));
        ports.presence = Arc::new(presence);
    });
    world.group("tea", &["ada"]).await;
    let mut ada = world.connect(0, "ada").await;

    let joined = ada.join("tea").await;
    let sent = ada.send("tea", "hello").await;

    assert!(matches!(joined, Err(JoinError::Unavailable(_))));
    assert!(sent.is_err());
    assert!(ada.heard().is_empty());
}

#[tokio::test]
async fn a_history_that_cannot_be_read_undoes_the_entering() {
    let world = World::rigged(1, POLICY, |ports| {
        let mut log = log_with_head(7);
        log.expect_after().returning(|_, _, _| away());
        ports.log = Arc::new(log);
    });
    world.group("tea", &["ada"]).await;
    let mut ada = world.connect(0, "ada").await;

    let joined = ada.join_after("tea", 3).await;

    assert!(matches!(joined, Err(JoinError::Unavailable(_))));
    assert_eq!(world.in_store("tea").await.counts().sockets, 0);
    assert!(ada.heard().is_empty());
    assert!(ada.join("tea").await.is_ok(), "without history it works");
}

#[tokio::test]
async fn a_seat_whose_fate_is_unknown_is_given_back_with_the_connection() {
    let is_mute = Arc::new(AtomicBool::new(false));
    let world = World::rigged(1, POLICY, |ports| {
        let store = Arc::clone(&ports.presence);
        ports.presence = Arc::new(MutePresence::new(store, Arc::clone(&is_mute)));
    });
    world.group("tea", &["ada", "bob"]).await;
    let mut bob = world.connect(0, "bob").await;
    bob.join("tea").await.unwrap();
    let mut ada = world.connect(0, "ada").await;

    is_mute.store(true, Ordering::SeqCst);
    let joined = ada.join("tea").await;
    is_mute.store(false, Ordering::SeqCst);
    ada.disconnect().await.unwrap();

    assert!(matches!(joined, Err(JoinError::Unavailable(_))));
    assert_eq!(world.in_store("tea").await.counts().sockets, 1);
}
