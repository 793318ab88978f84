//! Typing indicators: who sees them, and what ends them.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::time::Duration;

use chat_domain::{
    limit::Quota,
    usecase::{Policy, join::Joined, typing::TypingError},
};

use self::support::{
    client::Client,
    group,
    line::Weather,
    user_id,
    world::{POLICY, World},
};

const SECOND: Duration = Duration::from_secs(1);

async fn join(world: &World, node: usize, name: &str) -> Client {
    let mut client = world.connect(node, name).await;
    client.join("tea").await.unwrap();
    client.take();
    client
}

/// Two nodes, and a group of Ada, Bob and Cid.
async fn world() -> World {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    world
}

fn typists(joined: &Joined) -> Vec<&str> {
    let typing = joined.typing.iter();
    typing.map(|(user, _)| user.as_str()).collect()
}

#[tokio::test]
async fn the_room_sees_who_types_but_the_typists_own_sockets_do_not() {
    let world = world().await;
    let (near, far) = (join(&world, 0, "bob").await, join(&world, 1, "cid").await);
    let (mut desk, phone) = (join(&world, 0, "ada").await, join(&world, 1, "ada").await);
    near.take();
    far.take();

    desk.type_in("tea").await.unwrap();
    phone.stop_typing("tea").await.unwrap();

    assert_eq!(near.heard(), ["ada types", "ada stopped typing"]);
    assert_eq!(far.heard(), ["ada types", "ada stopped typing"]);
    assert!(desk.heard().is_empty());
    assert!(phone.heard().is_empty());
}

#[tokio::test]
async fn an_indicator_expires_on_every_node_ten_seconds_after_the_last_start() {
    let world = world().await;
    let (near, far) = (join(&world, 0, "bob").await, join(&world, 1, "cid").await);
    let mut ada = join(&world, 0, "ada").await;
    near.take();
    far.take();
    ada.type_in("tea").await.unwrap();
    world.advance(SECOND * 2).await;
    ada.type_in("tea").await.unwrap();

    world.nodes[1].gate.set(Weather::Losing);
    world.advance(Duration::from_millis(9_999)).await;
    let before = near.heard_but_lists();
    world.advance(Duration::from_millis(1)).await;

    assert_eq!(before, ["ada types"]);
    assert_eq!(near.heard(), ["ada stopped typing"]);
    assert_eq!(far.heard_but_lists(), ["ada types", "ada stopped typing"]);
}

#[tokio::test]
async fn a_renewal_is_announced_at_most_every_three_seconds() {
    let world = world().await;
    let far = join(&world, 1, "bob").await;
    let mut ada = join(&world, 0, "ada").await;
    far.take();

    for _ in 0..7 {
        ada.type_in("tea").await.unwrap();
        world.advance(SECOND).await;
    }

    assert_eq!(
        far.heard_but_lists(),
        ["ada types", "ada types", "ada types"]
    );
}

#[tokio::test]
async fn stopping_without_typing_announces_nothing() {
    let world = world().await;
    let (ada, bob) = (join(&world, 0, "ada").await, join(&world, 0, "bob").await);

    ada.stop_typing("tea").await.unwrap();

    assert!(bob.heard().is_empty());
}

#[tokio::test]
async fn who_comes_later_learns_who_types_on_any_node_but_not_of_themselves() {
    let world = world().await;
    let (mut ada, mut bob) = (join(&world, 0, "ada").await, join(&world, 0, "bob").await);
    ada.type_in("tea").await.unwrap();
    bob.type_in("tea").await.unwrap();
    let mut phone = world.connect(1, "ada").await;
    let mut cid = world.connect(0, "cid").await;

    let on_a_fresh_node = phone.join("tea").await.unwrap();
    let on_the_same_node = cid.join("tea").await.unwrap();

    assert_eq!(typists(&on_a_fresh_node), ["bob"]);
    assert_eq!(typists(&on_the_same_node), ["ada", "bob"]);
}

#[tokio::test]
async fn who_comes_later_is_not_shown_what_has_ended() {
    for end in ["stop", "send", "disconnect"] {
        let world = world().await;
        let _tab = join(&world, 0, "ada").await;
        let mut ada = join(&world, 0, "ada").await;
        ada.type_in("tea").await.unwrap();

        match end {
            "stop" => ada.stop_typing("tea").await.unwrap(),
            "send" => drop(ada.send("tea", "hello").await.unwrap()),
            _ => ada.disconnect().await.unwrap(),
        }
        let mut bob = world.connect(1, "bob").await;
        let joined = bob.join("tea").await.unwrap();

        assert!(joined.typing.is_empty(), "{end}");
    }
}

#[tokio::test]
async fn who_comes_later_is_not_shown_an_indicator_for_longer() {
    let world = world().await;
    let mut ada = join(&world, 0, "ada").await;
    ada.type_in("tea").await.unwrap();
    world.advance(SECOND * 9).await;

    let mut bob = world.connect(1, "bob").await;
    let joined = bob.join("tea").await.unwrap();
    world.advance(SECOND).await;

    assert_eq!(typists(&joined), ["ada"]);
    assert_eq!(
        bob.heard_but_lists(),
        ["welcome after 0", "ada stopped typing"]
    );
}

#[tokio::test]
async fn leaving_with_another_tab_in_the_room_goes_on_typing() {
    let world = world().await;
    let bob = join(&world, 1, "bob").await;
    let mut desk = join(&world, 0, "ada").await;
    let mut phone = join(&world, 1, "ada").await;
    bob.take();
    desk.type_in("tea").await.unwrap();

    desk.leave("tea").await.unwrap();
    let after_one = bob.heard();
    phone.leave("tea").await.unwrap();

    assert_eq!(after_one, ["ada types"]);
    assert_eq!(bob.heard(), ["ada stopped typing", "ada left (1)"]);
}

#[tokio::test]
async fn the_disconnect_of_the_socket_that_started_last_ends_it() {
    let world = world().await;
    let bob = join(&world, 1, "bob").await;
    let mut desk = join(&world, 0, "ada").await;
    let mut phone = join(&world, 1, "ada").await;
    bob.take();
    desk.type_in("tea").await.unwrap();
    phone.type_in("tea").await.unwrap();

    desk.disconnect().await.unwrap();
    let after_the_first = bob.heard();
    let _desk = join(&world, 0, "ada").await;
    phone.disconnect().await.unwrap();
    let mut cid = world.connect(0, "cid").await;
    let joined = cid.join("tea").await.unwrap();

    assert_eq!(after_the_first, ["ada types"]);
    assert_eq!(bob.heard(), ["ada stopped typing", "cid joined (3)"]);
    assert!(joined.typing.is_empty());
}

#[tokio::test]
async fn a_doubt_about_the_room_does_not_forget_who_started_it() {
    let world = world().await;
    let bob = join(&world, 0, "bob").await;
    let mut desk = join(&world, 0, "ada").await;
    let _tab = join(&world, 0, "ada").await;
    desk.type_in("tea").await.unwrap();
    world.nodes[0].gate.set(Weather::Losing);
    let _phone = join(&world, 1, "ada").await;
    world.nodes[0].gate.set(Weather::Fair);
    bob.take();

    // Two changes: the first is seen not to follow, and the join reads the store.
    let _phone = join(&world, 1, "bob").await;
    let _cid = join(&world, 0, "cid").await;
    desk.disconnect().await.unwrap();

    assert_eq!(bob.heard(), ["cid joined (3)", "ada stopped typing"]);
}

#[tokio::test]
async fn a_typist_is_a_member_and_in_the_room() {
    let world = world().await;
    let bob = join(&world, 0, "bob").await;
    let (mut outside, mut eve) = (world.connect(0, "ada").await, world.connect(0, "eve").await);

    let from_outside = outside.type_in("tea").await;
    let stopped_outside = outside.stop_typing("tea").await;
    let by_stranger = eve.type_in("tea").await;

    assert!(matches!(from_outside, Err(TypingError::NotInRoom)));
    assert!(matches!(stopped_outside, Err(TypingError::NotInRoom)));
    assert!(matches!(by_stranger, Err(TypingError::NotAMember)));
    assert!(bob.heard().is_empty());
}

#[tokio::test]
async fn typing_is_limited_by_user_and_room() {
    let policy = Policy {
        typing: Quota::new(1, 1),
        ..POLICY
    };
    let world = World::with(1, policy);
    world.group("tea", &["ada"]).await;
    world.group("milk", &["ada"]).await;
    let mut ada = join(&world, 0, "ada").await;
    ada.join("milk").await.unwrap();

    let first = ada.type_in("tea").await;
    let second = ada.type_in("tea").await;
    let elsewhere = ada.type_in("milk").await;

    assert!(first.is_ok());
    assert!(matches!(second, Err(TypingError::TooMany(_))));
    assert!(elsewhere.is_ok());
}

#[tokio::test]
async fn a_removed_member_types_no_longer() {
    let world = world().await;
    let ada = join(&world, 1, "ada").await;
    let mut bob = join(&world, 0, "bob").await;
    ada.take();
    bob.type_in("tea").await.unwrap();

    let chat = &world.nodes[1].chat;
    let removed = chat.delete_member(&group("tea"), &user_id("bob")).await;
    world.settle().await;

    assert!(removed.is_ok());
    assert_eq!(
        ada.heard(),
        ["bob types", "bob stopped typing", "bob left (1)"]
    );
}

#[tokio::test]
async fn the_end_of_the_socket_that_typed_last_ends_it_also_where_it_has_left() {
    let world = world().await;
    let mut desk = join(&world, 0, "ada").await;
    let _phone = join(&world, 0, "ada").await;
    let bob = join(&world, 0, "bob").await;
    desk.type_in("tea").await.unwrap();
    desk.leave("tea").await.unwrap();
    bob.take();

    desk.disconnect().await.unwrap();

    assert_eq!(bob.heard(), ["ada stopped typing"]);
}
