//! `GET /metrics`, for Prometheus; and the counting of requests for it.

use std::{sync::Arc, time::Instant};

use axum::{
    Extension, Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};

use super::{
    answer::HttpRefusal,
    caller::{Administrator, unauthorized},
};
use crate::{
    app::{App, address::Address, figures},
    metrics::{recorder, requests},
    wire::refusal::{Code, Refusal},
};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// With one of these, a request has come through a proxy, which may serve everybody.
const FORWARDED: [HeaderName; 4] = [
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("via"),
];

/// All that a port of its own answers.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(Arc::clone(app))
}

/// On the main port: for who is on this machine, or has the administrator's key.
pub async fn show(
    State(app): State<Arc<App>>,
    Extension(Address(address)): Extension<Address>,
    headers: HeaderMap,
) -> Result<Response, HttpRefusal> {
    let is_local = address.is_loopback() && !FORWARDED.iter().any(|it| headers.contains_key(it));
    if is_local || Administrator::known_by(&headers, &app).is_some() {
        return Ok(scrape(State(app)).await);
    }
    if app.config.admin.key.is_none() {
        return Err(Refusal::new(Code::NotFound, "There is nothing at this address.").into());
    }
    Err(unauthorized("Metrics need the administrator's key."))
}

async fn scrape(State(app): State<Arc<App>>) -> Response {
    figures::of(&app).show();
    ([(header::CONTENT_TYPE, TEXT)], recorder().render()).into_response()
}

/// Counts a request by its route. What is no route, and no usual method, has no name of its own.
pub async fn count(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let response = next.run(request).await;
    requests::answered(route, method, response.status().as_u16(), begun);
    response
}
