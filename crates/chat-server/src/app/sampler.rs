//! Looks at this node again and again, for those who ask what went on lately.

use std::{sync::Arc, time::Duration};

use chat_domain::time::Timestamp;
use tokio::{
    runtime::Handle,
    time::{Instant, sleep},
};

use super::{App, answers::degraded};
use crate::lately::Seen;

/// How often; all nodes at the same times, so that their figures can be added up.
pub const EVERY: Duration = Duration::from_secs(2);

/// Does so until it is dropped.
pub async fn go_on(app: Arc<App>) {
    let (mut last, mut looked) = (app.now(), Instant::now());
    loop {
        let at = next(app.now(), last);
        sleep(at.since(app.now())).await;
        let elapsed = looked.elapsed();
        looked = Instant::now();
        last = at;
        let rooms = app.chat.census();
        app.rates.look(&rooms, elapsed);
        app.lately.sample(Seen {
            at,
            elapsed,
            connections: app.connections.count(),
            rooms,
            degraded: degraded(&app),
            bus: (app.bus_queue)(),
            runtime: Handle::current().metrics().global_queue_depth(),
        });
    }
}

/// The next time after now, but not the last one again, should the clock be a little behind it.
fn next(now: Timestamp, last: Timestamp) -> Timestamp {
    let every = u64::try_from(EVERY.as_millis()).unwrap_or(u64::MAX);
    let next = Timestamp::from_millis((now.as_millis() / every + 1) * every);
    if next == last { next + EVERY } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_taken_at_even_seconds_each_once() {
        let at = Timestamp::from_millis;

        assert_eq!(next(at(3_001), at(2_000)), at(4_000));
        assert_eq!(next(at(4_000), at(4_000)), at(6_000));
        assert_eq!(next(at(3_999), at(4_000)), at(6_000));
        assert_eq!(
            next(at(1_500), at(9_000)),
            at(2_000),
            "the clock was set back"
        );
    }
}
