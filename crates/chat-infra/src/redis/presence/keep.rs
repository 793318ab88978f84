//! What a node does again and again: it renews its lease, finds out what was lost, makes it good, and reaps
//! the dead. One pass of it is [`Tenant::tend`], and `now` an argument.

use std::time::{Duration, Instant};

use chat_domain::{id::NodeId, news::Notice};

use crate::redis::{connection::Trouble, leases::Leases};

use super::{
    echo::NOBODY,
    holdings::Entry,
    standing::Doubt,
    store::{AT_ONCE, Deed, Reaped},
    tenant::Tenant,
    tenure::{Beat, Tenure, Verdict},
};

/// So much is reaped before the next heartbeat may be due.
const REAP_ROUNDS: usize = 20;

/// What is due when.
pub(super) struct Keeping {
    tenure: Tenure,
    leases: Leases,
    beats: u64,
    beat_at: Option<Instant>,
    reap_at: Option<Instant>,
    compare_at: Option<Instant>,
    /// How many doubts there were when all that is held was last brought into the store.
    announced_at: Option<u64>,
    is_retired: bool,
}

impl Keeping {
    pub(super) const fn new(me: NodeId, leases: Leases) -> Self {
        Self {
            tenure: Tenure::new(me, leases),
            leases,
            beats: 0,
            beat_at: None,
            reap_at: None,
            compare_at: None,
            announced_at: None,
            is_retired: false,
        }
    }

    fn next(&self, now: Instant, is_lost: bool) -> Duration {
        if is_lost {
            return self.leases.retry();
        }
        let reap_at = self.reap_at.filter(|_| self.tenure.may_reap(now));
        let due = [self.beat_at, reap_at].into_iter().flatten().min();
        due.map_or(self.leases.retry(), |at| at.saturating_duration_since(now))
    }
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_none_or(|at| at <= now)
}

impl Tenant {
    /// Does what is due. Returns when it wants to be called again, unless somebody doubts before.
    /// `hears` says whether this node hears at the moment what others do.
    pub(super) async fn tend(&self, hears: bool, now: Instant) -> Duration {
        let mut keeping = self.keeping.lock().await;
        if keeping.is_retired {
            return keeping.leases.heartbeat;
        }
        if let Err(trouble) = self.pass(&mut keeping, hears, now).await {
            keeping.tenure.is_cut_off();
            self.standing.doubt(&trouble);
        }
        keeping.next(now, self.standing.is_lost())
    }

    /// Gives up everything, the lease first. From now on the node does nothing in the store.
    pub(super) async fn retire(&self) -> Result<(), Trouble> {
        self.keeping.lock().await.is_retired = true;
        let _closed = self.gate.write().await;
        while self.store.retire().await? > 0 {}
        Ok(())
    }

    async fn pass(&self, keeping: &mut Keeping, hears: bool, now: Instant) -> Result<(), Trouble> {
        if is_due(keeping.reap_at, now) && keeping.tenure.may_reap(now) {
            match self.reap(keeping, now).await {
                // It may be one entry that cannot be reaped: this node's own lease does not wait for it.
                Err(Trouble::Failed(error)) => {
                    tracing::warn!(%error, "could not reap a dead node");
                    keeping.reap_at = Some(now + keeping.leases.reap_every);
                }
                reaped => reaped?,
            }
        }
        if !self.standing.is_lost() && !is_due(keeping.beat_at, now) {
            return Ok(());
        }
        keeping.tenure.meet(self.take_met());
        let (mut beat, mut is_counted_right) = self.beat(keeping, now).await?;
        let doubts = self.standing.doubts();
        let is_announced = keeping.announced_at == Some(doubts) && is_counted_right;
        if !is_announced || is_due(keeping.compare_at, now) {
            keeping.announced_at = None;
            if !self.compare().await? {
                return Ok(());
            }
            keeping.announced_at = Some(doubts);
            if !is_announced && doubts > 0 {
                self.figures.reannouncements.increment(1);
            }
            keeping.compare_at = Some(now + keeping.leases.compare_every);
            (beat, is_counted_right) = self.beat(keeping, now).await?;
        }
        let is_well = if self.standing.is_lost() {
            let is_settled = keeping.tenure.is_settled(&beat, now);
            hears && is_counted_right && is_settled && self.standing.restore(doubts)
        } else {
            true
        };
        if is_well {
            keeping.tenure.is_well(&beat);
        }
        Ok(())
    }

    /// Returns also whether the node owns as much as is held.
    async fn beat(&self, keeping: &mut Keeping, now: Instant) -> Result<(Beat, bool), Trouble> {
        // What is under way would be counted on one side only.
        let closed = self.gate.write().await;
        keeping.beats += 1;
        let is_announced = keeping.announced_at == Some(self.standing.doubts());
        let epoch = keeping.tenure.epoch().filter(|_| is_announced);
        let beat = self.store.beat(keeping.beats, epoch).await?;
        let is_counted_right = beat.owned == self.holdings.len();
        drop(closed);

        keeping.beat_at = Some(now + keeping.leases.heartbeat);
        match keeping.tenure.judge(&beat, now) {
            Verdict::Stands | Verdict::Begins => {}
            Verdict::LeaseLost => self.standing.doubt(&Doubt::LeaseLost),
            Verdict::DataLost => self.standing.doubt(&Doubt::DataLost),
        }
        // Not before the doubt: the listener has to learn it before any news of the new epoch.
        self.standing.adopt(&beat.epoch);
        self.tell_displaced(&beat);
        Ok((beat, is_counted_right))
    }

    /// Again and again, until they are gone: whoever said that they have to go may not have been heard.
    fn tell_displaced(&self, beat: &Beat) {
        let Some(listener) = self.standing.listener() else {
            return;
        };
        for (user, socket) in &beat.displaced {
            listener.hear(Notice::Displaced(user.clone(), socket.clone()));
        }
    }

    /// Makes what the node owns equal to what is held. Returns `false` if it has no lease for that.
    async fn compare(&self) -> Result<bool, Trouble> {
        let owned = self.store.owned().await?;
        let difference = self.holdings.compare(&owned);
        // First who comes: a user who has a new socket for an old one is there all the time.
        for part in difference.missing.chunks(AT_ONCE) {
            let _closed = self.gate.write().await;
            let part = self.holdings.labelled(part);
            if !part.is_empty() && self.store.enter(NOBODY, &part).await? == Deed::Fenced {
                return Ok(false);
            }
        }
        for part in difference.surplus.chunks(AT_ONCE) {
            let _closed = self.gate.write().await;
            let given_up = part.iter().filter(|entry| !self.holdings.has(entry));
            let part: Vec<Entry> = given_up.cloned().collect();
            if !part.is_empty() {
                self.store.leave(NOBODY, &part).await?;
            }
        }
        Ok(true)
    }

    async fn reap(&self, keeping: &mut Keeping, now: Instant) -> Result<(), Trouble> {
        let expected_clock = keeping.tenure.expected_clock(now);
        for _ in 0..REAP_ROUNDS {
            let reaped = self.store.reap(AT_ONCE, expected_clock).await?;
            if let Reaped::Done {
                entries, is_gone, ..
            } = reaped
            {
                self.figures.reaped(entries, usize::from(is_gone));
            }
            match reaped {
                Reaped::Done { is_over: false, .. } => {}
                Reaped::Done { is_over: true, .. } => {
                    keeping.reap_at = Some(now + keeping.leases.reap_every);
                    return Ok(());
                }
                Reaped::Unsure => {
                    keeping.tenure.is_unsteady(now);
                    keeping.beat_at = None;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}
