//! A node is killed under load, again and again.

use std::time::{Duration, Instant};

use chat_testkit::{
    load,
    proof::{Claim, Length},
};

use crate::{
    fleet::{Fleet, NODES, acknowledged, all_there},
    moves,
};

/// Those who stay away are back when all have noticed.
const STAY_AWAY_SECONDS: u64 = 16;
/// From one kill to the next: all are back.
const ROUND_SECONDS: u64 = 18;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_killed_node_leave_once_and_who_is_back_soon_was_never_away() {
    let length = Length::asked();
    let rounds = length.pick(2, 20);
    let (users, rate) = length.pick((48_u32, 50_u64), (120, 100));
    let mut fleet = Fleet::start().await;
    let seconds = ROUND_SECONDS * rounds;
    // One in four: of each node some.
    let scenario = format!(
        "fan-out --clients {users} --room-size 12 --rate {rate} --seconds {seconds}
        --one-in-stays-away 4 --stay-away {STAY_AWAY_SECONDS}"
    );

    let mut slowest = Duration::ZERO;
    let outcome = fleet
        .endure(&scenario, async |fleet, clients| {
            for round in 0..rounds {
                all_there(users, clients).await;
                acknowledged(50, clients).await;
                let victim = usize::try_from(round).expect("it is small") % NODES;
                let killed = Instant::now();
                fleet.nodes[victim].kill();
                fleet.exact(clients, moves::NOTICED).await;
                slowest = slowest.max(killed.elapsed());
                assert!(clients.roster().len() < users as usize, "some stay away");
                fleet.nodes[victim].restart().await;
            }
        })
        .await;

    let moves = moves::judge(&outcome.record);
    let messages = rate * seconds;
    let holds = load::is_complete(&outcome, messages)
        && moves.wrong.is_empty()
        && moves.long_absences > 0
        && moves.short_absences > 0;
    let summary = load::summary(&outcome);
    let slowest = slowest.as_secs_f64();
    let measured = format!("{moves}; keys exact within {slowest:.1} s; {summary}");
    println!("{measured}");
    Claim::FleetKills.measured(length, holds, &measured);
    assert!(holds, "{measured}\n{}\n{:#?}", outcome.verdict, moves.wrong);
}
