//! Which connected users are members of which groups: whom a new message concerns who is not in the room, and what this
//! node therefore wants to hear of.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    id::{GroupId, UserId},
    news::Topic,
    ports::{Agenda, Bus, PortResult},
    service::Shared,
    time::Timestamp,
};

use super::{
    Chat,
    caring::{Caring, Unsettled},
    meanwhile::{Meanwhile, Since},
    ripening::{Left, Ripening},
};

/// The users who have a socket on this node, and their groups. The bus is told which groups those are, but for those whose
/// room is followed.
///
/// Who is gone is remembered for as long as the bus still passes on what concerns the user: who comes back by then has
/// the same groups, but for the changes that were heard of.
pub struct Followers {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Those with a socket here.
    by_group: HashMap<GroupId, HashSet<UserId>>,
    by_user: HashMap<UserId, Follower>,
    /// Rooms that are followed: all that there is to hear of them is heard.
    rooms: HashSet<GroupId>,
    caring: Caring,
    meanwhile: Meanwhile,
    /// Groups whose unread messages somebody already promised to count.
    noted: HashSet<GroupId>,
    /// Groups whose members may have been told too little.
    doubtful: HashSet<GroupId>,
    /// Groups with messages that the other nodes are to be told of.
    stirred: Ripening<GroupId>,
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
    pub fn new(bus: Arc<dyn Bus>, agenda: Arc<dyn Agenda>) -> Self {
        let inner = Inner {
            by_group: HashMap::new(),
            by_user: HashMap::new(),
            rooms: HashSet::new(),
            caring: Caring::new(bus, agenda),
            meanwhile: Meanwhile::default(),
            noted: HashSet::new(),
            doubtful: HashSet::new(),
            stirred: Ripening::default(),
        };
        Self {
            inner: Mutex::new(inner),
        }
    }

    /// One more socket of a user. If the user's groups are not known, they have to be read now.
    fn come(&self, user: &UserId, now: Timestamp) -> Option<Since> {
        let mut inner = self.lock();
        let follower = inner.by_user.entry(user.clone()).or_default();
        follower.sockets += 1;
        let is_known = follower.is_known;
        if follower.sockets == 1 {
            let groups: Vec<GroupId> = follower.groups.iter().cloned().collect();
            inner.caring.need([Topic::User(user.clone())]);
            inner.link(user, &groups, now);
        }
        (!is_known).then(|| inner.meanwhile.begin())
    }

    /// The user's groups were read, and were asked for at `begun`. Returns those in which there was something new
    /// meanwhile.
    fn known(
        &self,
        user: &UserId,
        groups: &[GroupId],
        since: Since,
        begun: Timestamp,
    ) -> Vec<GroupId> {
        let mut inner = self.lock();
        inner.link(user, groups, begun);
        if let Some(follower) = inner.by_user.get_mut(user) {
            follower.is_known = true;
        }
        inner.meanwhile.end(since, groups)
    }

    /// The user's groups could not be read.
    fn unknown(&self, user: &UserId, since: Since) {
        self.lock().meanwhile.end(since, &[]);
        self.gone(user);
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
        let groups: Vec<GroupId> = follower.groups.iter().cloned().collect();
        if !follower.is_known {
            inner.by_user.remove(user);
        }
        let last = groups.into_iter().filter(|group| inner.unlink(group, user));
        let unneeded: Vec<Topic> = last.map(Topic::News).collect();
        let unneeded = unneeded.into_iter().chain([Topic::User(user.clone())]);
        inner.caring.spare(unneeded);
    }

    /// Changes of members may not have been heard of: the groups of who is gone have to be read anew.
    pub fn forget_who_is_gone(&self) {
        let mut inner = self.lock();
        inner.by_user.retain(|_, follower| follower.sockets > 0);
    }

    /// Likewise those of that user.
    fn forget_if_gone(&self, user: &UserId) {
        let mut inner = self.lock();
        if inner.by_user.get(user).is_some_and(|it| it.sockets == 0) {
            inner.by_user.remove(user);
        }
    }

    /// A user is a member of these groups, or has become one.
    pub fn added(&self, user: &UserId, groups: &[GroupId], now: Timestamp) {
        self.lock().link(user, groups, now);
    }

    /// A user is a member no longer. Returns whether that is news to the user's sockets here.
    pub fn removed(&self, group: &GroupId, user: &UserId) -> bool {
        let mut inner = self.lock();
        if inner.unlink(group, user) {
            inner.caring.spare([Topic::News(group.clone())]);
        }
        let follower = inner.by_user.get_mut(user);
        follower.is_some_and(|follower| follower.groups.remove(group) || !follower.is_known)
    }

    /// The room is followed from now on.
    pub fn room_opened(&self, group: &GroupId) {
        let mut inner = self.lock();
        if inner.rooms.insert(group.clone()) {
            inner.caring.spare([Topic::News(group.clone())]);
        }
    }

    /// The room is followed no longer, right after this.
    pub fn room_closed(&self, group: &GroupId) {
        let mut inner = self.lock();
        if inner.rooms.remove(group) && inner.by_group.contains_key(group) {
            inner.caring.need([Topic::News(group.clone())]);
        }
    }

    /// What may not be heard yet.
    pub fn take_unsettled(&self) -> Option<Unsettled> {
        self.lock().caring.take_unsettled()
    }

    /// It is not heard yet.
    pub fn unsettle(&self, unsettled: Unsettled, delay: Duration) {
        self.lock().caring.unsettle(unsettled, delay);
    }

    /// Gives up what nobody here has needed for long enough.
    pub fn end_care(&self) {
        let mut inner = self.lock();
        for topic in inner.caring.end() {
            if let Topic::User(user) = topic {
                inner.by_user.remove(&user);
            }
        }
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
        inner.meanwhile.hear(group);
        inner.by_group.contains_key(group) && inner.noted.insert(group.clone())
    }

    /// The other nodes are to know that there is something new in the group. Returns whether somebody has to promise
    /// to tell them.
    pub fn note_stirred(&self, group: &GroupId) -> bool {
        self.lock().stirred.note(group)
    }

    /// Those groups that have waited, in no order, at most so many of them; and what is left.
    pub fn take_stirred(&self, limit: usize) -> (Vec<GroupId>, Left) {
        self.lock().stirred.take(limit)
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
        let groups = inner.by_group.keys().cloned().collect();
        inner.doubt(groups)
    }

    /// Likewise in these groups.
    pub fn doubt(&self, groups: Vec<GroupId>) -> bool {
        self.lock().doubt(groups)
    }

    /// One of those groups, if any is left.
    pub fn take_doubtful(&self) -> Option<GroupId> {
        let mut inner = self.lock();
        let group = inner.doubtful.iter().next().cloned()?;
        inner.doubtful.take(&group)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn link(&mut self, user: &UserId, groups: &[GroupId], since: Timestamp) {
        let Some(follower) = self.by_user.get_mut(user) else {
            return;
        };
        follower.groups.extend(groups.iter().cloned());
        if follower.sockets == 0 {
            return;
        }
        for group in groups {
            let users = self.by_group.entry(group.clone()).or_default();
            users.insert(user.clone());
        }
        let needed = groups.iter().filter(|group| !self.rooms.contains(*group));
        self.caring.need_news(needed.cloned(), since);
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

    fn doubt(&mut self, groups: Vec<GroupId>) -> bool {
        let is_promised = !self.doubtful.is_empty();
        self.doubtful.extend(groups);
        !is_promised && !self.doubtful.is_empty()
    }
}

impl Chat {
    /// Counts a socket of the user, and learns the user's groups if they are not known. What was sent since then is
    /// counted, wherever it was sent.
    pub(super) async fn follow_groups_of(&self, user: &UserId) -> PortResult<()> {
        if self.lacks(Shared::Bus) {
            self.followers.forget_if_gone(user);
        }
        let begun = self.now();
        let Some(since) = self.followers.come(user, begun) else {
            return Ok(());
        };
        let groups = self.ports.memberships.groups_of(user).await;
        let groups = groups.inspect_err(|_| self.followers.unknown(user, since))?;
        for group in self.followers.known(user, &groups, since, begun) {
            self.note_unread(&group);
        }
        Ok(())
    }
}
