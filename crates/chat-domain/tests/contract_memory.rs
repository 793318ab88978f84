//! The ports in memory do what every implementation must.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use chat_domain::{
    contract::cluster::{Cluster, Node},
    memory::{ManualClock, MemoryHub, MemoryLimiter, MemoryPresence},
    ports::Clock,
    time::Timestamp,
};

struct MemoryCluster {
    clock: Arc<ManualClock>,
    hub: Arc<MemoryHub>,
    presence: Arc<MemoryPresence>,
    limiter: Arc<MemoryLimiter>,
}

fn cluster() -> MemoryCluster {
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_000_000)));
    let hub = Arc::new(MemoryHub::default());
    let shown = || Arc::clone(&clock) as Arc<dyn Clock>;
    MemoryCluster {
        presence: Arc::new(MemoryPresence::new(Arc::clone(&hub), shown())),
        limiter: Arc::new(MemoryLimiter::new(shown())),
        clock,
        hub,
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    async fn node(&self) -> Node {
        Node {
            presence: Arc::clone(&self.presence) as _,
            typing: Arc::clone(&self.presence) as _,
            bus: Arc::new(self.hub.connect()),
            limiter: Arc::clone(&self.limiter) as _,
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

mod bus {
    chat_domain::bus_contract!(async { super::cluster() });
}
