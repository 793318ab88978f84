//! Presence, typing, limits and connections over a real Redis do what every implementation must.

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
    memory::{ManualClock, MemoryLimiter},
    time::Timestamp,
};
use chat_infra::redis::{
    address::Address, bus::RedisBus, connection::Connection, fleet::FleetBus, leases::Leases,
    ledger::RedisLedger, limiter::RedisLimiter, presence::RedisPresence, script::Time,
    server::Duty, subscriber::Subscriber, typing::RedisTyping,
};
use chat_testkit::redis::RedisServer;

/// Nodes over one Redis, whose scripts have the time from here.
struct Fleet {
    server: RedisServer,
    nodes: AtomicU64,
    now: Arc<AtomicU64>,
}

async fn fleet() -> Fleet {
    Fleet {
        server: RedisServer::start().await,
        nodes: AtomicU64::default(),
        now: Arc::new(AtomicU64::new(1_000_000)),
    }
}

/// Time is turned, so no lease may end by itself.
const LEASES: Leases = Leases {
    heartbeat: Duration::from_secs(3),
    lease: Duration::from_secs(3_600),
    reap_every: Duration::from_secs(1),
    settle: Duration::from_secs(5),
    compare_every: Duration::from_secs(60),
};

#[async_trait]
impl Cluster for Fleet {
    async fn node(&self) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed) + 1;
        let id = NodeId::new(u128::from(number));
        let time = Time::Turned(Arc::clone(&self.now));
        let address = Address::parse(&self.server.url()).expect("it is one");
        let connection = Connection::open(address, Duty::Presence).await;
        let connection = connection.expect("it will do");
        let subscriber = Subscriber::start(connection.clone()).await;
        let presence = RedisPresence::start(id, subscriber.clone(), LEASES, time.clone()).await;
        let presence = Arc::new(presence);
        let bus = RedisBus::start(id, subscriber).await;
        let clock = ManualClock::at(Timestamp::from_millis(1_000_000));
        let alone = Arc::new(MemoryLimiter::new(Arc::new(clock)));
        Node {
            id,
            presence: Arc::clone(&presence) as _,
            typing: Arc::new(RedisTyping::new(id, connection.clone(), time.clone())),
            ledger: Arc::new(RedisLedger::new(Arc::clone(&presence))),
            bus: Arc::new(FleetBus::new(bus, presence)),
            limiter: Arc::new(RedisLimiter::new(connection, alone, time)),
        }
    }

    async fn pass(&self, span: Duration) {
        let span = u64::try_from(span.as_millis()).expect("it is short");
        self.now.fetch_add(span, Ordering::SeqCst);
    }
}

mod presence {
    chat_domain::presence_contract!(super::fleet());
}

mod typing {
    chat_domain::typing_contract!(super::fleet());
}

mod limiter {
    chat_domain::limiter_contract!(super::fleet());
}

mod ledger {
    chat_domain::ledger_contract!(super::fleet());
}

mod bus {
    chat_domain::bus_contract!(super::fleet());
}
