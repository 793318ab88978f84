//! Which connected users are members of which groups: whom a new message concerns who is not in the room.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::{GroupId, UserId},
    ports::PortResult,
};

use super::Chat;

/// The users who have a socket on this node, and their groups.
#[derive(Debug, Default)]
pub struct Followers {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_group: HashMap<GroupId, HashSet<UserId>>,
    by_user: HashMap<UserId, Follower>,
    /// Groups whose unread messages somebody already promised to count.
    noted: HashSet<GroupId>,
    /// Groups whose members may have been told too little.
    doubtful: HashSet<GroupId>,
    /// Groups with messages that the other nodes are to be told of.
    stirred: HashSet<GroupId>,
}

#[derive(Debug, Default)]
struct Follower {
    sockets: usize,
    /// Whether the groups were read.
    is_known: bool,
    groups: HashSet<GroupId>,
}

impl Followers {
    /// One more socket of a user. Returns whether the user's groups are known.
    fn come(&self, user: &UserId) -> bool {
        let mut inner = self.lock();
        let follower = inner.by_user.entry(user.clone()).or_default();
        follower.sockets += 1;
        follower.is_known
    }

    /// The user's groups were read.
    fn known(&self, user: &UserId, groups: &[GroupId]) {
        for group in groups {
            self.added(group, user);
        }
        if let Some(follower) = self.lock().by_user.get_mut(user) {
            follower.is_known = true;
        }
    }

    /// One socket less.
    pub fn gone(&self, user: &UserId) {
        let mut inner = self.lock();
        let Some(follower) = inner.by_user.get_mut(user) else {
            return;
        };
        follower.sockets -= 1;
        if follower.sockets > 0 {
            return;
        }
        let groups = inner.by_user.remove(user).map(|follower| follower.groups);
        for group in groups.into_iter().flatten() {
            inner.unlink(&group, user);
        }
    }

    /// A user is a member of the group, or has become one.
    pub fn added(&self, group: &GroupId, user: &UserId) {
        let mut inner = self.lock();
        if let Some(follower) = inner.by_user.get_mut(user) {
            follower.groups.insert(group.clone());
            inner
                .by_group
                .entry(group.clone())
                .or_default()
                .insert(user.clone());
        }
    }

    /// A user is a member no longer. Returns whether that is news to the user's sockets here.
    pub fn removed(&self, group: &GroupId, user: &UserId) -> bool {
        let mut inner = self.lock();
        inner.unlink(group, user);
        let follower = inner.by_user.get_mut(user);
        follower.is_some_and(|follower| follower.groups.remove(group) || !follower.is_known)
    }

    /// The connected members of the group.
    pub fn of(&self, group: &GroupId) -> Vec<UserId> {
        let inner = self.lock();
        inner
            .by_group
            .get(group)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// There is something unread in the group. Returns whether somebody has to promise to count.
    pub fn note_unread(&self, group: &GroupId) -> bool {
        let mut inner = self.lock();
        inner.by_group.contains_key(group) && inner.noted.insert(group.clone())
    }

    /// The other nodes are to know that there is something new in the group. Returns whether somebody has to promise
    /// to tell them.
    pub fn note_stirred(&self, group: &GroupId) -> bool {
        let mut inner = self.lock();
        if inner.stirred.contains(group) {
            return false;
        }
        inner.stirred.insert(group.clone());
        inner.stirred.len() == 1
    }

    /// Those groups, in no order.
    pub fn take_stirred(&self) -> Vec<GroupId> {
        std::mem::take(&mut self.lock().stirred)
            .into_iter()
            .collect()
    }

    /// The promise is being kept.
    pub fn counting_begun(&self, group: &GroupId) {
        let mut inner = self.lock();
        inner.noted.remove(group);
        inner.doubtful.remove(group);
    }

    /// Something may have become unread in any group. Returns whether somebody has to promise to count.
    pub fn doubt_all(&self) -> bool {
        let mut inner = self.lock();
        let is_promised = !inner.doubtful.is_empty();
        inner.doubtful = inner.by_group.keys().cloned().collect();
        !is_promised && !inner.doubtful.is_empty()
    }

    /// One of those groups, if any is left.
    pub fn take_doubtful(&self) -> Option<GroupId> {
        let mut inner = self.lock();
        let group = inner.doubtful.iter().next().cloned()?;
        inner.doubtful.take(&group)
    }

    /// It could not be counted. Whoever tried comes back.
    pub fn doubt(&self, group: GroupId) {
        self.lock().doubtful.insert(group);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn unlink(&mut self, group: &GroupId, user: &UserId) {
        if let Some(users) = self.by_group.get_mut(group) {
            users.remove(user);
            if users.is_empty() {
                self.by_group.remove(group);
            }
        }
    }
}

impl Chat {
    /// Counts a socket of the user, and learns the user's groups if it is the first one.
    pub(super) async fn follow_groups_of(&self, user: &UserId) -> PortResult<()> {
        if self.followers.come(user) {
            return Ok(());
        }
        let groups = self.ports.memberships.groups_of(user).await;
        match groups {
            Ok(groups) => {
                self.followers.known(user, &groups);
                Ok(())
            }
            Err(error) => {
                self.followers.gone(user);
                Err(error)
            }
        }
    }
}
