//! For operators and load balancers: does the process live, and can it serve.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time::timeout;
use tracing::warn;

use crate::app::App;

/// Who does not answer by then is down.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Health {
    status: &'static str,
    dependencies: BTreeMap<&'static str, &'static str>,
}

/// `GET /healthz`: the process lives.
pub async fn lives() -> Response {
    Json(Health {
        status: "ok",
        dependencies: BTreeMap::new(),
    })
    .into_response()
}

/// `GET /readyz`: it can serve; each dependency is `ok`, `degraded` or `down`.
pub async fn can_serve(State(app): State<Arc<App>>) -> Response {
    let mut dependencies = BTreeMap::new();
    for dependency in &app.dependencies {
        let state = match timeout(ANSWER_WITHIN, dependency.ping()).await {
            Ok(Ok(())) => "ok",
            Ok(Err(error)) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "{} is down",
                    dependency.name()
                );
                "down"
            }
            Err(_) => "down",
        };
        dependencies.insert(dependency.name(), state);
    }
    for (name, shared) in &app.shared {
        let is_degraded = shared.iter().any(|shared| app.chat.lacks(*shared));
        dependencies.insert(name, if is_degraded { "degraded" } else { "ok" });
    }
    let has = |state| dependencies.values().any(|it| *it == state);
    let status = if app.draining.is_cancelled() {
        "draining"
    } else if has("down") {
        "down"
    } else if has("degraded") {
        "degraded"
    } else {
        "ok"
    };
    let code = if matches!(status, "ok" | "degraded") {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        code,
        Json(Health {
            status,
            dependencies,
        }),
    )
        .into_response()
}
