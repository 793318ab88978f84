//! Who is in the room: the view of it, told as joins, leaves and lists.

use crate::{
    delivery::RETRY,
    id::{GroupId, UserId},
    news::{News, RoomMembers},
    presence::{Counts, PresenceChange, RoomSnapshot, Seat, Transition, Version},
    time::Timestamp,
};

use super::Room;

impl Room {
    /// The store changed the room.
    pub fn presence(&mut self, change: PresenceChange, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let (transition, changed) = self.view.apply(change);
        if changed {
            self.tell_transitions(transition, now, tell);
        }
    }

    /// A socket of this node is about to come into the store.
    pub fn arriving(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.arriving(seat);
        self.tell_own(transition, now, tell);
    }

    /// The store was told of it.
    pub fn arrived(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.arrived(seat);
        self.tell_own(transition, now, tell);
    }

    /// Whether a socket of this node is in the store, or on its way there.
    #[must_use]
    pub fn knows(&self, seat: &Seat) -> bool {
        self.view.knows(&seat.user, &seat.socket)
    }

    /// A socket of this node is about to leave the store.
    pub fn departing(&mut self, seat: &Seat, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let transition = self.view.departing(&seat.user, &seat.socket);
        self.tell_own(transition, now, tell);
    }

    /// The store is away: from now on only what this node's sockets do is shown.
    pub fn freeze(&mut self, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let counts = self.view.counts();
        let transitions = self.view.freeze();
        if self.view.counts() != counts || !transitions.is_empty() {
            self.tell_transitions(transitions, now, tell);
        }
    }

    /// The store is back: it is read next.
    pub fn thaw(&mut self) {
        self.view.thaw();
        self.snapshot_at = None;
    }

    /// Notices may have been lost: the store and the database are read next.
    pub fn doubt(&mut self) {
        self.view.doubt();
    }

    /// The store has the room at that version.
    pub fn notice_version(&mut self, stored: Version) {
        self.view.notice_version(stored);
    }

    /// The store was read. It may know of joins and leaves that were not heard of.
    pub fn refresh(&mut self, snapshot: RoomSnapshot, now: Timestamp, tell: &mut dyn FnMut(News)) {
        let (version, counts) = (self.view.version(), self.view.counts());
        // A new version with the same users is a change too: one socket came and another one went. But after the
        // store was away, all versions are new.
        let counts_versions = !self.view.was_frozen();
        let transitions = self.view.refresh(snapshot);
        self.snapshot_at = None;
        let is_new = counts_versions && self.view.version() != version;
        if is_new || self.view.counts() != counts || !transitions.is_empty() {
            self.tell_transitions(transitions, now, tell);
        }
    }

    /// Whether the store has to be read now, because the view is in doubt. It is due again after
    /// [`RETRY`], so that one read is in flight.
    pub fn snapshot_due(&mut self, now: Timestamp) -> bool {
        let due = self.view.is_in_doubt() && self.snapshot_at.is_none_or(|at| at <= now);
        if due {
            self.snapshot_at = Some(now + RETRY);
        }
        due
    }

    /// Whether the store has to be read before anybody is let in.
    #[must_use]
    pub fn wants_snapshot(&self) -> bool {
        self.view.wants_snapshot()
    }

    /// Whether the room shows who is in it. While its view is in doubt it shows what its sockets were
    /// told: whoever asks must not know more than the joins and leaves that follow will tell.
    #[must_use]
    pub fn shows_users(&self) -> bool {
        self.view.was_read()
    }

    /// Whether the user is in the room, at any node.
    #[must_use]
    pub fn shows(&self, user: &UserId) -> bool {
        self.view.shows(user)
    }

    /// How many are in the room, over all nodes.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.view.counts()
    }

    /// The room's users after `after`, in the order of their ids.
    #[must_use]
    pub fn members(&self, after: Option<&UserId>, limit: usize) -> RoomMembers {
        list_members(
            self.group.clone(),
            self.view.users(after),
            self.counts(),
            limit,
        )
    }

    pub(super) fn tell_members(&mut self, tell: &mut dyn FnMut(News)) {
        self.members_update_at = None;
        tell(News::MembersUpdate(
            self.members(None, self.policy.online_members_listed),
        ));
    }

    /// What this node's own sockets change without the store, or before it says so.
    fn tell_own(
        &mut self,
        transition: Option<Transition>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        // Without a store each socket counts.
        if transition.is_some() || self.view.is_frozen() {
            self.tell_transitions(transition, now, tell);
        }
    }

    fn tell_transitions(
        &mut self,
        transitions: impl IntoIterator<Item = Transition>,
        now: Timestamp,
        tell: &mut dyn FnMut(News),
    ) {
        let was_large = self.is_large;
        self.switch_size(tell);
        let quiet = was_large || self.is_large;
        for transition in transitions {
            if let Transition::Left(user, _) = &transition {
                self.typing_stopped(user, tell);
            }
            if !quiet {
                tell(self.announcement(transition));
            }
        }
        if was_large != self.is_large {
            self.tell_members(tell);
        }
        // Also after a switch: whoever caused it by coming is not seated yet.
        self.update_members_soon(now);
    }

    pub(super) fn update_members_soon(&mut self, now: Timestamp) {
        self.members_update_at
            .get_or_insert(now + self.policy.members_update_interval);
    }

    /// Large above the limit, until fewer than 90 % of it are here (contract, Large rooms).
    fn switch_size(&mut self, tell: &mut dyn FnMut(News)) {
        let Some(limit) = self.policy.large else {
            return;
        };
        let members = self.counts().members;
        if self.is_large {
            self.is_large = members * 10 >= limit * 9;
        } else if members > limit {
            self.is_large = true;
            for user in self.typing.clear() {
                tell(self.stopped(user));
            }
        }
    }

    fn announcement(&self, transition: Transition) -> News {
        let (group, member_count) = (self.group.clone(), self.counts().members);
        match transition {
            Transition::Joined(user, name) => News::UserJoined {
                group,
                user,
                name,
                member_count,
            },
            Transition::Left(user, name) => News::UserLeft {
                group,
                user,
                name,
                member_count,
            },
        }
    }
}

/// Lists the first of these users, at most `limit`.
#[must_use]
pub fn list_members<'a>(
    group: GroupId,
    mut users: impl Iterator<Item = &'a UserId>,
    counts: Counts,
    limit: usize,
) -> RoomMembers {
    let online: Vec<UserId> = users.by_ref().take(limit).cloned().collect();
    let next = users.next().and(online.last().cloned());
    RoomMembers {
        group,
        online,
        counts,
        next,
    }
}
