//! What this node answers when administrators ask all nodes.

use std::{cmp::Reverse, time::Duration};

use chat_domain::{
    id::{GroupId, MessageId, UserId},
    revocation::{Revocation, TokenId},
    time::Timestamp,
    usecase::census::RoomFigures,
};

use super::{App, closing::Closing};
use crate::wire::{
    outgoing::ServiceStatus,
    peers::{
        Answer, NodeFigures, Question, RoomHere, RoomInside, RoomSort, RoomsAsked, Sample,
        SessionsHere,
    },
    time::millis,
};

/// More connections of one user are counted and not listed.
const MOST_SESSIONS: usize = 100;

/// No page is longer, and one more says whether it goes on.
const MOST_ROOMS: usize = 101;

/// Answers for this node. Nothing here waits.
pub fn answer(app: &App, question: Question) -> Answer {
    try_answer(app, question).unwrap_or(Answer::Nothing)
}

fn try_answer(app: &App, question: Question) -> Option<Answer> {
    Some(match question {
        Question::Node => Answer::Node(node(app)),
        Question::Rooms(asked) => Answer::Rooms(rooms(app, &asked)),
        Question::Room {
            group,
            after,
            limit,
        } => {
            let group = GroupId::parse(&group).ok()?;
            let after = after.and_then(|after| UserId::parse(&after).ok());
            Answer::Room(room(app, &group, after.as_ref(), limit))
        }
        Question::Sessions { user } => {
            let (count, first) = app
                .connections
                .sessions_of(&UserId::parse(&user).ok()?, MOST_SESSIONS);
            Answer::Sessions(SessionsHere { count, first })
        }
        Question::EndSession { user, session } => {
            let user = UserId::parse(&user).ok()?;
            let closed = app
                .connections
                .close_session(&user, &session, Closing::Evicted);
            Answer::Closed(closed)
        }
        Question::EndSessions { user } => {
            let user = UserId::parse(&user).ok()?;
            Answer::Closed(app.connections.close_user(&user, Closing::Evicted))
        }
        Question::RevokeToken { token, until_ms } => {
            let token = TokenId::parse(&token).ok()?;
            let until = Timestamp::from_millis(until_ms);
            let revocation = Revocation { token, until };
            app.tokens.refused().refuse(&revocation, app.now());
            let token = &revocation.token;
            Answer::Closed(app.connections.close_token(token, Closing::Evicted))
        }
        Question::Drain { node, grace_ms } => Answer::Draining(drain(app, &node, grace_ms)),
        Question::Trace { message } => {
            Answer::Trace(app.lately.journey(MessageId::parse(&message).ok()?))
        }
        Question::Stats { since_ms } => Answer::Stats(app.lately.since(since_ms)),
    })
}

fn node(app: &App) -> NodeFigures {
    let last = app.lately.last();
    let per_second = |count: fn(&Sample) -> u64| {
        let last = last.as_ref();
        last.map_or(0.0, |last| last.per_second(count(last)))
    };
    NodeFigures {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: app.started_at.as_millis(),
        uptime_ms: millis(app.now().since(app.started_at)),
        connections: app.connections.count(),
        rooms: app.chat.census().len(),
        events_per_second: per_second(|last| last.events),
        messages_per_second: per_second(|last| last.messages),
        deliveries_per_second: per_second(|last| last.deliveries),
        degraded: degraded(app),
        is_draining: app.draining.is_cancelled(),
        resident_bytes: metrics_process::collector::collect().resident_memory_bytes,
    }
}

/// Stops this node, if it is that one. Returns how long its clients have, in milliseconds.
fn drain(app: &App, node: &str, grace_ms: Option<u64>) -> Option<u64> {
    if node != app.node.to_string() {
        return None;
    }
    match grace_ms {
        Some(grace) => app.stop_within(Duration::from_millis(grace)),
        None => app.stop(),
    }
    Some(millis(app.grace()))
}

/// What does not work as it should.
pub fn degraded(app: &App) -> Vec<String> {
    let affected = ServiceStatus::from(&app.chat.service_status()).affected;
    affected.into_iter().map(str::to_owned).collect()
}

fn rooms(app: &App, asked: &RoomsAsked) -> Vec<RoomHere> {
    let after = asked.after.as_ref();
    let after = after.map(|(key, group)| (Reverse(*key), group.as_str()));
    let all = app.chat.census();
    let named = all
        .iter()
        .filter(|room| room.group.as_str().starts_with(&asked.prefix));
    let places = named.map(|room| (Reverse(key(app, room, asked.sort)), room));
    let mut places: Vec<_> = places
        .filter(|(key, room)| after.is_none_or(|after| (*key, room.group.as_str()) > after))
        .collect();
    places.sort_unstable_by(|(one, a), (other, b)| (one, &a.group).cmp(&(other, &b.group)));
    let first = places.iter().take(asked.limit.min(MOST_ROOMS));
    first.map(|(_, room)| here(app, room)).collect()
}

/// What it is sorted by: as [`RoomHere::key`] has it.
fn key(app: &App, room: &RoomFigures, sort: RoomSort) -> u64 {
    match sort {
        RoomSort::Users => room.counts.members as u64,
        RoomSort::Sockets => room.counts.sockets as u64,
        RoomSort::Rate => app.rates.of(&room.group),
        RoomSort::Id => 0,
    }
}

fn room(app: &App, group: &GroupId, after: Option<&UserId>, limit: usize) -> Option<RoomInside> {
    let limit = limit.min(MOST_ROOMS);
    let (figures, members) = app.chat.look_into(group, after, limit)?;
    Some(RoomInside {
        room: here(app, &figures),
        online: members.online.iter().map(ToString::to_string).collect(),
        next: members.next.map(|user| user.to_string()),
    })
}

fn here(app: &App, room: &RoomFigures) -> RoomHere {
    RoomHere {
        group: room.group.to_string(),
        users: room.counts.members,
        sockets: room.counts.sockets,
        sockets_here: room.sockets_here,
        typists: room.typists,
        last_seq: room.last_seq.get(),
        rate: app.rates.of(&room.group),
    }
}
