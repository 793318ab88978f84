//! What falls due: timers of rooms, gaps, doubts, and the check that nothing was missed.

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use crate::{
    chore::Chore,
    delivery::RETRY,
    id::{GroupId, Seq, UserId},
    news::Notice,
    ports::PortResult,
    presence::Seat,
    room::{Departure, Room},
    time::Timestamp,
};

use super::Chat;

/// How many messages one read of a gap brings.
const REPAIR_PAGE: usize = 500;

/// How many groups are asked for their heads at once.
const HEADS_PAGE: usize = 1_000;

/// How many users are looked up among the members at once.
const MEMBERS_PAGE: usize = 1_000;

impl Chat {
    /// Does one thing that the agenda held.
    ///
    /// # Errors
    /// A store could not be asked. The chore has been noted again.
    pub async fn perform(&self, chore: Chore) -> PortResult<()> {
        match &chore {
            Chore::TendRoom(group, at) => return self.tend_room(group, *at).await,
            Chore::CountUnread(group) => self.count_unread(group).await,
            Chore::Vacate(seat) => self.vacate_evicted(seat).await,
            Chore::TellStirred => {
                self.tell_stirred();
                Ok(())
            }
            Chore::TellService => {
                self.tell_service();
                Ok(())
            }
            Chore::Compare => self.compare().await,
        }
        .inspect_err(|_| self.ports.agenda.note(chore.clone(), RETRY))
    }

    async fn compare(&self) -> PortResult<()> {
        self.compares.store(false, Ordering::Relaxed);
        self.compare_heads().await?;
        self.compare_members().await
    }

    /// Compares what the rooms here were told with the database: a hint may have been lost.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn compare_heads(&self) -> PortResult<()> {
        for groups in self.rooms.open().chunks(HEADS_PAGE) {
            for (group, head) in self.ports.log.heads(groups).await? {
                self.notice_head(&group, head);
                self.repair(&group).await?;
            }
        }
        Ok(())
    }

    /// Compares who is in the rooms here with the members in the database: another program may have changed
    /// them (contract, section 1, Membership revoked).
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn compare_members(&self) -> PortResult<()> {
        let seated = self.rooms.open().into_iter().flat_map(|group| {
            let users = self.rooms.look(&group, Room::seated_users);
            let users = users.unwrap_or_default().into_iter();
            users.map(move |user| (group.clone(), user))
        });
        let seated: Vec<(GroupId, UserId)> = seated.collect();
        for pairs in seated.chunks(MEMBERS_PAGE) {
            let members = self.ports.memberships.among(pairs).await?;
            if members.len() == pairs.len() {
                continue;
            }
            let members: HashSet<_> = members.into_iter().collect();
            for (group, user) in pairs.iter().filter(|pair| !members.contains(pair)) {
                self.strike_out(group, user).await?;
            }
        }
        Ok(())
    }

    /// Another program removed a member, or the whole group.
    async fn strike_out(&self, group: &GroupId, user: &UserId) -> PortResult<()> {
        let exists = self.ports.log.head(group).await?.is_some();
        self.everywhere(if exists {
            Notice::MemberRemoved(group.clone(), user.clone())
        } else {
            Notice::GroupDeleted(group.clone())
        });
        Ok(())
    }

    pub(super) fn notice_head(&self, group: &GroupId, head: Seq) {
        let now = self.now();
        self.rooms.with(group, now, |room, tell| {
            // A room that is being opened learns its head from whoever opens it.
            if !room.is_empty() {
                room.notice_head(head, now, tell);
            }
        });
    }

    async fn tend_room(&self, group: &GroupId, at: Timestamp) -> PortResult<()> {
        if !self.rooms.chore_begun(group, at) {
            return Ok(());
        }
        let now = self.now();
        let in_doubt = self.rooms.with(group, now, |room, tell| {
            room.tick(now, tell);
            room.snapshot_due(now)
        });
        if in_doubt == Some(true) {
            let snapshot = self.ports.presence.snapshot(group).await?;
            let now = self.now();
            self.rooms
                .with(group, now, |room, tell| room.refresh(snapshot, now, tell));
        }
        self.repair(group).await
    }

    /// Reads what is missing in the room, if that is due.
    pub(super) async fn repair(&self, group: &GroupId) -> PortResult<()> {
        let mut due = self.repair_due(group);
        while let Some(after) = due {
            let slice = self.ports.log.after(group, after, REPAIR_PAGE).await?;
            let through = slice
                .messages
                .last()
                .map_or(after, |message| message.updated_seq);
            let messages = slice.messages.into_iter().map(Arc::new).collect();
            let now = self.now();
            self.rooms.with(group, now, |room, tell| {
                room.repaired(messages, through, now, tell);
            });
            // Their notices may not have come, and with them the reason to count.
            self.note_unread(group);
            due = slice.more.then_some(through);
        }
        Ok(())
    }

    fn repair_due(&self, group: &GroupId) -> Option<Seq> {
        let now = self.now();
        self.rooms
            .with(group, now, |room, _| room.repair_due(now))
            .flatten()
    }

    async fn vacate_evicted(&self, seat: &Seat) -> PortResult<()> {
        self.vacate(seat, Departure::Gone).await?;
        let now = self.now();
        let visit = self.rooms.visit(&seat.group, now);
        visit.with(now, |room, _| room.departed(&seat.socket));
        Ok(())
    }
}
