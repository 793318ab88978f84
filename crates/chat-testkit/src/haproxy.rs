//! HAProxy in front of the nodes of a fleet, with the configuration that operators get.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::sleep,
};

use crate::{
    port::Port,
    process::{ending_with_us, installed, signal},
};

const SETTINGS: &str = "deploy/haproxy/haproxy.cfg";
/// As many as the settings name.
pub const NODES: usize = 3;

const UP_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A load balancer, which ends with this.
pub struct Haproxy {
    folder: TempDir,
    port: Port,
    process: Child,
}

impl Haproxy {
    /// In front of these nodes. Waits until it sends clients to each of them.
    pub async fn start(nodes: [SocketAddr; NODES]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = Port::reserve();
        let process = spawn(folder.path(), port.number(), nodes);
        let mut balancer = Self {
            folder,
            port,
            process,
        };
        for node in 0..NODES {
            balancer.wait_until_up(node).await;
        }
        balancer
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port.number())
    }

    /// Returns when it sends clients to that node.
    pub async fn wait_until_up(&mut self, node: usize) {
        let start = Instant::now();
        while !self.is_up(node).await {
            let ended = self.process.try_wait().expect("it is a child of ours");
            let is_late = start.elapsed() > UP_WITHIN;
            assert!(ended.is_none() && !is_late, "not up: {}", self.log());
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether it sends clients to that node.
    pub async fn is_up(&self, node: usize) -> bool {
        let statistics = ask(&socket(self.folder.path()), "show stat").await;
        let statistics = statistics.unwrap_or_default();
        let mut lines = statistics.lines().map(|line| line.split(','));
        let mut names = lines.next().into_iter().flatten();
        let column = names.position(|name| name == "status");
        let server = format!("node{}", node + 1);
        let row = lines.find(|row| row.clone().take(2).eq(["chat", server.as_str()]));
        let status = row.zip(column).and_then(|(mut row, at)| row.nth(at));
        // There is more behind it when a check has failed.
        status.is_some_and(|status| status.starts_with("UP"))
    }

    /// What it has written into its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("there is a log")
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        signal("KILL", self.process.id());
        let _ = self.process.wait();
    }
}

/// It ends with the thread that started it, also if nobody lives to drop it.
fn spawn(folder: &Path, port: u16, nodes: [SocketAddr; NODES]) -> Child {
    let log = fs::File::create(folder.join("log")).expect("a log");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(SETTINGS);
    let mut command = ending_with_us("KILL");
    for (number, node) in (1..).zip(nodes) {
        command.env(format!("BALANCER_NODE_{number}"), node.to_string());
    }
    command
        .arg(installed("haproxy", "haproxy"))
        // In the foreground.
        .arg("-db")
        .arg("-f")
        .arg(settings)
        .env("BALANCER_LISTEN", format!("127.0.0.1:{port}"))
        .env("BALANCER_SOCKET", socket(folder))
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("setpriv, of util-linux, runs")
}

/// Where it takes commands.
fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

async fn ask(socket: &Path, question: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(format!("{question}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
