//! HTTP on each connection that is accepted.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, StatusCode},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use tracing::debug;

use super::{
    guarded::Guarded,
    listener::{Carrier, Listener},
};

/// A connection on which nobody asks any more is closed after this long: later than proxies close theirs as a rule, so
/// that none asks on one that just ends.
const IDLE: Duration = Duration::from_secs(75);

/// The head of a request may be as large, which is enough for the largest token: it waits in memory until it is complete.
const HEAD_BYTES: usize = 64 * 1_024;

/// Answers whoever connects until `draining` is cancelled, and whoever has connected until `closing` is; then finishes
/// what is under way, and returns.
pub async fn serve(
    mut listener: Listener,
    router: Router,
    draining: CancellationToken,
    closing: CancellationToken,
) {
    let connections = TaskTracker::new();
    loop {
        let (stream, carrier) = tokio::select! {
            // Whoever has come by then is still answered.
            biased;
            accepted = listener.accept() => accepted,
            () = draining.cancelled() => break,
        };
        let (router, closing) = (router.clone(), closing.clone());
        connections.spawn(converse(stream, carrier, router, closing));
    }
    // From here on a proxy tries another node at once.
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn converse(stream: Guarded, carrier: Carrier, router: Router, closing: CancellationToken) {
    let service = service_fn(|request| answer(request, carrier.clone(), router.clone()));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(HEAD_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        debug!(%error, "a connection has ended");
    }
}

fn answer(
    request: Request<Incoming>,
    carrier: Carrier,
    router: Router,
) -> impl Future<Output = Result<Response<Body>, Infallible>> {
    let cable = Arc::clone(carrier.cable());
    cable.ask();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(carrier));
    async move {
        let response = router.oneshot(request).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            cable.switch();
        } else {
            cable.answer();
        }
        Ok(response)
    }
}
