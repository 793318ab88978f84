//! What operators are shown of what goes on at a node.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chat_domain::{
    delivery::Cause, id::Seq, ports::Observer, presence::Counts, usecase::census::RoomFigures,
};

use self::support::{
    group,
    line::Weather,
    world::{POLICY, World},
};

#[tokio::test]
async fn each_room_that_somebody_is_in_here_has_its_figures() {
    let world = World::new(2);
    world.group("tea", &["ada", "bob"]).await;
    world.group("milk", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut again = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    again.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    bob.join("milk").await.unwrap();
    ada.send("tea", "hello").await.unwrap();

    bob.type_in("tea").await.unwrap();

    let near = world.nodes[0].chat.census();
    let counts = Counts {
        members: 2,
        sockets: 3,
    };
    let tea = RoomFigures {
        group: group("tea"),
        counts,
        sockets_here: 2,
        typists: 1,
        last_seq: Seq::new(1),
    };
    assert_eq!(near, [tea]);
    assert_eq!(world.nodes[1].chat.census().len(), 2);
}

#[tokio::test]
async fn a_room_that_all_have_left_is_counted_no_more() {
    let world = World::new(1);
    world.group("tea", &["ada"]).await;
    let mut ada = world.connect(0, "ada").await;
    ada.join("tea").await.unwrap();

    ada.leave("tea").await.unwrap();

    assert_eq!(world.nodes[0].chat.census(), []);
}

#[derive(Default)]
struct Noting(Mutex<Vec<(Cause, usize)>>);

impl Observer for Noting {
    fn repaired(&self, cause: Cause, messages: usize) {
        self.0.lock().unwrap().push((cause, messages));
    }
}

#[tokio::test]
async fn what_was_read_from_the_database_is_counted_by_what_showed_that_it_was_missing() {
    let noted = Arc::new(Noting::default());
    let world = World::rigged(2, POLICY, |ports| ports.observer = Arc::clone(&noted) as _);
    world.group("tea", &["ada", "bob"]).await;
    let mut ada = world.connect(0, "ada").await;
    let mut bob = world.connect(1, "bob").await;
    ada.join("tea").await.unwrap();
    bob.join("tea").await.unwrap();
    let (near, far) = (&world.nodes[0], &world.nodes[1]);

    far.gate.set(Weather::Losing);
    ada.send("tea", "lost").await.unwrap();
    ada.send("tea", "lost too").await.unwrap();
    far.gate.set(Weather::Fair);
    ada.send("tea", "heard").await.unwrap();
    world.advance(Duration::from_millis(100)).await;
    far.gate.set(Weather::Losing);
    ada.send("tea", "lost").await.unwrap();
    near.chat.compare_heads().await.unwrap();
    far.chat.compare_heads().await.unwrap();

    let told = noted.0.lock().unwrap();
    assert_eq!(*told, [(Cause::Early, 3), (Cause::Head, 1)]);
}
