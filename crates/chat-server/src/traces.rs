//! A message's way as a trace for OpenTelemetry: from the socket that it came from to the sockets that get it.
//!
//! A trace has the id of its message, and its first span the second half of that. So every node knows both without
//! being told, and whether the message is traced at all. Spans are written when they have ended.

mod collector;

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use chat_domain::{
    id::{MessageId, NodeId},
    message::Message,
    usecase::send::Sent,
};
use opentelemetry::{
    InstrumentationScope, KeyValue,
    trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState},
};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor},
};
use tracing::warn;
use uuid::Uuid;

use self::collector::Collector;
use crate::config::Otlp;

/// Why there can be no traces.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// This machine has no certificates that the collector could be checked with.
    #[error("cannot send traces over HTTPS")]
    Tls(#[source] io::Error),
    /// The settings of the exporter, among them those of `OTEL_` variables, are wrong.
    #[error("cannot send traces")]
    Exporter(#[source] ExporterBuildError),
}

/// A server that stops waits so long for its collector.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Where traces go, if they are wanted.
pub struct Traces(Option<Exporting>);

struct Exporting {
    processor: BatchSpanProcessor,
    scope: InstrumentationScope,
    /// Messages whose last 32 bits are below that are traced.
    below: u64,
}

/// One message that is traced.
pub struct Journey<'a> {
    to: &'a Exporting,
    trace: TraceId,
    root: SpanId,
}

/// A part of its way.
pub struct Step {
    /// What is done.
    pub name: &'static str,
    /// When it began.
    pub from: SystemTime,
    /// What is worth knowing of it.
    pub attributes: Vec<KeyValue>,
}

impl Traces {
    /// Starts to send what was traced to the collector, if there is one.
    ///
    /// # Errors
    /// See [`TracesError`].
    pub fn open(config: &Otlp, node: NodeId) -> Result<Arc<Self>, TracesError> {
        let Some(endpoint) = &config.endpoint else {
            return Ok(Arc::new(Self(None)));
        };
        let collector = Collector::new(endpoint).map_err(TracesError::Tls)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(collector)
            .with_endpoint(endpoint.traces())
            .build()
            .map_err(TracesError::Exporter)?;
        let mut processor = BatchSpanProcessor::builder(exporter).build();
        let resource = Resource::builder()
            .with_service_name("chat-server")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attribute(KeyValue::new("service.instance.id", node.to_string()))
            .build();
        processor.set_resource(&resource);
        Ok(Arc::new(Self(Some(Exporting {
            processor,
            scope: InstrumentationScope::builder("chat-server").build(),
            below: threshold(config.sample_ratio),
        }))))
    }

    /// The journey of that message, if it is traced.
    pub fn of(&self, message: MessageId) -> Option<Journey<'_>> {
        let to = self.0.as_ref()?;
        let bytes = message.to_bytes();
        let chance = u128::from_be_bytes(bytes) & u128::from(u32::MAX);
        if chance >= u128::from(to.below) {
            return None;
        }
        Some(Journey {
            to,
            trace: TraceId::from_bytes(bytes),
            root: second_half(bytes),
        })
    }

    /// A message was sent by somebody who has the answer now: that is the whole of its journey for him.
    pub fn sent(&self, sent: &Sent, name: &'static str, from: SystemTime) {
        // A repeated one has had its journey.
        let fresh = (!sent.is_duplicate).then_some(&sent.message);
        if let Some(message) = fresh
            && let Some(journey) = self.of(message.id)
        {
            let attributes = Vec::new();
            journey.whole(
                message,
                Step {
                    name,
                    from,
                    attributes,
                },
            );
        }
    }

    /// Sends what waits, and ends. It takes a second at most, and blocks.
    pub fn close(&self) {
        if let Some(to) = &self.0
            && let Err(error) = to.processor.shutdown_with_timeout(LAST_SPANS)
        {
            warn!(%error, "the last traces may not have been sent");
        }
    }
}

impl Journey<'_> {
    fn whole(&self, message: &Message, step: Step) {
        let mut step = step;
        let seq = i64::try_from(message.seq.get()).unwrap_or(i64::MAX);
        step.attributes
            .push(KeyValue::new("chat.group.id", message.group.to_string()));
        step.attributes.push(KeyValue::new("chat.message.seq", seq));
        self.write(self.root, SpanId::INVALID, SpanKind::Server, step);
    }

    /// A part of it, which ends now.
    pub fn step(&self, step: Step) {
        let id = second_half(Uuid::new_v4().into_bytes());
        self.write(id, self.root, SpanKind::Internal, step);
    }

    fn write(&self, id: SpanId, parent: SpanId, kind: SpanKind, step: Step) {
        let context =
            SpanContext::new(self.trace, id, TraceFlags::SAMPLED, false, TraceState::NONE);
        self.to.processor.on_end(SpanData {
            span_context: context,
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: kind,
            name: step.name.into(),
            start_time: step.from,
            end_time: SystemTime::now().max(step.from),
            attributes: step.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.to.scope.clone(),
        });
    }
}

fn second_half(id: [u8; 16]) -> SpanId {
    let [_, _, _, _, _, _, _, _, half @ ..] = id;
    SpanId::from_bytes(half)
}

/// Ids end with chance: so many of all values are traced.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the ratio is between 0 and 1"
)]
fn threshold(ratio: f64) -> u64 {
    (ratio * 2_f64.powi(32)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_that_part_of_all_ids() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(0.25), 1 << 30);
        assert_eq!(threshold(1.0), 1 << 32);
    }
}
