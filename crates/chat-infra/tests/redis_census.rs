//! What is in a real Redis is counted by one node, and shown by all.

mod fleet;

use std::{
    collections::BTreeMap,
    future::poll_fn,
    time::{Duration, Instant},
};

use chat_infra::redis::{address::Address, census::Census, connection::Connection, server::Duty};
use chat_testkit::redis::RedisServer;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tokio::{task::JoinHandle, time::sleep};

use self::fleet::live::{FAST, LiveFleet};

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A node that counts, or reads what another one has counted. Its figures are its own.
struct Node {
    figures: Snapshotter,
    counting: JoinHandle<()>,
}

impl Node {
    async fn start(url: &str) -> Self {
        let address = Address::parse(url).expect("it is one");
        let connection = Connection::open(address, Duty::Presence).await;
        let census = Census::new(connection.expect("it will do"));
        let recorder = DebuggingRecorder::new();
        let figures = recorder.snapshotter();
        let mut counting = Box::pin(census.go_on());
        let observed = poll_fn(move |context| {
            metrics::with_local_recorder(&recorder, || counting.as_mut().poll(context))
        });
        Self {
            figures,
            counting: tokio::spawn(observed),
        }
    }

    /// Waits until it shows something: each metric, or the family of keys, and its value.
    async fn shown(&self) -> BTreeMap<String, f64> {
        let start = Instant::now();
        loop {
            let all = self.figures.snapshot().into_vec().into_iter();
            let shown: BTreeMap<String, f64> = all
                .filter_map(|(key, _, _, value)| {
                    let key = key.key();
                    let family = key.labels().next().map(metrics::Label::value);
                    let DebugValue::Gauge(value) = value else {
                        return None;
                    };
                    Some((family.unwrap_or(key.name()).to_owned(), value.into_inner()))
                })
                .collect();
            if shown.contains_key("chat_redis_memory_bytes") {
                return shown;
            }
            assert!(start.elapsed() < PATIENCE, "it shows nothing");
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

/// A Redis in which users are in rooms and type, with keys of others.
async fn busy_redis() -> (RedisServer, LiveFleet) {
    let server = RedisServer::start().await;
    let mut fleet = LiveFleet::start(&server.url(), 2, &["tea", "milk"], FAST).await;
    for number in 0..20 {
        let (user, socket) = (format!("u{number}"), format!("s{number}"));
        let room = if number < 15 { "tea" } else { "milk" };
        fleet.join(number % 2, room, &user, &socket).await;
    }
    fleet.join(0, "milk", "u0", "other").await;
    for key in [
        "typing:tea:u0",
        "typing:tea:u1",
        "somebody:else",
        "room:tea",
    ] {
        server.ask(&["SET", key, "x"]);
    }
    (server, fleet)
}

fn is_right(shown: &BTreeMap<String, f64>, server: &RedisServer) {
    // What was found is noted after counting.
    let own = server.ask(&["KEYS", "chat:*"]).lines().count() - 1;
    let own = u32::try_from(own).expect("there are few");
    let families = [
        ("own", f64::from(own)),
        ("room_users", 2.0),
        ("user_rooms", 20.0),
        ("user_sockets", 21.0),
        ("typing", 2.0),
    ];
    for (family, keys) in families {
        assert!((shown[family] - keys).abs() < 0.5, "{family}: {shown:?}");
    }
}

fn calls(server: &RedisServer, command: &str) -> u64 {
    let statistics = server.ask(&["INFO", "commandstats"]);
    let start = format!("cmdstat_{command}:calls=");
    let line = statistics
        .lines()
        .find_map(|line| line.strip_prefix(&start));
    let calls = line.and_then(|line| line.split(',').next());
    calls.map_or(0, |calls| calls.parse().expect("a number"))
}

#[tokio::test]
async fn one_of_two_nodes_counts_and_the_other_reads_what_it_found() {
    let (server, _fleet) = busy_redis().await;

    let first = Node::start(&server.url()).await;
    let counted = first.shown().await;
    let scanned = calls(&server, "scan");
    let second = Node::start(&server.url()).await;
    let read = second.shown().await;

    is_right(&counted, &server);
    assert!(
        counted["chat_redis_presence_bytes"] > 1_000.0,
        "{counted:?}"
    );
    assert!(
        counted["chat_redis_memory_bytes"] > 100_000.0,
        "{counted:?}"
    );
    assert_eq!(read, counted);
    assert_eq!((scanned, calls(&server, "scan")), (1, 1));
}

#[tokio::test]
async fn nobody_counts_while_somebody_else_does() {
    let (server, _fleet) = busy_redis().await;
    server.ask(&["SET", "chat:census:claim", "1"]);

    let node = Node::start(&server.url()).await;
    let start = Instant::now();
    while calls(&server, "set") < 6 {
        assert!(start.elapsed() < PATIENCE, "it never tries");
        sleep(LOOK_EVERY).await;
    }

    assert_eq!(calls(&server, "scan"), 0);
    drop(node);
}

#[tokio::test]
async fn who_may_not_ask_for_sizes_counts_all_the_same() {
    let (server, _fleet) = busy_redis().await;
    let rules = ["ACL", "SETUSER", "chat", "on", ">word", "~*", "&*", "+@all"];
    assert_eq!(
        server.ask(&[&rules[..], &["-memory", "-info"]].concat()),
        "OK"
    );
    let url = server.url().replace("//", "//chat:word@");

    let node = Node::start(&url).await;
    let shown = node.shown().await;

    is_right(&shown, &server);
    assert!(shown["chat_redis_presence_bytes"] < 0.5, "{shown:?}");
    assert!(shown["chat_redis_memory_bytes"] < 0.5, "{shown:?}");
}
