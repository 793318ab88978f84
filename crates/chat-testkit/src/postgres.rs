//! A PostgreSQL server of its own for each test: a data folder that goes with it, a free port, and `fsync` on.

mod installation;

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use self::installation::{as_server, copy, folder_of_server, make_data, program, template};
use crate::{
    port::Port,
    process::{is_alive, kill_family, signal, signal_family},
};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server, which ends with this.
pub struct PostgresServer {
    folder: TempDir,
    port: Port,
    settings: Vec<String>,
    process: Child,
    /// What a killed server had started. Until it is gone, no other starts on its data.
    orphans: Vec<u32>,
}

impl PostgresServer {
    /// With its own settings.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings like `work_mem=8MB`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let folder = folder_of_server();
        copy(&template(), &folder.path().join("data"));
        Self::start_in(folder, settings).await
    }

    /// With everything as it is after an installation, for who measures.
    pub async fn start_as_installed() -> Self {
        let folder = folder_of_server();
        make_data(&folder.path().join("data"), &[]);
        Self::start_in(folder, &[]).await
    }

    async fn start_in(folder: TempDir, settings: &[&str]) -> Self {
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let port = Port::reserve();
        let process = spawn(folder.path(), port.number(), &settings);
        let mut server = Self {
            folder,
            port,
            settings,
            process,
            orphans: Vec::new(),
        };
        server.wait_until_ready().await;
        server
    }

    /// The address of its database.
    pub fn url(&self) -> String {
        Self::url_at(self.port())
    }

    /// The address of the database behind this port, which may be a relay's.
    pub fn url_at(port: u16) -> String {
        format!("postgres://postgres@127.0.0.1:{port}/template1")
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// As another program would.
    pub async fn connect(&self) -> PgConnection {
        let connection = PgConnection::connect(&self.url()).await;
        connection.expect("the server answers")
    }

    /// What the server has written into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("there is a log")
    }

    /// Ends it at once, as when a machine loses its power.
    pub fn kill(&mut self) {
        self.orphans = kill_family(self.process.id());
        self.process.wait().expect("it ends");
    }

    /// Starts it again where it was.
    pub async fn restart(&mut self) {
        while self.orphans.iter().any(|pid| is_alive(*pid)) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.process = spawn(self.folder.path(), self.port(), &self.settings);
        self.wait_until_ready().await;
    }

    /// It keeps its connections and says nothing.
    pub fn pause(&self) {
        signal_family("STOP", self.process.id());
    }

    /// It goes on after a pause.
    pub fn resume(&self) {
        signal_family("CONT", self.process.id());
    }

    async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        let state = self.folder.path().join("data/postmaster.pid");
        loop {
            let state = fs::read_to_string(&state).unwrap_or_default();
            let pid = self.process.id().to_string();
            if state.starts_with(&pid) && state.lines().last().is_some_and(is_ready) {
                return;
            }
            let ended = self.process.try_wait().expect("it is a child of ours");
            let is_late = start.elapsed() > STARTS_WITHIN;
            assert!(ended.is_none() && !is_late, "no server: {}", self.log());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

fn is_ready(line: &str) -> bool {
    line.trim() == "ready"
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.resume();
            // At once, but it tidies up what the machine shares.
            signal("QUIT", self.process.id());
            let _ = self.process.wait();
        }
    }
}

/// It ends with the thread that started it, also if nobody lives to drop it.
fn spawn(folder: &Path, port: u16, settings: &[String]) -> Child {
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log");
    let mut command = as_server("QUIT");
    command
        .arg(program("postgres"))
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log);
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.spawn().expect("setpriv, of util-linux, runs")
}
