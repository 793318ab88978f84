//! Telling the sockets of this node: the rules' port to the engine.
//!
//! Each payload is serialised once. Nothing here waits: a packet goes to each socket's own [`outlet`].

use std::{sync::Arc, time::SystemTime};

use chat_domain::{
    delivery::Source,
    id::{GroupId, SocketId, UserId},
    message as domain,
    news::{Audience, News, Removal},
    ports::{Clock, Sockets},
    revocation::Revocation,
};
use opentelemetry::KeyValue;
use serde::Serialize;
use socketioxide::{SocketIo, extract::SocketRef, operators::BroadcastOperators, socket::Sid};

use super::outlet;
use crate::wire::{
    outgoing::{
        AddedToGroup, GroupUpdated, MemberUpdated, RemovedFromGroup, RoomMembers, ServiceStatus,
        UnreadUpdate, UserMoved, UserStoppedTyping, UserTyping,
    },
    record::Message,
};
use crate::{
    app::{closing::Closing, connections::Connections},
    auth::RefusedTokens,
    lately::Lately,
    metrics::{
        service,
        told::{Tale, Told},
    },
    traces::{Step, Traces},
};

/// Every socket is in this room, from its `session` on.
pub(super) const EVERYBODY: &str = "everybody";

/// What the names of rooms of groups begin with.
const GROUP: &str = "group:";

/// The sockets of this node.
pub struct Fanout {
    io: SocketIo,
    connections: Arc<Connections>,
    refused: Arc<RefusedTokens>,
    clock: Arc<dyn Clock>,
    told: Told,
    traces: Arc<Traces>,
    lately: Arc<Lately>,
}

impl Fanout {
    pub(super) fn new(
        io: SocketIo,
        connections: Arc<Connections>,
        refused: Arc<RefusedTokens>,
        clock: Arc<dyn Clock>,
        traces: Arc<Traces>,
        lately: Arc<Lately>,
    ) -> Self {
        Self {
            io,
            connections,
            refused,
            clock,
            told: Told::new(),
            traces,
            lately,
        }
    }

    /// Returns to how many sockets it went.
    fn emit<T: Serialize>(&self, audience: Audience<'_>, tale: &Tale, payload: &T) -> usize {
        // When the server stops, the namespace goes first.
        let Some(everybody) = self.io.of("/") else {
            return 0;
        };
        let Some(payload) = outlet::write(tale.event, payload) else {
            return 0;
        };
        let sockets = whom(everybody, audience).sockets();
        for socket in &sockets {
            outlet::emit_written(socket, tale.event, &payload);
        }
        tale.told(sockets.len() as u64);
        self.lately.told(sockets.len());
        sockets.len()
    }

    fn deliver(&self, message: &domain::Message, source: Source) {
        let journey = self.traces.of(message.id);
        let begun = journey.map(|journey| (journey, SystemTime::now()));
        let audience = Audience::Room(&message.group);
        let sockets = self.emit(audience, &self.told.message, &Message::from(message));
        let after = self.clock.now().since(message.created_at);
        self.told.delivered(after);
        self.lately.delivered(message, sockets, source, after);
        if let Some((journey, from)) = begun {
            let sockets = i64::try_from(sockets).unwrap_or(i64::MAX);
            journey.step(Step {
                name: "deliver",
                from,
                attributes: vec![KeyValue::new("chat.sockets", sockets)],
            });
        }
    }

    fn socket(&self, socket: &SocketId) -> Option<SocketRef> {
        let id: Sid = socket.reveal().parse().ok()?;
        self.io.of("/")?.get_socket(id)
    }
}

impl Sockets for Fanout {
    fn tell(&self, news: &News) {
        let (whom, told) = (news.audience(), &self.told);
        match news {
            News::UserJoined {
                group,
                user,
                name,
                member_count,
            } => {
                let payload = UserMoved {
                    group_id: group.as_str(),
                    user_id: user.as_str(),
                    user_name: name.as_str(),
                    member_count: *member_count,
                };
                self.emit(whom, &told.joined, &payload);
            }
            News::UserLeft {
                group,
                user,
                name,
                member_count,
            } => {
                let payload = UserMoved {
                    group_id: group.as_str(),
                    user_id: user.as_str(),
                    user_name: name.as_str(),
                    member_count: *member_count,
                };
                self.emit(whom, &told.left, &payload);
            }
            News::MembersUpdate(members) => {
                self.emit(whom, &told.members, &RoomMembers::from(members));
            }
            News::TypingStarted { group, user, name } => {
                let (group_id, user_id, user_name) = (group.as_str(), user.as_str(), name.as_str());
                self.emit(
                    whom,
                    &told.typing,
                    &UserTyping {
                        group_id,
                        user_id,
                        user_name,
                    },
                );
            }
            News::TypingStopped { group, user } => {
                let (group_id, user_id) = (group.as_str(), user.as_str());
                self.emit(
                    whom,
                    &told.stopped,
                    &UserStoppedTyping { group_id, user_id },
                );
            }
            News::Message(message, source) => {
                self.deliver(message, *source);
            }
            News::GroupUpdated(group) => {
                self.emit(whom, &told.group, &GroupUpdated::from(&**group));
            }
            News::MemberUpdated { group, user, role } => {
                let (group_id, user_id, role) = (group.as_str(), user.as_str(), role.as_str());
                self.emit(
                    whom,
                    &told.member,
                    &MemberUpdated {
                        group_id,
                        user_id,
                        role,
                    },
                );
            }
            News::AddedToGroup(addition) => {
                self.emit(whom, &told.added, &AddedToGroup::from(&**addition));
            }
            News::RemovedFromGroup { group, reason, .. } => {
                let tale = match reason {
                    Removal::Removed => &told.removed,
                    Removal::GroupDeleted => &told.deleted,
                };
                self.emit(whom, tale, &RemovedFromGroup::new(group, *reason));
            }
            News::Unread { group, mark, .. } => {
                let (group_id, state) = (group.as_str(), (*mark).into());
                self.emit(whom, &told.unread, &UnreadUpdate { group_id, state });
            }
            News::Service(status) => {
                let status = ServiceStatus::from(status);
                service::told(&status);
                self.emit(whom, &told.service, &status);
            }
        }
    }

    fn admit(&self, socket: &SocketId, group: &GroupId) {
        if let Some(socket) = self.socket(socket) {
            socket.join(group_room(group));
        }
    }

    fn dismiss(&self, socket: &SocketId, group: &GroupId) {
        if let Some(socket) = self.socket(socket) {
            socket.leave(group_room(group));
        }
    }

    fn end_all(&self, user: &UserId) {
        self.connections.close_user(user, Closing::Evicted);
    }

    fn refuse_token(&self, revocation: &Revocation) {
        if self.refused.refuse(revocation, self.clock.now()) {
            self.connections
                .close_token(&revocation.token, Closing::Evicted);
        }
    }

    fn end(&self, user: &UserId, socket: &SocketId) {
        self.connections
            .close_socket(user, socket, Closing::Evicted);
    }
}

fn whom(everybody: BroadcastOperators, audience: Audience<'_>) -> BroadcastOperators {
    match audience {
        Audience::Room(group) => everybody.to(group_room(group)),
        Audience::RoomBut(group, user) => everybody.to(group_room(group)).except(user_room(user)),
        Audience::User(user) => everybody.to(user_room(user)),
        Audience::Everybody => everybody.to(EVERYBODY),
    }
}

fn group_room(group: &GroupId) -> String {
    format!("{GROUP}{group}")
}

/// The group whose room that is, if it is one.
pub(super) fn group_of(room: &str) -> Option<&str> {
    room.strip_prefix(GROUP)
}

/// Every socket of a user is in this room.
pub(super) fn user_room(user: &UserId) -> String {
    format!("user:{user}")
}
