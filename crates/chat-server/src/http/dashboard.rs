//! The administrator's page at `/admin`, and what belongs to it. It is all in the program: nothing is fetched from anywhere.
//!
//! The page itself is for everybody, and holds nothing; what it shows it asks the administrator's paths for, with the
//! key. `uplot.js` is the chart library uPlot, as it is published: `scripts/check-vendored` compares it.

use std::sync::Arc;

use axum::{
    Router,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};

use crate::app::App;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The page, where there is an administrator.
pub fn router(app: &App) -> Router<Arc<App>> {
    if app.config.admin.key.is_none() {
        return Router::new();
    }
    let file = |kind: &'static str, text: &'static str| get(async move || served(kind, text));
    Router::new()
        .route(
            "/admin",
            get(async || Html(include_str!("dashboard/index.html"))),
        )
        .route(
            "/admin/dashboard.js",
            file(SCRIPT, include_str!("dashboard/dashboard.js")),
        )
        .route(
            "/admin/dashboard.css",
            file(STYLE, include_str!("dashboard/dashboard.css")),
        )
        .route(
            "/admin/uplot.js",
            file(SCRIPT, include_str!("dashboard/uplot.js")),
        )
        .route(
            "/admin/uplot.css",
            file(STYLE, include_str!("dashboard/uplot.css")),
        )
}

fn served(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}
