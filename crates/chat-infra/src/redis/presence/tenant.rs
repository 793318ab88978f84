//! One node in the store: it holds a lease, and keeps what it owns there equal to what its sockets hold.
//!
//! Invariants: what a socket holds is noted here before the store is asked, so whatever goes wrong on the way
//! is made good from here. While the two are compared or counted, no seat is taken or given up.

use std::{
    collections::BTreeSet,
    sync::{Mutex as StdMutex, MutexGuard, PoisonError},
};

use chat_domain::{id::NodeId, news::Notice};
use tokio::sync::{Mutex, RwLock};

use crate::{metrics, redis::connection::Trouble};

use super::{
    echo::{Echo, Echoes},
    holdings::{Entry, Holdings, Label},
    keep::Keeping,
    standing::{Age, Doubt, Standing},
    store::{Deed, Done, Store},
    told::{Cause, Told},
};

pub(in crate::redis) struct Tenant {
    pub(super) store: Store,
    pub(super) holdings: Holdings,
    pub(super) standing: Standing,
    pub(super) echoes: Echoes,
    /// Open while seats are taken and given up.
    pub(super) gate: RwLock<()>,
    pub(super) keeping: Mutex<Keeping>,
    pub(super) figures: metrics::Presence,
    /// Nodes that were heard or read of since the last pass.
    met: StdMutex<BTreeSet<NodeId>>,
}

impl Tenant {
    pub(super) fn new(store: Store) -> Self {
        let keeping = Keeping::new(store.node, store.leases);
        Self {
            store,
            holdings: Holdings::default(),
            standing: Standing::default(),
            echoes: Echoes::default(),
            gate: RwLock::default(),
            keeping: Mutex::new(keeping),
            figures: metrics::Presence::new(),
            met: StdMutex::default(),
        }
    }

    /// Somebody of this node is told of users of those.
    pub(super) fn meet(&self, nodes: impl IntoIterator<Item = NodeId>) {
        self.met().extend(nodes);
    }

    pub(super) fn take_met(&self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.met())
    }

    fn met(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: the store does not know yet, and this node is in doubt.
    pub(super) async fn enter(&self, entry: Entry, label: Label, echo: &Echo) -> Option<Done> {
        let _open = self.gate.read().await;
        self.holdings.take(entry.clone(), label.clone());
        let deed = self.store.enter(echo.tag, &[(entry, label)]).await;
        self.judge(deed)
    }

    /// Likewise.
    pub(super) async fn leave(&self, entry: Entry, echo: &Echo) -> Option<Done> {
        let _open = self.gate.read().await;
        self.holdings.give_up(&entry);
        let deed = self.store.leave(echo.tag, &[entry]).await;
        self.judge(deed)
    }

    /// A script has published something.
    pub(super) fn hear(&self, payload: &str) {
        let Some(told) = Told::read(payload) else {
            tracing::warn!("somebody else publishes where changes of presence are published");
            return;
        };
        if self.standing.hear(&told.epoch) == Age::Former {
            return;
        }
        let is_mine = told.change.node == self.store.node;
        if !is_mine {
            self.meet([told.change.node]);
        }
        if is_mine && told.cause == Cause::Reaped {
            self.standing.doubt(&Doubt::LeaseLost);
        }
        if let Some(listener) = self.standing.listener() {
            listener.hear(Notice::Presence(told.change));
        }
        if is_mine && let Cause::Done(tag) = told.cause {
            self.echoes.heard(tag);
        }
    }

    fn judge(&self, deed: Result<Deed, Trouble>) -> Option<Done> {
        match deed {
            Ok(Deed::Done(done)) => {
                self.standing.hear(&done.epoch);
                (!self.standing.is_lost()).then_some(done)
            }
            Ok(Deed::Fenced) => {
                self.standing.doubt(&Doubt::LeaseLost);
                None
            }
            Err(trouble) => {
                self.standing.doubt(&trouble);
                None
            }
        }
    }
}
