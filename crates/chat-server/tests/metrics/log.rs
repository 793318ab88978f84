//! Lines of the log. Nothing from outside is an error of the server's own: here the test makes one in its process.

use std::panic::catch_unwind;

use chat_server::{config::LogFormat, logging, metrics};

use crate::{Moves, support::Server, watch::Watch};

pub const MOVES: Moves = &[("chat_log_lines_total", "level", &["error", "warn"])];

#[tokio::test]
async fn lines_are_counted_whether_they_are_written_or_not() {
    metrics::recorder();
    logging::start(LogFormat::Human, Some("off"));
    let server = Server::start(&[]).await;
    let mut watch = Watch::begin(server.address).await;

    tracing::warn!(target: "chat_server::test", "a line");
    tracing::info!(target: "chat_server::test", "another one");
    watch
        .counts("chat_log_lines_total{level=\"warn\"}", 1)
        .await;
    assert!(catch_unwind(|| panic!("on purpose")).is_err());
    watch
        .counts("chat_log_lines_total{level=\"error\"}", 1)
        .await;
    watch.has_seen(MOVES);
}
