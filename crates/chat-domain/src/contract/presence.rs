//! What every [`crate::ports::PresenceStore`] must do.

use std::collections::BTreeMap;

use crate::{
    id::NodeId,
    presence::{Counts, Movement, Occupant, PresenceChange, RoomSnapshot},
};

use super::{
    cluster::{Cluster, Ear, group, name, seat, user},
    together::together,
};

/// Makes a test of each behaviour in [`crate::contract::presence`] on a fresh
/// [`crate::contract::cluster::Cluster`].
#[macro_export]
macro_rules! presence_contract {
    ($cluster:expr) => {
        $crate::contract_tests!(presence($cluster):
            the_first_socket_of_a_user_joins_and_the_last_one_leaves
            whoever_comes_or_goes_has_heard_of_it
            entering_twice_and_leaving_twice_change_nothing
            leaving_a_room_where_nobody_is_counts_nobody
            every_node_hears_how_each_change_follows_the_one_before
            a_snapshot_shows_everybody_at_the_last_change
            versions_are_those_of_the_last_changes
            an_empty_room_is_forgotten_but_versions_go_on
            rooms_do_not_mix
            nobody_is_lost_who_comes_or_goes_at_the_same_moment
        );
    };
}

fn counts(members: usize, sockets: usize) -> Option<Counts> {
    Some(Counts { members, sockets })
}

fn movements(changes: &[PresenceChange]) -> Vec<(&str, Movement)> {
    let movements = changes.iter();
    movements
        .map(|change| (change.user.as_str(), change.movement))
        .collect()
}

/// Each change has to say which one it follows, and to be newer than all before it.
fn assert_unbroken(changes: &[PresenceChange]) {
    let (mut version, mut newest) = (0, 0);
    for change in changes {
        assert_eq!(change.previous, version, "a change follows the one before");
        assert!(change.version > newest, "versions rise");
        newest = change.version;
        version = if change.counts == Counts::default() {
            0
        } else {
            newest
        };
    }
}

/// Sockets of one user at two nodes are one user.
pub async fn the_first_socket_of_a_user_joins_and_the_last_one_leaves(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::at(&near, &group("tea")).await;
    let (desk, phone) = (seat("tea", "ada", "desk"), seat("tea", "ada", "phone"));

    let answers = [
        near.presence.enter(&desk).await.unwrap(),
        far.presence.enter(&phone).await.unwrap(),
        near.presence.leave(&desk).await.unwrap(),
        far.presence.leave(&phone).await.unwrap(),
    ];

    let expected = [counts(1, 1), counts(1, 2), counts(1, 1), counts(0, 0)];
    assert_eq!(answers, expected);
    let changes = ear.hears_changes(4).await;
    assert_eq!(
        movements(&changes),
        [
            ("ada", Movement::Joined),
            ("ada", Movement::Came),
            ("ada", Movement::Went),
            ("ada", Movement::Left),
        ]
    );
    let told: Vec<_> = changes.iter().map(|change| Some(change.counts)).collect();
    assert_eq!(told, expected);
    let nodes: Vec<_> = changes.iter().map(|change| change.node).collect();
    assert_eq!(nodes, [near.id, far.id, near.id, far.id]);
    assert_eq!(changes[0].name, name("ada"));
}

/// Whoever asks a node right after it has let somebody in learns of them.
pub async fn whoever_comes_or_goes_has_heard_of_it(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    let ear = Ear::at(&node, &group("tea")).await;
    let ada = seat("tea", "ada", "a");

    for round in 0..20 {
        node.presence.enter(&ada).await.unwrap();
        assert_eq!(ear.count(), round * 2 + 1);
        node.presence.leave(&ada).await.unwrap();
        assert_eq!(ear.count(), round * 2 + 2);
    }
}

/// Trying again is safe, and nobody hears of it.
pub async fn entering_twice_and_leaving_twice_change_nothing(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    let ear = Ear::at(&node, &group("tea")).await;
    let (ada, bob) = (seat("tea", "ada", "a"), seat("tea", "bob", "b"));

    node.presence.enter(&ada).await.unwrap();
    let entered_again = node.presence.enter(&ada).await.unwrap();
    node.presence.enter(&bob).await.unwrap();
    node.presence.leave(&ada).await.unwrap();
    let left_again = node.presence.leave(&ada).await.unwrap();
    node.presence.leave(&bob).await.unwrap();

    assert_eq!((entered_again, left_again), (counts(1, 1), counts(1, 1)));
    let changes = ear.hears_changes(4).await;
    let users: Vec<&str> = changes.iter().map(|change| change.user.as_str()).collect();
    assert_eq!(users, ["ada", "bob", "ada", "bob"]);
    assert_unbroken(&changes);
}

/// Leaving is no error, whoever does it.
pub async fn leaving_a_room_where_nobody_is_counts_nobody(cluster: &dyn Cluster) {
    let node = cluster.node().await;

    let left = node.presence.leave(&seat("tea", "ada", "a")).await;

    assert_eq!(left.unwrap(), counts(0, 0));
}

/// The node that made a change hears of it like the others, in the same order.
pub async fn every_node_hears_how_each_change_follows_the_one_before(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let near_ear = Ear::at(&near, &group("tea")).await;
    let far_ear = Ear::at(&far, &group("tea")).await;

    for _ in 0..3 {
        for (node, socket) in [(&near, "a"), (&far, "b"), (&near, "c")] {
            node.presence
                .enter(&seat("tea", socket, socket))
                .await
                .unwrap();
        }
        for (node, socket) in [(&near, "a"), (&far, "b"), (&near, "c")] {
            node.presence
                .leave(&seat("tea", socket, socket))
                .await
                .unwrap();
        }
    }

    let heard_near = near_ear.hears_changes(18).await;
    assert_unbroken(&heard_near);
    assert_eq!(heard_near, far_ear.hears_changes(18).await);
}

/// Whoever reads the room can go on from there with the changes.
pub async fn a_snapshot_shows_everybody_at_the_last_change(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ear = Ear::at(&near, &group("tea")).await;
    let (bob, ada, ada_too) = (("bob", "b"), ("ada", "a1"), ("ada", "a2"));
    for (node, (user, socket)) in [(&near, bob), (&near, ada), (&far, ada_too)] {
        let entered = node.presence.enter(&seat("tea", user, socket)).await;
        entered.unwrap();
    }

    let snapshot = far.presence.snapshot(&group("tea")).await.unwrap();

    let newest = ear.hears_changes(3).await[2].version;
    let occupant = |id, sockets: &[(NodeId, usize)]| {
        let (name, sockets) = (name(id), sockets.iter().copied().collect());
        (user(id), Occupant { name, sockets })
    };
    let expected = RoomSnapshot {
        version: newest,
        users: BTreeMap::from([
            occupant("ada", &[(near.id, 1), (far.id, 1)]),
            occupant("bob", &[(near.id, 1)]),
        ]),
    };
    assert_eq!(snapshot, expected);
    assert_eq!(Some(snapshot.counts()), counts(2, 3));
}

/// Whoever heard of every change has them already.
pub async fn versions_are_those_of_the_last_changes(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    let ada = seat("milk", "ada", "a");
    far.presence.enter(&ada).await.unwrap();
    far.presence.leave(&ada).await.unwrap();
    let ear = Ear::at(&near, &group("tea")).await;
    for (node, user) in [(&far, "ada"), (&near, "bob")] {
        let entered = node.presence.enter(&seat("tea", user, user)).await;
        entered.unwrap();
    }

    let rooms = ["milk", "tea", "unknown"].map(group);
    let versions = near.presence.versions(&rooms).await.unwrap();
    let none = near.presence.versions(&[]).await.unwrap();

    let newest = ear.hears_changes(2).await[1].version;
    assert_eq!(versions, [0, newest, 0], "empty rooms have none");
    assert!(none.is_empty());
}

/// No key is left behind. What comes next is newer all the same.
pub async fn an_empty_room_is_forgotten_but_versions_go_on(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    let ear = Ear::at(&node, &group("tea")).await;
    let ada = seat("tea", "ada", "a");
    node.presence.enter(&ada).await.unwrap();
    node.presence.leave(&ada).await.unwrap();

    let empty = node.presence.snapshot(&group("tea")).await.unwrap();
    node.presence.enter(&ada).await.unwrap();

    assert_eq!(empty, RoomSnapshot::default());
    assert_unbroken(&ear.hears_changes(3).await);
}

/// What happens in one room is not seen in another.
pub async fn rooms_do_not_mix(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    let (tea, milk) = (seat("tea", "ada", "a"), seat("milk", "ada", "a"));

    node.presence.enter(&tea).await.unwrap();
    let entered = node.presence.enter(&milk).await.unwrap();
    node.presence.leave(&milk).await.unwrap();

    assert_eq!(entered, counts(1, 1));
    let snapshot = node.presence.snapshot(&group("tea")).await.unwrap();
    assert_eq!(Some(snapshot.counts()), counts(1, 1));
}

/// Each change is one atomic act.
pub async fn nobody_is_lost_who_comes_or_goes_at_the_same_moment(cluster: &dyn Cluster) {
    let nodes = [cluster.node().await, cluster.node().await];
    let ear = Ear::at(&nodes[0], &group("tea")).await;
    let sockets = ["1", "2", "3", "4", "5", "6"];
    let seats: Vec<_> = ["ada", "bob", "cid", "dan"]
        .into_iter()
        .flat_map(|user| sockets.map(|socket| seat("tea", user, &format!("{user}{socket}"))))
        .collect();
    let placed = || seats.iter().zip(nodes.iter().cycle());

    let entering = placed().map(|(seat, node)| node.presence.enter(seat));
    let entered = together(entering).await;
    let full = nodes[1].presence.snapshot(&group("tea")).await.unwrap();
    let leaving = placed().map(|(seat, node)| node.presence.leave(seat));
    let left = together(leaving).await;

    assert!(entered.iter().chain(&left).all(Result::is_ok));
    assert_eq!(Some(full.counts()), counts(4, 24));
    let changes = ear.hears_changes(48).await;
    assert_unbroken(&changes);
    for (movement, times) in [(Movement::Joined, 4), (Movement::Left, 4)] {
        let of_kind = changes.iter().filter(|change| change.movement == movement);
        assert_eq!(of_kind.count(), times, "{movement:?}");
    }
}
