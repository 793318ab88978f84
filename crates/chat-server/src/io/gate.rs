//! What is looked at before the engine sees a request: the origin, and whether the server still lets anybody in.

use std::sync::Arc;

use axum::{
    body::HttpBody as _,
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::Uri;
use socketioxide::socket::Sid;

use super::{carriers::Carriers, listener::Carrier};
use crate::app::App;

/// What the gate has to know.
#[derive(Clone)]
pub struct Gate {
    pub app: Arc<App>,
    pub carriers: Arc<Carriers>,
}

/// Lets a request through to the engine, or refuses it.
pub async fn pass(
    State(gate): State<Gate>,
    ConnectInfo(carrier): ConnectInfo<Carrier>,
    request: Request,
    next: Next,
) -> Response {
    if !may_come_from(&gate.app, request.headers()) {
        return (StatusCode::FORBIDDEN, "this origin is not allowed").into_response();
    }
    let Some(session) = session_id(request.uri()) else {
        if gate.app.draining.is_cancelled() {
            let refusal = (
                StatusCode::SERVICE_UNAVAILABLE,
                "the server is shutting down",
            );
            return refusal.into_response();
        }
        return next.run(request).await;
    };
    let is_poll = request.method() == Method::GET;
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        gate.carriers.upgraded(session, &carrier);
    } else if is_poll {
        let bytes = usize::try_from(response.body().size_hint().lower()).unwrap_or(usize::MAX);
        gate.carriers.polled(session, bytes);
    }
    response
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
