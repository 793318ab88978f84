//! `join_group`, `leave_group`, `get_room_info`.

use std::sync::Arc;

use chat_domain::usecase::join::Joined;
use serde_json::Value;

use super::{
    conversation::{Conversation, answer},
    messages::group_messages,
    reply::Reply,
};
use crate::wire::{
    field::read,
    incoming::{GetRoomInfo, InGroup, JoinGroup, with_group_id},
    outgoing::{JoinedGroup, LeftGroup, RoomMembers},
    refusal::Refusal,
};

pub async fn join(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let request = read::<JoinGroup>(&with_group_id(argument))?.into_request();
    let outlet = Arc::clone(&talk.outlet);
    // Called under the room's lock: nothing else can be told in between.
    let welcome = |joined: &Joined| {
        let payload = JoinedGroup::from(joined);
        answer(reply, &payload);
        outlet.emit("joined_group_success", &payload);
        if let Some(slice) = &joined.history {
            let page = group_messages(&joined.group, slice, joined.reset);
            outlet.emit("group_messages", &page);
        }
    };
    talk.app
        .chat
        .join(&mut talk.connection, request, welcome)
        .await?;
    Ok(())
}

pub async fn leave(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let group = read::<InGroup>(&with_group_id(argument))?.group_id;
    let counts = talk.app.chat.leave(&mut talk.connection, &group).await?;
    let payload = LeftGroup::new(&group, counts);
    answer(reply, &payload);
    talk.tell("left_group_success", &payload);
    Ok(())
}

pub async fn info(
    talk: &mut Conversation,
    argument: Value,
    reply: &mut Option<Reply>,
) -> Result<(), Refusal> {
    let request = read::<GetRoomInfo>(&argument)?;
    let user = &talk.connection.user.id;
    let after = request.cursor.map(|cursor| cursor.0);
    let listed = talk.app.config.rooms.online_members_listed;
    let limit = request
        .limit
        .map_or(listed, |limit| limit.get().min(listed));
    let members = talk
        .app
        .chat
        .room_info(user, &request.group_id, after.as_ref(), limit)
        .await?;
    let payload = RoomMembers::from(&members);
    answer(reply, &payload);
    talk.tell("room_members_update", &payload);
    Ok(())
}
