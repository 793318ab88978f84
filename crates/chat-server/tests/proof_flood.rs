//! Somebody sends a hundred times what one may, and the others do not notice.

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use chat_testkit::{
    chat_server::ChatServer,
    proof::{Claim, Length},
};
use serde_json::json;
use support::{Client, Site, token};
use tokio::{
    net::TcpSocket,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_tungstenite::tungstenite::Message;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// All events of one socket: 50 a second.
const LIMIT: u64 = 50;
const TIMES_THE_LIMIT: u64 = 100;
const FLOOD_ADDRESS: &str = "127.0.0.2:0";
/// After so many of them it begins again with a new connection: by then it was put out.
const EVENTS_PER_CONNECTION: u64 = 500;
const BATCH: u64 = 50;

const SPEAKERS: usize = 10;
/// A little less often than one may.
const SPEAK_EVERY: Duration = Duration::from_millis(250);

/// Others may notice that much, and no more.
const TIMES_AS_LATE: f64 = 2.0;

/// Connects from an address of its own, and sends until it is told not to. Returns how many events it sent.
async fn flood(site: Site, is_over: Arc<AtomicBool>) -> u64 {
    let mut pace = interval(Duration::from_millis(
        1_000 * BATCH / (LIMIT * TIMES_THE_LIMIT),
    ));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let event = format!(
        "42{}",
        json!(["send_message", {"groupId": "flooded", "content": "x"}])
    );
    let mut sent = 0;
    while !is_over.load(Relaxed) {
        let mut client = connect(site).await;
        for _ in 0..EVENTS_PER_CONNECTION / BATCH {
            pace.tick().await;
            for _ in 0..BATCH {
                client.send_raw(Message::text(event.as_str())).await;
            }
            sent += BATCH;
        }
    }
    sent
}

async fn connect(site: Site) -> Client {
    let socket = TcpSocket::new_v4().expect("a socket");
    let address = FLOOD_ADDRESS.parse().expect("an address of this machine");
    socket.bind(address).expect("all of 127/8 is ours");
    let stream = socket.connect(site.address).await.expect("it listens");
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", site.address);
    let mut client = Client::over(stream, &url, &[]).await.expect("it upgrades");
    let token = json!({"token": token("flooder", 3_600)});
    client.send(&format!("40{token}")).await;
    client
        .send(&format!("42{}", json!(["join_group", "flooded"])))
        .await;
    client
}

/// Speaks for a while. Returns how long each answer took.
async fn speak(site: Site, number: usize, length: Duration) -> Vec<Duration> {
    let group = format!("quiet{number}");
    let mut client = site.join(&format!("speaker{number}"), &group).await;
    let (mut pace, start, mut delays) = (interval(SPEAK_EVERY), Instant::now(), Vec::new());
    while start.elapsed() < length {
        pace.tick().await;
        let asked = Instant::now();
        let message = json!({"groupId": group, "content": "hello"});
        client.call("send_message", message).await;
        delays.push(asked.elapsed());
        client.take_heard();
    }
    delays
}

/// How long the answers to all took that are not among the slowest hundredth, at most; in milliseconds.
async fn p99(site: Site, length: Duration) -> f64 {
    let speaking: JoinSet<_> = (0..SPEAKERS)
        .map(|number| speak(site, number, length))
        .collect();
    let mut delays: Vec<Duration> = speaking.join_all().await.concat();
    delays.sort();
    delays[delays.len() * 99 / 100].as_secs_f64() * 1_000.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_sends_a_hundred_times_too_much_disturbs_nobody() {
    let length = Length::asked();
    let (pairs, seconds) = length.pick((1, 2), (5, 10));
    let seconds = Duration::from_secs(seconds);
    let server = ChatServer::start(PROGRAM, &[]).await;
    let site = Site {
        address: server.address(),
    };
    site.group("flooded", &["flooder"]).await;
    for number in 0..SPEAKERS {
        let (group, user) = (format!("quiet{number}"), format!("speaker{number}"));
        site.group(&group, &[&user]).await;
    }
    p99(site, Duration::from_secs(1)).await;

    let (mut without, mut with, mut events) = (Vec::new(), Vec::new(), 0);
    // In turn: what else the machine does meanwhile meets both.
    for _ in 0..pairs {
        without.push(p99(site, seconds).await);
        let is_over = Arc::new(AtomicBool::new(false));
        let flooding = tokio::spawn(flood(site, Arc::clone(&is_over)));
        with.push(p99(site, seconds).await);
        is_over.store(true, Relaxed);
        events += flooding.await.expect("it floods to the end");
    }

    let mut ratios: Vec<f64> = with
        .iter()
        .zip(&without)
        .map(|(with, without)| with / without)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let times = ratios[ratios.len() / 2];
    let rate = events / (pairs * seconds.as_secs());
    let measured = format!(
        "{times:.2} times: {with:.1?} ms against {without:.1?} ms, with {rate} events/s of the flood"
    );
    println!("{measured}");
    let is_a_flood = rate * 10 >= LIMIT * TIMES_THE_LIMIT * 9;
    Claim::Flood.measured(length, is_a_flood && times < TIMES_AS_LATE, &measured);
    assert!(events > 0, "somebody floods");
}
