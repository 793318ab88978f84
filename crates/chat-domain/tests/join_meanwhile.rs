//! What happens to a join when something else happens meanwhile.

mod support;

use std::{sync::Arc, time::Duration};

use chat_domain::{
    id::Seq,
    member::Role,
    message::Message,
    usecase::join::{Join, JoinError},
};

use self::support::{
    client::join,
    group,
    paused::{Pause, PausedLog},
    user_id,
    world::{POLICY, World},
};

const UPDATE: Duration = POLICY.rooms.members_update_interval;

/// Ada has said something in a group with Bob, and is in the room.
async fn world() -> (World, Arc<Pause>) {
    let pause = Arc::new(Pause::default());
    let world = World::rigged(1, POLICY, |ports| {
        let (log, pause) = (Arc::clone(&ports.log), Arc::clone(&pause));
        ports.log = Arc::new(PausedLog { log, pause });
    });
    world.group("tea", &["ada", "bob"]).await;
    (world, pause)
}

fn seqs(messages: &[Message]) -> Vec<u64> {
    messages.iter().map(|message| message.seq.get()).collect()
}

#[tokio::test]
async fn what_is_said_while_history_is_read_belongs_to_the_page() {
    let (world, pause) = world().await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    ada.send("tea", "before").await.unwrap();
    let mut bob = world.connect(0, "bob").await;

    let joining = bob.join_after("tea", 0);
    let meanwhile = async { drop(ada.send("tea", "meanwhile").await.unwrap()) };
    let joined = pause.during(joining, meanwhile).await.unwrap();
    ada.send("tea", "after").await.unwrap();

    assert_eq!(joined.last_seq, Seq::new(2));
    assert_eq!(seqs(&joined.history.unwrap().messages), [1, 2]);
    assert_eq!(bob.heard(), ["welcome after 2", "3 ada: after"]);
}

#[tokio::test]
async fn whose_page_takes_long_is_told_who_is_there_all_the_same() {
    let (world, pause) = world().await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    world.advance(UPDATE).await;
    let mut bob = world.connect(0, "bob").await;

    let joining = bob.join_after("tea", 0);
    pause.during(joining, world.advance(UPDATE)).await.unwrap();
    bob.take();
    world.advance(UPDATE).await;

    assert_eq!(bob.heard(), ["here: ada bob (2 users, 2 sockets)"]);
}

#[tokio::test]
async fn a_page_that_is_full_leaves_the_rest_to_the_next_one() {
    let (world, pause) = world().await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    ada.send("tea", "before").await.unwrap();
    let mut bob = world.connect(0, "bob").await;
    let request = Join {
        after: Some(Seq::ZERO),
        limit: 1,
        ..join("tea")
    };

    let meanwhile = async { drop(ada.send("tea", "meanwhile").await.unwrap()) };
    let joined = pause.during(bob.join_with(request), meanwhile).await;

    let joined = joined.unwrap();
    let history = joined.history.unwrap();
    assert_eq!((seqs(&history.messages), history.more), (vec![1], true));
    assert_eq!(joined.last_seq, Seq::new(2));
}

#[tokio::test]
async fn who_is_removed_while_joining_does_not_get_in() {
    let (world, pause) = world().await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    let mut bob = world.connect(0, "bob").await;
    let chat = &world.nodes[0].chat;

    let meanwhile = async {
        let removed = chat.delete_member(&group("tea"), &user_id("bob")).await;
        removed.unwrap();
    };
    let joined = pause.during(bob.join_after("tea", 0), meanwhile).await;
    ada.send("tea", "just us").await.unwrap();

    assert!(matches!(joined, Err(JoinError::NotAMember)));
    assert_eq!(bob.heard(), ["bob removed: Removed"]);
    assert_eq!(world.in_store("tea").await.counts().sockets, 1);
    assert_eq!(
        ada.heard(),
        [
            "welcome after 0",
            "bob joined (2)",
            "bob left (1)",
            "1 ada: just us"
        ]
    );
}

#[tokio::test]
async fn who_is_removed_and_added_while_joining_gets_in() {
    let (world, pause) = world().await;
    let mut bob = world.connect(0, "bob").await;
    let chat = &world.nodes[0].chat;

    let meanwhile = async {
        let (tea, id) = (group("tea"), user_id("bob"));
        chat.delete_member(&tea, &id).await.unwrap();
        chat.put_member(&tea, &id, Role::Member).await.unwrap();
    };
    let joined = pause.during(bob.join_after("tea", 0), meanwhile).await;

    assert!(joined.is_ok());
    assert_eq!(world.in_store("tea").await.counts().sockets, 1);
}

#[tokio::test]
async fn a_join_that_is_given_up_half_way_leaves_nothing_behind() {
    let (world, pause) = world().await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();
    let mut bob = world.connect(0, "bob").await;

    pause.giving_up(bob.join_after("tea", 0)).await;
    bob.disconnect().await.unwrap();

    assert_eq!(world.in_store("tea").await.counts().sockets, 1);
    assert_eq!(
        ada.heard(),
        ["welcome after 0", "bob joined (2)", "bob left (1)"]
    );
}
