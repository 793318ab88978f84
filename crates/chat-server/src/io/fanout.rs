//! Telling the sockets of this node: the rules' port to the engine.
//!
//! Each payload is serialised once. Nothing here waits: a packet goes to each socket's own [`outlet`].

use std::sync::Arc;

use chat_domain::{
    id::{GroupId, SocketId, UserId},
    news::{Audience, News},
    ports::{Clock, Sockets},
    revocation::Revocation,
};
use serde::Serialize;
use socketioxide::{SocketIo, extract::SocketRef, operators::BroadcastOperators, socket::Sid};

use super::outlet;
use crate::app::{closing::Closing, connections::Connections, gauges};
use crate::auth::RefusedTokens;
use crate::wire::{
    outgoing::{
        AddedToGroup, GroupUpdated, MemberUpdated, RemovedFromGroup, RoomMembers, ServiceStatus,
        UnreadUpdate, UserMoved, UserStoppedTyping, UserTyping,
    },
    record::Message,
};

/// Every socket is in this room, from its `session` on.
pub(super) const EVERYBODY: &str = "everybody";

/// The sockets of this node.
pub struct Fanout {
    io: SocketIo,
    connections: Arc<Connections>,
    refused: Arc<RefusedTokens>,
    clock: Arc<dyn Clock>,
}

impl Fanout {
    pub(super) fn new(
        io: SocketIo,
        connections: Arc<Connections>,
        refused: Arc<RefusedTokens>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            io,
            connections,
            refused,
            clock,
        }
    }

    fn emit<T: Serialize>(&self, audience: Audience<'_>, event: &str, payload: &T) {
        // When the server stops, the namespace goes first.
        let Some(everybody) = self.io.of("/") else {
            return;
        };
        let Some(payload) = outlet::write(event, payload) else {
            return;
        };
        for socket in whom(everybody, audience).sockets() {
            outlet::emit_written(&socket, event, &payload);
        }
    }

    fn socket(&self, socket: &SocketId) -> Option<SocketRef> {
        let id: Sid = socket.reveal().parse().ok()?;
        self.io.of("/")?.get_socket(id)
    }
}

impl Sockets for Fanout {
    fn tell(&self, news: &News) {
        let whom = news.audience();
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
                self.emit(whom, "user_joined_group", &payload);
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
                self.emit(whom, "user_left_group", &payload);
            }
            News::MembersUpdate(members) => {
                self.emit(whom, "room_members_update", &RoomMembers::from(members));
            }
            News::TypingStarted { group, user, name } => {
                let (group_id, user_id, user_name) = (group.as_str(), user.as_str(), name.as_str());
                self.emit(
                    whom,
                    "user_typing",
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
                    "user_stopped_typing",
                    &UserStoppedTyping { group_id, user_id },
                );
            }
            News::Message(message) => {
                self.emit(whom, "message_received", &Message::from(&**message));
            }
            News::GroupUpdated(group) => {
                self.emit(whom, "group_updated", &GroupUpdated::from(&**group));
            }
            News::MemberUpdated { group, user, role } => {
                let (group_id, user_id, role) = (group.as_str(), user.as_str(), role.as_str());
                self.emit(
                    whom,
                    "member_updated",
                    &MemberUpdated {
                        group_id,
                        user_id,
                        role,
                    },
                );
            }
            News::AddedToGroup(addition) => {
                self.emit(whom, "added_to_group", &AddedToGroup::from(&**addition));
            }
            News::RemovedFromGroup { group, reason, .. } => {
                self.emit(
                    whom,
                    "removed_from_group",
                    &RemovedFromGroup::new(group, *reason),
                );
            }
            News::Unread { group, mark, .. } => {
                let (group_id, state) = (group.as_str(), (*mark).into());
                self.emit(whom, "unread_update", &UnreadUpdate { group_id, state });
            }
            News::Service(status) => {
                let status = ServiceStatus::from(status);
                gauges::service(&status);
                self.emit(whom, "service_status", &status);
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
    format!("group:{group}")
}

/// Every socket of a user is in this room.
pub(super) fn user_room(user: &UserId) -> String {
    format!("user:{user}")
}
