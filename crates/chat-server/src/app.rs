//! What the Socket.IO side and the HTTP side share: the use cases, and what is asked before any of them.

pub mod address;
pub mod agenda;
pub mod answers;
pub mod closing;
pub mod connections;
pub mod figures;
pub mod peers;
pub mod queues;
pub mod rates;
pub mod requests;
pub mod sampler;
pub mod system;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chat_domain::{
    id::{NodeId, UserId},
    ports::{Clock, PortResult},
    service::Shared,
    time::Timestamp,
    usecase::Chat,
    user::User,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    agenda::TimedAgenda, connections::Connections, figures::Transports, peers::Peers,
    queues::Queues, rates::Rates, requests::Requests,
};
use crate::{
    auth::Tokens, config::Config, lately::Lately, metrics::events::Events, traces::Traces,
};

/// Something outside that the server cannot do without.
#[async_trait]
pub trait Dependency: Send + Sync {
    /// What operators call it.
    fn name(&self) -> &'static str;

    /// Whether it answers.
    async fn ping(&self) -> PortResult<()>;
}

#[async_trait]
impl Dependency for Tokens {
    fn name(&self) -> &'static str {
        "keys"
    }

    async fn ping(&self) -> PortResult<()> {
        self.ready()
    }
}

/// One running server.
pub struct App {
    pub config: Config,
    pub chat: Arc<Chat>,
    pub tokens: Arc<Tokens>,
    pub clock: Arc<dyn Clock>,
    pub connections: Arc<Connections>,
    pub transports: Arc<dyn Transports>,
    pub agenda: Arc<TimedAgenda>,
    pub events: Events,
    pub traces: Arc<Traces>,
    pub requests: Requests,
    pub queues: Arc<Queues>,
    pub peers: Arc<dyn Peers>,
    pub rates: Rates,
    pub lately: Arc<Lately>,
    /// How many notices for other nodes wait.
    pub bus_queue: Box<dyn Fn() -> usize + Send + Sync>,
    pub node: NodeId,
    pub started_at: Timestamp,
    pub dependencies: Vec<Arc<dyn Dependency>>,
    /// What this node shares with others, and what it goes on without for a while.
    pub shared: Vec<(&'static str, Vec<Shared>)>,
    /// Cancelled when the server stops, by [`App::stop`]: nobody new is let in.
    pub draining: CancellationToken,
    /// Instead of what is configured.
    pub grace: OnceLock<Duration>,
    /// The tasks of sockets; the server waits for them when it stops.
    pub sockets: TaskTracker,
    pub known_users: KnownUsers,
    /// Whether newcomers may sign in by name.
    pub is_dev: bool,
}

impl App {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Begins to stop the server, as SIGTERM does. Does not wait.
    pub fn stop(&self) {
        self.draining.cancel();
    }

    /// Likewise, but clients have so long to come back elsewhere. If it is stopping already, that changes nothing.
    pub fn stop_within(&self, grace: Duration) {
        if !self.draining.is_cancelled() {
            let _ = self.grace.set(grace);
        }
        self.stop();
    }

    /// How long clients have to come back elsewhere.
    pub fn grace(&self) -> Duration {
        self.grace.get().copied().unwrap_or(self.config.grace())
    }

    /// Keeps the record of a user who brought a valid token (contract, section 3).
    ///
    /// # Errors
    /// The database could not be asked.
    pub async fn greet(&self, user: &User) -> PortResult<()> {
        if self.known_users.knows(user) {
            return Ok(());
        }
        self.chat.save_user(user).await?;
        self.known_users.remember(user);
        Ok(())
    }
}

/// Records that were saved lately, so that a token that says nothing new costs no write.
#[derive(Debug, Default)]
pub struct KnownUsers {
    records: Mutex<HashMap<UserId, User>>,
}

/// When so many are kept, all are forgotten: the next tokens save them again.
const MOST_KNOWN: usize = 100_000;

impl KnownUsers {
    fn knows(&self, user: &User) -> bool {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.get(&user.id) == Some(user)
    }

    fn remember(&self, user: &User) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if records.len() >= MOST_KNOWN {
            records.clear();
        }
        records.insert(user.id.clone(), user.clone());
    }

    /// Somebody else changed the record: the next token counts again.
    pub fn forget(&self, user: &UserId) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.remove(user);
    }
}
