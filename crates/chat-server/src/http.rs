//! The HTTP side (contract, section 5).
//!
//! [`caller`] says who asks, [`audit`] who did what, [`body`] and [`answer`] are the two directions, [`api`] is for
//! users, [`admin`] for another backend, [`dev`] and [`web`] for newcomers, [`health`], [`metrics`] and [`dashboard`] for
//! operators. [`openapi`] is the document made from all of them. [`request_id`] names requests, [`throttle`] counts them,
//! [`headers`] is what browsers are told about all answers.

mod admin;
mod answer;
mod api;
mod audit;
mod body;
mod caller;
mod dashboard;
mod dev;
mod guard;
mod headers;
mod health;
pub mod metrics;
pub mod openapi;
mod request_id;
mod throttle;
mod web;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, Method, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any_service, get},
};
use tower_http::{catch_panic::CatchPanicLayer, cors::CorsLayer};

use self::answer::HttpRefusal;
use crate::{
    app::App,
    io::{self, gate::Gate},
    wire::refusal::{Code, Refusal},
};

/// Everything that the server answers.
pub fn router(app: &Arc<App>, engine: io::Service, gate: Gate) -> Router {
    let sockets = Router::new()
        .route(&format!("{}/", io::PATH), any_service(engine.clone()))
        .route(io::PATH, any_service(engine))
        .layer(middleware::from_fn_with_state(gate, io::gate::pass));
    // Whoever looks after the process is answered however many ask.
    let mut probe = Router::new()
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::can_serve));
    if app.config.metrics.listen.is_none() {
        probe = probe.route("/metrics", get(metrics::show));
    }
    let probe = probe.method_not_allowed_fallback(not_found);
    let mut router = Router::new()
        .merge(openapi::documented(app))
        .merge(dashboard::router(app))
        .merge(web::router(app))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            throttle::count,
        ))
        .merge(probe)
        .layer(DefaultBodyLimit::max(app.config.limits.event_bytes))
        .with_state(Arc::clone(app))
        .merge(sockets)
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(middleware::from_fn_with_state(
            Arc::clone(app),
            io::gate::locate,
        ))
        .layer(cors(app));
    if app.is_dev {
        let layer = middleware::from_fn_with_state(Arc::clone(app), guard::local_only);
        router = router.layer(layer);
    }
    // Whoever is refused on the way in counts too, and so does a panic.
    let router = router.layer(middleware::from_fn(metrics::count));
    let carried = headers::Carried {
        over_tls: app.config.tls.files().is_some(),
    };
    router
        .layer(middleware::map_response_with_state(carried, headers::add))
        .layer(middleware::from_fn(request_id::name))
}

fn cors(app: &App) -> CorsLayer {
    let origins: Vec<_> = app.config.http.cors_origins.iter().cloned().collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PATCH,
            Method::PUT,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            throttle::POLICY,
            throttle::LEFT,
            request_id::REQUEST_ID,
        ])
}

async fn not_found() -> HttpRefusal {
    Refusal::new(Code::NotFound, "There is nothing at this address.").into()
}

fn panicked() -> Response {
    HttpRefusal::from(Refusal::new(
        Code::InternalError,
        "Something went wrong in the server.",
    ))
    .into_response()
}
