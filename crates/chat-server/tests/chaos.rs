//! Real processes that are killed under load. The load generator's judge says whether anything was lost, doubled or
//! reordered.

use std::{env, time::Duration};

use chat_load::{arguments::Arguments, conductor::Conductor, progress::Progress};
use chat_testkit::chat_server::{ADMIN_KEY, ChatServer, SECRET, WITHOUT_LIMITS};
use clap::Parser;
use tokio::time::sleep;

/// How often the server is killed; `make prove` asks for more.
const KILLS: usize = 3;

/// How long the server lives between two kills.
const LIFE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let kills = env::var("PROVE_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut server = ChatServer::start(env!("CARGO_BIN_EXE_chat-server"), WITHOUT_LIMITS).await;
    let messages = (kills * 400).to_string();
    let url = server.url();
    let arguments = Arguments::parse_from([
        "chat-load",
        "--url",
        &url,
        "--admin-key",
        ADMIN_KEY,
        "--secret",
        SECRET,
        "flaky",
        "--clients",
        "30",
        "--rooms",
        "5",
        "--rate",
        "100",
        "--messages",
        &messages,
    ]);
    let script = arguments
        .scenario
        .script(arguments.run.seed)
        .expect("the arguments fit together");
    let load = Conductor::new(&arguments.run, Progress::Silent).run(script);
    let faults = async {
        for _ in 0..kills {
            // Long enough for the clients to come back and get on.
            sleep(LIFE).await;
            server.kill();
            server.restart().await;
        }
    };
    let (outcome, ()) = tokio::join!(load, faults);
    let outcome = outcome.expect("the run takes place");

    assert!(outcome.verdict.is_clean(), "{:?}", outcome.verdict.kinds());
}
