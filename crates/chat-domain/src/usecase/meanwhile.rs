//! What is heard of while somebody's groups are being read: whoever reads them is not known to it yet.

use std::collections::HashMap;

use crate::id::GroupId;

/// Groups with something new, in their order, for as long as somebody reads.
#[derive(Debug, Default)]
pub struct Meanwhile {
    readers: usize,
    heard: HashMap<GroupId, u64>,
    count: u64,
}

/// When somebody began to read.
#[derive(Debug, Clone, Copy)]
pub struct Since(u64);

impl Meanwhile {
    /// Somebody begins to read.
    pub const fn begin(&mut self) -> Since {
        self.readers += 1;
        Since(self.count)
    }

    /// There is something new in the group.
    pub fn hear(&mut self, group: &GroupId) {
        if self.readers > 0 {
            self.count += 1;
            self.heard.insert(group.clone(), self.count);
        }
    }

    /// It was read. Returns those of the groups in which there was something new since it was begun.
    pub fn end(&mut self, since: Since, groups: &[GroupId]) -> Vec<GroupId> {
        let is_new = |group: &&GroupId| self.heard.get(*group).is_some_and(|at| *at > since.0);
        let new = groups.iter().filter(is_new).cloned().collect();
        self.readers -= 1;
        if self.readers == 0 {
            self.heard.clear();
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_heard_of_since_one_began_is_new() {
        let groups = ["tea", "milk", "wine"].map(|id| GroupId::parse(id).unwrap());
        let [tea, milk, wine] = &groups;
        let mut meanwhile = Meanwhile::default();

        meanwhile.hear(tea);
        let first = meanwhile.begin();
        meanwhile.hear(milk);
        let second = meanwhile.begin();
        meanwhile.hear(wine);
        let since_first = meanwhile.end(first, &groups);
        let since_second = meanwhile.end(second, &groups);
        meanwhile.hear(tea);
        let third = meanwhile.begin();

        assert_eq!(since_first, [milk.clone(), wine.clone()]);
        assert_eq!(since_second.iter().collect::<Vec<_>>(), [wine]);
        assert!(meanwhile.end(third, &groups).is_empty());
    }
}
