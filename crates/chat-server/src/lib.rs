//! The group chat server: the use cases of `chat-domain` over Socket.IO and HTTP.
//!
//! Read in this order: [`config`], [`compose`](mod@compose), [`app`], then a side: [`io`] or [`http`]; [`wire`] is the
//! contract as types, [`metrics`], [`traces`] and [`lately`] are what operators
//! watch. [`run`] is a whole server, which tests call too.

mod app;
pub use self::app::system::SystemClock;
pub mod auth;
mod bearer;
pub mod check;
pub mod compose;
pub mod config;
pub mod dev;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod http;
mod io;
mod lately;
pub mod logging;
pub mod metrics;
mod tls;
mod traces;
mod wire;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::TcpListener,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    auth::{Tokens, TokensError},
    compose::{ComposeError, Composed, DATABASE_PATIENCE, Database, compose, describe_stores},
    config::Config,
    io::{gate::Gate, listener::Listener, serve::serve},
    tls::{Certificate, CertificateError},
};

/// Why a server ends other than by being stopped: one clear line.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Tokens cannot be checked.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// TLS cannot be spoken.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A store cannot be used.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// Metrics cannot be served.
    #[error("cannot listen on {0} for metrics: {1}")]
    Metrics(SocketAddr, std::io::Error),
    /// The socket failed.
    #[error("cannot serve: {0}")]
    Serve(#[from] std::io::Error),
}

/// How a server is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For real.
    Production,
    /// Anybody on this machine signs in by name.
    Development,
}

/// Clients are spread over this part of the grace time, so that they do not come back all at once.
const SPREAD_PERCENT: u32 = 60;

/// The lease of a node goes first, so others can go on with the rest.
const RETIRE_WITHIN: Duration = Duration::from_secs(1);

/// Requests under way have this long to end after the sockets are gone.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// Serves on `tcp` until `stop` ends, or an administrator says so; then lets everybody go, finishes what is in flight, and returns.
///
/// # Errors
/// See [`RunError`].
pub async fn run(
    config: Config,
    mode: Mode,
    tcp: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    metrics::recorder();
    describe_stores();
    let certificate = certificate(&config)?.map(Arc::new);
    let (tokens, renewal) = Tokens::open(&config.auth).await?;
    let database = Database::open(&config, DATABASE_PATIENCE).await?;
    if config.database.migrate {
        database.migrate().await?;
    }
    database.check().await?;
    let Composed {
        app,
        engine,
        agenda,
        database,
        census,
        tenancy,
    } = compose(config, tokens, database, mode == Mode::Development).await?;
    // Nobody is let in with a token that was revoked before this server started.
    app.chat
        .compare_revoked()
        .await
        .map_err(ComposeError::Port)?;
    let (service, carriers) = engine.serve(&app);
    let gate = Gate {
        app: Arc::clone(&app),
        carriers,
    };
    let router = http::router(&app, service, gate);
    let mut chores = JoinSet::new();
    if let Some(address) = app.config.metrics.listen {
        let tcp = TcpListener::bind(address).await;
        let tcp = tcp.map_err(|error| RunError::Metrics(address, error))?;
        let listener = Listener::new(tcp, None, &app.config);
        let router = http::metrics::router(&app);
        chores.spawn(serve(listener, router, CancellationToken::new()));
    }
    chores.spawn(agenda.work(Arc::clone(&app.chat), tenancy.is_some()));
    chores.spawn(metrics::sort());
    chores.spawn(app::sampler::go_on(Arc::clone(&app)));
    if let Some(census) = census {
        chores.spawn(census.go_on());
    }
    if let Some(renewal) = renewal {
        chores.spawn(renewal.go_on());
    }
    if let Some(certificate) = &certificate {
        chores.spawn(Arc::clone(certificate).renew());
    }

    let address: SocketAddr = tcp.local_addr()?;
    let scheme = if certificate.is_some() {
        "https"
    } else {
        "http"
    };
    info!("listening on {scheme}://{address}");
    let closing = CancellationToken::new();
    let listener = Listener::new(tcp, certificate, &app.config);
    let draining = app.draining.clone();
    let mut server = tokio::spawn(serve(listener, router, draining, closing.clone()));
    tokio::select! {
        () = stop => {}
        () = app.asked_to_stop.cancelled() => {}
        ended = &mut server => ended.map_err(std::io::Error::other)?,
    }

    info!("stopping");
    app.draining.cancel();
    let grace = app.config.grace();
    let graced_until = Instant::now() + grace;
    if tenancy.is_some() {
        app.chat.begin_handover();
    }
    let closed = app.connections.close_all(grace * SPREAD_PERCENT / 100);
    app.sockets.close();
    if timeout(grace.max(LAST_REQUESTS), app.sockets.wait())
        .await
        .is_err()
    {
        warn!("some sockets did not end in time");
    }
    // Until here clients that poll could still fetch their last words.
    closing.cancel();
    let _ = timeout(LAST_REQUESTS, server).await;
    if let Some(tenancy) = tenancy {
        // Whoever came back to another node by then was never away.
        if closed > 0 {
            sleep_until(graced_until).await;
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
    chores.abort_all();
    database.close().await;
    let traces = Arc::clone(&app.traces);
    let _ = tokio::task::spawn_blocking(move || traces.close()).await;
    info!("stopped; {closed} connections were told to come back");
    Ok(())
}

/// What the server shows for itself, if it speaks TLS.
///
/// # Errors
/// See [`CertificateError`].
pub fn certificate(config: &Config) -> Result<Option<Certificate>, CertificateError> {
    let files = config.tls.files();
    files
        .map(|(chain, key)| Certificate::open(chain, key))
        .transpose()
}
