//! What every [`crate::ports::RateLimiter`] must do.

use std::time::Duration;

use crate::{
    limit::{Quota, RetryAfter},
    ports::{RateLimiter, Spending},
};

use super::{
    cluster::{Cluster, group, user},
    together::together,
};

/// Makes a test of each behaviour in [`crate::contract::limiter`] on a fresh
/// [`crate::contract::cluster::Cluster`].
#[macro_export]
macro_rules! limiter_contract {
    ($cluster:expr) => {
        $crate::contract_tests!(limiter($cluster):
            a_burst_passes_and_then_one_has_to_wait
            a_refusal_takes_nothing_and_says_how_long_to_wait
            users_and_rooms_are_counted_apart
            every_node_counts_together
            no_more_than_the_burst_passes_at_the_same_moment
        );
    };
}

/// So many at once, then one a second: slow enough that a test does not earn a token on the way.
fn quota(burst: u32) -> Quota {
    Quota::new(burst, 1).expect("it is a limit")
}

async fn send(limiter: &dyn RateLimiter, id: &str, burst: u32) -> Result<(), RetryAfter> {
    let user = user(id);
    limiter.spend(Spending::Messages(&user), quota(burst)).await
}

async fn start_typing(limiter: &dyn RateLimiter, id: &str, room: &str) -> bool {
    let (user, room) = (user(id), group(room));
    let spending = Spending::Typing(&user, &room);
    limiter.spend(spending, quota(1)).await.is_ok()
}

/// The burst is full at the start.
pub async fn a_burst_passes_and_then_one_has_to_wait(cluster: &dyn Cluster) {
    let limiter = cluster.node().await.limiter;

    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(send(&*limiter, "ada", 3).await.is_ok());
    }

    assert_eq!(answers, [true, true, true, false]);
}

/// Who waits as long as told passes, however often it was tried before.
pub async fn a_refusal_takes_nothing_and_says_how_long_to_wait(cluster: &dyn Cluster) {
    let limiter = cluster.node().await.limiter;
    send(&*limiter, "ada", 1).await.expect("the first passes");

    let mut wait = Duration::ZERO;
    for _ in 0..3 {
        let RetryAfter(told) = send(&*limiter, "ada", 1).await.expect_err("too early");
        wait = told;
    }
    cluster.pass(wait).await;
    let then = send(&*limiter, "ada", 1).await;

    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1));
    assert_eq!(then, Ok(()));
}

/// What one does costs nobody else anything, and messages cost no typing.
pub async fn users_and_rooms_are_counted_apart(cluster: &dyn Cluster) {
    let limiter = cluster.node().await.limiter;
    send(&*limiter, "ada", 1).await.expect("the first passes");
    assert!(start_typing(&*limiter, "ada", "tea").await);

    let others = [
        send(&*limiter, "bob", 1).await.is_ok(),
        start_typing(&*limiter, "bob", "tea").await,
        start_typing(&*limiter, "ada", "milk").await,
    ];

    assert_eq!(others, [true; 3]);
    assert!(!start_typing(&*limiter, "ada", "tea").await);
}

/// Who is refused at one node is refused at the others.
pub async fn every_node_counts_together(cluster: &dyn Cluster) {
    let (near, far) = (cluster.node().await, cluster.node().await);

    let answers = [
        send(&*near.limiter, "ada", 2).await.is_ok(),
        send(&*far.limiter, "ada", 2).await.is_ok(),
        send(&*near.limiter, "ada", 2).await.is_ok(),
        send(&*far.limiter, "ada", 2).await.is_ok(),
    ];

    assert_eq!(answers, [true, true, false, false]);
}

/// Looking and taking are one act.
pub async fn no_more_than_the_burst_passes_at_the_same_moment(cluster: &dyn Cluster) {
    let nodes = [cluster.node().await, cluster.node().await];
    let limiters = nodes.iter().map(|node| &*node.limiter).cycle().take(40);

    let sending = limiters.map(|limiter| send(limiter, "ada", 5));
    let answers = together(sending).await;

    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
}
