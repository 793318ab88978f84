//! What every [`crate::ports::TypingStore`] must do, together with the presence that it belongs to.

use std::time::Duration;

use crate::{ports::TypingStore, typing::TTL};

use super::cluster::{Cluster, Node, group, name, seat, user};

/// Makes a test of each behaviour in [`crate::contract::typing`] on a fresh
/// [`crate::contract::cluster::Cluster`].
#[macro_export]
macro_rules! typing_contract {
    ($cluster:expr) => {
        $crate::contract_tests!(typing($cluster):
            every_node_lists_who_types_in_the_order_of_ids
            stopping_ends_it_and_twice_is_harmless
            a_mark_ends_ten_seconds_after_the_last_start
            a_mark_says_for_how_long_it_is_to_be_shown
            the_last_socket_takes_the_mark_along
            rooms_are_marked_apart
        );
    };
}

/// Somebody comes into the room and types there.
async fn come_and_type(node: &Node, id: &str) {
    node.presence.enter(&seat("tea", id, id)).await.unwrap();
    start(&*node.typing, id).await;
}

async fn start(store: &dyn TypingStore, id: &str) {
    let started = store.started(&group("tea"), &user(id), &name(id)).await;
    started.unwrap();
}

async fn typists(store: &dyn TypingStore, room: &str) -> Vec<String> {
    let typists = store.current(&group(room)).await.unwrap().into_iter();
    typists
        .map(|typist| {
            assert_eq!(typist.name, name(typist.user.as_str()));
            typist.user.to_string()
        })
        .collect()
}

/// Who comes later to any node learns it.
pub async fn every_node_lists_who_types_in_the_order_of_ids(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);

    come_and_type(&near, "cid").await;
    come_and_type(&far, "ada").await;
    come_and_type(&near, "bob").await;
    start(&*near.typing, "bob").await;

    assert_eq!(typists(&*near.typing, "tea").await, ["ada", "bob", "cid"]);
    assert_eq!(typists(&*far.typing, "tea").await, ["ada", "bob", "cid"]);
}

/// Any node may end it.
pub async fn stopping_ends_it_and_twice_is_harmless(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    come_and_type(&near, "ada").await;
    come_and_type(&near, "bob").await;

    for _ in 0..2 {
        far.typing
            .stopped(&group("tea"), &user("ada"))
            .await
            .unwrap();
    }
    let nowhere = far.typing.stopped(&group("milk"), &user("ada")).await;

    assert!(nowhere.is_ok());
    assert_eq!(typists(&*near.typing, "tea").await, ["bob"]);
}

/// A node that died cannot leave a mark behind; starting again lengthens it.
pub async fn a_mark_ends_ten_seconds_after_the_last_start(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    come_and_type(&node, "ada").await;
    come_and_type(&node, "bob").await;

    cluster.pass(TTL / 2).await;
    start(&*node.typing, "bob").await;
    cluster.pass(TTL / 2).await;
    let later = typists(&*node.typing, "tea").await;
    cluster.pass(TTL / 2).await;

    assert_eq!(later, ["bob"]);
    assert!(typists(&*node.typing, "tea").await.is_empty());
}

/// Who comes later must not show it for longer than the others.
pub async fn a_mark_says_for_how_long_it_is_to_be_shown(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    come_and_type(&node, "ada").await;

    let at_first = node.typing.current(&group("tea")).await.unwrap();
    cluster.pass(TTL / 2).await;
    let later = node.typing.current(&group("tea")).await.unwrap();

    assert!(at_first[0].remaining <= TTL);
    assert!(later[0].remaining <= TTL / 2);
    assert!(later[0].remaining > Duration::ZERO);
}

/// Leaving with another socket still there keeps it.
pub async fn the_last_socket_takes_the_mark_along(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    come_and_type(&near, "ada").await;
    let phone = seat("tea", "ada", "phone");
    far.presence.enter(&phone).await.unwrap();

    far.presence.leave(&phone).await.unwrap();
    let before = typists(&*near.typing, "tea").await;
    near.presence
        .leave(&seat("tea", "ada", "ada"))
        .await
        .unwrap();

    assert_eq!(before, ["ada"]);
    assert!(typists(&*far.typing, "tea").await.is_empty());
}

/// Typing in one room is not seen in another.
pub async fn rooms_are_marked_apart(cluster: &dyn Cluster) {
    let node = cluster.node().await;

    come_and_type(&node, "ada").await;

    assert!(typists(&*node.typing, "milk").await.is_empty());
}
