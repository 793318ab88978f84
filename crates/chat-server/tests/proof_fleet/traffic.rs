//! What one node is told of rooms in which it has nobody: their names, once a second, because what is not read is
//! counted for members who are elsewhere; and nothing else.

use chat_testkit::{
    load,
    proof::{Claim, Length},
    redis::RedisServer,
    relay::{Relay, Way},
};
use tokio::{
    io::{self, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
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
    let ways: Vec<Relay> = (0..=NODES)
        .map(|_| Relay::start(fleet.redis.port()))
        .collect();
    let (to_nodes, to_listener) = ways.split_at(NODES);
    for way in to_nodes {
        let redis = RedisServer::url_at(way.port());
        fleet.add(&[("CHAT_REDIS__URL", &redis)]).await;
    }
    let listening = listen_to_all(&to_listener[0]).await;
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

    listening.abort();
    let [quiet, busy, other, names] = told[..] else {
        unreachable!("there are three nodes and a listener")
    };
    let of_rooms = |told: u64| told.saturating_sub(names);
    let (own, others) = (of_rooms(quiet), of_rooms(busy.min(other)));
    let holds = load::is_complete(&outcome, rate * SECONDS)
        && names > 0
        && own * 1_000 <= others * at_most_per_mille;
    let measured = format!(
        "{own} bytes against {others} (of {} rooms), and to each {names} bytes of names of rooms with news; {}",
        rooms - 2,
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetTraffic.measured(length, holds, &measured);
    assert!(holds, "{measured}\n{}", outcome.verdict);
}

/// Hears what all nodes hear, and nothing else.
async fn listen_to_all(way: &Relay) -> JoinHandle<io::Result<u64>> {
    let mut listener = TcpStream::connect(("127.0.0.1", way.port()))
        .await
        .expect("the relay lets everybody in");
    let subscribe = b"SUBSCRIBE chat:all\r\n";
    listener.write_all(subscribe).await.expect("it goes on");
    tokio::spawn(async move { io::copy(&mut listener, &mut io::sink()).await })
}
