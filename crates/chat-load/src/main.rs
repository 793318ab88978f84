//! The command line.

use std::{
    error::Error,
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    process::ExitCode,
};

use chat_load::{
    arguments::{Arguments, RunArguments},
    conductor::Conductor,
    progress::Progress,
    report::Report,
    verdict::Verdict,
};
use clap::Parser;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

/// The run could not take place.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let clean = runtime(arguments.run.threads)
        .map_err(|error| format!("could not start: {error}"))
        .and_then(|runtime| runtime.block_on(run(&arguments)));
    match clean {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chat-load: {error}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// Returns whether nothing was wrong, as far as that was looked at.
async fn run(arguments: &Arguments) -> Result<bool, String> {
    let script =
        (arguments.scenario.script(arguments.run.seed)).map_err(|error| in_full(&error))?;
    let conductor = Conductor::new(&arguments.run, Progress::new());
    if let Some(name) = &arguments.run.given {
        let report = conductor.measure(script, name).await;
        let report = report.map_err(|error| in_full(&error))?;
        tell(&report, None, &arguments.run)?;
        return Ok(true);
    }
    let outcome = conductor
        .run(script)
        .await
        .map_err(|error| in_full(&error))?;
    tell(&outcome.report, Some(&outcome.verdict), &arguments.run)?;
    if let Some(file) = &arguments.run.record {
        write(file, |out| outcome.record.write(&outcome.shared.cast, out))?;
    }
    Ok(outcome.verdict.is_clean())
}

/// An error and its causes; the outer ones often say only what could not be done.
fn in_full(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut said = Vec::<String>::new();
    for cause in causes.map(ToString::to_string) {
        // Some already end with their cause.
        if said.last().is_none_or(|last| !last.ends_with(&cause)) {
            said.push(cause);
        }
    }
    said.join(": ")
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    if threads <= 1 {
        return Builder::new_current_thread().enable_all().build();
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(threads).enable_all().build()
}

fn tell(
    report: &Report,
    verdict: Option<&Verdict>,
    arguments: &RunArguments,
) -> Result<(), String> {
    println!("{report}");
    if let Some(verdict) = verdict {
        println!("\n{verdict}");
    }
    if let Some(file) = &arguments.json {
        let clean = verdict.map(Verdict::is_clean);
        let whole = json!({"report": report, "clean": clean, "verdict": verdict});
        write(file, |out| writeln!(out, "{whole:#}"))?;
    }
    Ok(())
}

fn write(
    file: &Path,
    what: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), String> {
    let written = File::create(file).and_then(|created| {
        let mut out = BufWriter::new(created);
        what(&mut out)?;
        out.flush()
    });
    written.map_err(|error| format!("could not write {}: {error}", file.display()))
}
