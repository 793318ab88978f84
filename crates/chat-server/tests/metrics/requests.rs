//! Requests over HTTP: every path, method and kind of answer.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::Value;

use crate::{Moves, start, support::ADMIN_KEY, watch::Watch};

/// The paths of the OpenAPI document.
pub const PATHS: &[&str] = &[
    DRAIN,
    "/api/v1/admin/groups/{groupId}",
    "/api/v1/admin/groups/{groupId}/members/{userId}",
    "/api/v1/admin/groups/{groupId}/messages",
    "/api/v1/admin/messages/{messageId}/trace",
    "/api/v1/admin/nodes",
    "/api/v1/admin/rooms",
    "/api/v1/admin/rooms/{groupId}",
    "/api/v1/admin/stats",
    "/api/v1/admin/tokens/{jti}/revoke",
    "/api/v1/admin/users/{userId}",
    "/api/v1/admin/users/{userId}/sessions",
    "/api/v1/admin/users/{userId}/sessions/{session}",
    "/api/v1/groups",
    "/api/v1/groups/{groupId}",
    "/api/v1/groups/{groupId}/members",
    "/api/v1/groups/{groupId}/members/{userId}",
    "/api/v1/groups/{groupId}/messages",
    "/api/v1/groups/{groupId}/owner",
    "/api/v1/groups/{groupId}/read",
    "/api/v1/users/me",
];

/// Whoever posts there ends the server.
const DRAIN: &str = "/api/v1/admin/drain";

const OTHERS: &[&str] = &[
    "/admin",
    "/admin/dashboard.css",
    "/admin/dashboard.js",
    "/admin/uplot.css",
    "/admin/uplot.js",
    "/socket.io/",
    "/socket.io",
    "/healthz",
    "/readyz",
    "/metrics",
    "/api/v1/openapi.json",
    "none",
];

pub const MOVES: Moves = &[
    ("chat_http_requests_total", "route", PATHS),
    ("chat_http_requests_total", "route", OTHERS),
    ("chat_http_request_seconds", "route", PATHS),
    ("chat_http_request_seconds", "route", OTHERS),
    (
        "chat_http_requests_total",
        "method",
        &[
            "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other",
        ],
    ),
    ("chat_http_requests_total", "status", &["2xx", "4xx"]),
];

#[tokio::test]
async fn requests_are_counted_by_path_method_and_answer() {
    let (_server, site) = start(&[]).await;
    let http = reqwest::Client::new();
    let url = format!("http://{}", site.address);
    let ask = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = http.request(method, format!("{url}{path}"));
        request.bearer_auth(ADMIN_KEY).send().await.unwrap()
    };
    let mut watch = Watch::begin(site.address).await;
    let document: Value = ask("GET", "/api/v1/openapi.json")
        .await
        .json()
        .await
        .unwrap();
    let documented = document["paths"].as_object().unwrap();
    let documented: BTreeSet<&str> = documented.keys().map(String::as_str).collect();
    assert_eq!(documented, PATHS.iter().copied().collect());

    for path in documented {
        let path = path.replace(['{', '}'], "");
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE",
        ] {
            if (method, &*path) != ("POST", DRAIN) {
                ask(method, &path).await;
            }
        }
    }
    for path in OTHERS {
        ask("GET", path.trim_start_matches("none")).await;
    }
    let counted = |route: &str, method: &str, status: &str| {
        format!(
            "chat_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        )
    };
    watch.counts(&counted("/healthz", "GET", "2xx"), 1).await;
    watch
        .counts("chat_http_request_seconds{route=\"/healthz\"}", 1)
        .await;
    watch
        .counts(&counted("/api/v1/users/me", "GET", "4xx"), 1)
        .await;
    watch.counts(&counted("none", "GET", "4xx"), 1).await;
    watch.has_seen(MOVES);
}
