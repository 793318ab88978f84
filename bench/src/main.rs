//! `make bench`: measures what it is told to, and writes down all that was measured so far.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use chat_bench::{
    bystander, history,
    measure::Bench,
    plots,
    row::{Row, rows},
    samples::{Samples, Taken},
    services::Services,
    table,
};
use clap::Parser;

/// Measures the server beside others, and writes docs/performance.md's tables and plots.
#[derive(Debug, Parser)]
struct Arguments {
    /// The rows to measure, by the beginning of their names; all if absent.
    rows: Vec<String>,
    /// Samples of each contender in each row.
    #[arg(long, default_value_t = 5)]
    repeats: u32,
    /// How long a sample takes.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Messages of the large group.
    #[arg(long, default_value_t = 10_000_000)]
    messages: u32,
    /// A try: one short sample of each, and nothing is kept but in that folder.
    #[arg(long, value_name = "FOLDER")]
    short: Option<PathBuf>,
    /// Measures nothing, and writes tables and plots anew.
    #[arg(long)]
    report: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = Arguments::parse();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let (folder, page) = match &arguments.short {
        None => (docs.join("performance"), docs.join("performance.md")),
        Some(folder) => {
            (arguments.repeats, arguments.seconds, arguments.messages) = (1, 2, 100_000);
            (folder.clone(), folder.join("performance.md"))
        }
    };
    fs::create_dir_all(&folder)?;
    let mut samples = Samples::open(folder.join("samples.json"))?;
    if !arguments.report {
        measure(&arguments, &mut samples).await?;
    }
    let tables = table::markdown(&samples);
    println!("{tables}");
    table::put_into(&page, &tables)?;
    plots::draw(&samples, &folder)
}

async fn measure(arguments: &Arguments, samples: &mut Samples) -> Result<(), Box<dyn Error>> {
    let program = std::env::current_exe()?;
    let programs = program.parent().ok_or("a program is in a folder")?;
    let services = Services::start(programs).await;
    let mut bench = Bench::new(programs.to_path_buf(), Some(services));
    let wanted = |name: &str| {
        let rows = &arguments.rows;
        rows.is_empty()
            || rows
                .iter()
                .any(|row| name == row || name.starts_with(&format!("{row}-")))
    };
    for row in rows(arguments.seconds) {
        if wanted(&row.name) {
            let taken = take(&mut bench, &row, arguments.repeats).await;
            samples.replace(&row.name, taken)?;
        }
    }
    if wanted(bystander::ROW) {
        let taken = bystander::take(&mut bench, arguments.repeats, arguments.seconds).await;
        samples.replace(bystander::ROW, taken)?;
    }
    if wanted(history::ROW) {
        let taken = history::take(&mut bench, arguments.repeats, arguments.messages).await;
        samples.replace(history::ROW, taken)?;
    }
    Ok(())
}

/// One after another, again and again.
async fn take(bench: &mut Bench, row: &Row, repeats: u32) -> Taken {
    let mut taken = Taken::new();
    for repeat in 1..=repeats {
        for contender in row.contenders {
            eprintln!("{} {repeat}/{repeats}: {}", row.name, contender.title());
            let sample = bench.sample(row, *contender).await;
            taken.entry(*contender).or_default().push(sample);
        }
    }
    taken
}
