//! `typing_start`, `typing_stop`.

use chat_domain::usecase::typing::TypingError;
use serde_json::Value;

use super::{conversation::Conversation, reply::Reply};
use crate::{
    metrics::refusals::rate_limited,
    wire::{
        field::read,
        incoming::InGroup,
        refusal::{Limit, Refusal},
    },
};

pub async fn start(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let group = read::<InGroup>(&argument)?.group_id;
    let started = talk
        .app
        .chat
        .start_typing(&mut talk.connection, &group)
        .await;
    unless_dropped(started, reply)
}

pub async fn stop(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let group = read::<InGroup>(&argument)?.group_id;
    let stopped = talk.app.chat.stop_typing(&talk.connection, &group).await;
    unless_dropped(stopped, reply)
}

/// Who types too often hears of it only if they asked (contract, section 2).
fn unless_dropped(
    result: Result<(), TypingError>,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    match result {
        Err(TypingError::TooMany(_)) if !reply.as_ref().is_some_and(Reply::is_awaited) => {
            reply.take();
            rate_limited(Limit::Typing);
            Ok(())
        }
        result => Ok(result?),
    }
}
