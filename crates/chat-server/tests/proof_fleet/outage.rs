//! Redis is killed under load, and comes back with nothing.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use chat_testkit::{
    load,
    proof::{Claim, Length},
};
use tokio::time::sleep;

use crate::{
    delays::{slowest_ack, slowest_delivery},
    fleet::{Fleet, acknowledged},
    moves,
    service::troubles,
};

const EXACT_WITHIN: Duration = Duration::from_secs(10);
const DELIVERED_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_comes_back_empty_loses_nothing_and_nobody() {
    let length = Length::asked();
    let (users, rate, away) = length.pick((48, 50_u64, 6), (120, 100, 30));
    let mut fleet = Fleet::start().await;
    let seconds = away + 12;
    let scenario =
        format!("fan-out --clients {users} --room-size 12 --rate {rate} --seconds {seconds}");

    let mut exact = Duration::ZERO;
    let outcome = fleet
        .endure(&scenario, async |fleet, clients| {
            acknowledged(50, clients).await;
            let killed = Instant::now();
            fleet.redis.kill();
            acknowledged(rate * (away - 1), clients).await;
            sleep(Duration::from_secs(away).saturating_sub(killed.elapsed())).await;
            fleet.redis.restart_empty().await;
            exact = fleet.exact(clients, EXACT_WITHIN).await;
            acknowledged(50, clients).await;
        })
        .await;

    let moves = moves::judge(&outcome.record);
    let (ack, delivery) = (
        slowest_ack(&outcome.record),
        slowest_delivery(&outcome.record),
    );
    let messages = rate * seconds;
    let in_time = length == Length::Bounded || delivery <= DELIVERED_WITHIN;
    let troubles: BTreeSet<_> = outcome.record.diaries.iter().map(troubles).collect();
    let all_know = match length {
        Length::Bounded => troubles.first() >= Some(&Some(1)),
        Length::Full => troubles == [Some(1)].into(),
    };
    let holds =
        load::is_complete(&outcome, messages) && in_time && all_know && moves.wrong.is_empty();
    let measured = format!(
        "acks within {:.2} s, received everywhere within {:.2} s of them, keys exact {:.1} s after the restart; \
        {moves}; {}",
        ack.as_secs_f64(),
        delivery.as_secs_f64(),
        exact.as_secs_f64(),
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetOutage.measured(length, holds, &measured);
    let wrong = (moves.wrong, troubles);
    assert!(holds, "{measured}\n{}\n{wrong:#?}", outcome.verdict);
}
