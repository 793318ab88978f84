//! What goes on while the database, or what nodes share, is away.

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
    ports::Listener,
    service::{Feature, Shared, TOLD_AFTER},
    usecase::{history::ReadError, join::JoinError, send::SendError, typing::TypingError},
};

use self::support::{
    client::Client,
    failing::Register,
    group,
    line::Weather,
    user_id,
    world::{POLICY, World},
};

/// For this long a membership is believed without asking.
const BELIEVED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn being_in_the_room_counts_as_membership_while_the_register_is_away() {
    let is_away = Arc::new(AtomicBool::new(false));
    let world = World::rigged(1, POLICY, |ports| {
        let register = Register::new(Arc::clone(&ports.memberships), Arc::clone(&is_away));
        ports.memberships = Arc::new(register);
    });
    world.group("tea", &["ada", "bob", "cid"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(0, "bob").await;
    let mut cid = world.connect(0, "cid").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    is_away.store(true, Ordering::SeqCst);
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));

    let sent_at_first = ada.send("tea", "hello").await;
    world.advance(BELIEVED).await;
    bob.take();
    let typed = ada.type_in("tea").await;
    let seen = chat.room_info(&user_id("ada"), &tea, None, 200).await;
    let typed_outside = cid.type_in("tea").await;
    let seen_outside = chat.room_info(&user_id("cid"), &tea, None, 200).await;
    let sent = ada.send("tea", "hello").await;
    let joined = cid.join("tea").await;
    let left = ada.leave("tea").await;

    assert!(sent_at_first.is_ok(), "a membership is asked for rarely");
    assert!(typed.is_ok() && seen.is_ok() && left.is_ok());
    assert!(matches!(typed_outside, Err(TypingError::Unavailable(_))));
    assert!(matches!(seen_outside, Err(ReadError::Unavailable(_))));
    assert!(matches!(sent, Err(SendError::Unavailable(_))));
    assert!(matches!(joined, Err(JoinError::Unavailable(_))));
    assert_eq!(
        bob.heard(),
        ["ada types", "ada stopped typing", "ada left (1)"]
    );
}

/// Ada and Olga at the first node, Bob at the second, all in one room, and the first node out of touch with the store
/// of presence.
async fn out_of_touch() -> (World, [Client; 3]) {
    let world = World::new(2);
    world.group("tea", &["ada", "olga", "bob", "cid"]).await;
    let mut clients = [
        world.connect(0, "ada").await,
        world.connect(0, "olga").await,
        world.connect(1, "bob").await,
    ];
    for client in &mut clients {
        client.join("tea").await.unwrap();
    }
    world.nodes[0].line.lose(&*world.nodes[0].chat);
    world.advance(TOLD_AFTER).await;
    for client in &clients {
        client.take();
    }
    (world, clients)
}

#[tokio::test]
async fn without_the_store_of_presence_a_node_shows_others_as_they_were_and_its_own_as_they_are() {
    let (world, [ada, olga, mut bob]) = out_of_touch().await;
    let mut cid = world.connect(0, "cid").await;

    let joined = cid.join("tea").await.unwrap();
    olga.disconnect().await.unwrap();
    bob.leave("tea").await.unwrap();
    let frozen = ada.heard_but_lists();
    world.nodes[0].line.restore(&*world.nodes[0].chat).await;
    world.advance(Duration::from_secs(1)).await;

    assert_eq!((joined.counts.members, joined.counts.sockets), (4, 4));
    assert_eq!(frozen, ["cid joined (4)", "olga left (3)"]);
    assert_eq!(
        ada.heard_but_lists(),
        ["bob left (2)", "affected: []"],
        "what happened elsewhere is told when it is known"
    );
    assert_eq!(world.in_store("tea").await.counts().members, 2);
}

#[tokio::test]
async fn a_node_that_was_taken_for_dead_says_nothing_of_it_to_its_own() {
    let (world, [ada, _olga, bob]) = out_of_touch().await;

    world.nodes[0].line.reap().await;
    let missed = bob.heard_but_lists();
    world.nodes[0].line.restore(&*world.nodes[0].chat).await;
    world.advance(Duration::from_secs(1)).await;

    assert_eq!(missed, ["ada left (2)", "olga left (1)"]);
    assert_eq!(bob.heard_but_lists(), ["ada joined (2)", "olga joined (3)"]);
    assert_eq!(ada.heard_but_lists(), ["affected: []"]);
}

#[tokio::test]
async fn whoever_is_connected_is_told_what_does_not_work() {
    let (world, clients) = out_of_touch().await;
    let chat = &world.nodes[0].chat;

    chat.lost(Shared::Bus);
    chat.lost(Shared::Bus);
    world.advance(TOLD_AFTER).await;
    chat.restored(Shared::Presence);
    world.advance(TOLD_AFTER).await;
    let status = chat.service_status();
    chat.lost(Shared::Presence);
    chat.restored(Shared::Presence);
    world.advance(TOLD_AFTER).await;
    chat.restored(Shared::Bus);
    world.settle().await;

    assert_eq!(
        clients[0].heard(),
        [
            "affected: [Presence, Typing, Delivery, Limits]",
            "affected: [Typing, Delivery]",
            "affected: []",
        ],
        "what heals at once is not told"
    );
    assert_eq!(status.affected, [Feature::Typing, Feature::Delivery]);
    assert!(clients[2].heard().is_empty(), "the other node is well");
}

#[tokio::test]
async fn a_node_that_may_have_missed_something_finds_it() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    world.nodes[0].gate.set(Weather::Losing);
    bob.join("tea").await.unwrap();
    bob.send("tea", "hello").await.unwrap();
    let before = ada.heard();

    world.nodes[0].chat.missed();
    world.settle().await;

    assert_eq!(before, ["welcome after 0"]);
    assert_eq!(ada.heard_but_lists(), ["bob joined (2)", "1 bob: hello"]);
}

#[tokio::test]
async fn a_deaf_node_sees_at_the_group_that_somebody_was_removed() {
    let is_away = Arc::new(AtomicBool::new(false));
    let world = World::rigged(2, POLICY, |ports| {
        let register = Register::new(Arc::clone(&ports.memberships), Arc::clone(&is_away));
        ports.memberships = Arc::new(register);
    });
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    let [near, far] = [0, 1].map(|place| &world.nodes[place].chat);
    far.compare_heads().await.unwrap();
    ada.take();
    bob.take();

    world.nodes[1].gate.set(Weather::Deaf);
    near.delete_member(&group("tea"), &user_id("bob"))
        .await
        .unwrap();
    let before = bob.heard();
    let back_too_early = bob.join("tea").await;
    far.compare_heads().await.unwrap();
    world.settle().await;
    is_away.store(true, Ordering::SeqCst);
    let without_news = far.compare_heads().await;

    assert!(before.is_empty(), "{before:?}");
    assert!(matches!(back_too_early, Err(JoinError::NotAMember)));
    assert_eq!(bob.heard(), ["bob removed: Removed"]);
    assert_eq!(ada.heard_but_lists(), ["bob left (1)"]);
    assert_eq!(world.in_store("tea").await.counts().sockets, 1);
    assert!(without_news.is_ok(), "nobody is asked for members then");
}

#[tokio::test]
async fn a_deaf_node_that_could_not_ask_who_was_removed_asks_again() {
    let is_away = Arc::new(AtomicBool::new(false));
    let world = World::rigged(2, POLICY, |ports| {
        let register = Register::new(Arc::clone(&ports.memberships), Arc::clone(&is_away));
        ports.memberships = Arc::new(register);
    });
    world.group("tea", &["ada", "bob"]).await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("tea").await.unwrap();
    let [near, far] = [0, 1].map(|place| &world.nodes[place].chat);
    far.compare_heads().await.unwrap();
    world.nodes[1].gate.set(Weather::Deaf);
    near.delete_member(&group("tea"), &user_id("bob"))
        .await
        .unwrap();
    bob.take();

    is_away.store(true, Ordering::SeqCst);
    let failed = far.compare_heads().await;
    is_away.store(false, Ordering::SeqCst);
    far.compare_heads().await.unwrap();

    assert!(failed.is_err());
    assert_eq!(bob.heard(), ["bob removed: Removed"]);
}

#[tokio::test]
async fn a_deaf_node_sees_that_a_group_is_gone() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("tea").await.unwrap();
    bob.take();
    world.nodes[1].gate.set(Weather::Deaf);
    let (near, far) = (&world.nodes[0].chat, &world.nodes[1].chat);

    near.delete_group(&user_id("ada"), &group("tea"))
        .await
        .unwrap();
    far.compare_heads().await.unwrap();

    assert_eq!(bob.heard(), ["bob removed: GroupDeleted"]);
}

#[tokio::test]
async fn sockets_that_are_expected_elsewhere_stay_in_the_store() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    bob.take();

    world.nodes[0].chat.begin_handover();
    ada.disconnect().await.unwrap();
    let mut again = world.connect(1, "ada").await;
    again.join("tea").await.unwrap();

    assert!(bob.heard_but_lists().is_empty(), "she was never away");
}

#[tokio::test]
async fn who_leaves_or_is_removed_while_a_node_hands_over_has_left() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut cid = world.connect(0, "cid").await;
    let mut bob = world.connect(1, "bob").await;
    for client in [&mut ada, &mut cid, &mut bob] {
        client.join("tea").await.unwrap();
    }
    bob.take();
    let near = &world.nodes[0].chat;

    near.begin_handover();
    ada.leave("tea").await.unwrap();
    near.delete_member(&group("tea"), &user_id("cid"))
        .await
        .unwrap();
    world.settle().await;

    assert_eq!(bob.heard_but_lists(), ["ada left (2)", "cid left (1)"]);
}
