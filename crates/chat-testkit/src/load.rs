//! The load generator against the servers of a test, as its command line would run it.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    iter,
    sync::Arc,
};

use chat_load::{
    arguments::Arguments,
    client::shared::Shared,
    conductor::{Conductor, Outcome},
    progress::Progress,
};
use clap::Parser;
use tokio::sync::oneshot;

use crate::{
    cache,
    chat_server::{ADMIN_KEY, SECRET},
};

/// Runs a scenario to its end, and judges. `scenario` is as on the command line: `flaky --clients 200`.
pub async fn run(urls: &[String], scenario: &str) -> Outcome {
    run_while(urls, scenario, async |_| ()).await
}

/// As [`run`], and does something else from when the play begins: it can look at the clients meanwhile.
pub async fn run_while(
    urls: &[String],
    scenario: &str,
    meanwhile: impl AsyncFnOnce(Arc<Shared>),
) -> Outcome {
    let access = ["chat-load", "--admin-key", ADMIN_KEY, "--secret", SECRET];
    let servers = urls.iter().flat_map(|url| ["--url", url]);
    let words = access
        .into_iter()
        .chain(servers)
        .chain(scenario.split_whitespace());
    let arguments = Arguments::parse_from(words);
    let script = arguments.scenario.script(arguments.run.seed);
    let script = script.expect("the arguments fit together");
    let (window, view) = oneshot::channel();
    let conductor = Conductor::new(&arguments.run, Progress::Silent).with_window(window);
    let watching = async {
        // Otherwise the play never began, and the outcome says why.
        if let Ok(clients) = view.await {
            meanwhile(clients).await;
        }
    };
    let (outcome, ()) = tokio::join!(conductor.run(script), watching);
    outcome.expect("the run takes place")
}

/// Whether nothing was wrong, and so many messages are acknowledged and in the history, each once.
pub fn is_complete(outcome: &Outcome, messages: u64) -> bool {
    let counts = &outcome.report.counts;
    let all = [counts.messages, counts.acked, counts.in_history];
    outcome.verdict.is_clean() && all == [messages; 3]
}

/// Writes down what happened to every client, for whoever has to find out why something was wrong. Returns where.
pub fn keep(outcome: &Outcome) -> String {
    let cast = &outcome.shared.cast;
    let folder = cache::folder().join("records");
    fs::create_dir_all(&folder).expect("what is built can be written to");
    // Each run has a name of its own.
    let file = folder.join(cast.rooms.first().map_or("empty", String::as_str));
    let mut out = BufWriter::new(File::create(&file).expect("what is built can be written to"));
    let written = outcome.record.write(cast, &mut out);
    written.and_then(|()| out.flush()).expect("there is room");
    format!("what happened: {}", file.display())
}

/// What came of a run, in a line.
pub fn summary(outcome: &Outcome) -> String {
    let counts = &outcome.report.counts;
    let mut line = String::new();
    for (kind, findings) in &outcome.verdict.findings {
        // Writing to a string cannot fail.
        let _ = write!(line, "{kind:?}: {}; ", findings.count);
    }
    let clean = outcome.verdict.is_clean();
    let verdict = iter::once("clean; ").filter(|_| clean);
    line.extend(verdict);
    let _ = write!(
        line,
        "{} messages once, {} sends, {} connections, {:.0} messages/s",
        counts.in_history, counts.sends, counts.connections, outcome.report.acked_per_second,
    );
    line
}
