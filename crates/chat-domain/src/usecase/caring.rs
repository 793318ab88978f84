//! What this node has asked the bus for, besides its rooms.

use std::{collections::HashSet, sync::Arc, time::Duration};

use crate::{
    chore::Chore,
    delivery::RETRY,
    id::GroupId,
    news::Topic,
    ports::{Agenda, Bus, Care},
    time::Timestamp,
};

use super::{
    Chat,
    ripening::{Left, Ripening},
    unread::STIRRED_FOR,
};

/// What is not needed goes on for so long, and twice as long at most. Meanwhile all is heard of what was sent before
/// a room was followed; and for who reloads a page nothing is asked again.
const SPARED_FOR: Duration = Duration::from_millis(2_500);

/// The topics that the bus was asked for.
pub struct Caring {
    bus: Arc<dyn Bus>,
    agenda: Arc<dyn Agenda>,
    begun: HashSet<Topic>,
    /// Some of them, which are not needed.
    spared: Ripening<Topic>,
    unsettled: Option<Unsettled>,
}

/// Groups whose news may not be heard yet.
#[derive(Debug)]
pub struct Unsettled {
    groups: Vec<GroupId>,
    /// From then on they are needed, all of them.
    since: Timestamp,
}

impl Caring {
    /// Nothing is needed yet.
    pub fn new(bus: Arc<dyn Bus>, agenda: Arc<dyn Agenda>) -> Self {
        Self {
            bus,
            agenda,
            begun: HashSet::new(),
            spared: Ripening::default(),
            unsettled: None,
        }
    }

    /// These are needed. Returns those that were not asked for yet.
    pub fn need(&mut self, topics: impl IntoIterator<Item = Topic>) -> Vec<Topic> {
        let mut new = Vec::new();
        for topic in topics {
            self.spared.withdraw(&topic);
            if self.begun.insert(topic.clone()) {
                new.push(topic);
            }
        }
        if !new.is_empty() {
            self.bus.care(Care::Begins(&new));
        }
        new
    }

    /// What is new in these groups since then is needed, and may be told before it can be heard.
    pub fn need_news(&mut self, groups: impl IntoIterator<Item = GroupId>, since: Timestamp) {
        let new = self.need(groups.into_iter().map(Topic::News)).into_iter();
        let groups = new.filter_map(|topic| match topic {
            Topic::News(group) => Some(group),
            Topic::User(_) => None,
        });
        let groups: Vec<GroupId> = groups.collect();
        if !groups.is_empty() {
            self.unsettle(Unsettled { groups, since }, Duration::ZERO);
        }
    }

    /// It is to be seen later that these are heard.
    pub fn unsettle(&mut self, mut more: Unsettled, delay: Duration) {
        if let Some(unsettled) = &mut self.unsettled {
            unsettled.groups.append(&mut more.groups);
            unsettled.since = unsettled.since.min(more.since);
        } else {
            self.unsettled = Some(more);
            self.agenda.note(Chore::SettleCare, delay);
        }
    }

    /// Whoever takes them sees to it.
    pub const fn take_unsettled(&mut self) -> Option<Unsettled> {
        self.unsettled.take()
    }

    /// These are not needed any more.
    pub fn spare(&mut self, topics: impl IntoIterator<Item = Topic>) {
        for topic in topics {
            if self.begun.contains(&topic) && self.spared.note(&topic) {
                self.agenda.note(Chore::EndCare, SPARED_FOR);
            }
        }
    }

    /// Gives up what was not needed for long enough, and returns it.
    pub fn end(&mut self) -> Vec<Topic> {
        let (mut ended, left) = self.spared.take(usize::MAX);
        ended.retain(|topic| self.begun.remove(topic));
        if !ended.is_empty() {
            self.bus.care(Care::Ends(&ended));
        }
        if left != Left::Nothing {
            self.agenda.note(Chore::EndCare, SPARED_FOR);
        }
        ended
    }
}

impl Chat {
    /// Other nodes hold news back for a while. What took longer to be heard may have been missed, and is counted.
    pub(super) async fn settle_care(&self) {
        let Some(unsettled) = self.followers.take_unsettled() else {
            return;
        };
        if !self.ports.bus.settle().await {
            self.followers.unsettle(unsettled, RETRY);
        } else if self.now().since(unsettled.since) >= STIRRED_FOR {
            self.doubt_unread_in(unsettled.groups);
        }
    }
}
