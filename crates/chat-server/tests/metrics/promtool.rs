//! `promtool` finds nothing wrong with what a busy server shows.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use chat_testkit::{
    chat_server::WITHOUT_LIMITS, load, postgres::PostgresServer, process::installed,
    redis::RedisServer,
};

use crate::start;

#[tokio::test]
async fn what_is_shown_is_as_prometheus_wants_it() {
    let (postgres, redis) = (PostgresServer::start().await, RedisServer::start().await);
    let (database, redis) = (postgres.url(), redis.url());
    let shared = [
        ("CHAT_DATABASE__URL", database.as_str()),
        ("CHAT_REDIS__URL", &redis),
    ];
    let (server, _) = start(&[WITHOUT_LIMITS, &shared].concat()).await;
    let scenario = "fan-out --clients 8 --room-size 4 --rate 20 --seconds 2";
    let outcome = load::run(&[server.url()], scenario).await;
    assert!(
        load::is_complete(&outcome, 40),
        "{}",
        load::summary(&outcome)
    );

    let metrics = reqwest::get(format!("{}/metrics", server.url())).await;
    let metrics = metrics.unwrap().text().await.unwrap();
    let mut checking = Command::new(installed("promtool", "prometheus"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = checking.stdin.take().unwrap();
    input.write_all(metrics.as_bytes()).unwrap();
    drop(input);
    let checked = checking.wait_with_output().unwrap();

    let words = [checked.stdout, checked.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(checked.status.success() && words.is_empty(), "{words}");
    assert!(metrics.lines().count() > 300, "{metrics}");
}
