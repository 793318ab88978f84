//! Who is in a room, and who is told of it.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::time::Duration;

use chat_domain::{
    room::RoomPolicy,
    usecase::{Policy, history::ReadError},
};

use self::support::{
    client::Client,
    group,
    line::Weather,
    user_id,
    world::{POLICY, World},
};

const UPDATE: Duration = Duration::from_millis(250);

/// Large with more than this many users, small again with fewer than 90 % of them.
fn large_with_more_than(users: usize) -> Policy {
    let rooms = RoomPolicy {
        large: Some(users),
        ..POLICY.rooms
    };
    Policy { rooms, ..POLICY }
}

async fn join(world: &World, node: usize, name: &str) -> Client {
    let mut client = world.connect(node, name).await;
    client.join("tea").await.unwrap();
    client
}

#[tokio::test]
async fn only_the_first_socket_joins_and_only_the_last_one_leaves() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let bob = join(&world, 0, "bob").await;

    let mut desk = join(&world, 0, "ada").await;
    let phone = join(&world, 1, "ada").await;
    desk.leave("tea").await.unwrap();
    phone.disconnect().await.unwrap();

    assert_eq!(
        bob.heard(),
        ["welcome after 0", "ada joined (2)", "ada left (1)"]
    );
    let store = world.in_store("tea").await;
    assert_eq!((store.users.len(), store.counts().sockets), (1, 1));
}

#[tokio::test]
async fn nobody_is_told_of_their_own_coming_and_going() {
    let world = World::new(2);
    world.group("tea", &["ada"]).await;
    let desk = join(&world, 0, "ada").await;

    let mut phone = join(&world, 1, "ada").await;
    phone.leave("tea").await.unwrap();
    phone.join("tea").await.unwrap();

    assert_eq!(desk.heard(), ["welcome after 0"]);
}

#[tokio::test]
async fn a_disconnect_leaves_every_room() {
    let world = World::new(1);
    world.group("tea", &["ada", "bob"]).await;
    world.group("milk", &["ada", "bob"]).await;
    let mut bob = join(&world, 0, "bob").await;
    bob.join("milk").await.unwrap();
    let mut ada = join(&world, 0, "ada").await;
    ada.join("milk").await.unwrap();
    bob.take();

    ada.disconnect().await.unwrap();

    assert_eq!(bob.heard(), ["ada left (1)", "ada left (1)"]);
}

#[tokio::test]
async fn many_changes_make_one_update_after_a_quarter_of_a_second() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    world.advance(UPDATE).await;
    bob.take();

    let mut ada = join(&world, 1, "ada").await;
    world.advance(Duration::from_millis(249)).await;
    let _phone = join(&world, 0, "ada").await;
    let _cid = join(&world, 1, "cid").await;
    ada.leave("tea").await.unwrap();
    let before = bob.heard();
    world.advance(Duration::from_millis(1)).await;
    let at_last = bob.heard();
    world.advance(UPDATE * 4).await;

    assert_eq!(before, ["ada joined (2)", "cid joined (3)"]);
    assert_eq!(at_last, ["here: ada bob cid (3 users, 3 sockets)"]);
    assert!(bob.heard().is_empty());
}

#[tokio::test]
async fn a_second_tab_is_a_change_too() {
    let world = World::new(1);
    world.group("tea", &["ada", "bob"]).await;
    let bob = join(&world, 0, "bob").await;
    let _desk = join(&world, 0, "ada").await;
    world.advance(UPDATE).await;
    bob.take();

    let _phone = join(&world, 0, "ada").await;
    world.advance(UPDATE).await;

    assert_eq!(bob.heard(), ["here: ada bob (2 users, 3 sockets)"]);
}

#[tokio::test]
async fn a_list_is_cut_and_its_counts_are_exact() {
    let rooms = RoomPolicy {
        online_members_listed: 2,
        ..POLICY.rooms
    };
    let world = World::with(1, Policy { rooms, ..POLICY });
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    let _ada = join(&world, 0, "ada").await;
    let _cid = join(&world, 0, "cid").await;
    world.advance(UPDATE).await;

    let (chat, tea, cursor) = (&world.nodes[0].chat, group("tea"), user_id("bob"));
    let rest = chat
        .room_info(&user_id("ada"), &tea, Some(&cursor), 2)
        .await;

    let list = bob.heard().pop().unwrap();
    assert_eq!(list, "here: ada bob … (3 users, 3 sockets)");
    let rest = rest.unwrap();
    assert_eq!((rest.online, rest.next), (vec![user_id("cid")], None));
}

#[tokio::test]
async fn members_see_who_is_there_from_any_node_also_without_joining() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    let _ada = join(&world, 0, "ada").await;
    let (near, far) = (&world.nodes[0].chat, &world.nodes[1].chat);
    let (tea, bob, eve) = (group("tea"), user_id("bob"), user_id("eve"));

    let seen_near = near.room_info(&bob, &tea, None, 200).await.unwrap();
    let seen_far = far.room_info(&bob, &tea, None, 200).await.unwrap();
    let by_stranger = near.room_info(&eve, &tea, None, 200).await;

    assert_eq!(seen_near.online, [user_id("ada")]);
    assert_eq!(seen_near, seen_far);
    assert!(matches!(by_stranger, Err(ReadError::NotAMember)));
}

#[tokio::test]
async fn joins_and_leaves_alternate_also_when_some_were_not_heard() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    let mut ada = join(&world, 1, "ada").await;
    bob.take();

    world.nodes[0].gate.set(Weather::Losing);
    ada.leave("tea").await.unwrap();
    ada.join("tea").await.unwrap();
    ada.leave("tea").await.unwrap();
    world.nodes[0].gate.set(Weather::Fair);
    let _cid = join(&world, 1, "cid").await;
    world.advance(UPDATE).await;
    ada.join("tea").await.unwrap();

    assert_eq!(
        bob.heard_but_lists(),
        ["ada left (2)", "cid joined (2)", "ada joined (3)"]
    );
}

#[tokio::test]
async fn a_change_that_was_not_heard_is_found_though_nothing_follows_it() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    let mut ada = join(&world, 1, "ada").await;
    let compare = async || {
        world.nodes[0].chat.compare_presence().await.unwrap();
        world.advance(UPDATE).await;
    };
    compare().await;
    bob.take();

    world.nodes[0].gate.set(Weather::Losing);
    ada.leave("tea").await.unwrap();
    compare().await;
    let left = bob.heard_but_lists();
    ada.join("tea").await.unwrap();
    let _cid = join(&world, 1, "cid").await;
    compare().await;
    let joined = bob.heard_but_lists();
    compare().await;

    assert_eq!(left, ["ada left (1)"]);
    assert_eq!(joined, ["ada joined (3)", "cid joined (3)"]);
    assert!(bob.heard().is_empty());
}

#[tokio::test]
async fn a_large_room_is_told_of_its_size_but_not_of_single_changes() {
    let world = World::with(2, large_with_more_than(2));
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    let mut ada = join(&world, 1, "ada").await;
    world.advance(UPDATE).await;
    bob.take();

    let mut cid = join(&world, 0, "cid").await;
    let at_once = bob.heard();
    let typed = ada.type_in("tea").await;
    let other_tab = join(&world, 1, "cid").await;
    world.advance(UPDATE).await;
    let large = bob.heard();
    cid.leave("tea").await.unwrap();
    other_tab.disconnect().await.unwrap();
    ada.disconnect().await.unwrap();
    let small = bob.heard();

    assert_eq!(at_once, ["here: ada bob cid (3 users, 3 sockets)"]);
    assert!(typed.is_ok());
    assert_eq!(large, ["here: ada bob cid (3 users, 4 sockets)"]);
    // Two users are not fewer than 90 % of two.
    assert_eq!(small, ["here: bob (1 users, 1 sockets)"]);
}

#[tokio::test]
async fn a_room_that_becomes_large_first_tells_that_nobody_types() {
    let world = World::with(2, large_with_more_than(2));
    world.group("tea", &["ada", "bob", "cid"]).await;
    let bob = join(&world, 0, "bob").await;
    let mut ada = join(&world, 1, "ada").await;
    ada.type_in("tea").await.unwrap();
    bob.take();

    let mut cid = world.connect(0, "cid").await;
    let joined = cid.join("tea").await.unwrap();
    world.advance(Duration::from_secs(20)).await;

    let list = "here: ada bob cid (3 users, 3 sockets)";
    assert_eq!(joined.typing, []);
    // The second one is for whoever made the room large by coming.
    assert_eq!(bob.heard(), ["ada stopped typing", list, list]);
    assert_eq!(cid.heard(), ["welcome after 0", list]);
}
