//! What a user has not read.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use crate::{
    chore::Chore,
    id::{GroupId, Seq, UserId},
    news::{News, Notice, ReadMark},
    ports::PortResult,
    time::Timestamp,
};

use super::{Chat, history::ReadError, ripening::Left};

/// How long a group waits at least, after a message, until the other nodes are told of it: by then a node that has read
/// its user's groups before the message hears of them. It waits twice as long at most.
pub const STIRRED_FOR: Duration = Duration::from_millis(500);

/// How many groups are told of at once, and how soon the next ones follow.
const STIRRED_AT_ONCE: usize = 1_000;
const STIRRED_EVERY: Duration = Duration::from_millis(20);

/// Unread messages of a group are counted at most this often, whichever nodes they come from.
const PERIOD: Duration = Duration::from_secs(1);

impl Chat {
    /// The user has read everything up to there. Never moves back, and never past the last `seq`.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn mark_read(
        &self,
        user: &UserId,
        group: &GroupId,
        seq: Seq,
    ) -> Result<ReadMark, ReadError> {
        self.member(group, user)
            .await?
            .ok_or(ReadError::NotAMember)?;
        let marked = self.ports.marks.mark(group, user, seq).await?;
        let mark = marked.ok_or(ReadError::NotAMember)?;
        self.everywhere(Notice::Read(group.clone(), user.clone(), mark));
        Ok(mark)
    }

    /// A message was committed: connected members who are not in the room are told within a second.
    pub(super) fn note_unread(&self, group: &GroupId) {
        if self.followers.note_unread(group) {
            let delay = until_counted(group, self.now());
            self.ports
                .agenda
                .note(Chore::CountUnread(group.clone()), delay);
        }
    }

    /// A message was committed here: nodes that do not follow the room are told within a second.
    pub(super) fn note_stirred(&self, group: &GroupId) {
        if self.followers.note_stirred(group) {
            self.ports.agenda.note(Chore::TellStirred, STIRRED_FOR);
        }
    }

    pub(super) fn tell_stirred(&self) {
        let (groups, left) = self.followers.take_stirred(STIRRED_AT_ONCE);
        for group in groups {
            self.ports.bus.publish(Notice::Stirred(group));
        }
        let next = match left {
            Left::Ripe => STIRRED_EVERY,
            Left::Green => STIRRED_FOR,
            Left::Nothing => return,
        };
        self.ports.agenda.note(Chore::TellStirred, next);
    }

    /// Any message may have been committed: connected members are told of every group.
    pub(super) fn doubt_unread(&self) {
        if self.followers.doubt_all() {
            self.ports.agenda.note(Chore::RecountUnread, Duration::ZERO);
        }
    }

    /// Likewise in these groups.
    pub(super) fn doubt_unread_in(&self, groups: Vec<GroupId>) {
        if self.followers.doubt(groups) {
            self.ports.agenda.note(Chore::RecountUnread, Duration::ZERO);
        }
    }

    /// One group after the other: there may be many.
    pub(super) async fn recount_unread(&self) -> PortResult<()> {
        while let Some(group) = self.followers.take_doubtful() {
            if let Err(error) = self.count_unread(&group).await {
                // Whoever tried comes back.
                self.followers.doubt(vec![group]);
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) async fn count_unread(&self, group: &GroupId) -> PortResult<()> {
        self.followers.counting_begun(group);
        let followers = self.followers.of(group);
        let in_room = self.in_room(group, &followers).await?;
        let followers = followers.into_iter().zip(in_room);
        let absent: Vec<UserId> = followers
            .filter_map(|(user, in_room)| (!in_room).then_some(user))
            .collect();
        if absent.is_empty() {
            return Ok(());
        }
        for (user, mark) in self.ports.marks.marks(group, &absent).await? {
            let group = group.clone();
            self.ports.sockets.tell(&News::Unread { user, group, mark });
        }
        Ok(())
    }
}

/// Each group is counted once in a period, at its own moment, so that they are not counted all at once.
fn until_counted(group: &GroupId, now: Timestamp) -> Duration {
    let period = PERIOD.as_secs() * 1_000;
    let mut hasher = DefaultHasher::new();
    group.hash(&mut hasher);
    let since_last = (now.as_millis() + hasher.finish() % period) % period;
    Duration::from_millis(period - since_last)
}
