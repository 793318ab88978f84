//! A socket's queue of events. What happens here is on the connection's own task: it must not wait.
//!
//! Invariant: events leave the queue in the order in which the client sent them. What waits is bounded in events, and in
//! bytes, for each socket and for all together: [`Room`] is what one event takes, until it has been handled.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chat_domain::{
    limit::{Quota, RetryAfter, TokenBucket},
    time::Timestamp,
};
use futures_channel::mpsc;
use socketioxide::{
    adapter::Adapter,
    extract::AckSender,
    handler::{FromMessage, Value},
    socket::Socket,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    outlet::{Awaited, Outlet},
    reply::Reply,
};
use crate::{
    app::{App, closing::Closing, connections::Line, queues::Share},
    metrics::events::{Events, Waiting},
    wire::refusal::{Code, Limit, Refusal},
};

/// What may wait while no limit of events is set.
const UNLIMITED_QUEUE: usize = 16_384;

/// What may wait at least.
const LEAST_QUEUE: usize = 64;

/// Who finds no room tries again after this long: a store answers by then, or has failed.
const FULL_FOR: RetryAfter = RetryAfter(Duration::from_secs(1));

/// So many refusals within [`REFUSALS_WITHIN`] end the connection (contract, section 2).
const MOST_REFUSALS: usize = 100;
const REFUSALS_WITHIN: Duration = Duration::from_secs(10);

/// What an event takes besides its texts: its place in the queue, and what the allocator adds.
const EVENT_OVERHEAD_BYTES: usize = 192;

/// One event as it came.
pub struct Job {
    pub payload: Payload,
    /// Knows the name of the event.
    pub reply: Reply,
    pub waiting: Waiting,
    /// Held until the event has been handled.
    pub room: Room,
}

/// The bytes that an event takes of those that may wait. They are free again when this is dropped.
pub struct Room {
    permit: OwnedSemaphorePermit,
    share: Arc<Share>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.share.remove(self.permit.num_permits());
    }
}

/// The text of an event packet: a JSON array of the name and the arguments.
pub struct Payload {
    pub text: String,
    pub has_attachments: bool,
}

/// Takes what the parser left unread, and the number of the acknowledgement that is wanted.
pub struct Raw {
    payload: Payload,
    ack: Option<i64>,
}

impl<A: Adapter> FromMessage<A> for Raw {
    type Error = Infallible;

    fn from_message(_: Arc<Socket<A>>, value: Value, ack: Option<i64>) -> Result<Self, Infallible> {
        let payload = match value {
            Value::Str(text, attachments) => Payload {
                text: text.to_string(),
                has_attachments: attachments.is_some_and(|attachments| !attachments.is_empty()),
            },
            Value::Bytes(_) => Payload {
                text: String::new(),
                has_attachments: true,
            },
        };
        Ok(Self { payload, ack })
    }
}

/// The entrance to the queue.
pub struct Inbox {
    app: Arc<App>,
    /// Takes memory for what waits alone: most sockets are silent.
    queue: Mutex<mpsc::Sender<Job>>,
    /// A permit for each byte that may still come.
    free: Arc<Semaphore>,
    /// Its part of what waits of all.
    share: Arc<Share>,
    outlet: Arc<Outlet>,
    flood: Mutex<Flood>,
}

struct Flood {
    bucket: Option<TokenBucket>,
    refused_at: VecDeque<Timestamp>,
}

impl Inbox {
    /// A queue, with both of its ends.
    pub fn new(app: Arc<App>, outlet: Arc<Outlet>) -> (Self, mpsc::Receiver<Job>) {
        let quota = app.config.limits.events();
        let burst = usize::try_from(app.config.limits.event_burst).unwrap_or(usize::MAX);
        let capacity = quota.map_or(UNLIMITED_QUEUE, |_| {
            burst.clamp(LEAST_QUEUE, UNLIMITED_QUEUE)
        });
        let (queue, jobs) = mpsc::channel(capacity);
        let flood = Flood::new(quota, app.now());
        let limits = &app.config.limits;
        // The largest event alone is never too much.
        let largest = 2 * limits.event_bytes + EVENT_OVERHEAD_BYTES;
        let bytes = limits.socket_inbox_bytes.max(largest);
        let free = Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        let share = Arc::new(app.queues.share());
        (
            Self {
                app,
                queue: Mutex::new(queue),
                free,
                share,
                outlet,
                flood: Mutex::new(flood),
            },
            jobs,
        )
    }

    /// An event has come.
    pub fn receive(&self, event: String, raw: Raw, sender: AckSender) {
        let size = raw.payload.text.len() + event.len() + EVENT_OVERHEAD_BYTES;
        let awaited = raw.ack.map(|number| Awaited { number, sender });
        let reply = Reply::new(Arc::clone(&self.outlet), awaited, event);
        if let Err(RetryAfter(wait)) = self.count(self.app.now()) {
            return self.refuse(
                reply,
                &Refusal::rate_limited(RetryAfter(wait), Limit::Events),
            );
        }
        if raw.payload.text.len() > self.app.config.limits.event_bytes {
            let message = "The event is too large.";
            return self.refuse(reply, &Refusal::new(Code::PayloadTooLarge, message));
        }
        let Some(room) = self.room_for(size) else {
            return self.refuse(reply, &Refusal::rate_limited(FULL_FOR, Limit::Events));
        };
        let job = Job {
            payload: raw.payload,
            reply,
            waiting: self.app.events.wait(),
            room,
        };
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queued = queue.try_send(job);
        drop(queue);
        if let Err(refused) = queued
            && refused.is_full()
        {
            let reply = refused.into_inner().reply;
            self.refuse(reply, &Refusal::rate_limited(FULL_FOR, Limit::Events));
        }
    }

    fn room_for(&self, bytes: usize) -> Option<Room> {
        if self.share.is_too_large() {
            return None;
        }
        let permits = u32::try_from(bytes).ok()?;
        let permit = Arc::clone(&self.free)
            .try_acquire_many_owned(permits)
            .ok()?;
        self.share.add(bytes);
        Some(Room {
            permit,
            share: Arc::clone(&self.share),
        })
    }

    fn count(&self, now: Timestamp) -> Result<(), RetryAfter> {
        let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
        flood
            .bucket
            .as_mut()
            .map_or(Ok(()), |bucket| bucket.spend(now))
    }

    fn is_too_much(&self) -> bool {
        let mut flood = self.flood.lock().unwrap_or_else(PoisonError::into_inner);
        flood.is_too_much(self.app.now())
    }

    fn refuse(&self, reply: Reply, refusal: &Refusal) {
        Events::turned_away(reply.event(), refusal.code);
        reply.refuse(refusal, None);
        if refusal.code == Code::RateLimited && self.is_too_much() {
            self.outlet.line.close(Closing::RateLimited);
        }
    }
}

impl Flood {
    fn new(quota: Option<Quota>, now: Timestamp) -> Self {
        Self {
            bucket: quota.map(|quota| TokenBucket::full(quota, now)),
            refused_at: VecDeque::new(),
        }
    }

    /// Notes a refusal. Says once that there were too many.
    fn is_too_much(&mut self, now: Timestamp) -> bool {
        while self
            .refused_at
            .front()
            .is_some_and(|at| now.since(*at) > REFUSALS_WITHIN)
        {
            self.refused_at.pop_front();
        }
        self.refused_at.push_back(now);
        let too_much = self.refused_at.len() >= MOST_REFUSALS;
        if too_much {
            self.refused_at.clear();
        }
        too_much
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_refusals_within_ten_seconds_are_too_much() {
        let mut flood = Flood::new(None, Timestamp::default());
        let at = |ms| Timestamp::from_millis(ms);

        assert!((0..99).all(|n| !flood.is_too_much(at(n))));
        assert!(flood.is_too_much(at(10_000)));

        let mut slow = Flood::new(None, Timestamp::default());
        assert!((0..500).all(|n| !slow.is_too_much(at(n * 150))));
    }
}
