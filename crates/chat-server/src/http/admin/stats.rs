use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;

use super::super::{
    answer::{Answer, ok},
    body::Parameters,
    caller::Administrator,
};
use crate::{
    app::{App, sampler},
    lately::histogram::percentile,
    wire::{
        admin::{
            at,
            lately::{Moment, Percentiles, Stats, StatsItem, StatsSince},
            names,
        },
        peers::{self, Question, Queues, Sample},
        time::millis,
    },
};

/// What went on in the last ten minutes, for every two seconds, over all nodes.
#[utoipa::path(
    get, path = "/api/v1/admin/stats", operation_id = "get_stats", tag = "admin", params(StatsSince),
    responses((status = 200, body = Stats))
)]
pub async fn show(
    _: Administrator,
    State(app): State<Arc<App>>,
    Parameters(asked): Parameters<StatsSince>,
) -> Answer {
    let since_ms = asked.since.map_or(0, |Moment(since)| since.as_millis());
    let replies = app.peers.ask(Question::Stats { since_ms }).await;
    let (series, silent) = replies.pick(|answer| match answer {
        peers::Answer::Stats(samples) => Some(samples),
        _ => None,
    });
    let mut times: BTreeMap<u64, Sum> = BTreeMap::new();
    for sample in series.into_iter().flat_map(|(_, samples)| samples) {
        times.entry(sample.at_ms).or_default().add(sample);
    }
    ok(&Stats {
        interval_ms: millis(sampler::EVERY),
        items: times.into_iter().map(|(at, sum)| sum.tell(at)).collect(),
        silent: names(silent),
    })
}

/// The samples of all nodes at one time.
#[derive(Default)]
struct Sum {
    nodes: usize,
    connections: usize,
    rooms: f64,
    users_in_rooms: f64,
    queues: Queues,
    events: f64,
    messages: f64,
    deliveries: f64,
    commit: Vec<(u8, u64)>,
    delivery: Vec<(u8, u64)>,
    degraded: Vec<String>,
}

impl Sum {
    fn add(&mut self, sample: Sample) {
        self.nodes += 1;
        self.connections += sample.connections;
        self.rooms += sample.rooms;
        self.users_in_rooms += sample.users_in_rooms;
        self.queues = self.queues + sample.queues;
        self.events += sample.per_second(sample.events);
        self.messages += sample.per_second(sample.messages);
        self.deliveries += sample.per_second(sample.deliveries);
        self.commit.extend(sample.commit);
        self.delivery.extend(sample.delivery);
        self.degraded.extend(sample.degraded);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "they are counts"
    )]
    fn tell(mut self, at_ms: u64) -> StatsItem {
        self.degraded.sort_unstable();
        self.degraded.dedup();
        StatsItem {
            at: at(at_ms),
            nodes: self.nodes,
            connections: self.connections,
            rooms: self.rooms.round() as u64,
            users_in_rooms: self.users_in_rooms.round() as u64,
            events_per_second: self.events,
            messages_per_second: self.messages,
            deliveries_per_second: self.deliveries,
            commit_ms: percentiles(&mut self.commit),
            delivery_ms: percentiles(&mut self.delivery),
            queue_length: self.queues.sum(),
            queues: self.queues,
            degraded: self.degraded,
        }
    }
}

fn percentiles(filled: &mut [(u8, u64)]) -> Option<Percentiles> {
    let mut millis = |percent| percentile(filled, percent).map(|took| took.as_secs_f64() * 1_000.0);
    let (p50, p99) = (millis(50)?, millis(99)?);
    Some(Percentiles { p50, p99 })
}
