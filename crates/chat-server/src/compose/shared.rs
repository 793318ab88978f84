//! What nodes share: within one process, or over Redis.

use std::{sync::Arc, time::Duration};

use chat_domain::{
    id::{MessageId, NodeId},
    memory::{MemoryHub, MemoryLedger, MemoryLimiter, MemoryPresence},
    ports::{Bus, Clock, ConnectionLedger, PresenceStore, RateLimiter, TypingStore},
    service::Shared,
};
use chat_infra::redis::{
    address::Address,
    bus::{RedisBus, Witness},
    census::Census,
    connection::Connection,
    fleet::FleetBus,
    leases::Leases,
    ledger::RedisLedger,
    limiter::RedisLimiter,
    peers::RedisPeers,
    presence::RedisPresence,
    script::Time,
    server::Duty,
    subscriber::Subscriber,
    typing::RedisTyping,
};

use super::ComposeError;
use crate::{
    config::{Redis, RedisUrl},
    lately::Lately,
};

/// The ports of one node that it shares with the others, if there are any.
pub(super) struct SharedPorts {
    pub presence: Arc<dyn PresenceStore>,
    pub typing: Arc<dyn TypingStore>,
    pub bus: Arc<dyn Bus>,
    pub limiter: Arc<dyn RateLimiter>,
    pub ledger: Arc<dyn ConnectionLedger>,
    /// How many notices for other nodes wait.
    pub bus_queue: Box<dyn Fn() -> usize + Send + Sync>,
    /// What operators call it, and what is missing without it.
    pub names: Vec<(&'static str, Vec<Shared>)>,
    /// Asks the other nodes.
    pub peers: Option<RedisPeers>,
    /// Counts what is in Redis.
    pub census: Option<Census>,
    /// What has to be taken out of the fleet in the end.
    pub tenancy: Option<Arc<RedisPresence>>,
}

impl SharedPorts {
    pub async fn open(
        config: &Redis,
        node: NodeId,
        clock: &Arc<dyn Clock>,
        lately: &Arc<Lately>,
    ) -> Result<Self, ComposeError> {
        match &config.url {
            None if config.bus_url.is_some() => Err(ComposeError::BusAlone),
            None => Ok(Self::alone(node, clock)),
            Some(url) => {
                let fleet = Self::in_fleet(url, config.bus_url.as_ref(), node, clock, lately);
                fleet.await
            }
        }
    }

    fn alone(node: NodeId, clock: &Arc<dyn Clock>) -> Self {
        let hub = Arc::new(MemoryHub::default());
        let presence = MemoryPresence::new(node, Arc::clone(&hub), Arc::clone(clock));
        let presence = Arc::new(presence);
        Self {
            presence: presence.clone(),
            typing: presence,
            bus: Arc::new(hub.connect()),
            limiter: Arc::new(MemoryLimiter::new(Arc::clone(clock))),
            ledger: Arc::new(MemoryLedger::default()),
            bus_queue: Box::new(|| 0),
            names: Vec::new(),
            peers: None,
            census: None,
            tenancy: None,
        }
    }

    async fn in_fleet(
        url: &RedisUrl,
        bus_url: Option<&RedisUrl>,
        node: NodeId,
        clock: &Arc<dyn Clock>,
        lately: &Arc<Lately>,
    ) -> Result<Self, ComposeError> {
        let subscriber = subscribe(url, Duty::Presence).await?;
        let connection = subscriber.connection().clone();
        let (notices, names) = match bus_url {
            None => {
                let both = vec![Shared::Presence, Shared::Bus];
                (subscriber.clone(), vec![("redis", both)])
            }
            Some(url) => (
                subscribe(url, Duty::Bus).await?,
                vec![
                    ("redis", vec![Shared::Presence]),
                    ("bus", vec![Shared::Bus]),
                ],
            ),
        };
        let peers = RedisPeers::start(node, &subscriber).await;
        let presence = RedisPresence::start(node, subscriber, Leases::default(), Time::Redis);
        let presence = Arc::new(Box::pin(presence).await);
        let notices = RedisBus::start(node, notices).await;
        notices.show(Arc::clone(lately) as _);
        let bus = Arc::new(FleetBus::new(notices, Arc::clone(&presence)));
        let waiting = Arc::clone(&bus);
        let alone = Arc::new(MemoryLimiter::new(Arc::clone(clock)));
        Ok(Self {
            typing: Arc::new(RedisTyping::new(node, connection.clone(), Time::Redis)),
            bus,
            bus_queue: Box::new(move || waiting.notices().waiting()),
            peers: Some(peers),
            census: Some(Census::new(connection.clone())),
            limiter: Arc::new(RedisLimiter::new(connection, alone, Time::Redis)),
            ledger: Arc::new(RedisLedger::new(Arc::clone(&presence))),
            presence: presence.clone(),
            names,
            tenancy: Some(presence),
        })
    }
}

impl Witness for Lately {
    fn published(&self, messages: &[MessageId], took: Duration) {
        Self::published(self, messages, took);
    }
}

/// What became of reaching one Redis: how it makes room when its memory is full, if it must not do so.
type Reached = Result<Option<String>, ComposeError>;

/// Reaches every Redis that is configured, each by what operators call it.
pub async fn check(config: &Redis) -> Vec<(&'static str, Reached)> {
    if config.url.is_none() && config.bus_url.is_some() {
        return vec![("redis", Err(ComposeError::BusAlone))];
    }
    let asked = [
        ("redis", config.url.as_ref(), Duty::Presence),
        ("bus", config.bus_url.as_ref(), Duty::Bus),
    ];
    let mut found = Vec::new();
    for (name, url, duty) in asked {
        if let Some(url) = url {
            found.push((name, reach(name, url, duty).await));
        }
    }
    found
}

async fn reach(name: &'static str, url: &RedisUrl, duty: Duty) -> Reached {
    let connection = Box::pin(Connection::open(Address::parse(url.reveal())?, duty)).await?;
    let life = connection.watch().borrow().clone();
    let server = life.ok_or(ComposeError::RedisAway(name))?.server;
    let policy = server.eviction().filter(|_| duty == Duty::Presence);
    Ok(policy.map(str::to_owned))
}

async fn subscribe(url: &RedisUrl, duty: Duty) -> Result<Subscriber, ComposeError> {
    let address = Address::parse(url.reveal())?;
    // It is large, and begun once.
    let connection = Box::pin(Connection::open(address, duty)).await?;
    Ok(Subscriber::start(connection).await)
}
