//! A Redis server of its own for each test: a folder that goes with it, a free port, and nothing kept on disk
//! unless it is told to.

mod cluster;
mod sentinel;

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

pub use self::{cluster::RedisCluster, sentinel::RedisUnderSentinels};
use crate::{
    port::Port,
    process::{ending_with_us, installed, signal},
};

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);
const DUMP: &str = "dump.rdb";

/// A server, which ends with this.
pub struct RedisServer {
    folder: TempDir,
    port: Port,
    settings: Vec<String>,
    process: Child,
}

impl RedisServer {
    /// With its own settings, but it saves nothing by itself.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With settings like `maxmemory-policy allkeys-lru`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        let port = Port::reserve();
        let process = spawn(folder.path(), port.number(), &settings);
        let mut server = Self {
            folder,
            port,
            settings,
            process,
        };
        server.wait_until_ready().await;
        server
    }

    /// Its address.
    pub fn url(&self) -> String {
        Self::url_at(self.port())
    }

    /// The address of the server behind this port, which may be a relay's.
    pub fn url_at(port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Where it listens.
    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// What it answers to a command, as `redis-cli` prints it: `ask(&["CLIENT", "KILL", "TYPE", "pubsub"])`.
    pub fn ask(&self, command: &[&str]) -> String {
        ask(self.port(), command)
    }

    /// What it has written into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("there is a log")
    }

    /// Ends it at once, as when a machine loses its power.
    pub fn kill(&mut self) {
        signal("KILL", self.process.id());
        self.process.wait().expect("it ends");
    }

    /// Keeps what it knows now, for the next [`Self::restart`].
    pub fn save(&self) {
        assert_eq!(self.ask(&["SAVE"]), "OK");
    }

    /// Starts it again where it was: with what was saved, however long ago, or with nothing.
    pub async fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port(), &self.settings);
        self.wait_until_ready().await;
    }

    /// Starts it again where it was, with nothing.
    pub async fn restart_empty(&mut self) {
        // Most likely nothing was saved.
        let _ = fs::remove_file(self.folder.path().join(DUMP));
        self.restart().await;
    }

    /// It keeps its connections and says nothing.
    pub fn pause(&self) {
        signal("STOP", self.process.id());
    }

    /// It goes on after a pause.
    pub fn resume(&self) {
        signal("CONT", self.process.id());
    }

    async fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while !answers(self.port()).await {
            let ended = self.process.try_wait().expect("it is a child of ours");
            let is_late = start.elapsed() > STARTS_WITHIN;
            assert!(ended.is_none() && !is_late, "no server: {}", self.log());
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.kill();
        }
    }
}

/// It ends with the thread that started it, also if nobody lives to drop it.
fn spawn(folder: &Path, port: u16, settings: &[String]) -> Child {
    let log = folder.join("log");
    let fixed = format!(
        "port {port}\nbind 127.0.0.1\ndir {folder}\ndbfilename {DUMP}\nlogfile {log}\nsave \"\"\n{own}\n",
        folder = folder.display(),
        log = log.display(),
        own = settings.join("\n"),
    );
    let settings = folder.join("redis.conf");
    fs::write(&settings, fixed).expect("the folder can be written to");
    run("redis-server", "redis-server", &settings)
}

/// A program of Redis, with a file of settings.
fn run(program: &str, package: &str, settings: &Path) -> Child {
    ending_with_us("KILL")
        .arg(installed(program, package))
        .arg(settings)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv, of util-linux, runs")
}

/// Whether the server behind that port does what it is asked, or would if it was told a password.
async fn answers(port: u16) -> bool {
    let ping = async {
        let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
        connection.write_all(b"PING\r\n").await?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer).await?;
        std::io::Result::Ok([b"+PONG", b"-NOAU"].contains(&&answer))
    };
    matches!(timeout(Duration::from_secs(1), ping).await, Ok(Ok(true)))
}

fn ask(port: u16, command: &[&str]) -> String {
    let output = Command::new(installed("redis-cli", "redis-tools"))
        .args(["-h", "127.0.0.1", "-p", &port.to_string()])
        .args(command)
        .output()
        .expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < STARTS_WITHIN, "not so: {what}");
        sleep(10 * LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_is_there_again_and_what_was_not_is_gone() {
        let mut server = RedisServer::start().await;
        server.ask(&["SET", "old", "1"]);
        server.save();
        server.ask(&["SET", "new", "1"]);

        server.kill();
        server.restart().await;
        assert_eq!(server.ask(&["KEYS", "*"]), "old");

        server.kill();
        server.restart_empty().await;
        assert_eq!(server.ask(&["DBSIZE"]), "0");
    }
}
