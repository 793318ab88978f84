//! `send_message`, `get_group_messages`, `mark_read`.

use std::time::SystemTime;

use chat_domain::{id::GroupId, ports::Slice, usecase::history::From as ReadFrom};
use serde_json::Value;

use super::{
    conversation::{Conversation, answer},
    reply::Reply,
};
use crate::wire::{
    incoming::{GetGroupMessages, MarkRead, SendMessage},
    outgoing::GroupMessages,
    record::{Message, ReadState, older},
    refusal::Refusal,
};

pub async fn send(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let SendMessage { group, what } =
        SendMessage::read(&argument, talk.app.config.limits.message_chars)?;
    let begun = SystemTime::now();
    let sent = talk.app.chat.send(&talk.connection, &group, what).await?;
    talk.app.traces.sent(&sent, "send_message", begun);
    if let Some(reply) = reply.take() {
        let message = Message::from(&*sent.message);
        if sent.is_duplicate {
            reply.done_before(&message);
        } else {
            reply.done(&message);
        }
    }
    Ok(())
}

pub async fn history(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let GetGroupMessages { group, page } = GetGroupMessages::read(&argument)?;
    let (from, limit) = (page.from()?, page.limit.unwrap_or_default().get());
    let slice = talk
        .app
        .chat
        .history(&talk.connection.user.id, &group, from, limit)
        .await?;
    let payload = group_messages(&group, &slice, !matches!(from, ReadFrom::After(_)));
    answer(reply, &payload);
    talk.tell("group_messages", &payload);
    Ok(())
}

pub async fn mark_read(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let MarkRead { group, seq } = MarkRead::read(&argument)?;
    let mark = talk
        .app
        .chat
        .mark_read(&talk.connection.user.id, &group, seq)
        .await?;
    answer(reply, &ReadState::from(mark));
    Ok(())
}

/// A page of a history; read backwards it has a cursor that leads to older messages.
pub fn group_messages<'a>(
    group: &'a GroupId,
    slice: &'a Slice,
    backwards: bool,
) -> GroupMessages<'a> {
    GroupMessages {
        group_id: group.as_str(),
        messages: slice.messages.iter().map(Message::from).collect(),
        has_next_page: slice.more,
        next_cursor: older(slice, backwards),
    }
}
