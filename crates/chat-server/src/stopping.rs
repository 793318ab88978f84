//! How a server stops (contract, section 6, "SIGTERM"): nobody new is let in, every client is told when to come back,
//! what is in flight is finished, and users who are expected at another node stay in their rooms meanwhile.
//!
//! Invariant: it takes less than 10 s, whoever does not answer.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    app::App,
    compose::{Database, Tenancy},
};

/// The process has to be gone after 10 s (contract, section 6).
const WITHIN: Duration = Duration::from_millis(9_500);

/// Clients are spread over this part of the grace time, so that they do not come back all at once.
const SPREAD_PERCENT: u32 = 60;

/// The lease of a node goes first, so others can go on with the rest.
const RETIRE_WITHIN: Duration = Duration::from_secs(1);

/// Requests under way have this long to end after the sockets are gone.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// What has to come to its end.
pub struct Running {
    pub app: Arc<App>,
    /// Answers until `closing` is cancelled.
    pub server: JoinHandle<()>,
    pub closing: CancellationToken,
    pub chores: JoinSet<()>,
    pub tenancy: Option<Tenancy>,
    pub database: Database,
}

impl Running {
    /// Lets everybody go, finishes what is in flight, and returns.
    pub async fn stop(self) {
        info!("stopping");
        let app = Arc::clone(&self.app);
        app.stop();
        let grace = app.grace();
        let graced_until = Instant::now() + grace;
        if self.tenancy.is_some() {
            app.chat.begin_handover();
        }
        let closed = app.connections.close_all(grace * SPREAD_PERCENT / 100);
        // Who comes back to another node before the grace time is over was never away.
        let leave_at = (closed > 0).then_some(graced_until);
        if timeout(WITHIN, self.finish(leave_at)).await.is_err() {
            warn!("not everything could be finished in time");
        }
        info!("stopped; {closed} connections were told to come back");
    }

    async fn finish(mut self, leave_at: Option<Instant>) {
        let answering = finish_answering(&self.app, self.server, self.closing);
        tokio::join!(answering, leave(self.tenancy, leave_at));
        self.chores.abort_all();
        self.database.close().await;
        let traces = Arc::clone(&self.app.traces);
        let _ = spawn_blocking(move || traces.close()).await;
    }
}

/// Returns when the tasks of sockets and the last requests have ended.
async fn finish_answering(app: &App, server: JoinHandle<()>, closing: CancellationToken) {
    app.sockets.close();
    let patience = app.grace().max(LAST_REQUESTS);
    if timeout(patience, app.sockets.wait()).await.is_err() {
        warn!("some sockets did not end in time");
    }
    // Until here clients that poll could still fetch their last words.
    closing.cancel();
    let _ = timeout(LAST_REQUESTS, server).await;
}

/// Takes this node out of what nodes share, at that time or at once.
async fn leave(tenancy: Option<Tenancy>, at: Option<Instant>) {
    let Some(tenancy) = tenancy else { return };
    if let Some(at) = at {
        sleep_until(at).await;
    }
    match timeout(RETIRE_WITHIN, tenancy.retire()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(
            error = &error as &dyn std::error::Error,
            "could not take this node out of Redis; the others will"
        ),
        Err(_) => warn!("taking this node out of Redis takes too long; the others will"),
    }
}
