//! What is shown while a run goes on: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::{IsTerminal, stderr},
    sync::atomic::Ordering::Relaxed,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::client::shared::Shared;

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// To a file.
    Lines {
        /// When the last line was written.
        last: Option<Instant>,
    },
    /// Not at all: in tests.
    Silent,
}

impl Progress {
    /// As fits the standard error output.
    pub fn new() -> Self {
        if !stderr().is_terminal() {
            return Self::Lines { last: None };
        }
        let style = ProgressStyle::with_template("{prefix:>8} [{bar:30}] {elapsed} {msg}");
        let bar = ProgressBar::new(1_000);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self::Bar(bar)
    }

    /// Shows a part of the run, and how much of it is done: of 1,000.
    pub fn show(&mut self, part: &'static str, done: u64, shared: &Shared) {
        match self {
            Self::Bar(bar) => {
                bar.set_prefix(part);
                bar.set_position(done);
                bar.set_message(totals(shared));
            }
            Self::Lines { last } => {
                if last.is_none_or(|last| last.elapsed() >= LINE_EVERY) {
                    *last = Some(Instant::now());
                    eprintln!("{part} {}.{} %: {}", done / 10, done % 10, totals(shared));
                }
            }
            Self::Silent => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

fn totals(shared: &Shared) -> String {
    let tally = &shared.tally;
    let of = |count: &std::sync::atomic::AtomicU64| count.load(Relaxed);
    format!(
        "{} online, {} of {} acked, {} delivered, {} refused, {} reconnects",
        of(&tally.online),
        of(&tally.acked),
        of(&tally.planned),
        of(&tally.delivered),
        of(&tally.refused),
        of(&tally.reconnected),
    )
}
