//! Lines of the log that somebody should read.

use metrics::{Counter, counter, describe_counter};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

const LINES: &str = "chat_log_lines_total";

pub(super) fn describe() {
    describe_counter!(LINES, "Lines of the log.");
}

/// Counts them.
pub struct Lines {
    errors: Counter,
    warnings: Counter,
}

impl Lines {
    /// Nothing was written yet.
    pub fn new() -> Self {
        let level = |level| counter!(LINES, "level" => level);
        Self {
            errors: level("error"),
            warnings: level("warn"),
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        match *event.metadata().level() {
            Level::ERROR => self.errors.increment(1),
            Level::WARN => self.warnings.increment(1),
            _ => {}
        }
    }
}
