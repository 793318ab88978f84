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
#[cfg(feature = "schema")]
pub mod schema;
mod stopping;
mod tls;
mod traces;
mod wire;

use std::{future::Future, net::SocketAddr, pin::pin, sync::Arc};

use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::{
    auth::{Renewal, Tokens, TokensError},
    compose::{ComposeError, Composed, DATABASE_PATIENCE, Database, compose, describe_stores},
    config::Config,
    io::{gate::Gate, listener::Listener, serve::serve},
    stopping::Running,
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

/// Serves on `tcp` until `stop` ends, or a request asks for the end; then lets everybody go, finishes what is in
/// flight, and returns.
///
/// # Errors
/// See [`RunError`].
pub async fn run(
    config: Config,
    mode: Mode,
    tcp: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let mut stop = pin!(stop);
    let started = tokio::select! {
        // It is large, and begun once.
        started = Box::pin(start(config, mode)) => started?,
        // Nobody was let in yet, and the database may stay away for long.
        () = &mut stop => return Ok(()),
    };
    let Started {
        certificate,
        for_metrics,
        renewal,
        composed:
            Composed {
                app,
                engine,
                agenda,
                database,
                census,
                tenancy,
            },
    } = started;
    let (service, carriers) = engine.serve(&app);
    let gate = Gate {
        app: Arc::clone(&app),
        carriers,
    };
    let router = http::router(&app, service, gate);
    let mut chores = JoinSet::new();
    if let Some(tcp) = for_metrics {
        let listener = Listener::new(tcp, None, Arc::clone(&app));
        let router = http::metrics::router(&app);
        // It is there until the end, which operators want to see too.
        let never = CancellationToken::new();
        chores.spawn(serve(listener, router, never.clone(), never));
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
    let listener = Listener::new(tcp, certificate, Arc::clone(&app));
    let draining = app.draining.clone();
    let mut server = tokio::spawn(serve(listener, router, draining, closing.clone()));
    tokio::select! {
        () = stop => {}
        () = app.draining.cancelled() => {}
        ended = &mut server => ended.map_err(std::io::Error::other)?,
    }

    let running = Running {
        app,
        server,
        closing,
        chores,
        tenancy,
        database,
    };
    Box::pin(running.stop()).await;
    Ok(())
}

/// A server that can serve.
struct Started {
    certificate: Option<Arc<Certificate>>,
    for_metrics: Option<TcpListener>,
    renewal: Option<Renewal>,
    composed: Composed,
}

async fn start(config: Config, mode: Mode) -> Result<Started, RunError> {
    metrics::recorder();
    describe_stores();
    let certificate = certificate(&config)?.map(Arc::new);
    let for_metrics = listen_for_metrics(&config).await?;
    let (tokens, renewal) = Tokens::open(&config.auth).await?;
    let database = Database::open(&config, DATABASE_PATIENCE).await?;
    if config.database.migrate {
        database.migrate().await?;
    }
    database.check().await?;
    let composed = compose(config, tokens, database, mode == Mode::Development).await?;
    // Nobody is let in with a token that was revoked before this server started.
    let compared = composed.app.chat.compare_revoked().await;
    compared.map_err(ComposeError::Port)?;
    Ok(Started {
        certificate,
        for_metrics,
        renewal,
        composed,
    })
}

async fn listen_for_metrics(config: &Config) -> Result<Option<TcpListener>, RunError> {
    let Some(address) = config.metrics.listen else {
        return Ok(None);
    };
    let tcp = TcpListener::bind(address).await;
    tcp.map(Some)
        .map_err(|error| RunError::Metrics(address, error))
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
