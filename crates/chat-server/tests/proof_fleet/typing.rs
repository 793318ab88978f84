//! People start and stop typing, lose their connections, and lose their nodes.

use std::time::Duration;

use chat_load::verdict::{Rules, judge, typing};
use chat_testkit::{
    load,
    proof::{Claim, Length},
};
use tokio::time::sleep;

use crate::fleet::{Fleet, NODES};

const KILL_EVERY: Duration = Duration::from_secs(13);
/// The contract's 10 s, and the way there.
const SHOWN_WITHIN: Duration = Duration::from_millis(10_500);
const PATIENCE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_indicator_outlives_its_typist_and_each_stops_once() {
    let length = Length::asked();
    let (kills, enough) = length.pick((1, 250), (10, 10_000));
    let (clients, seconds) = length.pick((80, 14), (400, 150));
    let mut fleet = Fleet::start().await;
    let scenario = format!("typing --clients {clients} --room-size 10 --seconds {seconds}");

    let outcome = fleet
        .endure(&scenario, async |fleet, _| {
            for kill in 0..kills {
                // While many type: those of the node have nobody any more who would say that they stopped.
                sleep(length.pick(KILL_EVERY / 3, KILL_EVERY)).await;
                let victim = kill % NODES;
                fleet.nodes[victim].kill();
                fleet.nodes[victim].restart().await;
            }
        })
        .await;

    let rules = Rules {
        typing_within: SHOWN_WITHIN + length.pick(PATIENCE, Duration::ZERO),
        ..Rules::default()
    };
    let verdict = judge(&outcome.record, &outcome.shared.cast, &rules);
    let counts = &outcome.report.counts;
    let (sent, told) = (counts.typing_sent, counts.typing_told);
    let holds = verdict.is_clean() && sent >= enough;
    let measured = format!(
        "{sent} keystrokes and stops, {} lost their node, told {told} times, shown for {:.1} s at most after the \
        last keystroke; {}",
        counts.ended_by_server,
        typing::longest(&outcome.record).as_secs_f64(),
        load::summary(&outcome),
    );
    println!("{measured}");
    Claim::FleetTyping.measured(length, holds, &measured);
    assert!(holds, "{measured}\n{verdict}\n{}", load::keep(&outcome));
}
