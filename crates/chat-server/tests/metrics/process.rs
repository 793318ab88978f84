//! The process itself.

use std::process::Command;

use chat_testkit::chat_server::ChatServer;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::{Moves, fact, start, support::token, watch::Watch};

pub const MOVES: Moves = &[
    ("chat_build_info", "version", &[env!("CARGO_PKG_VERSION")]),
    ("process_cpu_seconds_total", "", &[]),
    ("process_resident_memory_bytes", "", &[]),
    ("process_virtual_memory_bytes", "", &[]),
    ("process_virtual_memory_max_bytes", "", &[]),
    ("process_open_fds", "", &[]),
    ("process_max_fds", "", &[]),
    ("process_start_time_seconds", "", &[]),
    ("process_threads", "", &[]),
];

const TERABYTE: &str = "1099511627776";

#[tokio::test]
async fn the_process_shows_itself() {
    let (mut server, site) = start(&[]).await;
    site.group("g", &["ada"]).await;
    let mut watch = Watch::begin(site.address).await;
    watch.appears(&fact(MOVES[0].0, Some(("version", MOVES[0].2[0]))));

    let limit = |server: &ChatServer, what: &str| {
        let pid = server.pid().to_string();
        let limited = Command::new("prlimit").args(["--pid", &pid, what]).status();
        assert!(limited.expect("prlimit, of util-linux, runs").success());
    };
    limit(&server, "--nofile=777:");
    watch.shows("process_max_fds", 777).await;
    limit(&server, &format!("--as={TERABYTE}:"));
    watch.moves("process_virtual_memory_max_bytes").await;
    let _silent = TcpStream::connect(site.address).await.unwrap();
    watch.moves("process_open_fds").await;
    // Each connection to the file has a thread.
    let ada = token("ada", 60);
    let read = || site.http("GET", "groups/g/messages", &ada, Value::Null);
    join_all((0..50).map(|_| read())).await;
    watch.moves("process_threads").await;
    watch.moves("process_virtual_memory_bytes").await;
    watch.moves("process_resident_memory_bytes").await;
    // Looking is work.
    watch.moves("process_cpu_seconds_total").await;

    server.kill();
    server.restart().await;
    watch.moves("process_start_time_seconds").await;
    watch.has_seen(MOVES);
}
