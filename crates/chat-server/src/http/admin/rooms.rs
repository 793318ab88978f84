use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use axum::extract::State;
use chat_domain::id::{GroupId, NodeId, UserId};

use super::super::{
    answer::{Answer, ok},
    body::{Parameters, Segments, group_id},
    caller::Administrator,
};
use crate::{
    app::App,
    wire::{
        admin::{
            names,
            rooms::{Room, RoomDetail, RoomPlace, Rooms, RoomsPage},
        },
        cursor::encode,
        field::Problem,
        incoming::MembersPage,
        peers::{self, Question, RoomHere, RoomSort, RoomsAsked},
        refusal::{Code, Refusal},
    },
};

/// The rooms that somebody is in, over all nodes.
#[utoipa::path(
    get, path = "/api/v1/admin/rooms", operation_id = "list_rooms", tag = "admin", params(RoomsPage),
    responses((status = 200, body = Rooms))
)]
pub async fn list(
    _: Administrator,
    State(app): State<Arc<App>>,
    Parameters(page): Parameters<RoomsPage>,
) -> Answer {
    let (limit, sort) = (
        page.limit.unwrap_or_default().get(),
        page.sort.unwrap_or_default(),
    );
    let after = page.cursor.map(|cursor| cursor.0);
    if after.as_ref().is_some_and(|place| place.sort != sort) {
        return Err(Problem::new("cursor", "is one of a list that is sorted otherwise").into());
    }
    let asked = RoomsAsked {
        sort,
        after: after.map(|place| (place.key, place.group.to_string())),
        prefix: page
            .prefix
            .map_or_else(String::new, |prefix| prefix.0.to_string()),
        limit: limit + 1,
    };
    let replies = app.peers.ask(Question::Rooms(asked)).await;
    let (lists, silent) = replies.pick(|answer| match answer {
        peers::Answer::Rooms(rooms) => Some(rooms),
        _ => None,
    });
    let mut rooms = merged(lists, sort);
    let goes_on = rooms.len() > limit;
    rooms.truncate(limit);
    let last = rooms.last().filter(|_| goes_on);
    let next_cursor = last.and_then(|(key, room)| {
        let group = GroupId::parse(&room.group_id).ok()?;
        let key = *key;
        Some(encode(&RoomPlace { sort, key, group }))
    });
    ok(&Rooms {
        items: rooms.into_iter().map(|(_, room)| room).collect(),
        next_cursor,
        silent: names(silent),
    })
}

/// One room that somebody is in, with who that is.
#[utoipa::path(
    get, path = "/api/v1/admin/rooms/{groupId}", operation_id = "get_room", tag = "admin",
    params(("groupId" = String, Path), MembersPage), responses((status = 200, body = RoomDetail))
)]
pub async fn show(
    _: Administrator,
    State(app): State<Arc<App>>,
    Segments(id): Segments<String>,
    Parameters(page): Parameters<MembersPage>,
) -> Answer {
    let replies = app
        .peers
        .ask(Question::Room {
            group: group_id(&id)?.to_string(),
            after: page.cursor.map(|cursor| cursor.0.to_string()),
            limit: page.limit.unwrap_or_default().get(),
        })
        .await;
    let (answers, silent) = replies.pick(|answer| match answer {
        peers::Answer::Room(room) => Some(room),
        _ => None,
    });
    let found = answers
        .into_iter()
        .filter_map(|(node, inside)| inside.map(|inside| (node, inside)));
    let mut detail: Option<RoomDetail> = None;
    for (node, inside) in found {
        match &mut detail {
            None => {
                let next = inside.next.and_then(|next| UserId::parse(&next).ok());
                detail = Some(RoomDetail {
                    room: Room::new(node, inside.room),
                    online: inside.online,
                    next_cursor: next.map(|next| encode(&next)),
                    silent: Vec::new(),
                });
            }
            Some(detail) => detail.room.add(node, inside.room),
        }
    }
    let nobody = || Refusal::new(Code::NotFound, "Nobody is in that room.");
    let mut detail = detail.ok_or_else(nobody)?;
    detail.silent = names(silent);
    ok(&detail)
}

/// Each room once, sorted, with what it is sorted by.
fn merged(lists: Vec<(NodeId, Vec<RoomHere>)>, sort: RoomSort) -> Vec<(u64, Room)> {
    let mut rooms: HashMap<String, (u64, Room)> = HashMap::new();
    for (node, list) in lists {
        for here in list {
            let key = here.key(sort);
            match rooms.get_mut(&here.group) {
                Some((highest, room)) => {
                    *highest = key.max(*highest);
                    room.add(node, here);
                }
                None => {
                    rooms.insert(here.group.clone(), (key, Room::new(node, here)));
                }
            }
        }
    }
    let mut rooms: Vec<_> = rooms.into_values().collect();
    rooms.sort_unstable_by(|(one, a), (other, b)| {
        (Reverse(one), &a.group_id).cmp(&(Reverse(other), &b.group_id))
    });
    rooms
}
