//! Looks at this node again and again, for those who ask what went on lately.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::App;

/// How often.
pub const EVERY: Duration = Duration::from_secs(2);

/// Does so until it is dropped.
pub async fn go_on(app: Arc<App>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = Instant::now();
    loop {
        let now = ticks.tick().await;
        app.rates.look(&app.chat.census(), now.duration_since(last));
        last = now;
    }
}
