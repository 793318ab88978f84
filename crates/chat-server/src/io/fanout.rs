//! Telling the sockets of this node: the rules' port to the engine.
//!
//! Each packet is written once. Nothing here waits: it goes to each socket's own [`outlet`].

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
use socketioxide::socket::Sid;

use super::{outlet, packet::Packet, recipients::Recipients};
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

/// The sockets of this node.
pub struct Fanout {
    recipients: Arc<Recipients>,
    connections: Arc<Connections>,
    refused: Arc<RefusedTokens>,
    clock: Arc<dyn Clock>,
    told: Told,
    traces: Arc<Traces>,
    lately: Arc<Lately>,
}

impl Fanout {
    pub(super) fn new(
        recipients: Arc<Recipients>,
        connections: Arc<Connections>,
        refused: Arc<RefusedTokens>,
        clock: Arc<dyn Clock>,
        traces: Arc<Traces>,
        lately: Arc<Lately>,
    ) -> Self {
        Self {
            recipients,
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
        let Some(packet) = outlet::written(tale.event, Packet::event(tale.event, payload)) else {
            return 0;
        };
        let left_out = match audience {
            Audience::RoomBut(_, user) => Some(user),
            _ => None,
        };
        let mut told = 0;
        for outlet in self.recipients.of(audience).iter() {
            if left_out != Some(&outlet.user) {
                outlet.send(&packet);
                told += 1;
            }
        }
        tale.told(told as u64);
        self.lately.told(told);
        told
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
        if let Some(session) = session(socket) {
            self.recipients.enter(session, group);
        }
    }

    fn dismiss(&self, socket: &SocketId, group: &GroupId) {
        if let Some(session) = session(socket) {
            self.recipients.leave(session, group);
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

fn session(socket: &SocketId) -> Option<Sid> {
    socket.reveal().parse().ok()
}
