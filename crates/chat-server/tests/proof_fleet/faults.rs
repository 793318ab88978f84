//! What nobody may notice, or not for long: each a fault under light load, and then all is as if it never was.

use std::time::{Duration, Instant};

use chat_load::{client::shared::Shared, conductor::Outcome};
use chat_testkit::{load, redis::RedisServer, relay::Relay};
use tokio::time::sleep;

use crate::{
    away::{self, Away, BACK_WITHIN},
    delays::slowest_delivery,
    fleet::{Fleet, NODES, acknowledged, is_at},
    moves,
    service::troubles,
};

const RATE: u64 = 30;
const CLIENTS: u32 = 24;
const ROOM_SIZE: u32 = 8;
const EXACT_WITHIN: Duration = Duration::from_secs(10);
/// The contract says 2 s; the rest is for a busy machine.
const DELIVERED_WITHIN: Duration = Duration::from_secs(2 + 3);
/// The node that something happens to.
const VICTIM: usize = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_says_nothing_for_5_s_is_waited_for() {
    let mut fleet = Fleet::start().await;

    nobody_notices(&mut fleet, 12, async |fleet, clients| {
        fleet.redis.pause();
        let paused = Instant::now();
        acknowledged(RATE * 2, clients).await;
        sleep(Duration::from_secs(5).saturating_sub(paused.elapsed())).await;
        fleet.redis.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_for_5_s_is_waited_for() {
    let mut fleet = Fleet::start().await;

    nobody_notices(&mut fleet, 12, async |fleet, _| {
        fleet.nodes[VICTIM].pause();
        sleep(Duration::from_secs(5)).await;
        fleet.nodes[VICTIM].resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_are_cut_lose_nothing() {
    let mut fleet = Fleet::start().await;

    nobody_notices(&mut fleet, 10, async |fleet, clients| {
        for _ in 0..5 {
            let killed = fleet.redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            assert_ne!(killed, "0", "somebody listens");
            acknowledged(RATE, clients).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_comes_back_with_old_data_is_brought_up_to_date() {
    let mut fleet = Fleet::start().await;
    let scenario = format!(
        "fan-out --clients {CLIENTS} --room-size {ROOM_SIZE} --rate {RATE} --seconds 24
        --one-in-stays-away 4 --stay-away 18"
    );

    let outcome = fleet
        .endure(&scenario, async |fleet, clients| {
            acknowledged(RATE, clients).await;
            fleet.redis.save();
            // Its users move, and have other sockets then; some stay away.
            assert!(fleet.nodes[VICTIM].stop().await);
            fleet.exact(clients, EXACT_WITHIN).await;
            assert!(clients.roster().len() < CLIENTS as usize, "some stay away");
            fleet.redis.kill();
            fleet.redis.restart().await;
            assert_ne!(fleet.redis.ask(&["DBSIZE"]), "0", "it remembers something");
            fleet.exact(clients, EXACT_WITHIN).await;
            acknowledged(RATE, clients).await;
        })
        .await;

    let moves = moves::judge(&outcome.record);
    is_well(&outcome, RATE * 24, &moves.wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_node_that_stands_still_for_30_s_leave_once_and_are_back_when_it_is() {
    let mut fleet = Fleet::start().await;

    out_of_reach(
        &mut fleet,
        30,
        |fleet| fleet.nodes[VICTIM].pause(),
        |fleet| fleet.nodes[VICTIM].resume(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_its_redis_shows_what_it_knew_and_goes_on_with_the_database() {
    let mut fleet = Fleet::without_nodes().await;
    let way = Relay::start(fleet.redis.port());
    for node in 0..NODES {
        let redis = if node == VICTIM {
            way.port()
        } else {
            fleet.redis.port()
        };
        let redis = RedisServer::url_at(redis);
        fleet.add(&[("CHAT_REDIS__URL", &redis)]).await;
    }

    let outcome = out_of_reach(&mut fleet, 18, |_| way.silence(), |_| way.pass()).await;

    let slowest = slowest_delivery(&outcome.record);
    assert!(slowest <= DELIVERED_WITHIN, "a message took {slowest:?}");
    for diary in &outcome.record.diaries {
        let at_least = usize::from(is_at(VICTIM)(diary.user));
        let troubles = troubles(diary);
        assert!(
            troubles >= Some(at_least),
            "{:?} was told of {troubles:?}",
            diary.user
        );
    }
}

/// Something happens, nobody is said to come or go, nothing is lost, and Redis is exact in the end.
pub async fn nobody_notices(
    fleet: &mut Fleet,
    seconds: u64,
    fault: impl AsyncFnOnce(&mut Fleet, &Shared),
) {
    let outcome = fleet
        .endure(&light_load(seconds), async |fleet, clients| {
            acknowledged(RATE, clients).await;
            fault(fleet, clients).await;
            fleet.exact(clients, EXACT_WITHIN).await;
            acknowledged(RATE, clients).await;
        })
        .await;

    let moves = moves::judge(&outcome.record);
    is_well(&outcome, RATE * seconds, &moves.wrong);
}

/// For so many seconds the other nodes cannot reach the victim, while its clients stay with it.
async fn out_of_reach(
    fleet: &mut Fleet,
    seconds: u64,
    begin: impl FnOnce(&Fleet),
    end: impl FnOnce(&Fleet),
) -> Outcome {
    let length = seconds + 12;
    let mut away = None;

    let outcome = fleet
        .endure(&light_load(length), async |fleet, clients| {
            acknowledged(RATE, clients).await;
            let (from, roster) = (clients.now(), clients.roster());
            begin(fleet);
            let start = Instant::now();
            fleet
                .exact_without(is_at(VICTIM), clients, moves::NOTICED)
                .await;
            acknowledged(RATE, clients).await;
            sleep(Duration::from_secs(seconds).saturating_sub(start.elapsed())).await;
            let until = clients.now();
            end(fleet);
            fleet.exact(clients, BACK_WITHIN).await;
            away = Some(Away {
                node: VICTIM,
                from,
                until,
                roster,
            });
            acknowledged(RATE, clients).await;
        })
        .await;

    let away = away.expect("the play took place");
    is_well(
        &outcome,
        RATE * length,
        &away::judge(&outcome.record, &away),
    );
    outcome
}

fn light_load(seconds: u64) -> String {
    format!("fan-out --clients {CLIENTS} --room-size {ROOM_SIZE} --rate {RATE} --seconds {seconds}")
}

fn is_well(outcome: &Outcome, messages: u64, wrong: &[String]) {
    let is_well = load::is_complete(outcome, messages) && wrong.is_empty();
    assert!(
        is_well,
        "{}\n{}\n{wrong:#?}\n{}",
        load::summary(outcome),
        outcome.verdict,
        load::keep(outcome),
    );
}
