//! What operators can watch, by the conventions of Prometheus: the names, and the one recorder of the process.
//!
//! `docs/metrics.md` lists all of it; what the stores do is counted in `chat-infra`. Each file counts what one part of the
//! server does, and holds what it counts with: looking a counter up costs more than counting. What is only worth reading
//! when somebody looks is read then, by [`sample`].
//!
//! Invariant: a label has few values, all of them known. No room, user or address is ever one.

pub(crate) mod connections;
pub(crate) mod events;
pub(crate) mod lines;
pub(crate) mod observed;
pub(crate) mod refusals;
pub(crate) mod requests;
pub(crate) mod sample;
pub(crate) mod service;
pub(crate) mod told;

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::interval;

/// In seconds. What takes longer has failed.
const SECONDS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// A batch has at most 64.
const MESSAGES: [f64; 7] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// What was measured waits in memory until it is put into its buckets.
const SORT_EVERY: Duration = Duration::from_secs(5);

/// The recorder of this process. Whatever is counted after the first call is in it.
///
/// # Panics
/// Never: the buckets above are not empty, and nobody else installs a recorder.
pub fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let suffix = |suffix: &str| Matcher::Suffix(suffix.to_owned());
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(suffix("_seconds"), &SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(suffix("_messages"), &MESSAGES))
            .and_then(PrometheusBuilder::install_recorder)
            .expect("there are buckets, and no other recorder");
        describe();
        handle
    })
}

/// Puts what was measured into its buckets, for ever.
pub async fn sort() {
    let mut ticks = interval(SORT_EVERY);
    loop {
        ticks.tick().await;
        recorder().run_upkeep();
    }
}

fn describe() {
    connections::describe();
    events::describe();
    lines::describe();
    observed::describe();
    refusals::describe();
    requests::describe();
    sample::describe();
    service::describe();
    told::describe();
}
