//! The way to the collector: the HTTP client that the server has anyway.

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use axum::body::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};
use tracing::{info, warn};

use crate::{config::CollectorUrl, tls};

/// What it answers is not larger than this.
const MOST_BYTES: usize = 64 * 1_024;

/// It has this long for an answer, and as long for the rest of it; meanwhile others wait, and past some thousand they
/// are dropped.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// Sends batches on this runtime, whatever thread they come from.
pub struct Collector {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
    is_away: AtomicBool,
}

impl Collector {
    /// # Errors
    /// This machine has no certificates that the collector could be checked with.
    pub fn new(url: &CollectorUrl) -> io::Result<Self> {
        let tls = if url.is_over_tls() {
            tls::for_clients()?
        } else {
            tls::trusting_nobody()
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            runtime: Handle::current(),
            is_away: AtomicBool::new(false),
        })
    }

    /// Says once that nobody takes the traces, and once that somebody does again.
    fn note(&self, answer: &Result<Response<Bytes>, HttpError>) {
        let trouble = match answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        };
        let was_away = self.is_away.swap(trouble.is_some(), Ordering::Relaxed);
        match trouble {
            Some(error) if !was_away => {
                warn!(error, "the collector does not take traces: they are lost");
            }
            None if was_away => info!("the collector takes traces again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let http = self.http.clone();
        let asking = async move {
            let asking = http.request(request.map(Full::new));
            let (head, body) = timeout(ANSWERS_WITHIN, asking).await??.into_parts();
            let body = Limited::new(body, MOST_BYTES).collect();
            let body = timeout(ANSWERS_WITHIN, body).await??;
            Ok::<_, HttpError>(Response::from_parts(head, body.to_bytes()))
        };
        // Whoever calls this has no runtime.
        let answer = self.runtime.spawn(asking).await?;
        self.note(&answer);
        answer
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}
