//! Which connected users are members of which groups: whom a new message concerns who is not in the room.

use std::{
    collections::{HashMap, HashSet},
    mem, slice,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    id::{GroupId, UserId},
    ports::{Bus, Care, PortResult},
};

use super::Chat;

/// The users who have a socket on this node, and their groups. The bus is told which groups those are.
pub struct Followers {
    bus: Arc<dyn Bus>,
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
    /// Groups with messages that the other nodes are to be told of later.
    stirred: HashSet<GroupId>,
    /// Likewise, next.
    ripe: HashSet<GroupId>,
    /// Whether somebody promised to tell them.
    is_promised: bool,
}

/// What there is to tell the other nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// More groups, at once.
    Ripe,
    /// Some groups, when they have waited.
    Later,
    /// Nothing.
    Nothing,
}

#[derive(Debug, Default)]
struct Follower {
    sockets: usize,
    /// Whether the groups were read.
    is_known: bool,
    groups: HashSet<GroupId>,
}

impl Followers {
    /// Nobody is here yet.
    pub fn new(bus: Arc<dyn Bus>) -> Self {
        Self {
            bus,
            inner: Mutex::default(),
        }
    }

    /// One more socket of a user. Returns whether the user's groups are known.
    fn come(&self, user: &UserId) -> bool {
        let mut inner = self.lock();
        let follower = inner.by_user.entry(user.clone()).or_default();
        follower.sockets += 1;
        follower.is_known
    }

    /// The user's groups were read.
    fn known(&self, user: &UserId, groups: &[GroupId]) {
        let mut inner = self.lock();
        let begin = groups.iter().filter(|group| inner.link(group, user));
        let begin: Vec<GroupId> = begin.cloned().collect();
        if let Some(follower) = inner.by_user.get_mut(user) {
            follower.is_known = true;
        }
        self.care(Care::Begins(&begin));
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
        let groups = groups.into_iter().flatten();
        let end: Vec<GroupId> = groups.filter(|group| inner.unlink(group, user)).collect();
        self.care(Care::Ends(&end));
    }

    /// A user is a member of the group, or has become one.
    pub fn added(&self, group: &GroupId, user: &UserId) {
        let mut inner = self.lock();
        if inner.link(group, user) {
            self.care(Care::Begins(slice::from_ref(group)));
        }
    }

    /// A user is a member no longer. Returns whether that is news to the user's sockets here.
    pub fn removed(&self, group: &GroupId, user: &UserId) -> bool {
        let mut inner = self.lock();
        if inner.unlink(group, user) {
            self.care(Care::Ends(slice::from_ref(group)));
        }
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
        if !inner.stirred.contains(group) {
            inner.stirred.insert(group.clone());
        }
        !mem::replace(&mut inner.is_promised, true)
    }

    /// Those groups that were noted before the last call, in no order, at most so many of them; and what is left.
    pub fn take_stirred(&self, limit: usize) -> (Vec<GroupId>, Left) {
        let mut inner = self.lock();
        let mut groups = mem::take(&mut inner.ripe).into_iter();
        let told = groups.by_ref().take(limit).collect();
        inner.ripe = groups.collect();
        if !inner.ripe.is_empty() {
            return (told, Left::Ripe);
        }
        inner.ripe = mem::take(&mut inner.stirred);
        inner.is_promised = !inner.ripe.is_empty();
        let left = if inner.is_promised {
            Left::Later
        } else {
            Left::Nothing
        };
        (told, left)
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

    /// Called under the lock, so that the last word is the one that counts.
    fn care(&self, change: Care<'_>) {
        let (Care::Begins(groups) | Care::Ends(groups)) = change;
        if !groups.is_empty() {
            self.bus.care(change);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Returns whether the user is the first one here whom the group concerns.
    fn link(&mut self, group: &GroupId, user: &UserId) -> bool {
        let Some(follower) = self.by_user.get_mut(user) else {
            return false;
        };
        follower.groups.insert(group.clone());
        let users = self.by_group.entry(group.clone()).or_default();
        let is_first = users.is_empty();
        users.insert(user.clone());
        is_first
    }

    /// Returns whether the user was the last one here whom the group concerned.
    fn unlink(&mut self, group: &GroupId, user: &UserId) -> bool {
        let Some(users) = self.by_group.get_mut(group) else {
            return false;
        };
        users.remove(user);
        let is_last = users.is_empty();
        if is_last {
            self.by_group.remove(group);
        }
        is_last
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
