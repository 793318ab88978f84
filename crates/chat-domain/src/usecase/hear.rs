//! What this node and the others tell: the one place where it takes effect here.

use std::{
    collections::HashSet,
    slice,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    chore::Chore,
    id::{GroupId, UserId},
    message::Message,
    news::{News, Notice, Removal},
    ports::Listener,
    presence::Seat,
    room::Room,
    service::{Shared, TOLD_AFTER},
    user::UserName,
};

use super::Chat;

impl Listener for Chat {
    fn hear(&self, notice: Notice) {
        match notice {
            Notice::Presence(change) => {
                let (group, now) = (change.group.clone(), self.now());
                self.rooms
                    .with(&group, now, |room, tell| room.presence(change, now, tell));
            }
            Notice::Committed(message) => {
                self.heard_committed(&message);
            }
            // The room reads what it was not told.
            Notice::Grown(group, head) => self.notice_head(&group, head),
            Notice::TypingStarted(group, user, name) => {
                let now = self.now();
                self.rooms.with(&group, now, |room, tell| {
                    room.typing_started(&user, &name, None, now, tell)
                });
            }
            Notice::TypingStopped(group, user) => {
                self.rooms.with(&group, self.now(), |room, tell| {
                    room.typing_stopped(&user, tell)
                });
            }
            Notice::GroupChanged(group) => self.ports.sockets.tell(&News::GroupUpdated(group)),
            Notice::GroupDeleted(group) => self.heard_deleted(&group),
            Notice::MemberAdded(addition) => {
                let group = slice::from_ref(&addition.group);
                self.followers.added(&addition.user, group, self.now());
                self.ports.sockets.tell(&News::AddedToGroup(addition));
            }
            Notice::RoleChanged(group, user, role) => {
                self.memberships.forget(&group, &user);
                self.ports
                    .sockets
                    .tell(&News::MemberUpdated { group, user, role });
            }
            Notice::MemberRemoved(group, user) => {
                self.memberships.forget(&group, &user);
                self.evict(&group, user, Removal::Removed);
            }
            Notice::Read(group, user, mark) => {
                self.ports.sockets.tell(&News::Unread { user, group, mark });
            }
            Notice::Stirred(group) => self.note_unread(&group),
            Notice::SessionsEnded(user) => self.ports.sockets.end_all(&user),
            Notice::TokenRevoked(revocation) => self.ports.sockets.refuse_token(&revocation),
            Notice::Displaced(user, socket) => self.ports.sockets.end(&user, &socket),
        }
    }

    fn missed(&self) {
        self.memberships.forget_all();
        self.followers.forget_who_is_gone();
        self.rooms.with_each(self.now(), |room, _| room.doubt());
        self.doubt_unread();
        if !self.compares.swap(true, Ordering::Relaxed) {
            self.ports.agenda.note(Chore::Compare, Duration::ZERO);
        }
    }

    fn missed_in(&self, group: &GroupId) {
        self.rooms.with(group, self.now(), |room, _| room.doubt());
    }

    fn lost(&self, shared: Shared) {
        self.note_reach(shared, true);
    }

    fn restored(&self, shared: Shared) {
        self.note_reach(shared, false);
        if shared == Shared::Bus {
            self.missed();
        }
    }
}

impl Chat {
    /// Lets a notice take effect here and on the other nodes.
    pub(super) fn everywhere(&self, notice: Notice) {
        self.ports.bus.publish(notice.clone());
        self.hear(notice);
    }

    /// Returns whether the author may have a mark as typing that has to go.
    pub(super) fn heard_committed(&self, message: &Arc<Message>) -> bool {
        let now = self.now();
        let typed = self.rooms.with(&message.group, now, |room, tell| {
            room.committed(Arc::clone(message), now, tell)
        });
        self.note_unread(&message.group);
        typed.unwrap_or(true)
    }

    fn note_reach(&self, shared: Shared, is_lost: bool) {
        let now = self.now();
        // One change after the other: what is told last is what is.
        let mut reach = self.reach();
        if !reach.note(shared, is_lost, now) {
            return;
        }
        match shared {
            Shared::Presence => self.rooms.freeze(is_lost, now),
            Shared::Bus => self.memberships.set_alone(is_lost),
        }
        let delay = if reach.status().is_full() {
            Duration::ZERO
        } else {
            TOLD_AFTER
        };
        self.ports.agenda.note(Chore::TellService, delay);
    }

    pub(super) fn tell_service(&self) {
        let mut reach = self.reach();
        if let Some(status) = reach.news() {
            self.ports.sockets.tell(&News::Service(status));
        }
    }

    fn heard_deleted(&self, group: &GroupId) {
        self.memberships
            .forget_groups(&HashSet::from([group.clone()]));
        let mut users = self
            .rooms
            .look(group, Room::seated_users)
            .unwrap_or_default();
        users.extend(self.followers.of(group));
        users.sort_unstable();
        users.dedup();
        for user in users {
            self.evict(group, user, Removal::GroupDeleted);
        }
    }

    /// Takes a user's sockets out of the room at once; the store is told right after.
    fn evict(&self, group: &GroupId, user: UserId, reason: Removal) {
        let sockets = self.rooms.with(group, self.now(), |room, tell| {
            let sockets = room.evict(&user, tell);
            for socket in &sockets {
                self.ports.sockets.dismiss(socket, group);
            }
            sockets
        });
        let sockets = sockets.unwrap_or_default();
        // Several nodes may find the same removal, and each of them says so.
        let is_news = self.followers.removed(group, &user) || !sockets.is_empty();
        for socket in sockets {
            // The store knows the name; what leaves needs none.
            let (group, name, user) = (group.clone(), UserName::of_id(&user), user.clone());
            let seat = Seat {
                group,
                user,
                name,
                socket,
            };
            self.ports.agenda.note(Chore::Vacate(seat), Duration::ZERO);
        }
        if is_news {
            let group = group.clone();
            self.ports.sockets.tell(&News::RemovedFromGroup {
                group,
                user,
                reason,
            });
        }
    }
}
