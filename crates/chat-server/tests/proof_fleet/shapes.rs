//! Whole nodes on a Redis of another shape, of which a part dies.

use std::mem;

use chat_testkit::redis::{RedisCluster, RedisServer, RedisUnderSentinels};

use crate::{
    faults::nobody_notices,
    fleet::{Fleet, NODES, acknowledged},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_is_noticed_by_nobody() {
    let mut redis = RedisUnderSentinels::start().await;
    let mut fleet = Fleet::without_nodes().await;
    for _ in 0..NODES {
        fleet.add(&[("CHAT_REDIS__URL", &redis.url())]).await;
    }

    nobody_notices(&mut fleet, 18, async |fleet, clients| {
        redis.fail_over().await;
        acknowledged(30, clients).await;
        // The heir is what all look at from now on.
        mem::swap(&mut fleet.redis, &mut redis.servers[1]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_of_which_a_part_dies_and_comes_back_loses_nothing() {
    let mut bus = RedisCluster::start().await;
    let mut fleet = Fleet::without_nodes().await;
    let redis = fleet.redis.url();
    for _ in 0..NODES {
        fleet
            .add(&[
                ("CHAT_REDIS__URL", &redis),
                ("CHAT_REDIS__BUS_URL", &bus.url()),
            ])
            .await;
    }

    nobody_notices(&mut fleet, 14, async |_, clients| {
        let hears = |server: &RedisServer| {
            let listeners = server.ask(&["PUBSUB", "NUMSUB", "chat:all"]);
            listeners.lines().last() != Some("0")
        };
        let part = bus.servers.iter_mut().find(|server| hears(server));
        let part = part.expect("nodes listen somewhere");
        part.kill();
        acknowledged(90, clients).await;
        part.restart().await;
        acknowledged(60, clients).await;
    })
    .await;
}
