//! Who is measured: each is a process that speaks the same events.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use chat_testkit::{
    chat_server::{ChatServer, SECRET},
    port::Port,
    process::ending_with_us,
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, time::sleep};

use crate::services::Services;

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What is high enough that no load here reaches it, and still is counted.
const HIGH: &str = "1000000";

/// The server's limits are counted, but one machine may be many clients. Those of typing are off.
const SETTINGS: &[(&str, &str)] = &[
    ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", HIGH),
    ("CHAT_LIMITS__HANDSHAKE_BURST", HIGH),
    ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", HIGH),
    ("CHAT_LIMITS__MESSAGE_BURST", HIGH),
    ("CHAT_LIMITS__MESSAGES_PER_SECOND", HIGH),
    ("CHAT_LIMITS__TYPING_BURST", "0"),
    ("CHAT_LIMITS__EVENT_BURST", "10000"),
    ("CHAT_LIMITS__EVENTS_PER_SECOND", HIGH),
];

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Contender {
    /// The product.
    ChatServer,
    /// `peers/node`: Socket.IO for Node.js on `ws`.
    Node,
    /// `peers/node-uws`: the same on µWebSockets.js.
    NodeUws,
    /// `peers/socketioxide`: the product's library by itself.
    Socketioxide,
    /// `peers/limit`: one write for each delivery.
    Limit,
}

impl Contender {
    /// As it stands above a column.
    pub fn title(self) -> &'static str {
        match self {
            Self::ChatServer => "chat-server",
            Self::Node => "Node `ws`",
            Self::NodeUws => "Node µWS",
            Self::Socketioxide => "socketioxide",
            Self::Limit => "limit",
        }
    }

    /// Whether it keeps anything in Redis and PostgreSQL.
    pub fn needs_services(self) -> bool {
        matches!(self, Self::ChatServer | Self::Node | Self::NodeUws)
    }

    /// Starts it, and waits until it can serve. The programs of this workspace are in that folder.
    pub async fn start(
        self,
        programs: &Path,
        services: Option<&Services>,
        settings: &[(&str, &str)],
    ) -> Running {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        let node = |folder: &str| {
            let mut node = ending_with_us("KILL");
            node.arg("node").arg(peers.join(folder).join("server.js"));
            node
        };
        let program = |name: &str| {
            let mut program = ending_with_us("KILL");
            program.arg(programs.join(name));
            program
        };
        match self {
            Self::ChatServer => {
                let server = start_server(programs.join("chat-server"), services, settings).await;
                Running::Server(server)
            }
            Self::Node => Running::Peer(Peer::start(node("node"), services).await),
            Self::NodeUws => Running::Peer(Peer::start(node("node-uws"), services).await),
            Self::Socketioxide => {
                Running::Peer(Peer::start(program("peer-socketioxide"), services).await)
            }
            Self::Limit => Running::Peer(Peer::start(program("peer-limit"), services).await),
        }
    }
}

/// The server with these services, and with limits that are far away. The last of two settings of one name counts.
pub async fn start_server(
    program: PathBuf,
    services: Option<&Services>,
    settings: &[(&str, &str)],
) -> ChatServer {
    let addresses = services.map(|services| (services.postgres.url(), services.redis.url()));
    let mut all = SETTINGS.to_vec();
    if let Some((database, redis)) = &addresses {
        all.push(("CHAT_DATABASE__URL", database));
        all.push(("CHAT_REDIS__URL", redis));
    }
    all.extend(settings);
    ChatServer::start(program, &all).await
}

/// A contender's process, which ends with this.
pub enum Running {
    /// The product.
    Server(ChatServer),
    /// Another.
    Peer(Peer),
}

impl Running {
    /// Where it serves.
    pub fn url(&self) -> String {
        match self {
            Self::Server(server) => server.url(),
            Self::Peer(peer) => format!("http://127.0.0.1:{}", peer.port.number()),
        }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Server(server) => server.pid(),
            Self::Peer(peer) => peer.process.id(),
        }
    }
}

/// A process that is told all it needs by its environment.
pub struct Peer {
    port: Port,
    process: Child,
}

impl Peer {
    async fn start(mut command: Command, services: Option<&Services>) -> Self {
        let port = Port::reserve();
        command
            .env("NODE_ENV", "production")
            .env("PORT", port.number().to_string())
            .env("SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some(services) = services {
            command
                .env("DATABASE_URL", services.postgres.url())
                .env("REDIS_URL", services.redis.url());
        }
        let process = command.spawn().expect("setpriv, of util-linux, runs");
        let mut peer = Self { port, process };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", peer.port.number()))
            .await
            .is_err()
        {
            let ended = peer.process.try_wait().expect("it is a child of ours");
            let is_late = begun.elapsed() > STARTS_WITHIN;
            assert!(ended.is_none() && !is_late, "{command:?} does not serve");
            sleep(LOOK_EVERY).await;
        }
        peer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
