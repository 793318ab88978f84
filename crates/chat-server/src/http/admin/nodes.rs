use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};

use super::super::{
    answer::{Answer, ok},
    caller::Administrator,
};
use crate::{
    app::App,
    wire::{
        admin::{Draining, Node, Nodes, names},
        peers::{self, Question},
    },
};

/// The nodes of the fleet.
#[utoipa::path(
    get, path = "/api/v1/admin/nodes", tag = "admin", responses((status = 200, body = Nodes))
)]
pub async fn list(_: Administrator, State(app): State<Arc<App>>) -> Answer {
    let replies = app.peers.ask(Question::Node).await;
    let (nodes, silent) = replies.pick(|answer| match answer {
        peers::Answer::Node(figures) => Some(figures),
        _ => None,
    });
    let nodes = nodes.into_iter().map(|(id, node)| Node::new(id, node));
    ok(&Nodes {
        nodes: nodes.collect(),
        silent: names(silent),
    })
}

/// Stop the node that answers, as SIGTERM does.
#[utoipa::path(
    post, path = "/api/v1/admin/drain", tag = "admin", responses((status = 202, body = Draining))
)]
pub async fn drain(_: Administrator, State(app): State<Arc<App>>) -> Answer {
    app.stop();
    let node = app.node.to_string();
    Ok((StatusCode::ACCEPTED, Json(Draining { node })).into_response())
}
