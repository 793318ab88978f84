//! Somebody empties Redis while all are connected.

use std::time::Duration;

use chat_load::record::{Event, Record};
use chat_testkit::{
    load,
    proof::{Claim, Length},
};

use crate::{
    fleet::{Fleet, acknowledged},
    moves,
};

const EXACT_WITHIN: Duration = Duration::from_secs(5);
const ROOM_SIZE: u32 = 10;
const SECONDS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_of_redis_is_seen_by_nobody() {
    let length = Length::asked();
    let (users, rate) = length.pick((40, 50_u64), (300, 100));
    let mut fleet = Fleet::start().await;
    let scenario = format!(
        "fan-out --clients {users} --room-size {ROOM_SIZE} --rate {rate} --seconds {SECONDS}"
    );

    let mut exact = Duration::ZERO;
    let outcome = fleet
        .endure(&scenario, async |fleet, clients| {
            acknowledged(rate * 3, clients).await;
            assert_eq!(fleet.redis.ask(&["FLUSHALL"]), "OK");
            exact = fleet.exact(clients, EXACT_WITHIN).await;
            acknowledged(rate, clients).await;
        })
        .await;

    let moves = moves::judge(&outcome.record);
    let seen = seen(&outcome.record, length);
    let messages = rate * SECONDS;
    let holds = load::is_complete(&outcome, messages) && moves.wrong.is_empty() && seen.is_empty();
    let measured = format!(
        "{} told, keys exact after {:.1} s; {}",
        seen.len(),
        exact.as_secs_f64(),
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetFlush.measured(length, holds, &measured);
    let wrong = (moves.wrong, seen);
    assert!(holds, "{measured}\n{}\n{wrong:#?}", outcome.verdict);
}

/// What is no message, from a moment after the last one came: only what the flush makes could be told.
fn seen(record: &Record, length: Length) -> Vec<Event> {
    let entries = || record.diaries.iter().flat_map(|diary| &diary.entries);
    let came = entries().filter(|entry| matches!(entry.event, Event::Joined { .. }));
    let last = came.map(|entry| entry.at).max().unwrap_or(0) + 1_000_000;
    let after = entries().filter(|entry| (last..record.end).contains(&entry.at));
    let seen = after.map(|entry| entry.event).filter(|event| match event {
        Event::Entered { .. } | Event::Gone { .. } | Event::Closed(_) => true,
        // A node on a busy machine may take a slow Redis for one that is away.
        Event::Status { .. } => length == Length::Full,
        Event::Counted { users, .. } => *users != ROOM_SIZE,
        _ => false,
    });
    seen.collect()
}
