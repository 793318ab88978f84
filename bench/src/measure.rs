//! How a sample is taken.

use std::{iter, path::PathBuf};

use chat_load::{
    arguments::Arguments, conductor::Conductor, progress::Progress, report::Report, usage,
};
use chat_testkit::chat_server::SECRET;
use clap::Parser;

use crate::{
    contender::{Contender, Running},
    row::Row,
    samples::Values,
    services::Services,
};

/// Takes samples.
pub struct Bench {
    /// Where the programs of this workspace are.
    pub programs: PathBuf,
    /// Absent where nobody who is measured needs any.
    pub services: Option<Services>,
    runs: u32,
}

impl Bench {
    /// With these services.
    pub fn new(programs: PathBuf, services: Option<Services>) -> Self {
        Self {
            programs,
            services,
            runs: 0,
        }
    }

    /// The services, where there have to be any.
    pub fn services(&self) -> &Services {
        (self.services.as_ref()).expect("who needs services is measured with services")
    }

    /// Starts a contender, and puts it under the load of a row.
    pub async fn sample(&mut self, row: &Row, contender: Contender) -> Values {
        let services = self.services.as_ref();
        let services = services.filter(|_| contender.needs_services());
        if let Some(services) = services {
            services.tidy();
        }
        let server = contender
            .start(&self.programs, services, row.settings)
            .await;
        let base_kib = usage::resident_kib(server.pid());
        let report = match row.lasts {
            Some(lasts) => {
                let load = |seconds| format!("{} --seconds {seconds}", row.load);
                (self.run(&server, contender, &load(lasts.warm_up))).await;
                (self.run(&server, contender, &load(lasts.measured))).await
            }
            None => self.run(&server, contender, &row.load).await,
        };
        values(&report, base_kib)
    }

    /// A run of the generator against one that serves.
    async fn run(&mut self, server: &Running, contender: Contender, load: &str) -> Report {
        let name = self.name();
        let services = self.services.as_ref();
        let services = services.filter(|_| contender.needs_services());
        let watched = iter::once(server.pid())
            .chain(
                services
                    .iter()
                    .flat_map(|it| [it.redis.pid(), it.postgres.pid()]),
            )
            .collect::<Vec<_>>();
        play(&name, &[server.url()], &watched, services, load).await
    }

    /// A name that no other run has.
    pub fn name(&mut self) -> String {
        self.runs += 1;
        format!("bench{}", self.runs)
    }
}

/// Sets the stage and runs a load. The processes are reported in their order.
pub async fn play(
    name: &str,
    urls: &[String],
    watched: &[u32],
    services: Option<&Services>,
    load: &str,
) -> Report {
    let mut words: Vec<String> = ["chat-load", "--secret", SECRET].map(str::to_owned).into();
    words.extend(
        urls.iter()
            .flat_map(|url| ["--url".to_owned(), url.clone()]),
    );
    words.extend((watched.iter()).flat_map(|pid| ["--server-pid".to_owned(), pid.to_string()]));
    words.extend(load.split_whitespace().map(str::to_owned));
    let arguments = Arguments::parse_from(words);
    let script = arguments.scenario.script(arguments.run.seed);
    let script = script.expect("the arguments fit together");
    if let Some(services) = services {
        services
            .stage(name, script.roles.len(), &script.rooms)
            .await;
    }
    let conductor = Conductor::new(&arguments.run, Progress::Silent);
    let report = conductor.measure(script, name).await;
    report.unwrap_or_else(|error| panic!("`{load}` at {urls:?}: {error}"))
}

/// What a report says, by name.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are far below what a double holds"
)]
fn values(report: &Report, base_kib: Option<u64>) -> Values {
    let counts = &report.counts;
    let mut values = Values::from_iter(
        [
            ("seconds", report.seconds),
            ("clients", counts.clients as f64),
            ("sent", (counts.messages + counts.typing_sent) as f64),
            ("deliveries", (counts.delivered + counts.typing_told) as f64),
            ("acked", counts.acked as f64),
            (
                "handshakes",
                counts.connections.saturating_sub(counts.clients) as f64,
            ),
            ("presence told", counts.presence_told as f64),
            ("generator CPU", report.cpu.own_seconds),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, process) in ["server", "redis", "database"]
        .iter()
        .zip(&report.cpu.servers)
    {
        let spent = process.cpu_seconds.expect("it runs until the end");
        values.insert(format!("{name} CPU"), spent);
    }
    let resident = report
        .cpu
        .servers
        .first()
        .and_then(|it| it.resident_kib_after);
    for (name, kib) in [("base KiB", base_kib), ("resident KiB", resident)] {
        values.insert(name.to_owned(), kib.expect("it runs until the end") as f64);
    }
    for latency in &report.latencies {
        let name = match latency.name {
            "delivery, from when it was meant to be sent"
            | "typing, from when it was meant to be sent" => "delivery",
            "ack, from when it was meant to be sent" => "ack",
            "connect" => "connect",
            "join" => "join",
            _ => continue,
        };
        values.insert(format!("{name} p50"), latency.p50);
        values.insert(format!("{name} p99"), latency.p99);
    }
    values
}
