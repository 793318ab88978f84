//! What the rules do with the log of messages and the bus: how long it takes, and what comes of it.

use std::{
    sync::{Arc, Weak},
    time::{Instant, SystemTime},
};

use async_trait::async_trait;
use chat_domain::{
    delivery::Cause,
    group::{Head, Tip},
    id::{GroupId, Seq},
    message::Draft,
    news::Notice,
    ports::{Appended, Bus, Care, Listener, MessageLog, Observer, PortResult, Slice},
};
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

use crate::{
    lately::Lately,
    traces::{Step, Traces},
};

const MESSAGES: &str = "chat_messages_total";
const COMMIT: &str = "chat_commit_seconds";
const REPAIRS: &str = "chat_gap_repairs_total";
const REPAIRED: &str = "chat_gap_repaired_messages_total";

pub(super) fn describe() {
    describe_counter!(MESSAGES, "Messages that were handed to the log.");
    describe_histogram!(
        COMMIT,
        Unit::Seconds,
        "From handing a message to the log until it is durable."
    );
    describe_counter!(
        REPAIRS,
        "Reads of the database that brought what nobody had told."
    );
    describe_counter!(REPAIRED, "Messages that came that way.");
}

/// A log of messages, with somebody who looks at the clock.
pub struct ObservedLog {
    log: Arc<dyn MessageLog>,
    stored: Counter,
    duplicate: Counter,
    refused: Counter,
    failed: Counter,
    seconds: Histogram,
    traces: Arc<Traces>,
    lately: Arc<Lately>,
}

impl ObservedLog {
    /// Observes that log.
    pub fn new(log: Arc<dyn MessageLog>, traces: Arc<Traces>, lately: Arc<Lately>) -> Self {
        let outcome = |outcome| counter!(MESSAGES, "outcome" => outcome);
        Self {
            log,
            stored: outcome("stored"),
            duplicate: outcome("duplicate"),
            refused: outcome("refused"),
            failed: outcome("failed"),
            seconds: histogram!(COMMIT),
            traces,
            lately,
        }
    }
}

#[async_trait]
impl MessageLog for ObservedLog {
    async fn append(&self, draft: Draft) -> PortResult<Appended> {
        let journey = self.traces.of(draft.id);
        let traced = journey.map(|journey| (journey, SystemTime::now()));
        let begun = Instant::now();
        let waiting = self.lately.appending();
        let appended = self.log.append(draft).await;
        drop(waiting);
        match &appended {
            Ok(Appended::Stored(message)) => {
                let took = begun.elapsed();
                self.seconds.record(took);
                self.lately.committed(message, took);
                self.stored.increment(1);
                if let Some((journey, from)) = traced {
                    journey.step(Step {
                        name: "commit",
                        from,
                        attributes: Vec::new(),
                    });
                }
            }
            Ok(Appended::Duplicate(_)) => self.duplicate.increment(1),
            Ok(Appended::NoSuchReply | Appended::NoSuchGroup) => self.refused.increment(1),
            Err(_) => self.failed.increment(1),
        }
        appended
    }

    async fn head(&self, group: &GroupId) -> PortResult<Option<Head>> {
        self.log.head(group).await
    }

    async fn tips(&self, groups: &[GroupId]) -> PortResult<Vec<(GroupId, Tip)>> {
        self.log.tips(groups).await
    }

    async fn before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> PortResult<Slice> {
        self.log.before(group, before, limit).await
    }

    async fn after(&self, group: &GroupId, after: Seq, limit: usize) -> PortResult<Slice> {
        self.log.after(group, after, limit).await
    }
}

/// The way to the other nodes, with somebody who notes when a message goes there.
pub struct ObservedBus {
    bus: Arc<dyn Bus>,
    traces: Arc<Traces>,
}

impl ObservedBus {
    /// Observes that bus.
    pub fn new(bus: Arc<dyn Bus>, traces: Arc<Traces>) -> Self {
        Self { bus, traces }
    }
}

#[async_trait]
impl Bus for ObservedBus {
    fn attach(&self, listener: Weak<dyn Listener>) {
        self.bus.attach(listener);
    }

    async fn follow(&self, group: &GroupId) -> PortResult<()> {
        self.bus.follow(group).await
    }

    fn unfollow(&self, group: &GroupId) {
        self.bus.unfollow(group);
    }

    fn care(&self, change: Care<'_>) {
        self.bus.care(change);
    }

    async fn settle(&self) -> bool {
        self.bus.settle().await
    }

    fn publish(&self, notice: Notice) {
        let message = match &notice {
            Notice::Committed(message) => Some(message.id),
            _ => None,
        };
        let journey = message.and_then(|message| self.traces.of(message));
        let traced = journey.map(|journey| (journey, SystemTime::now()));
        self.bus.publish(notice);
        if let Some((journey, from)) = traced {
            journey.step(Step {
                name: "publish",
                from,
                attributes: Vec::new(),
            });
        }
    }
}

/// Counts what the rules had to repair.
pub struct Repairs {
    early: Counter,
    head: Counter,
    messages: Counter,
}

impl Repairs {
    /// Nothing was repaired yet.
    pub fn new() -> Self {
        let cause = |cause| counter!(REPAIRS, "cause" => cause);
        Self {
            early: cause("early"),
            head: cause("head"),
            messages: counter!(REPAIRED),
        }
    }
}

impl Observer for Repairs {
    fn repaired(&self, cause: Cause, messages: usize) {
        match cause {
            Cause::Early => self.early.increment(1),
            Cause::Head => self.head.increment(1),
        }
        self.messages.increment(messages as u64);
    }
}
