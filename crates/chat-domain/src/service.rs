//! How well a node reaches what it shares with the others, and what its users are told of it.

use std::time::Duration;

use crate::time::Timestamp;

/// What heals sooner than this is not told: nobody could make use of it.
pub const TOLD_AFTER: Duration = Duration::from_millis(500);

/// Something that the nodes of a cluster share, and that a node can go on without for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// Who is where, and how often users do things.
    Presence,
    /// What the nodes tell each other.
    Bus,
}

/// What does not work as well as it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Users of other nodes are shown as they were.
    Presence,
    /// Nobody is shown as typing who does so at another node.
    Typing,
    /// Messages of other nodes come later.
    Delivery,
    /// Limits count for each node alone.
    Limits,
}

/// How well a node serves (contract, section 1, `service_status`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceStatus {
    /// What does not work as it should; nothing if all is well.
    pub affected: Vec<Feature>,
    /// Since when that is so: since when it serves fully, or since when it does not.
    pub since: Timestamp,
}

impl ServiceStatus {
    /// Whether all is well.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.affected.is_empty()
    }
}

/// What of the shared things is out of reach, and what users know of that.
#[derive(Debug, Clone)]
pub struct Reach {
    no_presence: bool,
    no_bus: bool,
    since: Timestamp,
    told: ServiceStatus,
}

impl Reach {
    /// Everything is in reach.
    #[must_use]
    pub fn full(now: Timestamp) -> Self {
        Self {
            no_presence: false,
            no_bus: false,
            since: now,
            told: ServiceStatus {
                affected: Vec::new(),
                since: now,
            },
        }
    }

    /// Notes what happened to one of them. Returns whether that is news.
    pub fn note(&mut self, shared: Shared, is_lost: bool, now: Timestamp) -> bool {
        let was_full = self.is_full();
        let flag = match shared {
            Shared::Presence => &mut self.no_presence,
            Shared::Bus => &mut self.no_bus,
        };
        let is_news = *flag != is_lost;
        *flag = is_lost;
        if self.is_full() != was_full {
            self.since = now;
        }
        is_news
    }

    /// Whether that is out of reach.
    #[must_use]
    pub const fn lacks(&self, shared: Shared) -> bool {
        match shared {
            Shared::Presence => self.no_presence,
            Shared::Bus => self.no_bus,
        }
    }

    /// What users are to be told, if it is not what they were told last.
    pub fn news(&mut self) -> Option<ServiceStatus> {
        let status = self.status();
        if status.affected == self.told.affected {
            return None;
        }
        self.told = status.clone();
        Some(status)
    }

    /// What users were told last.
    #[must_use]
    pub fn told(&self) -> &ServiceStatus {
        &self.told
    }

    /// How it is now.
    #[must_use]
    pub fn status(&self) -> ServiceStatus {
        let affected = [
            (self.no_presence, Feature::Presence),
            (self.no_bus, Feature::Typing),
            (self.no_bus, Feature::Delivery),
            (self.no_presence, Feature::Limits),
        ];
        let affected = affected.into_iter().filter(|(is_affected, _)| *is_affected);
        ServiceStatus {
            affected: affected.map(|(_, feature)| feature).collect(),
            since: self.since,
        }
    }

    const fn is_full(&self) -> bool {
        !self.no_presence && !self.no_bus
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_time_is_that_of_the_first_loss_until_everything_is_back() {
        let mut reach = Reach::full(at(1));

        assert!(reach.note(Shared::Bus, true, at(2)));
        assert!(reach.note(Shared::Presence, true, at(3)));
        assert!(!reach.note(Shared::Presence, true, at(4)), "known");
        let all_lost = reach.status();
        assert!(reach.note(Shared::Bus, false, at(5)));
        let half_back = reach.status();
        assert!(reach.note(Shared::Presence, false, at(6)));

        assert_eq!((all_lost.affected.len(), all_lost.since), (4, at(2)));
        assert_eq!(half_back.affected, [Feature::Presence, Feature::Limits]);
        assert_eq!(half_back.since, at(2));
        let full = reach.status();
        assert!(full.is_full() && full.since == at(6));
    }

    #[test]
    fn what_was_told_is_not_told_again() {
        let mut reach = Reach::full(at(1));

        assert_eq!(reach.news(), None);
        reach.note(Shared::Bus, true, at(2));
        let lost = reach.news().unwrap();
        assert_eq!((reach.news(), reach.told()), (None, &lost));
        reach.note(Shared::Presence, true, at(3));
        reach.note(Shared::Presence, false, at(4));
        assert_eq!(reach.news(), None, "it has healed meanwhile");
        reach.note(Shared::Bus, false, at(5));
        assert!(reach.news().unwrap().is_full());
    }
}
