use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use chat_domain::ports::PortError;

use super::super::{
    answer::{Answer, HttpRefusal, ok},
    body::{Body, Parameters},
    caller::Administrator,
};
use crate::{
    app::App,
    wire::{
        admin::{
            names,
            nodes::{Drain, Draining, GraceMs, Node, Nodes, WhichNode},
        },
        peers::{self, Question},
        refusal::{Code, Refusal},
    },
};

/// The nodes of the fleet.
#[utoipa::path(
    get, path = "/api/v1/admin/nodes", operation_id = "list_nodes", tag = "admin", responses((status = 200, body = Nodes))
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

/// Stop a node, as SIGTERM does: that one, or the one that answers.
#[utoipa::path(
    post, path = "/api/v1/admin/drain", operation_id = "drain_node", tag = "admin", params(WhichNode), request_body = Option<Drain>,
    responses((status = 202, body = Draining))
)]
pub async fn drain(
    _: Administrator,
    State(app): State<Arc<App>>,
    Parameters(which): Parameters<WhichNode>,
    body: Option<Body>,
) -> Answer {
    let asked = body.map(Body::read::<Drain>).transpose()?;
    let node = which.node.unwrap_or(app.node);
    let replies = app.peers.ask(Question::Drain {
        node: node.to_string(),
        grace_ms: asked.and_then(|asked| asked.grace_ms).map(|GraceMs(ms)| ms),
    });
    let (answers, silent) = replies.await.pick(|answer| match answer {
        peers::Answer::Draining(grace_ms) => Some(grace_ms),
        _ => None,
    });
    if let Some(grace_ms) = answers.into_iter().find_map(|(_, grace_ms)| grace_ms) {
        let node = node.to_string();
        let begun = Json(Draining { node, grace_ms });
        return Ok((StatusCode::ACCEPTED, begun).into_response());
    }
    if silent.contains(&node) {
        let silence = PortError::during("stop a node")("it does not answer");
        return Err(HttpRefusal::from(silence));
    }
    Err(Refusal::new(Code::NotFound, "There is no such node.").into())
}
