//! The ports in memory do what every implementation must.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use chat_domain::{
    contract::cluster::{Cluster, Node},
    id::NodeId,
    memory::{ManualClock, MemoryHub, MemoryLedger, MemoryLimiter, MemoryPresence},
    ports::Clock,
    time::Timestamp,
};

struct MemoryCluster {
    clock: Arc<ManualClock>,
    hub: Arc<MemoryHub>,
    presence: MemoryPresence,
    nodes: AtomicU64,
    limiter: Arc<MemoryLimiter>,
    ledger: Arc<MemoryLedger>,
}

fn cluster() -> MemoryCluster {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    let hub = Arc::new(MemoryHub::default());
    let shown = || Arc::clone(&clock) as Arc<dyn Clock>;
    MemoryCluster {
        presence: MemoryPresence::new(NodeId::new(0), Arc::clone(&hub), shown()),
        nodes: AtomicU64::new(0),
        limiter: Arc::new(MemoryLimiter::new(shown())),
        ledger: Arc::default(),
        clock,
        hub,
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn node(&self) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed) + 1;
        let id = NodeId::new(u128::from(number));
        let presence = Arc::new(self.presence.at(id));
        Node {
            id,
            presence: presence.clone(),
            typing: presence,
            bus: Arc::new(self.hub.connect()),
            limiter: Arc::clone(&self.limiter) as _,
            ledger: Arc::clone(&self.ledger) as _,
        }
    }

    async fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }
}

mod presence {
    chat_domain::presence_contract!(async { super::cluster() });
}

mod typing {
    chat_domain::typing_contract!(async { super::cluster() });
}

mod limiter {
    chat_domain::limiter_contract!(async { super::cluster() });
}

mod ledger {
    chat_domain::ledger_contract!(async { super::cluster() });
}

mod bus {
    chat_domain::bus_contract!(async { super::cluster() });
}
