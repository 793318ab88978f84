//! What every [`crate::ports::ConnectionLedger`] must do.

use crate::{
    id::SocketId,
    ports::{Admission, WhenFull},
};

use super::{
    cluster::{Cluster, Node, user},
    together::together,
};

/// Makes a test of each behaviour in [`crate::contract::ledger`] on a fresh
/// [`crate::contract::cluster::Cluster`].
#[macro_export]
macro_rules! ledger_contract {
    ($cluster:expr) => {
        $crate::contract_tests!(ledger($cluster):
            so_many_have_a_place_and_no_more
            asking_twice_is_asking_once
            a_place_that_was_given_back_is_free
            every_node_counts_together
            each_user_has_places
            those_who_came_first_go_if_they_are_to
            who_had_to_go_takes_no_place_and_gives_none_back
            those_of_a_user_who_has_to_go_take_no_place
            no_more_than_there_are_places_come_at_the_same_moment
        );
    };
}

const MOST: usize = 2;

async fn comes(node: &Node, id: &str, socket: &str, when_full: WhenFull) -> Admission {
    let (user, socket) = (user(id), SocketId::new(socket));
    node.ledger.admit(&user, &socket, MOST, when_full).await
}

async fn is_admitted(node: &Node, id: &str, socket: &str) -> bool {
    let admission = comes(node, id, socket, WhenFull::Refuse).await;
    admission == Admission::Admitted
}

async fn goes(node: &Node, id: &str, socket: &str) {
    let (user, socket) = (user(id), SocketId::new(socket));
    node.ledger.release(&user, &socket).await;
}

fn instead_of(socket: &str) -> Admission {
    Admission::AdmittedInsteadOf(vec![SocketId::new(socket)])
}

/// Whoever is refused leaves no trace.
pub async fn so_many_have_a_place_and_no_more(cluster: &dyn Cluster) {
    let node = cluster.node().await;

    let mut answers = Vec::new();
    for socket in ["a", "b", "c", "c"] {
        answers.push(comes(&node, "ada", socket, WhenFull::Refuse).await);
    }

    let expected = [
        Admission::Admitted,
        Admission::Admitted,
        Admission::Refused,
        Admission::Refused,
    ];
    assert_eq!(answers, expected);
}

/// Trying again is safe.
pub async fn asking_twice_is_asking_once(cluster: &dyn Cluster) {
    let node = cluster.node().await;

    for _ in 0..3 {
        assert!(is_admitted(&node, "ada", "a").await);
    }

    assert!(is_admitted(&node, "ada", "b").await);
    assert!(is_admitted(&node, "ada", "a").await, "it is there");
}

/// Once, however often it is given back.
pub async fn a_place_that_was_given_back_is_free(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    for socket in ["a", "b"] {
        assert!(is_admitted(&node, "ada", socket).await);
    }

    for socket in ["a", "a", "unknown"] {
        goes(&node, "ada", socket).await;
    }

    assert!(is_admitted(&node, "ada", "c").await);
    assert!(!is_admitted(&node, "ada", "d").await);
}

/// A user cannot have more by asking elsewhere.
pub async fn every_node_counts_together(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    assert!(is_admitted(&near, "ada", "a").await);
    assert!(is_admitted(&far, "ada", "b").await);

    assert!(!is_admitted(&near, "ada", "c").await);
    assert!(!is_admitted(&far, "ada", "d").await);
    goes(&far, "ada", "b").await;

    assert!(is_admitted(&near, "ada", "c").await);
}

/// What one does costs nobody else anything.
pub async fn each_user_has_places(cluster: &dyn Cluster) {
    let node = cluster.node().await;
    for socket in ["a", "b"] {
        assert!(is_admitted(&node, "ada", socket).await);
    }

    assert!(is_admitted(&node, "bob", "c").await);
}

/// Wherever they are.
pub async fn those_who_came_first_go_if_they_are_to(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    // Names in another order than time.
    assert!(is_admitted(&far, "ada", "z").await);
    assert!(is_admitted(&near, "ada", "y").await);

    let third = comes(&near, "ada", "x", WhenFull::EvictOldest).await;
    let fourth = comes(&far, "ada", "w", WhenFull::EvictOldest).await;

    assert_eq!([third, fourth], [instead_of("z"), instead_of("y")]);
}

/// It is told, and gives back what it no longer has.
pub async fn who_had_to_go_takes_no_place_and_gives_none_back(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    assert!(is_admitted(&far, "ada", "a").await);
    assert!(is_admitted(&near, "ada", "b").await);
    let third = comes(&near, "ada", "c", WhenFull::EvictOldest).await;

    goes(&far, "ada", "a").await;

    assert_eq!(third, instead_of("a"));
    assert!(!is_admitted(&near, "ada", "d").await);
}

/// Wherever they are, and before they are gone.
pub async fn those_of_a_user_who_has_to_go_take_no_place(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);
    for (node, socket) in [(&near, "a"), (&far, "b")] {
        assert!(is_admitted(node, "ada", socket).await);
        assert!(is_admitted(node, "bob", &format!("{socket} of bob")).await);
    }

    near.ledger.end_all(&user("ada")).await.unwrap();
    near.ledger.end_all(&user("nobody")).await.unwrap();
    let came = [
        is_admitted(&near, "ada", "c").await,
        is_admitted(&far, "ada", "d").await,
    ];
    goes(&near, "ada", "a").await;

    assert_eq!(came, [true, true]);
    assert!(
        !is_admitted(&far, "ada", "e").await,
        "those who came since do"
    );
    assert!(!is_admitted(&far, "bob", "e of bob").await);
}

/// Looking and taking are one act.
pub async fn no_more_than_there_are_places_come_at_the_same_moment(cluster: &dyn Cluster) {
    let nodes = [cluster.node().await, cluster.node().await];
    let sockets: Vec<String> = (0..20).map(|number| format!("s{number}")).collect();

    let coming = sockets.iter().zip(nodes.iter().cycle());
    let coming = coming.map(|(socket, node)| is_admitted(node, "ada", socket));
    let answers = together(coming).await;

    assert_eq!(answers.iter().filter(|answer| **answer).count(), MOST);
}
