//! Which channels are to be heard, by whom, and what has changed since the server was told.
//!
//! Plain state: the wish is there at once, whether or not a server is there to be told.

use std::{
    collections::{HashMap, HashSet},
    sync::Weak,
};

use super::subscriber::Ear;

/// What one node wants to hear.
#[derive(Default)]
pub(super) struct Wishes {
    ears: HashMap<String, Weak<dyn Ear>>,
    /// Channels whose wish is newer than what the server was told.
    changed: HashSet<String>,
    count: u64,
}

/// What the server is to be told, and what it then knows.
pub(super) struct Difference {
    pub(super) wanted: Vec<String>,
    pub(super) unwanted: Vec<String>,
    /// The number of the last wish that it contains.
    pub(super) through: u64,
}

impl Wishes {
    pub(super) fn follow(&mut self, channel: String, ear: Weak<dyn Ear>) {
        self.changed.insert(channel.clone());
        self.ears.insert(channel, ear);
        self.count += 1;
    }

    pub(super) fn unfollow(&mut self, channel: &str) {
        if self.ears.remove(channel).is_some() {
            self.changed.insert(channel.to_owned());
            self.count += 1;
        }
    }

    /// The number of the last wish.
    pub(super) const fn last(&self) -> u64 {
        self.count
    }

    pub(super) fn ear(&self, channel: &str) -> Option<Weak<dyn Ear>> {
        self.ears.get(channel).cloned()
    }

    /// Everything, for a server that knows nothing.
    pub(super) fn all(&mut self) -> Difference {
        self.changed.clear();
        Difference {
            wanted: self.ears.keys().cloned().collect(),
            unwanted: Vec::new(),
            through: self.count,
        }
    }

    /// What has changed since the last time.
    pub(super) fn difference(&mut self) -> Difference {
        let changed = self.changed.drain();
        let (wanted, unwanted) = changed.partition(|channel| self.ears.contains_key(channel));
        Difference {
            wanted,
            unwanted,
            through: self.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    impl Ear for Nobody {
        fn hear(&self, _: &str, _: &[u8]) {}
        fn missed(&self) {}
        fn lost(&self) {}
        fn restored(&self) {}
    }

    fn nobody() -> Weak<dyn Ear> {
        Weak::<Nobody>::new()
    }

    #[test]
    fn a_wish_that_was_taken_back_is_told_as_it_is_now() {
        let mut wishes = Wishes::default();
        wishes.follow("tea".into(), nobody());
        wishes.follow("ops".into(), nobody());
        wishes.unfollow("ops");
        wishes.unfollow("nothing");

        let told = wishes.difference();

        assert_eq!(told.wanted, ["tea"]);
        assert_eq!(told.unwanted, ["ops"]);
        assert_eq!(told.through, 3);
    }

    #[test]
    fn a_new_server_is_told_everything_once() {
        let mut wishes = Wishes::default();
        wishes.follow("tea".into(), nobody());
        wishes.difference();
        wishes.follow("ops".into(), nobody());

        let mut all = wishes.all().wanted;
        all.sort();
        let then = wishes.difference();

        assert_eq!(all, ["ops", "tea"]);
        assert!(then.wanted.is_empty() && then.unwanted.is_empty());
    }
}
