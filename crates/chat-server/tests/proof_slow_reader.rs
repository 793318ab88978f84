//! A client that stops reading is put out, the others do not notice, and nothing of it stays in memory.

use std::time::{Duration, Instant};

use chat_load::{conductor::Outcome, report::latency::Percentiles};
use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    load,
    proof::{Claim, Length},
};
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What clients are promised, and a second for the rest to hear of it.
const EVICTED_WITHIN_SECONDS: u32 = 16;
/// Readers may notice that much, and no more.
const TIMES_AS_LATE: f64 = 2.0;
/// More memory than before is not given back.
const TIMES_AS_MUCH: f64 = 1.1;

const CALMS_DOWN_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(200);

const DELIVERY: &str = "delivery, from when it was meant to be sent";
const EVICTION: &str = "out of the room, from when it stopped reading";

/// A room of those who read and send, and of one who stops reading, or nobody.
struct Play {
    readers: u32,
    rate: u32,
    seconds: u32,
}

impl Play {
    async fn run(&self, server: &ChatServer, slow: u32) -> Outcome {
        let Self {
            readers,
            rate,
            seconds,
        } = *self;
        let clients = readers + slow;
        let scenario = format!(
            "slow-readers --clients {clients} --slow {slow} --rate {rate} --seconds {seconds}
            --bytes 4000 --evicted-within {EVICTED_WITHIN_SECONDS}"
        );
        let outcome = load::run(&[server.url()], &scenario).await;
        let messages = u64::from(rate) * u64::from(seconds);
        let is_complete = load::is_complete(&outcome, messages);
        assert!(is_complete, "{}\n{}", outcome.report, outcome.verdict);
        outcome
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stops_reading_is_put_out_and_nobody_else_notices() {
    let length = Length::asked();
    let (readers, rate) = length.pick((3, 200), (10, 400));
    let play = |seconds| Play {
        readers,
        rate,
        seconds,
    };
    let with = play(length.pick(18, 25));
    let without = play(length.pick(2, 25));
    // Bounded, the kernels' buffers need not be full before somebody is slow.
    let stall = length.pick("1000", "15000");
    let settings = [("CHAT_LIMITS__SOCKET_STALL_MS", stall)];
    let server = ChatServer::start(PROGRAM, &[WITHOUT_LIMITS, &settings].concat()).await;
    without.run(&server, 0).await;
    let memory_before = server.resident_kib();

    let (mut alone, mut beside, mut evicted) = (Vec::new(), Vec::new(), Vec::new());
    // In turn: what else the machine does meanwhile meets both.
    for _ in 0..length.pick(1, 5) {
        alone.push(percentiles(&without.run(&server, 0).await, DELIVERY).p99);
        let outcome = with.run(&server, 1).await;
        beside.push(percentiles(&outcome, DELIVERY).p99);
        evicted.push(percentiles(&outcome, EVICTION).max);
    }
    let patience = length.pick(Duration::ZERO, CALMS_DOWN_WITHIN);
    let memory_after = settled_memory(&server, memory_before, patience).await;

    let latest = evicted.into_iter().fold(0.0, f64::max) / 1_000.0;
    let in_time = latest <= f64::from(EVICTED_WITHIN_SECONDS);
    Claim::SlowReaderLeaves.measured(length, in_time, format!("{latest:.1} s at the latest"));
    let times = median(
        beside
            .iter()
            .zip(&alone)
            .map(|(with, without)| with / without),
    );
    let measured = format!("{times:.2} times: {beside:.1?} ms against {alone:.1?} ms");
    Claim::SlowReaderAlone.measured(length, times < TIMES_AS_LATE, measured);
    let times = ratio(memory_after, memory_before);
    let measured = format!("{times:.2} times: {memory_after} KiB against {memory_before} KiB");
    Claim::SlowReaderMemory.measured(length, times <= TIMES_AS_MUCH, measured);
}

/// In milliseconds.
fn percentiles(outcome: &Outcome, name: &str) -> Percentiles {
    let mut all = outcome.report.latencies.iter();
    all.find(|it| it.name == name)
        .expect("it took place")
        .clone()
}

/// As soon as it is as little as it has to be, or at last.
async fn settled_memory(server: &ChatServer, before: u64, patience: Duration) -> u64 {
    let start = Instant::now();
    loop {
        let now = server.resident_kib();
        if ratio(now, before) <= TIMES_AS_MUCH || start.elapsed() >= patience {
            return now;
        }
        sleep(LOOK_EVERY).await;
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio is shown with few digits"
)]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// Of an odd number of values.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
