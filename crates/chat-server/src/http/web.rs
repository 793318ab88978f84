//! The web client, which a development server shows at `/`. It is all in the program: nothing is fetched from anywhere.
//!
//! `make run` and `make setup` build it from `web/`. The server can be built without it, and without Node.js; then
//! there is a page in its place that says how to get it.

use std::sync::Arc;

use axum::{
    Router,
    extract::Path,
    http::header,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::not_found;
use crate::app::App;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Built;

/// The name of a file changes with what is in it.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The page names those files, and may name others tomorrow.
const ASK_AGAIN: &str = "no-cache";

/// The page and its files, on a development server.
pub fn router(app: &App) -> Router<Arc<App>> {
    if !app.is_dev {
        return Router::new();
    }
    Router::new()
        .route("/", get(page))
        .route("/assets/{name}", get(asset))
}

async fn page() -> Response {
    page_of(Built::get("index.html"))
}

fn page_of(built: Option<EmbeddedFile>) -> Response {
    match built {
        Some(file) => served(file, ASK_AGAIN),
        None => Html(include_str!("web.html")).into_response(),
    }
}

async fn asset(Path(name): Path<String>) -> Response {
    match Built::get(&format!("assets/{name}")) {
        Some(file) => served(file, FOR_EVER),
        None => not_found().await.into_response(),
    }
}

fn served(file: EmbeddedFile, caching: &'static str) -> Response {
    let kind = file.metadata.mimetype().to_owned();
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, caching.to_owned()),
    ];
    (headers, file.data).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn without_the_web_client_there_is_a_page_that_says_how_to_get_it() {
        let response = page_of(None);

        assert_eq!(response.status(), 200);
        let page = to_bytes(response.into_body(), 65_536).await.unwrap();
        assert!(String::from_utf8_lossy(&page).contains("<code>make run</code>"));
    }
}
