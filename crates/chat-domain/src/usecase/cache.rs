//! Memberships that were looked up lately: a message must not cost a query to learn who may send it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    id::{GroupId, UserId},
    member::Member,
    time::Timestamp,
};

/// How long a change that nobody told of goes unnoticed (contract, section 1, Membership revoked).
const MAX_AGE: Duration = Duration::from_secs(10);

/// Likewise while nodes cannot tell each other.
const MAX_AGE_ALONE: Duration = Duration::from_secs(1);

/// When so many are kept, the stale ones are thrown out.
const SWEEP_AT: usize = 65_536;

/// What was true when a lookup began; see [`MembershipCache::is_current`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(u64);

/// Only found memberships are kept: who becomes a member is one at once.
///
/// Invariant: what was read before a revocation is never kept after it.
#[derive(Debug, Default)]
pub struct MembershipCache {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    found: HashMap<(GroupId, UserId), (Member, Timestamp)>,
    generation: u64,
    sweep_at: usize,
    /// Whether changes that other nodes make are not heard of.
    is_alone: bool,
}

impl Inner {
    const fn max_age(&self) -> Duration {
        if self.is_alone {
            MAX_AGE_ALONE
        } else {
            MAX_AGE
        }
    }
}

impl MembershipCache {
    /// A membership that was found lately.
    pub fn look_up(&self, group: &GroupId, user: &UserId, now: Timestamp) -> Option<Member> {
        let inner = self.lock();
        let (member, found_at) = inner.found.get(&(group.clone(), user.clone()))?;
        (now.since(*found_at) < inner.max_age()).then(|| member.clone())
    }

    /// Keeps what a lookup found, unless something was revoked since it began.
    pub fn keep(&self, member: &Member, looked_up_in: Generation, now: Timestamp) {
        let mut inner = self.lock();
        if inner.generation != looked_up_in.0 {
            return;
        }
        if inner.found.len() >= inner.sweep_at.max(SWEEP_AT) {
            inner
                .found
                .retain(|_, (_, found_at)| now.since(*found_at) < MAX_AGE);
            inner.sweep_at = inner.found.len() * 2;
        }
        let key = (member.group.clone(), member.user.clone());
        inner.found.insert(key, (member.clone(), now));
    }

    /// The membership changed or ended.
    pub fn forget(&self, group: &GroupId, user: &UserId) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.found.remove(&(group.clone(), user.clone()));
    }

    /// Whether changes that other nodes make are not heard of from now on.
    pub fn set_alone(&self, is_alone: bool) {
        self.lock().is_alone = is_alone;
    }

    /// Any membership may have changed.
    pub fn forget_all(&self) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.found.clear();
    }

    /// Any membership of these groups may have changed.
    pub fn forget_groups(&self, groups: &HashSet<GroupId>) {
        let mut inner = self.lock();
        inner.generation += 1;
        inner.found.retain(|(of, _), _| !groups.contains(of));
    }

    /// The generation that is current now.
    pub fn generation(&self) -> Generation {
        Generation(self.lock().generation)
    }

    /// Whether nothing was revoked since then.
    pub fn is_current(&self, generation: Generation) -> bool {
        self.generation() == generation
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Role;

    fn member() -> Member {
        Member {
            group: GroupId::parse("g").unwrap(),
            user: UserId::parse("u").unwrap(),
            role: Role::Member,
            joined_at: Timestamp::default(),
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn a_membership_is_believed_for_ten_seconds() {
        let (cache, member) = (MembershipCache::default(), member());
        cache.keep(&member, cache.generation(), at(0));

        let look_up = |millis| cache.look_up(&member.group, &member.user, at(millis));

        assert_eq!(look_up(9_999).as_ref(), Some(&member));
        assert_eq!(look_up(10_000), None);
    }

    #[test]
    fn what_was_read_before_a_revocation_is_not_kept_after_it() {
        let (cache, member) = (MembershipCache::default(), member());
        let generation = cache.generation();

        cache.forget(&member.group, &member.user);
        cache.keep(&member, generation, at(0));

        assert_eq!(cache.look_up(&member.group, &member.user, at(0)), None);
        assert!(!cache.is_current(generation));
    }

    #[test]
    fn of_other_groups_nothing_is_forgotten() {
        let (cache, tea) = (MembershipCache::default(), member());
        let milk = Member {
            group: GroupId::parse("milk").unwrap(),
            ..tea.clone()
        };
        for member in [&tea, &milk] {
            cache.keep(member, cache.generation(), at(0));
        }

        cache.forget_groups(&HashSet::from([tea.group.clone()]));

        assert_eq!(cache.look_up(&tea.group, &tea.user, at(0)), None);
        assert_eq!(
            cache.look_up(&milk.group, &milk.user, at(0)).as_ref(),
            Some(&milk)
        );
    }
}
