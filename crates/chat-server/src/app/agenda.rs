//! Things to do later, and the one task that does them in time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_domain::{chore::Chore, ports::Agenda, service::Shared, usecase::Chat};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior},
};
use tracing::warn;

/// How often this looks whether a comparison is due.
const LOOK: Duration = Duration::from_millis(500);

/// How often what the rooms were told is compared with the database, and who may be there, if another node has changed
/// that; at each look while nodes cannot tell each other.
const COMPARE_HEADS: Duration = Duration::from_secs(5);

/// Likewise where there are other nodes: one of them may be cut off, and only it knows.
const COMPARE_HEADS_AMONG_NODES: Duration = Duration::from_secs(1);

/// How often the revoked tokens are looked up: a notice may be lost.
const COMPARE_REVOKED: Duration = Duration::from_secs(5);

/// How often who is in the rooms is compared with the database: another program may remove members, and within ten
/// seconds they are out.
const COMPARE_MEMBERS: Duration = Duration::from_secs(8);

/// How often who is shown in the rooms is compared with the store of presence, where there are other nodes: a change
/// may not have been heard, and within ten seconds it is shown.
const COMPARE_PRESENCE: Duration = Duration::from_secs(8);

/// Chores in the order of their time. There are at most a few for each room.
#[derive(Default)]
pub struct TimedAgenda {
    chores: Mutex<BTreeMap<(Instant, u64), Chore>>,
    changed: Notify,
}

impl Agenda for TimedAgenda {
    fn note(&self, chore: Chore, delay: Duration) {
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now() + delay;
        // Chores of one moment keep their order.
        let last = chores.range((at, 0)..=(at, u64::MAX)).next_back();
        let number = last.map_or(0, |((_, number), _)| number + 1);
        let is_next = chores
            .first_key_value()
            .is_none_or(|((first, _), _)| at < *first);
        chores.insert((at, number), chore);
        if is_next {
            self.changed.notify_one();
        }
    }
}

impl TimedAgenda {
    /// Does what falls due, for ever.
    pub async fn work(self: Arc<Self>, chat: Arc<Chat>, has_peers: bool) {
        let mut looks = every(LOOK);
        let (mut heads, mut members) = (Comparison::default(), Comparison::default());
        let (mut revoked, mut presence) = (Comparison::default(), Comparison::default());
        loop {
            while let Some(chore) = self.take_due() {
                tokio::spawn(perform(Arc::clone(&chat), chore));
            }
            let next = self.next().unwrap_or_else(|| Instant::now() + LOOK);
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.changed.notified() => {}
                now = looks.tick() => {
                    let is_alone = chat.lacks(Shared::Bus);
                    let span = match (is_alone, has_peers) {
                        (true, _) => Duration::ZERO,
                        (false, true) => COMPARE_HEADS_AMONG_NODES,
                        (false, false) => COMPARE_HEADS,
                    };
                    heads.begin(now, span, || compare_heads(Arc::clone(&chat)));
                    revoked.begin(now, COMPARE_REVOKED, || compare_revoked(Arc::clone(&chat)));
                    members.begin(now, COMPARE_MEMBERS, || compare_members(Arc::clone(&chat)));
                    if has_peers {
                        presence.begin(now, COMPARE_PRESENCE, || compare_presence(Arc::clone(&chat)));
                    }
                }
            }
        }
    }

    /// How much there is to do.
    pub fn len(&self) -> usize {
        let chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        chores.len()
    }

    fn take_due(&self) -> Option<Chore> {
        let mut chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        let first = chores.first_entry()?;
        (first.key().0 <= Instant::now()).then(|| first.remove())
    }

    fn next(&self) -> Option<Instant> {
        let chores = self.chores.lock().unwrap_or_else(PoisonError::into_inner);
        chores.first_key_value().map(|((at, _), _)| *at)
    }
}

/// Something that is done again and again, but never twice at once.
#[derive(Default)]
struct Comparison {
    last: Option<(Instant, JoinHandle<()>)>,
}

impl Comparison {
    /// Begins anew if so much time has passed since the last time, and that has ended.
    fn begin<F>(&mut self, now: Instant, span: Duration, compare: impl FnOnce() -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let is_due = self
            .last
            .as_ref()
            .is_none_or(|(at, task)| now >= *at + span && task.is_finished());
        if is_due {
            self.last = Some((now, tokio::spawn(compare())));
        }
    }
}

async fn perform(chat: Arc<Chat>, chore: Chore) {
    if let Err(error) = chat.perform(chore).await {
        warn!(
            error = &error as &dyn std::error::Error,
            "a chore of a room has to be done again"
        );
    }
}

async fn compare_revoked(chat: Arc<Chat>) {
    if let Err(error) = chat.compare_revoked().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not look up which tokens were revoked"
        );
    }
}

async fn compare_heads(chat: Arc<Chat>) {
    if let Err(error) = chat.compare_heads().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not check that nothing was missed"
        );
    }
}

async fn compare_members(chat: Arc<Chat>) {
    if let Err(error) = chat.compare_members().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not check that everybody in the rooms is a member"
        );
    }
}

async fn compare_presence(chat: Arc<Chat>) {
    if let Err(error) = chat.compare_presence().await {
        warn!(
            error = &error as &dyn std::error::Error,
            "could not check that the rooms show who is there"
        );
    }
}

fn every(span: Duration) -> Interval {
    let mut interval = tokio::time::interval(span);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
