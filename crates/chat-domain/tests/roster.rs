//! Who is made a member, who may do that, and how it reaches live sockets.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::time::Duration;

use chat_domain::{
    group::{GroupChange, GroupName},
    member::Role,
    news::Notice,
    ports::Listener,
    usecase::{
        groups::{ManageError, NewGroup},
        join::JoinError,
        send::SendError,
    },
};

use self::support::{client::Client, group, user_id, world::World};

/// Two nodes, and a group that Olga owns, with Ada as admin and Bob as a plain member.
async fn world() -> World {
    let world = World::new(2);
    world.group("tea", &["olga", "ada", "bob"]).await;
    let chat = &world.nodes[0].chat;
    let (tea, ada) = (group("tea"), user_id("ada"));
    chat.put_member(&tea, &ada, Role::Admin).await.unwrap();
    world
}

async fn join(world: &World, node: usize, name: &str) -> Client {
    let mut client = world.connect(node, name).await;
    client.join("tea").await.unwrap();
    client.take();
    client
}

#[tokio::test]
async fn members_are_managed_by_those_above_them() {
    let world = world().await;
    world.group("others", &["cid", "dan"]).await;
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));
    let [olga, ada, bob, cid, ghost] = ["olga", "ada", "bob", "cid", "ghost"].map(user_id);

    let by_member = chat.add_member(&bob, &tea, &cid, Role::Member).await;
    let by_stranger = chat.add_member(&cid, &tea, &cid, Role::Member).await;
    let too_high = chat.add_member(&ada, &tea, &cid, Role::Admin).await;
    let of_nobody = chat.add_member(&ada, &tea, &ghost, Role::Member).await;
    let added = chat.add_member(&ada, &tea, &cid, Role::Moderator).await;
    let twice = chat.add_member(&ada, &tea, &cid, Role::Member).await;
    let of_equal = chat.change_role(&ada, &tea, &ada, Role::Member).await;
    let promoted = chat.change_role(&olga, &tea, &bob, Role::Admin).await;
    let of_higher = chat.remove_member(&ada, &tea, &olga).await;
    let absent = chat.remove_member(&ada, &tea, &ghost).await;

    assert!(matches!(by_member, Err(ManageError::NotAllowed)));
    assert!(matches!(by_stranger, Err(ManageError::NoSuchGroup)));
    assert!(matches!(too_high, Err(ManageError::NotAllowed)));
    assert!(matches!(of_nobody, Err(ManageError::NoSuchUser)));
    assert_eq!(added.unwrap().role, Role::Moderator);
    assert!(matches!(twice, Err(ManageError::AlreadyMember)));
    assert!(matches!(of_equal, Err(ManageError::NotAllowed)));
    assert_eq!(promoted.unwrap().role, Role::Admin);
    assert!(matches!(of_higher, Err(ManageError::NotAllowed)));
    assert!(matches!(absent, Err(ManageError::NoSuchMember)));
}

#[tokio::test]
async fn a_group_keeps_an_owner_until_it_is_passed_on() {
    let world = world().await;
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));
    let [olga, ada, ghost] = ["olga", "ada", "ghost"].map(user_id);

    let leaves = chat.remove_member(&olga, &tea, &olga).await;
    let struck_off = chat.delete_member(&tea, &olga).await;
    let by_admin = chat.pass_on(&ada, &tea, &ada).await;
    let to_nobody = chat.pass_on(&olga, &tea, &ghost).await;
    let heir = chat.pass_on(&olga, &tea, &ada).await;
    let former = chat.group(&olga, &tea).await.unwrap();
    let leaves_now = chat.remove_member(&olga, &tea, &olga).await;

    assert!(matches!(leaves, Err(ManageError::LastOwner)));
    assert!(matches!(struck_off, Err(ManageError::LastOwner)));
    assert!(matches!(by_admin, Err(ManageError::NotAllowed)));
    assert!(matches!(to_nobody, Err(ManageError::NoSuchMember)));
    assert_eq!(
        (heir.unwrap().role, former.role),
        (Role::Owner, Role::Admin)
    );
    assert!(leaves_now.is_ok());
}

#[tokio::test]
async fn a_removed_member_is_out_on_every_node_and_hears_nothing_after_that() {
    let world = world().await;
    let ada = join(&world, 0, "ada").await;
    let (desk, phone) = (join(&world, 0, "bob").await, join(&world, 1, "bob").await);
    let not_joined = world.connect(1, "bob").await;
    ada.take();

    let (chat, tea) = (&world.nodes[0].chat, group("tea"));
    let (by, bob) = (user_id("ada"), user_id("bob"));
    chat.remove_member(&by, &tea, &bob).await.unwrap();
    ada.send("tea", "among us").await.unwrap();
    world.advance(Duration::from_secs(2)).await;
    let sent = desk.send("tea", "still here?").await;

    for client in [&desk, &phone, &not_joined] {
        assert_eq!(client.heard(), ["bob removed: Removed"]);
    }
    assert!(matches!(sent, Err(SendError::NotAMember)));
    let heard = ["1 ada: among us", "bob left (1)"];
    assert_eq!(ada.heard_but_lists(), heard);
    let store = world.in_store("tea").await;
    assert_eq!((store.users.len(), store.counts().sockets), (1, 1));
}

#[tokio::test]
async fn a_removal_that_several_nodes_find_is_told_once() {
    let world = world().await;
    let (desk, phone) = (join(&world, 0, "bob").await, join(&world, 1, "bob").await);
    let not_joined = world.connect(1, "bob").await;
    let (chats, bob) = ([0, 1].map(|node| &world.nodes[node].chat), user_id("bob"));
    let found = Notice::MemberRemoved(group("tea"), bob.clone());
    let remove = async || {
        chats[0].delete_member(&group("tea"), &bob).await.unwrap();
        // The other node had asked before it heard of that, and says so too.
        for chat in &chats {
            chat.hear(found.clone());
        }
    };

    remove().await;
    let told = [&desk, &phone, &not_joined].map(Client::heard);
    let (tea, member) = (group("tea"), Role::Member);
    chats[1].put_member(&tea, &bob, member).await.unwrap();
    remove().await;

    assert_eq!(told, [(); 3].map(|()| ["bob removed: Removed"]));
    for client in [desk, phone, not_joined] {
        let heard = ["bob added by the server", "bob removed: Removed"];
        assert_eq!(client.heard(), heard);
    }
}

#[tokio::test]
async fn who_is_added_again_comes_back_once_the_store_knows_that_they_left() {
    let world = world().await;
    let ada = join(&world, 0, "ada").await;
    let mut bob = join(&world, 1, "bob").await;
    ada.take();
    let (chat, tea, id) = (&world.nodes[0].chat, group("tea"), user_id("bob"));
    chat.delete_member(&tea, &id).await.unwrap();
    chat.put_member(&tea, &id, Role::Member).await.unwrap();

    let too_early = bob.join("tea").await;
    world.settle().await;
    let then = bob.join("tea").await;
    ada.send("tea", "welcome back").await.unwrap();

    assert!(matches!(too_early, Err(JoinError::Busy(_))));
    assert!(then.is_ok());
    assert_eq!(
        bob.heard(),
        [
            "bob removed: Removed",
            "bob added by the server",
            "welcome after 0",
            "1 ada: welcome back",
        ]
    );
    assert_eq!(
        ada.heard(),
        ["bob left (1)", "bob joined (2)", "1 ada: welcome back"]
    );
}

#[tokio::test]
async fn changes_of_a_group_and_of_roles_are_told_to_the_room_on_every_node() {
    let world = world().await;
    let (near, far) = (join(&world, 0, "bob").await, join(&world, 1, "olga").await);
    near.take();
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));
    let [olga, ada, bob] = ["olga", "ada", "bob"].map(user_id);
    let change = GroupChange {
        name: Some(GroupName::parse("Tea time").unwrap()),
        ..GroupChange::default()
    };

    let by_member = chat.change_group(&bob, &tea, &change).await;
    chat.change_group(&ada, &tea, &change).await.unwrap();
    chat.change_role(&olga, &tea, &bob, Role::Moderator)
        .await
        .unwrap();

    assert!(matches!(by_member, Err(ManageError::NotAllowed)));
    for client in [near, far] {
        assert_eq!(
            client.heard(),
            ["the group is Tea time", "bob is MODERATOR"]
        );
    }
}

#[tokio::test]
async fn a_deleted_group_lets_everybody_go() {
    let world = world().await;
    let (mut near, far) = (join(&world, 0, "bob").await, join(&world, 1, "olga").await);
    let outside = world.connect(1, "ada").await;
    near.take();
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));

    let by_admin = chat.delete_group(&user_id("ada"), &tea).await;
    chat.delete_group(&user_id("olga"), &tea).await.unwrap();
    world.settle().await;

    assert!(matches!(by_admin, Err(ManageError::NotAllowed)));
    assert_eq!(near.heard(), ["bob removed: GroupDeleted"]);
    assert_eq!(far.heard(), ["olga removed: GroupDeleted"]);
    assert_eq!(outside.heard(), ["ada removed: GroupDeleted"]);
    assert_eq!(world.in_store("tea").await.counts().sockets, 0);
    assert!(matches!(near.join("tea").await, Err(JoinError::NotAMember)));
}

#[tokio::test]
async fn who_makes_a_group_owns_it() {
    let world = world().await;
    let (chat, cid) = (&world.nodes[0].chat, user_id("cid"));
    let new = NewGroup {
        name: GroupName::parse("Coffee").unwrap(),
        description: None,
        is_private: true,
    };

    let made = chat.create_group(&cid, new).await.unwrap();
    let listed = chat.groups_of(&cid, None, 10).await.unwrap();

    assert_eq!(made.role, Role::Owner);
    assert_eq!((listed.len(), &listed[0].group), (1, &made.group));
}

#[tokio::test]
async fn the_list_of_members_says_who_is_in_the_room() {
    let world = world().await;
    let _bob = join(&world, 1, "bob").await;
    let (chat, tea) = (&world.nodes[0].chat, group("tea"));

    let all = chat.members_of(&user_id("ada"), &tea, None, 10).await;
    let after = user_id("ada");
    let page = chat
        .members_of(&user_id("ada"), &tea, Some(&after), 1)
        .await;

    let shown = |entries: Vec<chat_domain::usecase::groups::MemberEntry>| {
        let entries = entries.into_iter();
        entries
            .map(|entry| (entry.user.id.to_string(), entry.in_room))
            .collect::<Vec<_>>()
    };
    let expected = [("ada", false), ("bob", true), ("olga", false)];
    assert_eq!(
        shown(all.unwrap()),
        expected.map(|(id, in_room)| (id.to_owned(), in_room))
    );
    assert_eq!(shown(page.unwrap()), [("bob".to_owned(), true)]);
}

#[tokio::test]
async fn the_administrator_can_say_the_same_twice() {
    let world = world().await;
    let bob = join(&world, 0, "bob").await;
    let (chat, tea, cid) = (&world.nodes[0].chat, group("tea"), user_id("cid"));
    let name = GroupName::parse("Tea").unwrap();

    for _ in 0..2 {
        chat.put_group(&tea, name.clone(), &cid).await.unwrap();
        chat.put_member(&tea, &user_id("bob"), Role::Moderator)
            .await
            .unwrap();
    }
    for _ in 0..2 {
        chat.delete_member(&tea, &user_id("olga")).await.unwrap();
    }

    let cid = chat.group(&cid, &tea).await.unwrap();
    assert_eq!((cid.role, cid.group.name), (Role::Owner, name));
    assert_eq!(
        bob.heard(),
        [
            "the group is Tea",
            "olga is ADMIN",
            "cid is OWNER",
            "bob is MODERATOR",
            "the group is Tea",
        ]
    );
}
