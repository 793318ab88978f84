//! How well the server serves, as its users are told.

use metrics::{describe_gauge, gauge};

use crate::wire::outgoing::ServiceStatus;

const DEGRADED: &str = "chat_degraded";

pub(super) fn describe() {
    describe_gauge!(DEGRADED, "1 while the feature does not work as it should.");
}

/// The users are told of it.
pub fn told(status: &ServiceStatus) {
    for feature in ServiceStatus::FEATURES {
        let is_affected = status.affected.contains(&feature);
        gauge!(DEGRADED, "feature" => feature).set(f64::from(u8::from(is_affected)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chat_domain::service::{Feature, ServiceStatus as Status};
    use chat_domain::time::Timestamp;
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn what_does_not_work_shows_until_it_does() {
        let recorder = DebuggingRecorder::new();
        let snapshots = recorder.snapshotter();
        let shown = |affected: Vec<Feature>| -> BTreeMap<String, f64> {
            let since = Timestamp::from_millis(0);
            let status = Status { affected, since };
            metrics::with_local_recorder(&recorder, || told(&(&status).into()));
            let all = snapshots.snapshot().into_vec().into_iter();
            let shown = all.map(|(key, _, _, value)| {
                let key = key.key();
                assert_eq!(key.name(), DEGRADED);
                let feature = key.labels().next().unwrap().value().to_owned();
                let DebugValue::Gauge(value) = value else {
                    panic!("{feature} is no gauge")
                };
                (feature, value.into_inner())
            });
            shown.collect()
        };
        let all = |values: [f64; 4]| {
            let names = ServiceStatus::FEATURES.map(str::to_owned);
            names.into_iter().zip(values).collect::<BTreeMap<_, _>>()
        };

        let lost = shown(vec![Feature::Presence, Feature::Limits]);
        assert_eq!(lost, all([1.0, 0.0, 0.0, 1.0]));
        assert_eq!(shown(Vec::new()), all([0.0; 4]));
    }
}
