//! Things that have to wait for a while before something is done with them.

use std::{collections::HashSet, hash::Hash, mem};

/// Things that wait for a period at least, and for two at most: whoever made a promise takes them once in a period.
#[derive(Debug)]
pub struct Ripening<T> {
    green: HashSet<T>,
    ripe: HashSet<T>,
    is_promised: bool,
}

/// What there is to take after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// More, at once.
    Ripe,
    /// Something, when it has waited.
    Green,
    /// Nothing.
    Nothing,
}

impl<T> Default for Ripening<T> {
    fn default() -> Self {
        Self {
            green: HashSet::new(),
            ripe: HashSet::new(),
            is_promised: false,
        }
    }
}

impl<T: Clone + Eq + Hash> Ripening<T> {
    /// One more thing. Returns whether somebody has to promise to take it.
    pub fn note(&mut self, thing: &T) -> bool {
        if !self.green.contains(thing) {
            self.green.insert(thing.clone());
        }
        !mem::replace(&mut self.is_promised, true)
    }

    /// It does not wait any more.
    pub fn withdraw(&mut self, thing: &T) {
        self.green.remove(thing);
        self.ripe.remove(thing);
    }

    /// What was noted before the last call, in no order, at most so many; and what is left.
    pub fn take(&mut self, limit: usize) -> (Vec<T>, Left) {
        let mut ripe = mem::take(&mut self.ripe).into_iter();
        let taken = ripe.by_ref().take(limit).collect();
        self.ripe = ripe.collect();
        if !self.ripe.is_empty() {
            return (taken, Left::Ripe);
        }
        self.ripe = mem::take(&mut self.green);
        self.is_promised = !self.ripe.is_empty();
        let left = if self.is_promised {
            Left::Green
        } else {
            Left::Nothing
        };
        (taken, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_waits_for_one_turn_and_is_taken_in_parts() {
        let mut things = Ripening::default();

        let promises = [1, 2, 3, 1].map(|thing| things.note(&thing));
        let first = things.take(2);
        things.note(&4);
        let (mut taken, left) = things.take(2);
        let (more, then) = things.take(2);
        taken.extend(more);

        assert_eq!(promises, [true, false, false, false]);
        assert_eq!(first, (vec![], Left::Green));
        taken.sort_unstable();
        assert_eq!(
            (taken, left, then),
            (vec![1, 2, 3], Left::Ripe, Left::Green)
        );
        assert_eq!(things.take(2), (vec![4], Left::Nothing));
        assert!(things.note(&5), "nobody has promised any more");
    }

    #[test]
    fn what_is_withdrawn_and_noted_again_waits_anew() {
        let mut things = Ripening::default();
        things.note(&1);
        things.take(9);

        things.withdraw(&1);
        things.note(&1);

        assert_eq!(things.take(9), (vec![], Left::Green));
        assert_eq!(things.take(9), (vec![1], Left::Nothing));
    }
}
