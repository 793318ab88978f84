//! What is looked at before the engine sees a request: the origin, and whether the server still lets anybody in.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::HttpBody as _,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chat_domain::limit::RetryAfter;
use http::Uri;
use socketioxide::socket::Sid;
use tokio::time::timeout;

use super::{attempts::Attempts, carriers::Carriers, listener::Carrier};
use crate::{
    app::{
        App,
        address::{self, Address},
    },
    metrics::{
        connections::{Refused, refused},
        refusals::rate_limited,
    },
    wire::refusal::Limit,
};

/// What the gate has to know.
#[derive(Clone)]
pub struct Gate {
    pub app: Arc<App>,
    pub carriers: Arc<Carriers>,
}

/// Whoever finds no place comes back after this long.
const FULL_FOR: Duration = Duration::from_secs(5);

/// Notes where the client is, for whoever asks later.
pub async fn locate(
    State(app): State<Arc<App>>,
    ConnectInfo(carrier): ConnectInfo<Carrier>,
    mut request: Request,
    next: Next,
) -> Response {
    let trusted = &app.config.http.trusted_proxies;
    let address = address::client(carrier.peer(), request.headers(), trusted);
    request.extensions_mut().insert(address);
    next.run(request).await
}

/// Lets a request through to the engine, or refuses it.
pub async fn pass(
    State(gate): State<Gate>,
    ConnectInfo(carrier): ConnectInfo<Carrier>,
    Extension(Address(address)): Extension<Address>,
    mut request: Request,
    next: Next,
) -> Response {
    if !may_come_from(&gate.app, request.headers()) {
        refused(Refused::Origin);
        return (StatusCode::FORBIDDEN, "this origin is not allowed").into_response();
    }
    let Some(session) = session_id(request.uri()) else {
        if let Some(refusal) = refuse_new(&gate.app, &address) {
            return refusal;
        }
        request.extensions_mut().insert(Attempts::default());
        return next.run(request).await;
    };
    let is_poll = request.method() == Method::GET;
    let answered = next.run(request);
    let response = if is_poll {
        answered.await
    } else {
        // All that is waited for is the body.
        match timeout(gate.app.config.http.body_within(), answered).await {
            Ok(response) => response,
            Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        }
    };
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        gate.carriers.upgraded(session, &carrier);
    } else if is_poll {
        let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        gate.carriers.polled(session, bytes);
    }
    response
}

/// Whether nobody new is let in right now.
fn refuse_new(app: &App, address: &IpAddr) -> Option<Response> {
    if app.draining.is_cancelled() {
        refused(Refused::Draining);
        let gone = (
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is shutting down",
        );
        return Some(gone.into_response());
    }
    let refuse = |status, after: Duration, text| {
        let seconds = after.as_millis().div_ceil(1_000).to_string();
        Some((status, [(header::RETRY_AFTER, seconds)], text).into_response())
    };
    if app.connections.is_full() {
        refused(Refused::NodeFull);
        let text = "the server has as many connections as it takes";
        return refuse(StatusCode::SERVICE_UNAVAILABLE, FULL_FOR, text);
    }
    let RetryAfter(wait) = app.requests.handshakes.spend(address, app.now()).err()?;
    refused(Refused::Handshakes);
    rate_limited(Limit::Handshakes);
    let text = "the address opens too many connections";
    refuse(StatusCode::TOO_MANY_REQUESTS, wait, text)
}

/// No `Origin`, the same origin, or a configured one (contract, section 6).
fn may_come_from(app: &App, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    app.config.http.cors_origins.contains(origin)
        || is_same_origin(origin, headers.get(header::HOST))
}

fn is_same_origin(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<Uri>().ok());
    let authority = origin.as_ref().and_then(Uri::authority);
    match (authority, host.and_then(|host| host.to_str().ok())) {
        (Some(authority), Some(host)) => authority.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// The engine's id of the session, if the request names one.
fn session_id(uri: &Uri) -> Option<Sid> {
    let mut pairs = uri.query()?.split('&');
    pairs
        .find_map(|pair| pair.strip_prefix("sid="))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_origin_is_the_same_host_and_port() {
        let same = |origin: &'static str, host: &'static str| {
            is_same_origin(
                &HeaderValue::from_static(origin),
                Some(&HeaderValue::from_static(host)),
            )
        };

        assert!(same("https://chat.example", "chat.example"));
        assert!(same("http://127.0.0.1:8001", "127.0.0.1:8001"));
        assert!(!same("http://127.0.0.1:8002", "127.0.0.1:8001"));
        assert!(!same("https://evil.example", "chat.example"));
        assert!(!same("null", "chat.example"));
    }
}
