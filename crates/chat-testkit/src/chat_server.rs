//! The product as a process that can be killed, held up and started again.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use chat_load::usage;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    port::Port,
    process::{ending_with_us, signal},
};

/// What its tokens are signed with.
pub const SECRET: &str = "a secret that is long enough for HS256";
/// What its administrator has.
pub const ADMIN_KEY: &str = "a key that is long enough for the admin";

/// Settings that let one machine be many clients.
pub const WITHOUT_LIMITS: &[(&str, &str)] = &[
    ("CHAT_LIMITS__CONNECTIONS_PER_USER", "0"),
    ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
    ("CHAT_LIMITS__MESSAGE_BURST", "0"),
    ("CHAT_LIMITS__TYPING_BURST", "0"),
    ("CHAT_LIMITS__EVENT_BURST", "0"),
    ("CHAT_LIMITS__ROOMS_PER_SOCKET", "0"),
    ("CHAT_LIMITS__CONNECTIONS_PER_NODE", "0"),
    ("CHAT_LIMITS__JOIN_BURST", "0"),
    ("CHAT_LIMITS__HISTORY_BURST", "0"),
    ("CHAT_LIMITS__REQUEST_BURST", "0"),
    ("CHAT_LIMITS__ADDRESS_REQUEST_BURST", "0"),
];

const FILE: &str = "chat.db";
const READY_WITHIN: Duration = Duration::from_secs(60);
const ENDS_WITHIN: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A server process, which ends with this.
pub struct ChatServer {
    program: PathBuf,
    settings: Vec<(String, String)>,
    folder: TempDir,
    port: Port,
    process: Child,
}

impl ChatServer {
    /// Starts the program, and waits until it is ready.
    ///
    /// Unless the settings say otherwise, it is on a SQLite file of its own. The program is
    /// `env!("CARGO_BIN_EXE_chat-server")`, which Cargo tells the tests of that crate alone.
    pub async fn start(program: impl Into<PathBuf>, settings: &[(&str, &str)]) -> Self {
        let mut server = Self::start_unready(program, settings);
        server.wait_until_ready().await;
        server
    }

    /// Starts the program, and does not wait.
    pub fn start_unready(program: impl Into<PathBuf>, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = Port::reserve();
        let file = folder.path().join(FILE);
        let own = [
            ("CHAT_LISTEN", format!("127.0.0.1:{}", port.number())),
            ("CHAT_DATABASE__URL", format!("sqlite://{}", file.display())),
            ("CHAT_AUTH__SECRET", SECRET.to_owned()),
            ("CHAT_ADMIN__KEY", ADMIN_KEY.to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let given = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let settings: Vec<_> = own.into_iter().chain(given).collect();
        let program = program.into();
        let process = spawn(&program, &settings, &folder);
        Self {
            program,
            settings,
            folder,
            port,
            process,
        }
    }

    /// Its address, for people and programs that read one.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port.number()).into()
    }

    /// The file of the database, if it is on one of its own.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once, as when a machine loses its power.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }

    /// Starts it again on the same port and data, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.restart_unready();
        self.wait_until_ready().await;
    }

    /// Starts it again on the same port and data, and does not wait.
    pub fn restart_unready(&mut self) {
        self.process = spawn(&self.program, &self.settings, &self.folder);
    }

    /// Lets it end as a service manager does, and waits for that. Returns whether it says that all went well.
    pub async fn stop(&mut self) -> bool {
        signal("TERM", self.pid());
        self.ended().await
    }

    /// Waits until it has ended. Returns whether it says that all went well.
    pub async fn ended(&mut self) -> bool {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("it is a child of ours") {
                return status.success();
            }
            assert!(start.elapsed() < ENDS_WITHIN, "it does not end");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// It keeps its connections and says nothing.
    pub fn pause(&self) {
        signal("STOP", self.pid());
    }

    /// It goes on after a pause.
    pub fn resume(&self) {
        signal("CONT", self.pid());
    }

    /// Whether it says that it can serve.
    pub async fn is_ready(&self) -> bool {
        let asking = tokio::time::timeout(READY_WITHIN, ask_ready(self.address()));
        matches!(asking.await, Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200"))
    }

    /// Returns when it can serve.
    pub async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while !self.is_ready().await {
            let ended = self.process.try_wait().expect("it is a child of ours");
            let is_late = start.elapsed() > READY_WITHIN;
            assert!(ended.is_none() && !is_late, "no server: {}", self.log());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What it has written so far, in all its lives.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("there is a log")
    }

    /// What it has in memory now.
    pub fn resident_kib(&self) -> u64 {
        usage::resident_kib(self.pid()).expect("it runs")
    }

    /// The most that it ever had in memory, in this life.
    pub fn peak_kib(&self) -> u64 {
        usage::peak_kib(self.pid()).expect("it runs")
    }

    /// What it has computed in this life.
    pub fn cpu_seconds(&self) -> f64 {
        usage::cpu_seconds(self.pid()).expect("it runs")
    }
}

impl Drop for ChatServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(program: &PathBuf, settings: &[(String, String)], folder: &TempDir) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.path().join("log"))
        .expect("a log");
    let mut command = ending_with_us("KILL");
    // What is meant for the tests is no setting of it.
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("CHAT_")) {
        command.env_remove(name);
    }
    command
        .arg(program)
        .arg("serve")
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("setpriv, of util-linux, runs")
}

/// Returns the first line and what comes with it.
async fn ask_ready(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let question = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
