//! What a user has not read, and who is told.

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
    id::Seq,
    message::MessageBody,
    ports::Listener,
    usecase::{
        history::{From, ReadError},
        unread::STIRRED_FOR,
    },
};

use self::support::{
    client::Client,
    failing::MutePresence,
    group,
    line::Weather,
    user_id,
    world::{POLICY, World},
};

const SECOND: Duration = Duration::from_secs(1);

/// Two nodes, and a group of Ada and Bob. Ada is in the room on node 0.
async fn world() -> (World, Client) {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    (world, ada)
}

async fn say(client: &Client, times: usize) {
    for _ in 0..times {
        client.send("tea", "hello").await.unwrap();
    }
}

#[tokio::test]
async fn a_connected_member_outside_the_room_is_told_once_a_second() {
    let (world, ada) = world().await;
    let (near, far) = (world.connect(0, "bob").await, world.connect(1, "bob").await);
    ada.take();

    say(&ada, 3).await;
    let before = (near.heard(), far.heard());
    world.advance(2 * SECOND).await;
    say(&ada, 1).await;
    world.advance(2 * SECOND).await;

    assert_eq!(before, (vec![], vec![]));
    for client in [near, far] {
        assert_eq!(client.heard(), ["3 unread after 0", "4 unread after 0"]);
    }
    let unread_by_ada = ada.heard().into_iter().filter(|l| l.contains("unread"));
    assert_eq!(unread_by_ada.count(), 0);
}

#[tokio::test]
async fn messages_from_several_nodes_are_counted_together() {
    let (world, ada) = world().await;
    let mut olga = world.connect(1, "ada").await;
    olga.join("tea").await.unwrap();
    let (near, far) = (world.connect(0, "bob").await, world.connect(1, "bob").await);

    for _ in 0..30 {
        say(&ada, 1).await;
        say(&olga, 1).await;
        world.advance(SECOND / 10).await;
    }
    world.advance(2 * SECOND).await;

    for client in [near, far] {
        let heard = client.heard();
        assert!(heard.len() <= 5, "{heard:?}");
        assert_eq!(heard.last().unwrap(), "60 unread after 0");
    }
}

#[tokio::test]
async fn who_is_in_the_room_with_any_socket_on_any_node_is_not_told() {
    let (world, ada) = world().await;
    let near = world.connect(0, "bob").await;
    let far = world.connect(1, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("tea").await.unwrap();
    say(&ada, 1).await;
    world.advance(SECOND).await;
    bob.leave("tea").await.unwrap();
    say(&ada, 1).await;
    world.advance(SECOND).await;

    assert_eq!(near.heard(), ["2 unread after 0"]);
    assert!(far.heard().is_empty(), "Ada is in the room on another node");
}

#[tokio::test]
async fn a_mark_moves_on_only_and_is_told_to_all_sockets_of_the_user() {
    let (world, ada) = world().await;
    say(&ada, 3).await;
    let (near, far) = (world.connect(0, "bob").await, world.connect(1, "bob").await);
    ada.take();
    let (chat, tea, bob) = (&world.nodes[0].chat, group("tea"), user_id("bob"));

    let marked = chat.mark_read(&bob, &tea, Seq::new(2)).await.unwrap();
    let back = chat.mark_read(&bob, &tea, Seq::new(1)).await.unwrap();
    let beyond = chat.mark_read(&bob, &tea, Seq::new(99)).await.unwrap();
    let by_stranger = chat.mark_read(&user_id("eve"), &tea, Seq::new(1)).await;

    assert_eq!((marked.last_read, marked.unread), (Seq::new(2), 1));
    assert_eq!(back, marked);
    assert_eq!((beyond.last_read, beyond.unread), (Seq::new(3), 0));
    assert!(matches!(by_stranger, Err(ReadError::NotAMember)));
    let told = ["1 unread after 2", "1 unread after 2", "0 unread after 3"];
    assert_eq!(near.heard(), told);
    assert_eq!(far.heard(), told);
    assert!(ada.heard_but_lists().is_empty());
}

#[tokio::test]
async fn ones_own_messages_are_not_unread() {
    let (world, ada) = world().await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("tea").await.unwrap();
    say(&ada, 2).await;
    say(&bob, 3).await;

    let (chat, bob) = (&world.nodes[1].chat, user_id("bob"));
    let mark = chat.mark_read(&bob, &group("tea"), Seq::ZERO).await;

    assert_eq!(mark.unwrap().unread, 2);
}

#[tokio::test]
async fn who_was_removed_is_told_nothing_and_who_was_added_is() {
    let (world, ada) = world().await;
    let (bob, cid) = (world.connect(1, "bob").await, world.connect(1, "cid").await);
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));
    let member = chat_domain::member::Role::Member;
    chat.delete_member(&tea, &user_id("bob")).await.unwrap();
    chat.put_member(&tea, &user_id("cid"), member)
        .await
        .unwrap();

    say(&ada, 1).await;
    world.advance(2 * SECOND).await;

    assert_eq!(bob.heard(), ["bob removed: Removed"]);
    assert_eq!(cid.heard(), ["cid added by the server", "1 unread after 0"]);
}

#[tokio::test]
async fn with_nobody_connected_there_is_nothing_to_count() {
    let (world, ada) = world().await;
    let bob = world.connect(1, "bob").await;
    ada.disconnect().await.unwrap();
    bob.disconnect().await.unwrap();
    world.advance(SECOND).await;

    let (chat, text) = (&world.nodes[0].chat, MessageBody::stored("hello"));
    let said = chat.announce(&group("tea"), text, None).await;

    assert!(said.is_ok());
    // The other nodes are told of it, who have nobody to tell either, and care no longer.
    world.advance(6 * SECOND).await;
    assert!(world.is_idle());
}

#[tokio::test]
async fn a_message_whose_notice_was_lost_is_counted_when_it_is_found() {
    let (world, ada) = world().await;
    let mut olga = world.connect(1, "ada").await;
    olga.join("tea").await.unwrap();
    let bob = world.connect(1, "bob").await;
    world.nodes[1].gate.set(Weather::Losing);
    say(&ada, 1).await;

    world.nodes[1].chat.compare_heads().await.unwrap();
    world.advance(SECOND).await;

    assert_eq!(bob.heard(), ["1 unread after 0"]);
}

#[tokio::test]
async fn after_a_gap_everybody_is_told_of_every_group() {
    let is_away = Arc::new(AtomicBool::new(false));
    let world = World::rigged(2, POLICY, |ports| {
        let store = Arc::clone(&ports.presence);
        ports.presence = Arc::new(MutePresence::new(store, Arc::clone(&is_away)));
    });
    for id in ["tea", "milk", "salt"] {
        world.group(id, &["ada", "bob"]).await;
    }
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("salt").await.unwrap();
    bob.take();
    world.nodes[1].gate.set(Weather::Deaf);
    for id in ["tea", "milk"] {
        ada.join(id).await.unwrap();
        ada.send(id, "hello").await.unwrap();
    }
    world.advance(2 * SECOND).await;
    let before = bob.heard_but_lists();

    world.nodes[1].gate.set(Weather::Fair);
    is_away.store(true, Ordering::SeqCst);
    world.nodes[1].chat.missed();
    world.settle().await;
    is_away.store(false, Ordering::SeqCst);
    let without_the_store = bob.heard_but_lists();
    world.nodes[1].chat.missed();
    world.advance(2 * SECOND).await;

    assert!(before.is_empty());
    assert!(without_the_store.is_empty());
    let told = bob.heard_but_lists();
    assert_eq!(told, ["1 unread after 0", "1 unread after 0"]);
}

#[tokio::test]
async fn members_read_all_of_the_history_page_by_page() {
    let (world, ada) = world().await;
    say(&ada, 5).await;
    let (chat, tea, bob) = (&world.nodes[1].chat, group("tea"), user_id("bob"));
    let read = async |from| {
        let slice = chat.history(&bob, &tea, from, 2).await.unwrap();
        let seqs = slice.messages.iter().map(|message| message.seq.get());
        (seqs.collect::<Vec<_>>(), slice.more)
    };

    assert_eq!(read(From::Newest).await, (vec![4, 5], true));
    assert_eq!(read(From::Before(Seq::new(4))).await, (vec![2, 3], true));
    assert_eq!(read(From::Before(Seq::new(2))).await, (vec![1], false));
    assert_eq!(read(From::After(Seq::new(1))).await, (vec![2, 3], true));
    assert_eq!(read(From::After(Seq::new(3))).await, (vec![4, 5], false));
    assert_eq!(read(From::After(Seq::new(9))).await, (vec![], false));
    let eve = chat.history(&user_id("eve"), &tea, From::Newest, 2).await;
    assert!(matches!(eve, Err(ReadError::NotAMember)));
}

/// By then a node that began to care before it was sent hears of it.
#[tokio::test]
async fn other_nodes_are_told_of_a_message_when_it_has_waited() {
    let (world, ada) = world().await;
    say(&ada, 1).await;
    world.advance(STIRRED_FOR * 3 / 2).await;
    say(&ada, 1).await;
    // Somebody else's message is due to be told now, and this one is not.
    world.advance(STIRRED_FOR / 2).await;

    let bob = world.connect(1, "bob").await;
    world.advance(2 * SECOND).await;

    assert_eq!(bob.heard(), ["2 unread after 0"]);
}
