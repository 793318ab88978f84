//! What a node wants to hear of others, for whose sake, and that nothing is missed on the way there.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{sync::Arc, time::Duration};

use chat_domain::{
    id::GroupId,
    member::{Member, Role},
    news::Topic,
    ports::{Clock, Listener, Roster},
    service::Shared,
};

use self::support::{
    client::Client,
    group,
    paused::{Pause, PausedRegister},
    user_id,
    world::{POLICY, World},
};

const SECOND: Duration = Duration::from_secs(1);

/// What is not needed is given up by then.
const SPARED: Duration = Duration::from_secs(5);

/// Two nodes, and a group of Ada and Bob. Ada is in the room on node 0.
async fn world() -> (World, Client) {
    on(World::new(2)).await
}

/// Likewise, where reading a user's groups can be held up.
async fn slow_world() -> (World, Client, Arc<Pause>) {
    let pause = Arc::new(Pause::default());
    let world = World::rigged(2, POLICY, |ports| {
        let (members, pause) = (Arc::clone(&ports.memberships), Arc::clone(&pause));
        ports.memberships = Arc::new(PausedRegister { members, pause });
    });
    let (world, ada) = on(world).await;
    (world, ada, pause)
}

async fn on(world: World) -> (World, Client) {
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    (world, ada)
}

/// What node 1 wants to hear.
fn cared_for(world: &World) -> Vec<String> {
    let topics = world.nodes[1].gate.cared_for().into_iter();
    topics
        .map(|topic| match topic {
            Topic::News(group) => format!("news of {group}"),
            Topic::User(user) => user.to_string(),
        })
        .collect()
}

/// Another program makes somebody a member.
async fn slip_in(world: &World, id: &str, name: &str) {
    let member = Member {
        group: group(id),
        user: user_id(name),
        role: Role::Member,
        joined_at: world.clock.now(),
    };
    Roster::add(&*world.database, &member).await.unwrap();
}

#[tokio::test]
async fn a_node_cares_for_those_who_are_connected_to_it_and_their_groups() {
    let (world, _ada) = world().await;
    world.group("milk", &["ada", "bob"]).await;
    world.group("wine", &["ada"]).await;
    let mut seen = vec![cared_for(&world)];

    let (one, other) = (world.connect(1, "bob").await, world.connect(1, "bob").await);
    seen.push(cared_for(&world));
    let (chat, bob) = (&world.nodes[0].chat, user_id("bob"));
    let added = chat.put_member(&group("wine"), &bob, Role::Member).await;
    added.unwrap();
    chat.delete_member(&group("milk"), &bob).await.unwrap();
    one.disconnect().await.unwrap();
    world.advance(SPARED).await;
    seen.push(cared_for(&world));
    other.disconnect().await.unwrap();
    seen.push(cared_for(&world));
    world.advance(SPARED).await;
    seen.push(cared_for(&world));

    let expected: [&[&str]; 5] = [
        &[],
        &["news of milk", "news of tea", "bob"],
        &["news of tea", "news of wine", "bob"],
        &["news of tea", "news of wine", "bob"],
        &[],
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn who_comes_back_soon_needs_nothing_anew() {
    let (world, _ada) = world().await;
    let bob = world.connect(1, "bob").await;

    for _ in 0..20 {
        bob_reloads(&world).await;
        world.advance(SECOND).await;
        assert_eq!(cared_for(&world), ["news of tea", "bob"]);
    }
    bob.disconnect().await.unwrap();
}

async fn bob_reloads(world: &World) {
    let bob = world.connect(1, "bob").await;
    bob.disconnect().await.unwrap();
}

#[tokio::test]
async fn the_groups_of_who_comes_back_soon_are_known() {
    let (world, ada, pause) = slow_world().await;
    world.group("wine", &["ada"]).await;
    bob_reloads(&world).await;
    let (chat, bob) = (&world.nodes[0].chat, user_id("bob"));
    let added = chat.put_member(&group("wine"), &bob, Role::Member).await;
    added.unwrap();

    let bob = pause.unasked(world.connect(1, "bob")).await;
    assert_eq!(
        cared_for(&world),
        ["news of tea", "news of wine", "bob"],
        "also what changed meanwhile"
    );
    ada.send("tea", "hello").await.unwrap();
    world.advance(3 * SECOND).await;
    assert_eq!(bob.heard(), ["1 unread after 0"]);

    bob.disconnect().await.unwrap();
    world.advance(SPARED).await;
    pause.giving_up(world.connect(1, "bob")).await;
}

#[tokio::test]
async fn the_groups_of_who_is_gone_are_read_anew_if_changes_may_have_been_missed() {
    for cause in ["missed", "lost"] {
        let (world, _ada, pause) = slow_world().await;
        bob_reloads(&world).await;

        match cause {
            "missed" => world.nodes[1].chat.missed(),
            _ => world.nodes[1].chat.lost(Shared::Bus),
        }

        pause.giving_up(world.connect(1, "bob")).await;
    }
}

#[tokio::test]
async fn a_node_that_follows_a_room_does_not_need_its_news() {
    let (world, ada) = world().await;
    let bystander = world.connect(1, "bob").await;
    let mut olga = world.connect(1, "ada").await;

    olga.join("tea").await.unwrap();
    world.advance(SPARED).await;
    let open = cared_for(&world);
    ada.send("tea", "one").await.unwrap();
    world.advance(2 * SECOND).await;
    olga.leave("tea").await.unwrap();
    let closed = cared_for(&world);
    ada.send("tea", "two").await.unwrap();
    world.advance(2 * SECOND).await;

    assert_eq!(open, ["ada", "bob"]);
    assert_eq!(closed, ["news of tea", "ada", "bob"]);
    let told = bystander.heard();
    assert_eq!(told, ["1 unread after 0", "2 unread after 0"]);
}

#[tokio::test]
async fn a_room_that_closes_with_its_last_user_is_not_cared_for() {
    let (world, _ada) = world().await;
    let mut bob = world.connect(1, "bob").await;
    bob.join("tea").await.unwrap();
    world.advance(SPARED).await;

    bob.disconnect().await.unwrap();

    assert_eq!(cared_for(&world), ["bob"]);
}

#[tokio::test]
async fn what_was_sent_before_a_room_was_followed_is_still_heard_of() {
    let (world, ada) = world().await;
    let bob = world.connect(1, "bob").await;
    let mut olga = world.connect(1, "ada").await;

    ada.send("tea", "hello").await.unwrap();
    olga.join("tea").await.unwrap();
    world.advance(3 * SECOND).await;

    assert_eq!(bob.heard(), ["1 unread after 0"]);
}

#[tokio::test]
async fn what_is_sent_at_the_same_node_while_groups_are_read_is_counted() {
    let (world, ada, pause) = slow_world().await;

    let connecting = world.connect(0, "bob");
    let meanwhile = async { drop(ada.send("tea", "hello").await.unwrap()) };
    let bob = pause.during(connecting, meanwhile).await;
    world.advance(SECOND).await;

    assert_eq!(bob.heard(), ["1 unread after 0"]);
}

#[tokio::test]
async fn what_is_told_in_a_room_while_groups_are_read_is_counted() {
    let (world, ada, pause) = slow_world().await;
    let mut olga = world.connect(1, "ada").await;
    olga.join("tea").await.unwrap();
    world.advance(SPARED).await;

    let connecting = world.connect(1, "bob");
    let meanwhile = async { drop(ada.send("tea", "hello").await.unwrap()) };
    let bob = pause.during(connecting, meanwhile).await;
    world.advance(SECOND).await;

    assert_eq!(bob.heard(), ["1 unread after 0"]);
}

#[tokio::test]
async fn what_other_nodes_told_while_groups_were_read_is_counted() {
    let (world, ada, pause) = slow_world().await;

    let connecting = world.connect(1, "bob");
    let meanwhile = async {
        ada.send("tea", "hello").await.unwrap();
        world.advance(2 * SECOND).await;
    };
    let bob = pause.during(connecting, meanwhile).await;
    world.settle().await;

    assert_eq!(bob.heard(), ["1 unread after 0"]);
}

#[tokio::test]
async fn what_other_nodes_told_before_the_bus_was_ready_is_counted() {
    let (world, ada) = world().await;
    world.nodes[1].gate.set_late(true);
    let bob = world.connect(1, "bob").await;
    ada.send("tea", "hello").await.unwrap();
    world.advance(5 * SECOND).await;
    let before = bob.heard();

    world.nodes[1].gate.set_late(false);
    world.advance(SECOND).await;

    assert_eq!(before, Vec::<String>::new());
    assert_eq!(bob.heard(), ["1 unread after 0"]);
    world.advance(SPARED).await;
    assert!(world.is_idle());
}

#[tokio::test]
async fn who_connects_in_time_is_not_told_what_is_known() {
    let (world, ada) = world().await;
    ada.send("tea", "hello").await.unwrap();
    world.advance(3 * SECOND).await;

    let bob = world.connect(1, "bob").await;
    world.advance(3 * SECOND).await;

    assert!(bob.heard().is_empty());
}

#[tokio::test]
async fn whom_another_program_made_a_member_is_told_once_the_group_was_seen() {
    for sees in ["lists", "joins"] {
        let (world, ada) = world().await;
        world.group("wine", &["cid"]).await;
        let mut cid = world.connect(1, "cid").await;
        slip_in(&world, "tea", "cid").await;
        ada.send("tea", "unseen").await.unwrap();
        world.advance(3 * SECOND).await;
        let before = cid.heard();

        let chat = Arc::clone(&world.nodes[1].chat);
        if sees == "lists" {
            let listed = chat.groups_of(&user_id("cid"), None, 10).await.unwrap();
            let listed: Vec<GroupId> = listed.into_iter().map(|it| it.group.id).collect();
            assert_eq!(listed, [group("tea"), group("wine")]);
        } else {
            cid.join("tea").await.unwrap();
            cid.leave("tea").await.unwrap();
            cid.take();
        }
        ada.send("tea", "seen").await.unwrap();
        world.advance(3 * SECOND).await;

        assert!(before.is_empty());
        assert_eq!(cid.heard(), ["2 unread after 0"], "who {sees}");
    }
}
