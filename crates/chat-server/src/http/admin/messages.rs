use std::sync::Arc;

use axum::extract::State;
use chat_domain::id::MessageId;

use super::super::{
    answer::{Answer, ok},
    body::Segments,
    caller::Administrator,
};
use crate::{
    app::App,
    lately::MOST_JOURNEYS,
    wire::{
        admin::{lately::Journey, names},
        peers::{self, Question},
        refusal::{Code, Refusal},
    },
};

/// The way of one of the last messages: where it was stored, and to how many sockets of each node it went.
#[utoipa::path(
    get, path = "/api/v1/admin/messages/{messageId}/trace", operation_id = "trace_message", tag = "admin",
    params(("messageId" = String, Path)), responses((status = 200, body = Journey))
)]
pub async fn trace(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
) -> Answer {
    let unknown = || {
        let message = format!(
            "No node remembers this message: each keeps the ways of the last {MOST_JOURNEYS} that came by."
        );
        Refusal::new(Code::NotFound, message)
    };
    let message = MessageId::parse(&id).map_err(|_| unknown())?.to_string();
    let asked = Question::Trace {
        message: message.clone(),
    };
    let (answers, silent) = app.peers.ask(asked).await.pick(|answer| match answer {
        peers::Answer::Trace(journey) => Some(journey),
        _ => None,
    });
    let mut journey: Option<Journey> = None;
    for (node, here) in answers {
        if let Some(here) = here {
            journey
                .get_or_insert_with(|| Journey::new(message.clone(), &here))
                .add(node, &here);
        }
    }
    let mut journey = journey.ok_or_else(unknown)?;
    journey.silent = names(silent);
    ok(&journey)
}
