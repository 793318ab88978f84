//! Real processes that are killed under load. The load generator's judge says whether anything was lost, doubled or
//! reordered.

use std::{
    env,
    process::{Child, Command, Stdio},
    time::Duration,
};

use chat_load::{arguments::Arguments, conductor::Conductor, progress::Progress};
use clap::Parser;
use tempfile::TempDir;
use tokio::{net::TcpListener, time::sleep};

const SECRET: &str = "a secret that is long enough for HS256";
const ADMIN_KEY: &str = "a key that is long enough for the admin";

const LIMITS: [&str; 8] = [
    "CONNECTIONS_PER_USER",
    "CONNECTIONS_PER_ADDRESS",
    "MESSAGE_BURST",
    "TYPING_BURST",
    "EVENT_BURST",
    "ROOMS_PER_SOCKET",
    "MESSAGES_PER_SECOND",
    "EVENTS_PER_SECOND",
];

/// How often the server is killed; `make prove` asks for more.
const KILLS: usize = 3;

/// How long the server lives between two kills.
const LIFE: Duration = Duration::from_secs(3);

/// A server process that can be killed and started again on the same data.
struct Process {
    port: u16,
    folder: TempDir,
    child: Child,
}

impl Process {
    async fn start() -> Self {
        let port = free_port().await;
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let child = spawn(port, &folder);
        let process = Self {
            port,
            folder,
            child,
        };
        process.wait_until_ready().await;
        process
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn kill_and_start_again(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
        self.child = spawn(self.port, &self.folder);
        self.wait_until_ready().await;
    }

    async fn wait_until_ready(&self) {
        let ready = format!("{}/readyz", self.url());
        for _ in 0..600 {
            let answer = reqwest::get(&ready).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not get ready");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    let file = folder.path().join("chat.db");
    let limits = LIMITS.map(|limit| (format!("CHAT_LIMITS__{limit}"), "0"));
    Command::new(env!("CARGO_BIN_EXE_chat-server"))
        .arg("serve")
        .env("CHAT_LISTEN", format!("127.0.0.1:{port}"))
        .env("CHAT_DATABASE__URL", format!("sqlite://{}", file.display()))
        .env("CHAT_AUTH__SECRET", SECRET)
        .env("CHAT_ADMIN__KEY", ADMIN_KEY)
        .envs(limits)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary was built for this test")
}

async fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback is there");
    probe.local_addr().expect("it is bound").port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let kills = env::var("PROVE_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut server = Process::start().await;
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
            server.kill_and_start_again().await;
        }
    };
    let (outcome, ()) = tokio::join!(load, faults);
    let outcome = outcome.expect("the run takes place");

    assert!(outcome.verdict.is_clean(), "{:?}", outcome.verdict.kinds());
}
