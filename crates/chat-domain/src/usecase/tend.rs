//! What falls due: timers of rooms, gaps, doubts, and the check that nothing was missed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use crate::{
    chore::Chore,
    delivery::{Cause, RETRY},
    group::Tip,
    id::{GroupId, Seq, UserId},
    news::Notice,
    ports::PortResult,
    presence::Seat,
    room::{Departure, Room},
    service::Shared,
    time::Timestamp,
};

use super::Chat;

/// How many messages one read of a gap brings.
const REPAIR_PAGE: usize = 500;

/// How many groups are asked for their heads at once.
const HEADS_PAGE: usize = 1_000;

/// How many rooms are asked for their versions at once.
const VERSIONS_PAGE: usize = 500;

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
            Chore::RecountUnread => self.recount_unread().await,
            Chore::Vacate(seat) => self.vacate_evicted(seat).await,
            Chore::TellStirred => {
                self.tell_stirred();
                Ok(())
            }
            Chore::SettleCare => {
                self.settle_care().await;
                Ok(())
            }
            Chore::EndCare => {
                self.followers.end_care();
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

    /// Compares what the rooms here were told with the database, and the seats of those whose members changed:
    /// a hint may have been lost, or nobody could give one.
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn compare_heads(&self) -> PortResult<()> {
        for groups in self.rooms.open().chunks(HEADS_PAGE) {
            let tips = self.ports.log.tips(groups).await?.into_iter().collect();
            self.compare_rosters(groups, &tips).await?;
            for (group, tip) in tips {
                self.notice_head(&group, tip.last_seq);
                self.repair(&group).await?;
            }
        }
        Ok(())
    }

    /// Compares the seats of the rooms whose group has another roster than the last time, or is gone.
    async fn compare_rosters(
        &self,
        groups: &[GroupId],
        tips: &HashMap<GroupId, Tip>,
    ) -> PortResult<()> {
        let agrees = |group: &GroupId| {
            let tip = tips.get(group)?;
            self.rooms.look(group, |room| room.agrees_with(tip.roster))
        };
        let changed = groups.iter().filter(|group| agrees(group) != Some(true));
        let changed: HashSet<GroupId> = changed.cloned().collect();
        if changed.is_empty() {
            return Ok(());
        }
        // First, so that whoever is on the way in and was looked up before that is looked up again.
        self.memberships.forget_groups(&changed);
        self.compare_seats(changed.iter().cloned()).await?;
        let now = self.now();
        for (group, tip) in tips.iter().filter(|(group, _)| changed.contains(group)) {
            self.rooms
                .with(group, now, |room, _| room.compared_with(tip.roster));
        }
        Ok(())
    }

    /// Compares who is in the rooms here with the members in the database: another program may have changed
    /// them (contract, section 1, Membership revoked).
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn compare_members(&self) -> PortResult<()> {
        self.compare_seats(self.rooms.open()).await
    }

    /// Compares what the rooms here show with the store of presence: a change may not have been heard.
    ///
    /// # Errors
    /// The store could not be asked.
    pub async fn compare_presence(&self) -> PortResult<()> {
        if self.lacks(Shared::Presence) {
            return Ok(());
        }
        for groups in self.rooms.open().chunks(VERSIONS_PAGE) {
            let versions = self.ports.presence.versions(groups).await?;
            let now = self.now();
            for (group, version) in groups.iter().zip(versions) {
                self.rooms
                    .with(group, now, |room, _| room.notice_version(version));
            }
        }
        Ok(())
    }

    async fn compare_seats(&self, groups: impl IntoIterator<Item = GroupId>) -> PortResult<()> {
        let seated = groups.into_iter().flat_map(|group| {
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

    /// Somebody removed a member, or the whole group, and nobody here heard of it.
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
        while let Some((after, cause)) = due {
            let slice = self.ports.log.after(group, after, REPAIR_PAGE).await?;
            if !slice.messages.is_empty() {
                self.ports.observer.repaired(cause, slice.messages.len());
            }
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
            due = slice.more.then_some((through, cause));
        }
        Ok(())
    }

    fn repair_due(&self, group: &GroupId) -> Option<(Seq, Cause)> {
        let now = self.now();
        let due = self.rooms.with(group, now, |room, _| {
            Some((room.repair_due(now)?, room.repair_cause()))
        });
        due.flatten()
    }

    async fn vacate_evicted(&self, seat: &Seat) -> PortResult<()> {
        self.vacate(seat, Departure::Gone).await?;
        let now = self.now();
        let visit = self.rooms.visit(&seat.group, now);
        visit.with(now, |room, _| room.departed(&seat.socket));
        Ok(())
    }
}
