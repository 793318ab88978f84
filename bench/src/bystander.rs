//! What a node does while a room is busy that nobody of its clients is in.

use std::time::Duration;

use chat_load::usage;
use tokio::time::sleep;

use crate::{
    contender::{Contender, start_server},
    measure::{Bench, play},
    samples::{Taken, Values},
};

/// What the row is called.
pub const ROW: &str = "bystander";

/// Two nodes, of which the second has no clients: its CPU time while nothing happens, and while the first is busy.
pub async fn take(bench: &mut Bench, repeats: u32, seconds: u32) -> Taken {
    let program = bench.programs.join("chat-server");
    let mut taken = Taken::new();
    for repeat in 1..=repeats {
        eprintln!("{ROW} {repeat}/{repeats}");
        let name = bench.name();
        let services = bench.services();
        services.tidy();
        let busy = start_server(program.clone(), Some(services), &[]).await;
        let bystander = start_server(program.clone(), Some(services), &[]).await;
        let pid = bystander.pid();

        let before = usage::cpu_seconds(pid).expect("it runs");
        sleep(Duration::from_secs(seconds.into())).await;
        let idle = usage::cpu_seconds(pid).expect("it runs") - before;

        let load = format!("fan-out --clients 100 --room-size 100 --rate 300 --seconds {seconds}");
        let watched = [busy.pid(), pid];
        let report = play(&name, &[busy.url()], &watched, Some(services), &load).await;
        let spent = |at: usize| report.cpu.servers[at].cpu_seconds.expect("it runs");

        let per_second = |spent: f64, seconds: f64| 1_000.0 * spent / seconds;
        let sample = Values::from([
            ("idle ms/s".to_owned(), per_second(idle, seconds.into())),
            ("busy ms/s".to_owned(), per_second(spent(1), report.seconds)),
            (
                "other node ms/s".to_owned(),
                per_second(spent(0), report.seconds),
            ),
        ]);
        taken.entry(Contender::ChatServer).or_default().push(sample);
    }
    taken
}
