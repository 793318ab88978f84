//! Whatever happens to the database under load: clients get a clear answer in time, what needs no database goes on,
//! nothing is lost or doubled, and the server finds back by itself.

mod support;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use chat_testkit::{
    chat_server::{ChatServer, WITHOUT_LIMITS},
    load,
    postgres::PostgresServer,
    relay::{Relay, Way},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use support::{Client, Site, token};
use tempfile::TempDir;
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chat-server");

/// What other clients do meanwhile.
const LOAD: &str = "flaky --clients 20 --rooms 4 --rate 60 --messages 300 --settle 20";
const MESSAGES: u64 = 300;
/// So many of them have been stored when it happens.
const UNDER_WAY: i64 = 30;

const STORED: &str = "select cast(coalesce(sum(last_seq), 0) as bigint) from groups";

/// Five seconds are promised (contract, section 1, Database unreachable), and one is for the noise of the machine.
const ANSWERED_WITHIN: Duration = Duration::from_secs(6);
/// How often everything is asked while the database is away.
const ROUNDS: usize = 3;

const BACK_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Something that can happen to a database, and be mended.
trait Fault {
    /// Whether nothing can be read either.
    const READING_FAILS: bool;

    async fn strike(&mut self);

    async fn mend(&mut self);

    /// How many messages are stored. It is asked before the strike.
    async fn stored(&self) -> i64;
}

/// A server that writes to PostgreSQL through a network of its own.
struct Postgres {
    server: PostgresServer,
    network: Relay,
}

impl Postgres {
    async fn start(settings: &[&str]) -> Self {
        let server = PostgresServer::start_with(settings).await;
        let network = Relay::start(server.port());
        Self { server, network }
    }

    async fn chat_server(&self) -> ChatServer {
        let url = PostgresServer::url_at(self.network.port());
        let settings = [WITHOUT_LIMITS, &[("CHAT_DATABASE__URL", &url)]].concat();
        ChatServer::start(PROGRAM, &settings).await
    }

    async fn stored(&self) -> i64 {
        let mut connection = self.server.connect().await;
        let counted = sqlx::query_scalar(STORED).fetch_one(&mut connection).await;
        counted.expect("it answers")
    }
}

struct Killed(Postgres);

impl Fault for Killed {
    const READING_FAILS: bool = true;

    async fn strike(&mut self) {
        self.0.server.kill();
    }

    async fn mend(&mut self) {
        self.0.server.restart().await;
    }

    async fn stored(&self) -> i64 {
        self.0.stored().await
    }
}

struct Stopped(Postgres);

impl Fault for Stopped {
    const READING_FAILS: bool = true;

    async fn strike(&mut self) {
        self.0.server.pause();
    }

    async fn mend(&mut self) {
        self.0.server.resume();
    }

    async fn stored(&self) -> i64 {
        self.0.stored().await
    }
}

struct CutOff(Postgres);

impl Fault for CutOff {
    const READING_FAILS: bool = true;

    async fn strike(&mut self) {
        self.0.network.cut();
    }

    async fn mend(&mut self) {
        self.0.network.pass();
    }

    async fn stored(&self) -> i64 {
        self.0.stored().await
    }
}

/// Nothing is heard, or nothing that way.
struct Silence(Postgres, Option<Way>);

impl Fault for Silence {
    const READING_FAILS: bool = true;

    async fn strike(&mut self) {
        match self.1 {
            Some(way) => self.0.network.silence_way(way),
            None => self.0.network.silence(),
        }
    }

    async fn mend(&mut self) {
        self.0.network.pass();
    }

    async fn stored(&self) -> i64 {
        self.0.stored().await
    }
}

/// Other programs have all the connections.
struct Crowded {
    postgres: Postgres,
    others: Vec<PgConnection>,
}

impl Fault for Crowded {
    const READING_FAILS: bool = true;

    async fn strike(&mut self) {
        let url = self.postgres.server.url();
        let mut first = self.postgres.server.connect().await;
        let ours = "application_name = 'chat-server'";
        let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where {ours}");
        let count = format!("select count(*) from pg_stat_activity where {ours}");
        loop {
            first
                .execute(AssertSqlSafe(end.clone()))
                .await
                .expect("it answers");
            while let Ok(other) = PgConnection::connect(&url).await {
                self.others.push(other);
            }
            let left: i64 = sqlx::query_scalar(AssertSqlSafe(count.clone()))
                .fetch_one(&mut first)
                .await
                .expect("it answers");
            if left == 0 {
                break self.others.push(first);
            }
        }
    }

    async fn mend(&mut self) {
        self.others.clear();
    }

    async fn stored(&self) -> i64 {
        self.postgres.stored().await
    }
}

/// The file system takes nothing more.
struct Full {
    chat_server: u32,
    file: String,
}

impl Fault for Full {
    const READING_FAILS: bool = false;

    async fn strike(&mut self) {
        limit_files(self.chat_server, "0:");
    }

    async fn mend(&mut self) {
        limit_files(self.chat_server, "unlimited:");
    }

    async fn stored(&self) -> i64 {
        let mut file = SqliteConnection::connect(&self.file)
            .await
            .expect("it is there");
        let counted = sqlx::query_scalar(STORED).fetch_one(&mut file).await;
        counted.expect("it can be read")
    }
}

/// Sets how far a process may write into files: the soft limit, which may be raised again.
fn limit_files(pid: u32, limit: &str) {
    let pid = pid.to_string();
    let fsize = format!("--fsize={limit}");
    let done = Command::new("prlimit")
        .args(["--pid", &pid, &fsize])
        .status();
    assert!(done.expect("prlimit, of util-linux, runs").success());
}

/// The program, started so that it is told when it may not write, instead of being killed.
fn program_that_is_told() -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    let script = folder.path().join("chat-server");
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nexec '{PROGRAM}' \"$@\"\n");
    fs::write(&script, text).expect("a script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    (script, folder)
}

#[tokio::test]
async fn a_database_server_that_is_killed_and_comes_back() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, Killed(postgres)).await;
}

#[tokio::test]
async fn a_database_server_that_is_stopped_and_goes_on() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, Stopped(postgres)).await;
}

#[tokio::test]
async fn a_network_that_is_cut() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, CutOff(postgres)).await;
}

#[tokio::test]
async fn a_network_that_is_silent() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, Silence(postgres, None)).await;
}

#[tokio::test]
async fn a_network_that_takes_no_question_to_the_database() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, Silence(postgres, Some(Way::ToServer))).await;
}

#[tokio::test]
async fn a_network_that_brings_no_answer_back() {
    let postgres = Postgres::start(&[]).await;
    let server = postgres.chat_server().await;

    endure(&server, Silence(postgres, Some(Way::ToClient))).await;
}

#[tokio::test]
async fn a_database_server_without_a_connection_left() {
    let settings = ["max_connections=20", "superuser_reserved_connections=0"];
    let postgres = Postgres::start(&settings).await;
    let server = postgres.chat_server().await;

    let others = Vec::new();
    endure(&server, Crowded { postgres, others }).await;
}

#[tokio::test]
async fn a_file_system_that_is_full() {
    let (program, _folder) = program_that_is_told();
    let server = ChatServer::start(program, WITHOUT_LIMITS).await;
    let full = Full {
        chat_server: server.pid(),
        file: format!("sqlite://{}?mode=ro", server.file().display()),
    };

    endure(&server, full).await;
}

/// Puts the server under load, lets it happen, and looks at everything that is promised.
async fn endure<F: Fault>(server: &ChatServer, mut fault: F) {
    let urls = [server.url()];
    let site = Site {
        address: server.address(),
    };
    let mut scene = Scene::set(site).await;

    let trouble = async {
        until_the_load_is_there(&fault).await;
        fault.strike().await;
        for _ in 0..ROUNDS {
            scene.ask_in_vain(F::READING_FAILS).await;
            scene.go_on_without_a_database().await;
            assert!(!server.is_ready().await, "/readyz says so");
        }
        scene.come_in_vain().await;
        scene.somebody_goes().await;
        fault.mend().await;
        until_ready(server).await;
        scene.settle().await;
    };
    let (outcome, ()) = tokio::join!(load::run(&urls, LOAD), trouble);

    let holds = load::is_complete(&outcome, MESSAGES);
    assert!(holds, "{}\n{}", outcome.report, outcome.verdict);
    let log = server.log();
    assert!(!log.contains("panicked"), "{log}");
}

/// Returns when messages of others are under way.
async fn until_the_load_is_there(fault: &impl Fault) {
    let start = Instant::now();
    while fault.stored().await < UNDER_WAY {
        assert!(start.elapsed() < BACK_WITHIN, "there is no load");
        sleep(LOOK_EVERY).await;
    }
}

async fn until_ready(server: &ChatServer) {
    let start = Instant::now();
    while !server.is_ready().await {
        assert!(
            start.elapsed() < BACK_WITHIN,
            "it is back: {}",
            server.log()
        );
        sleep(LOOK_EVERY).await;
    }
}

/// People in the room `tea`, besides the load.
struct Scene {
    site: Site,
    /// Says something.
    ada: Client,
    /// Reads.
    bob: Client,
    /// Sees who types, who comes and who goes.
    cleo: Client,
    /// Goes home.
    dan: Option<Client>,
    /// What ada tried to say.
    said: Vec<String>,
}

impl Scene {
    async fn set(site: Site) -> Self {
        site.group("tea", &["ada", "bob", "cleo", "dan"]).await;
        site.group("dev", &["bob"]).await;
        let ada = site.join("ada", "tea").await;
        let bob = site.join("bob", "tea").await;
        let cleo = site.join("cleo", "tea").await;
        let dan = Some(site.join("dan", "tea").await);
        let mut scene = Self {
            site,
            ada,
            bob,
            cleo,
            dan,
            said: Vec::new(),
        };
        let answer = scene.say_something().await;
        assert_eq!(answer["ok"], true, "{answer}");
        scene
    }

    /// Everything that bob heard there, when it is so much.
    async fn heard_in_tea(&mut self, count: usize) -> Vec<Value> {
        let mut heard = Vec::new();
        loop {
            let events = self.bob.drain().await.into_iter();
            heard.extend(events.filter(|(event, _)| event == "message_received"));
            if heard.len() >= count {
                return heard.into_iter().map(|(_, message)| message).collect();
            }
            // What was stored without an answer is found when the node compares what it told with the database.
            heard.push(self.bob.next().await);
            heard.retain(|(event, _)| event == "message_received");
        }
    }

    async fn say_something(&mut self) -> Value {
        let id = format!("c{}", self.said.len());
        self.said.push(id.clone());
        say(&mut self.ada, &id).await
    }

    /// What needs the database is answered in time, and says when to come again.
    async fn ask_in_vain(&mut self, reading_fails: bool) {
        let id = format!("c{}", self.said.len());
        self.said.push(id.clone());
        let read = async {
            let page = json!({"groupId": "tea", "limit": 100});
            let page = in_time(self.bob.ask("get_group_messages", page)).await;
            let joined = in_time(self.bob.ask("join_group", json!("dev"))).await;
            [page, joined]
        };
        let (sent, read) = tokio::join!(in_time(say(&mut self.ada, &id)), read);

        is_unavailable(&sent);
        for answer in &read {
            if reading_fails {
                is_unavailable(answer);
            } else {
                assert_eq!(answer["ok"], true, "{answer}");
            }
        }
    }

    /// What needs no database works.
    async fn go_on_without_a_database(&mut self) {
        let tea = json!({"groupId": "tea"});
        self.ada.call("typing_start", tea.clone()).await;
        assert_eq!(self.cleo.wait_for("user_typing").await["userId"], "ada");
        self.ada.call("typing_stop", tea.clone()).await;
        self.cleo.wait_for("user_stopped_typing").await;
        let info = self.ada.call("get_room_info", tea).await;
        assert_eq!(info["memberCount"], 4);
    }

    /// Whom the database does not know yet is asked to come back.
    async fn come_in_vain(&self) {
        let mut newcomer = Client::open(self.site.address).await;
        let token = json!({"token": token("eve", 3_600)});
        newcomer.send(&format!("40{token}")).await;

        let refusal = in_time(newcomer.packet()).await;

        assert!(refusal.starts_with("44"), "{refusal}");
        assert!(refusal.contains("SERVICE_UNAVAILABLE: "), "{refusal}");
        newcomer.closed().await;
    }

    async fn somebody_goes(&mut self) {
        drop(self.dan.take());
        let gone = self.cleo.wait_for("user_left_group").await;
        assert_eq!(gone["userId"], "dan");
    }

    /// What was not acknowledged is said again; then everything was said once, and heard once.
    async fn settle(&mut self) {
        for id in self.said.clone() {
            let answer = say(&mut self.ada, &id).await;
            assert_eq!(answer["ok"], true, "{answer}");
        }
        assert_eq!(self.bob.ask("join_group", json!("dev")).await["ok"], true);

        let page = json!({"groupId": "tea", "limit": 100});
        let page = self.bob.call("get_group_messages", page).await;
        let stored = said_in(page["messages"].as_array().expect("it is a page"));
        let heard = self.heard_in_tea(stored.len()).await;

        assert_eq!(said_in(&heard), stored, "in the order of the history");
        let mut said = stored;
        said.sort_unstable();
        self.said.sort_unstable();
        assert_eq!(said, self.said);
    }
}

async fn say(client: &mut Client, id: &str) -> Value {
    let message = json!({"groupId": "tea", "content": "hello", "clientMessageId": id});
    client.ask("send_message", message).await
}

fn said_in(messages: &[Value]) -> Vec<String> {
    let seqs: Vec<_> = messages
        .iter()
        .map(|message| message["seq"].as_u64())
        .collect();
    let expected: Vec<_> = (1..).take(messages.len()).map(Some).collect();
    assert_eq!(seqs, expected);
    let ids = messages
        .iter()
        .map(|message| message["clientMessageId"].as_str());
    ids.map(|id| id.expect("ada gives one").to_owned())
        .collect()
}

async fn in_time<T>(asking: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let answer = asking.await;
    let took = start.elapsed();
    assert!(took < ANSWERED_WITHIN, "it took {took:?}");
    answer
}

fn is_unavailable(answer: &Value) {
    let error = &answer["error"];
    assert_eq!(error["code"], "SERVICE_UNAVAILABLE", "{answer}");
    assert!(error["retryAfterMs"].as_u64() > Some(0), "{answer}");
}
