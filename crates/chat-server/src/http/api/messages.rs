use std::{future::Future, sync::Arc, time::SystemTime};

use axum::{extract::State, http::HeaderMap};
use chat_domain::{
    message::ClientMessageId,
    usecase::{
        history::From as ReadFrom,
        send::{SendError, Sent},
    },
};
use tracing::Instrument;

use super::super::{
    answer::{Answer, HttpRefusal, created, ok},
    body::{Body, Parameters, Segments, group_id},
    caller::Caller,
};
use crate::{
    app::App,
    wire::{
        field::Problem,
        incoming::{HistoryPage, NewMessage, ReadUpTo},
        record::{History, Message, ReadState, older},
        refusal::{Code, Refusal},
    },
};

/// A page of the group's history.
#[utoipa::path(
    get, path = "/api/v1/groups/{groupId}/messages", operation_id = "list_messages", tag = "messages",
    params(("groupId" = String, Path), HistoryPage),
    responses((status = 200, body = History<'static>))
)]
pub async fn list(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
    Parameters(page): Parameters<HistoryPage>,
) -> Answer {
    let (from, limit) = (page.from()?, page.limit.unwrap_or_default().get());
    let slice = app
        .chat
        .history(&user.id, &group_id(&id)?, from, limit)
        .await?;
    let backwards = !matches!(from, ReadFrom::After(_));
    ok(&History {
        items: slice.messages.iter().map(Message::from).collect(),
        has_next_page: slice.more,
        next_cursor: older(&slice, backwards),
    })
}

/// Send without being in the room. The same `clientMessageId` again answers 200 with the first message.
#[utoipa::path(
    post, path = "/api/v1/groups/{groupId}/messages", operation_id = "send_message", tag = "messages",
    params(("groupId" = String, Path), ("Idempotency-Key" = Option<String>, Header, description = "instead of `clientMessageId`")),
    request_body = NewMessage,
    responses((status = 201, body = Message<'static>), (status = 200, body = Message<'static>, description = "sent before"))
)]
pub async fn send(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let mut message = body.read::<NewMessage>()?;
    if message.client_message_id.is_none() {
        message.client_message_id = idempotency_key(&headers)?;
    }
    let what = message.into_composition(app.config.limits.message_chars)?;
    let group = group_id(&id)?;
    let (begun, traces) = (SystemTime::now(), Arc::clone(&app.traces));
    let sent = to_the_end(async move { app.chat.post(&user, &group, what).await }).await?;
    traces.sent(&sent, "POST message", begun);
    answer(&sent)
}

/// Mark everything up to there as read.
#[utoipa::path(
    post, path = "/api/v1/groups/{groupId}/read", tag = "messages", params(("groupId" = String, Path)),
    request_body = ReadUpTo, responses((status = 200, body = ReadState))
)]
pub async fn mark_read(
    State(app): State<Arc<App>>,
    Caller(user): Caller,
    Segments(id): Segments<String>,
    body: Body,
) -> Answer {
    let seq = body.read::<ReadUpTo>()?.seq;
    let mark = app.chat.mark_read(&user.id, &group_id(&id)?, seq).await?;
    ok(&ReadState::from(mark))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<ClientMessageId>, HttpRefusal> {
    let problem = |what: String| HttpRefusal::from(Problem::new("Idempotency-Key", what));
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().map_err(|error| problem(error.to_string()))?;
    ClientMessageId::parse(text)
        .map(Some)
        .map_err(|error| problem(error.to_string()))
}

/// Goes on when the caller hangs up: what is stored is also told.
pub async fn to_the_end(
    sending: impl Future<Output = Result<Sent, SendError>> + Send + 'static,
) -> Result<Sent, HttpRefusal> {
    let crashed = |_| Refusal::new(Code::InternalError, "Something went wrong in the server.");
    let sending = tokio::spawn(sending.in_current_span());
    Ok(sending.await.map_err(crashed)??)
}

/// 201, or 200 if it was sent before.
pub fn answer(sent: &Sent) -> Answer {
    let message = Message::from(&*sent.message);
    if sent.is_duplicate {
        ok(&message)
    } else {
        created(&message)
    }
}
