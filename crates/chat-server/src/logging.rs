//! What is written to the log, and what never is: texts of messages, tokens, ids of sockets, addresses of clients.
//!
//! Invariant: one entry is one line, whatever users wrote.

use std::{
    io::{self, IsTerminal as _, Write},
    panic::PanicHookInfo,
};

use tracing::{Level, Metadata, Subscriber, error, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    fmt::MakeWriter,
    layer::Filter,
    prelude::*,
    registry::LookupSpan,
};

use crate::{config::LogFormat, metrics::lines::Lines};

/// What administrators do; see the module `http::audit`.
pub const AUDIT: &str = "audit";

/// Starts to write lines to standard error. `wanted` is what `RUST_LOG` says.
pub fn start(format: LogFormat, wanted: Option<&str>) {
    let is_coloured = format == LogFormat::Human && io::stderr().is_terminal();
    let to = move || OneLine {
        to: io::stderr(),
        is_coloured,
    };
    // Whoever wants few lines still sees how many there would be.
    tracing_subscriber::registry()
        .with(lines(format, is_coloured, to, wanted))
        .with(Lines::new().with_filter(LevelFilter::WARN))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        error!(place, "a panic: {}", cause(panic));
    }));
}

/// Writes a line for each entry, with the spans that it happened in.
fn lines<S, W>(
    format: LogFormat,
    is_coloured: bool,
    to: W,
    wanted: Option<&str>,
) -> Box<dyn Layer<S> + Send + Sync + 'static>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_ansi(is_coloured).with_writer(to);
    match format {
        LogFormat::Human => lines.with_filter(filter(wanted)).boxed(),
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false);
            lines.with_filter(filter(wanted)).boxed()
        }
    }
}

/// Acts of administrators are written at any level, unless they are switched off by name.
fn filter<S: Subscriber>(wanted: Option<&str>) -> impl Filter<S> + use<S> {
    let wanted = wanted.unwrap_or("info");
    let wanted = EnvFilter::try_new(format!("{AUDIT}=info,{wanted}"));
    let wanted = wanted.unwrap_or_else(|_| EnvFilter::new("info"));
    // With a hint, what nobody wants is passed over without a look.
    wanted.and(filter_fn(is_harmless).with_max_level_hint(LevelFilter::TRACE))
}

/// Libraries write what clients sent, below `info` and into their spans: no setting switches those on.
fn is_harmless(line: &Metadata<'_>) -> bool {
    let is_ours = line.target() == AUDIT || line.target().starts_with("chat_");
    is_ours || (line.is_event() && *line.level() <= Level::INFO)
}

/// What was put together when it happened may hold what a user wrote.
fn cause<'a>(panic: &'a PanicHookInfo<'_>) -> &'a str {
    let fixed = panic.payload().downcast_ref::<&'static str>();
    fixed.copied().unwrap_or("(its text is left out)")
}

/// Takes one entry at a time, and writes it as one line without control characters.
struct OneLine<W> {
    to: W,
    is_coloured: bool,
}

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let mut line = String::with_capacity(entry.len());
        for (at, character) in text.char_indices() {
            let passes = self.is_coloured && is_colour(&text[at..]);
            if character.is_control() && !passes {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        line.push('\n');
        self.to.write_all(line.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Whether the text begins with what gives a terminal another colour, and does nothing else.
fn is_colour(text: &str) -> bool {
    let parameters = text.strip_prefix("\u{1b}[");
    let after =
        parameters.map(|text| text.trim_start_matches(|it: char| it.is_ascii_digit() || it == ';'));
    after.is_some_and(|text| text.starts_with('m'))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{info, info_span, warn};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of what happens.
    fn written(wanted: &str, is_coloured: bool, happens: impl FnOnce()) -> String {
        written_as(LogFormat::Human, wanted, is_coloured, happens)
    }

    fn written_as(
        format: LogFormat,
        wanted: &str,
        is_coloured: bool,
        happens: impl FnOnce(),
    ) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let to = move || OneLine {
            to: to.clone(),
            is_coloured,
        };
        let lines = lines(format, is_coloured, to, Some(wanted));
        let subscriber = tracing_subscriber::registry().with(lines);
        tracing::subscriber::with_default(subscriber, happens);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn for_programs_each_line_is_an_object_with_its_spans() {
        let text = written_as(LogFormat::Json, "info", false, || {
            let span = info_span!(target: "chat_server::http", "request", id = "r-1");
            span.in_scope(|| warn!(target: "chat_server::http", room = "tea", "a\n\"line\"\u{1b}"));
        });

        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "a\n\"line\"\u{1b}");
        assert_eq!(line["room"], "tea");
        assert_eq!(line["spans"][0]["name"], "request");
        assert_eq!(line["spans"][0]["id"], "r-1");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn what_users_wrote_makes_no_second_line_and_moves_no_cursor() {
        let hostile = "a\nERROR b\r\0\t\u{1b}[2J\u{9b}c\u{7f}é";
        let happens = || {
            warn!(hostile, "{hostile}");
            warn!(error = %hostile, sources = ?hostile, "x");
        };

        let plain = written("info", false, happens);
        let coloured = written("info", true, happens);

        assert_eq!(plain.lines().count(), 2, "{plain}");
        assert!(plain.contains("a\\nERROR b\\r\\u{0}\\t"), "{plain}");
        let controls = |text: &str| {
            let mut controls: Vec<char> = text.chars().filter(|it| it.is_control()).collect();
            controls.sort_unstable();
            controls.dedup();
            controls
        };
        assert_eq!(controls(&plain), ['\n']);
        assert_eq!(controls(&coloured), ['\n', '\u{1b}']);
        assert!(!coloured.contains("\u{1b}[2J"), "{coloured}");
    }

    #[test]
    fn libraries_say_nothing_below_info_and_lend_no_context() {
        let text = written("trace", false, || {
            tracing::debug!(target: "tungstenite::protocol", "a frame");
            tracing::debug!(target: "chat_server::io", "our own");
            let span = info_span!(target: "engineioxide::engine", "on_message", sid = "s3cret");
            span.in_scope(|| info!(target: "chat_server::io", "in a span"));
        });

        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("our own") && text.contains("in a span"));
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn acts_of_administrators_are_written_at_any_level_unless_switched_off() {
        let act = || info!(target: AUDIT, "an act");

        for wanted in ["warn", "off", "chat_server=error", "no level at all"] {
            assert!(written(wanted, false, act).contains("an act"), "{wanted}");
        }
        assert_eq!(written("info,audit=off", false, act), "");
    }
}
