//! Answering the caller of an event: the acknowledgement if there is one, else the event `error`.

use std::sync::Arc;

use chat_domain::id::GroupId;
use serde::Serialize;
use tracing::warn;

use super::outlet::{Awaited, Outlet};
use crate::{
    metrics::refusals::rate_limited,
    wire::{
        answer::{Done, Nothing, Refused},
        refusal::Refusal,
    },
};

/// Where the answer to one event goes.
pub struct Reply {
    outlet: Arc<Outlet>,
    ack: Option<Awaited>,
    event: String,
}

impl Reply {
    pub fn new(outlet: Arc<Outlet>, ack: Option<Awaited>, event: String) -> Self {
        Self { outlet, ack, event }
    }

    /// The name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Whether the client waits for an acknowledgement.
    pub fn is_awaited(&self) -> bool {
        self.ack.is_some()
    }

    /// It is done.
    pub fn done<T: Serialize>(self, data: &T) {
        self.answer(data, false);
    }

    /// It was done before.
    pub fn done_before<T: Serialize>(self, data: &T) {
        self.answer(data, true);
    }

    /// It is done, and there is nothing to say about it.
    pub fn done_silently(self) {
        self.answer(&Nothing {}, false);
    }

    /// It is not done.
    pub fn refuse(self, refusal: &Refusal, group: Option<&GroupId>) {
        if let Some(cause) = &refusal.cause {
            let cause = cause as &dyn std::error::Error;
            warn!(
                error = cause,
                event = self.event,
                "a store failed during an event"
            );
        }
        if let Some(limit) = refusal.limit {
            rate_limited(limit);
        }
        let error = refusal.for_event(&self.event, group.map(GroupId::as_str));
        match self.ack {
            Some(ack) => {
                let refused = Refused { ok: false, error };
                self.outlet.acknowledge(ack, &self.event, &refused);
            }
            None => self.outlet.emit("error", &error),
        }
    }

    fn answer<T: Serialize>(self, data: &T, duplicate: bool) {
        if let Some(ack) = self.ack {
            let done = Done {
                ok: true,
                data,
                duplicate,
            };
            self.outlet.acknowledge(ack, &self.event, &done);
        }
    }
}
