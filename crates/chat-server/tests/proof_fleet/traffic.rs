//! What one node is told of rooms in which it has nobody, and which none of its users is a member of: nothing.

use chat_testkit::{
    load,
    proof::{Claim, Length},
    redis::RedisServer,
    relay::{Relay, Way},
};

use crate::fleet::{Fleet, NODES, acknowledged};

const SECONDS: u64 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_told_of_its_own_rooms_alone() {
    let length = Length::asked();
    let (rooms, rate) = length.pick((200, 100_u64), (1_000, 400));
    // Of what a node is told that has sockets in nearly all rooms.
    let at_most_per_mille = length.pick(30, 10);
    let mut fleet = Fleet::without_nodes().await;
    let ways: Vec<Relay> = (0..NODES)
        .map(|_| Relay::start(fleet.redis.port()))
        .collect();
    for way in &ways {
        let redis = RedisServer::url_at(way.port());
        fleet.add(&[("CHAT_REDIS__URL", &redis)]).await;
    }
    // Two clients share two rooms: one of them is at the first node, and all others are at the other two.
    let urls = fleet.urls();
    let place = |client: usize| match client {
        0 => urls[0].clone(),
        _ => urls[1 + client % 2].clone(),
    };
    let places: Vec<String> = (0..rooms).map(place).collect();
    let scenario = format!(
        "many-rooms --clients {rooms} --rooms {rooms} --room-size 2 --rate {rate} --seconds {SECONDS}"
    );

    let carried = || ways.iter().map(|way| way.carried(Way::ToClient));
    let mut told = Vec::new();
    let outcome = fleet
        .endure_at(&places, &scenario, async |_, clients| {
            let before: Vec<u64> = carried().collect();
            acknowledged(rate * (SECONDS - 2), clients).await;
            told = carried()
                .zip(before)
                .map(|(now, then)| now - then)
                .collect();
        })
        .await;

    let [own, busy, other] = told[..] else {
        unreachable!("there are three nodes")
    };
    // All that Redis sends it counts, also answers and what it sends to see whether it is heard.
    let others = busy.min(other);
    let holds = load::is_complete(&outcome, rate * SECONDS)
        && own > 0
        && own * 1_000 <= others * at_most_per_mille;
    let measured = format!(
        "{own} bytes from Redis in all, against {others} (of {} rooms); {}",
        rooms - 2,
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetTraffic.measured(length, holds, &measured);
    assert!(holds, "{measured}\n{}", outcome.verdict);
}
