//! Hearing what is published on the channels that one follows, on one connection for all of them.
//!
//! A wish outlives connections: whatever happens to one, the next has all subscriptions again. Redis forgets
//! who is not there, and nobody is told what was lost meanwhile. So every doubt ends with [`Ear::missed`]:
//! who hears that compares with the truth.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use fred::types::Message;
use tokio::{
    sync::{
        Notify,
        broadcast::{Receiver, error::RecvError},
        watch,
    },
    time::{sleep, timeout},
};

use super::{
    connection::Connection,
    keys,
    subscription::{self, Doubt},
    task::Task,
    wishes::Wishes,
};

/// Who follows waits so long until the server knows of it; it will all the same.
const SETTLES_WITHIN: Duration = Duration::from_millis(500);

/// After a try that failed.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// After more came than could be kept, and more still comes.
const COMPARES_WITHIN: Duration = Duration::from_secs(1);

/// Hears what is published, in the order in which Redis passes it on. Nothing here may block.
pub trait Ear: Send + Sync {
    /// Something was published on a channel that it follows.
    fn hear(&self, channel: &str, payload: &[u8]);

    /// Something may have been published that was not heard.
    fn missed(&self);

    /// From now on nothing is heard.
    fn lost(&self);

    /// From now on everything is heard again. [`Ear::missed`] comes right after.
    fn restored(&self);
}

/// Follows channels, while their Redis is there and while it is not. Clones share one connection; it ends with
/// the last one.
#[derive(Clone)]
pub struct Subscriber {
    shared: Arc<Shared>,
    _keeping: Arc<[Task; 2]>,
}

pub(super) struct Shared {
    pub(super) connection: Connection,
    /// Here everybody hears whether the subscriptions live.
    pub(super) echo_channel: String,
    echoes: AtomicU64,
    /// The last echo that was heard.
    pub(super) echo: watch::Sender<u64>,
    pub(super) wishes: RwLock<Wishes>,
    /// Wishes have changed.
    pub(super) changed: Notify,
    /// It is to be found out whether the subscriptions live.
    pub(super) doubted: Notify,
    /// Through which wish the server knows them; `None` while there is no connection.
    pub(super) settled: watch::Sender<Option<u64>>,
    /// Whether everything is heard; `None` before the first try.
    is_up: watch::Sender<Option<bool>>,
    ears: Mutex<Vec<Weak<dyn Ear>>>,
}

impl Subscriber {
    /// On the Redis of that connection. Waits until the first try has succeeded or failed.
    pub async fn start(connection: Connection) -> Self {
        let shared = Arc::new(Shared {
            connection,
            echo_channel: keys::echo_channel(fastrand::u128(..)),
            echoes: AtomicU64::default(),
            echo: watch::Sender::default(),
            wishes: RwLock::default(),
            changed: Notify::new(),
            doubted: Notify::new(),
            settled: watch::Sender::new(None),
            is_up: watch::Sender::new(None),
            ears: Mutex::default(),
        });
        let keeping = Arc::new([
            Task::spawn(keep(Arc::clone(&shared))),
            Task::spawn(follow_connection(Arc::clone(&shared))),
        ]);
        let mut is_up = shared.is_up.subscribe();
        // It is there as long as `shared` is.
        let _ = is_up.wait_for(Option::is_some).await;
        Self {
            shared,
            _keeping: keeping,
        }
    }

    /// The connection that one publishes on.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.shared.connection
    }

    /// Whether everything is heard.
    #[must_use]
    pub fn is_up(&self) -> bool {
        *self.shared.is_up.borrow() == Some(true)
    }

    /// From now on the ear is told of losses; at once, if there is one already.
    pub fn attach(&self, ear: Weak<dyn Ear>) {
        let mut ears = self.shared.ears();
        if !self.is_up()
            && let Some(ear) = ear.upgrade()
        {
            ear.lost();
        }
        ears.push(ear);
    }

    /// From now on the ear hears what is published there; another one does no longer. If Redis is away, it
    /// will when it is back.
    pub async fn follow(&self, channel: String, ear: Weak<dyn Ear>) {
        self.follow_soon([channel], &ear);
        // Late or not, it is no failure.
        let _ = self.settle().await;
    }

    /// Likewise for many channels, soon: nobody waits for it.
    pub fn follow_soon(&self, channels: impl IntoIterator<Item = String>, ear: &Weak<dyn Ear>) {
        let mut wishes = self.shared.wishes_mut();
        for channel in channels {
            wishes.follow(channel, Weak::clone(ear));
        }
        drop(wishes);
        self.shared.changed.notify_one();
    }

    /// Waits until the server knows of all that is followed by now, or is away. Returns `false` if it takes longer.
    pub async fn settle(&self) -> bool {
        let wish = self.shared.wishes().last();
        let mut settled = self.shared.settled.subscribe();
        let known = settled.wait_for(|through| through.is_none_or(|it| it >= wish));
        timeout(SETTLES_WITHIN, known).await.is_ok()
    }

    /// Something was published and not heard: whether the subscriptions live is found out now.
    pub fn doubt(&self) {
        self.shared.doubted.notify_one();
    }

    /// What is published there is no longer needed.
    pub fn unfollow(&self, channel: &str) {
        self.shared.wishes_mut().unfollow(channel);
        self.shared.changed.notify_one();
    }

    /// Likewise for many channels.
    pub fn unfollow_all(&self, channels: impl Iterator<Item = String>) {
        let mut wishes = self.shared.wishes_mut();
        for channel in channels {
            wishes.unfollow(&channel);
        }
        drop(wishes);
        self.shared.changed.notify_one();
    }
}

impl Shared {
    /// Hears until there is nothing to be heard any more.
    pub(super) async fn hear_all(self: Arc<Self>, mut messages: Receiver<Message>) {
        // When more came than could be kept, and nobody was told yet.
        let mut behind: Option<Instant> = None;
        loop {
            match messages.recv().await {
                Ok(message) => self.hear(&message),
                Err(RecvError::Lagged(count)) => {
                    if behind
                        .replace(behind.unwrap_or_else(Instant::now))
                        .is_none()
                    {
                        tracing::warn!(count, "more was published than this node can hear");
                    }
                }
                Err(RecvError::Closed) => return,
            }
            // Comparing is dear: once the rest was heard, but not never.
            if behind.is_some_and(|since| messages.is_empty() || since.elapsed() > COMPARES_WITHIN)
            {
                behind = None;
                self.tell_missed();
            }
        }
    }

    fn hear(&self, message: &Message) {
        let Some(payload) = message.value.as_bytes() else {
            return;
        };
        let channel: &str = &message.channel;
        if channel == self.echo_channel {
            let number = std::str::from_utf8(payload).map(str::parse);
            if let Ok(Ok(number)) = number {
                self.echo.send_replace(number);
            }
            return;
        }
        let ear = self.wishes().ear(channel);
        if let Some(ear) = ear.and_then(|ear| ear.upgrade()) {
            ear.hear(channel, payload);
        }
    }

    /// The subscriptions live, as was just seen.
    pub(super) fn tell_alive(&self, is_new: bool) {
        let ears = self.ears();
        let was_up = *self.is_up.borrow();
        if !self.connection.is_up() {
            // Whoever sees that it is back, asks again.
            return;
        }
        if was_up == Some(true) && !is_new {
            return;
        }
        self.is_up.send_replace(Some(true));
        for ear in alive(&ears) {
            if was_up == Some(false) {
                ear.restored();
            }
            ear.missed();
        }
    }

    /// Never the same again.
    pub(super) fn next_echo(&self) -> u64 {
        self.echoes.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn tell_missed(&self) {
        for ear in alive(&self.ears()) {
            ear.missed();
        }
    }

    pub(super) fn tell_lost(&self) {
        let mut ears = self.ears();
        ears.retain(|ear| ear.strong_count() > 0);
        if self.is_up.send_replace(Some(false)) != Some(false) {
            for ear in alive(&ears) {
                ear.lost();
            }
        }
    }

    fn is_told_up(&self) -> bool {
        *self.is_up.borrow() == Some(true)
    }

    fn ears(&self) -> MutexGuard<'_, Vec<Weak<dyn Ear>>> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wishes(&self) -> RwLockReadGuard<'_, Wishes> {
        self.wishes.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wishes_mut(&self) -> RwLockWriteGuard<'_, Wishes> {
        self.wishes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn alive(ears: &[Weak<dyn Ear>]) -> impl Iterator<Item = Arc<dyn Ear>> {
    ears.iter().filter_map(Weak::upgrade)
}

/// Subscriptions after subscriptions, until nobody needs them any more.
async fn keep(shared: Arc<Shared>) {
    let mut life = shared.connection.watch();
    while life.wait_for(Option::is_some).await.is_ok() {
        let born = Instant::now();
        let doubt = subscription::live(&shared).await;
        shared.settled.send_replace(None);
        if shared.is_told_up() {
            let error: &dyn std::error::Error = &doubt;
            tracing::warn!(error, "lost the subscriptions of Redis: making them anew");
        }
        match doubt {
            // Most likely somebody cut the connection, and the next one comes before anybody notices.
            Doubt::Dead if born.elapsed() > RETRY_AFTER => {}
            Doubt::Dead => sleep(RETRY_AFTER).await,
            Doubt::Mute | Doubt::Refused(_) => {
                shared.tell_lost();
                sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// What cannot be asked cannot be trusted: it may publish nothing, and the subscriptions may be dead.
async fn follow_connection(shared: Arc<Shared>) {
    let mut life = shared.connection.watch();
    while life.wait_for(Option::is_none).await.is_ok() {
        shared.tell_lost();
        if life.wait_for(Option::is_some).await.is_err() {
            return;
        }
        shared.doubted.notify_one();
    }
}
