//! A Redis with a replica, and Sentinels that put the replica in its place when it is gone.

use std::{fs, process::Child};

use tempfile::TempDir;

use super::{RedisServer, answers, ask, run, until};
use crate::{port::Port, process::signal};

const NAME: &str = "chat";
const SENTINELS: usize = 3;

/// Two servers and those who watch them. All of them end with this.
pub struct RedisUnderSentinels {
    sentinels: Vec<Sentinel>,
    /// Most of what the tests break: the first of them is the master at first.
    pub servers: [RedisServer; 2],
}

struct Sentinel {
    port: Port,
    process: Child,
    _folder: TempDir,
}

impl RedisUnderSentinels {
    /// A master, its replica, and Sentinels that know both and each other.
    pub async fn start() -> Self {
        let master = RedisServer::start().await;
        let of_master = format!("replicaof 127.0.0.1 {}", master.port());
        let replica = RedisServer::start_with(&[&of_master, "repl-diskless-sync-delay 0"]).await;
        until("the replica follows", || {
            let state = replica.ask(&["INFO", "replication"]);
            state.contains("master_link_status:up")
        })
        .await;
        let mut sentinels = Vec::new();
        for _ in 0..SENTINELS {
            sentinels.push(Sentinel::start(master.port()).await);
        }
        for sentinel in &sentinels {
            until("the Sentinels know all", || {
                sentinel.knows("num-slaves", 1)
                    && sentinel.knows("num-other-sentinels", SENTINELS - 1)
            })
            .await;
        }
        let servers = [master, replica];
        Self { sentinels, servers }
    }

    /// The address that names the Sentinels.
    pub fn url(&self) -> String {
        let ports: Vec<u16> = self.sentinels.iter().map(|it| it.port.number()).collect();
        let others = ports[1..]
            .iter()
            .map(|port| format!("&node=127.0.0.1:{port}"));
        let others: String = others.collect();
        let first = ports[0];
        format!("redis-sentinel://127.0.0.1:{first}?sentinelServiceName={NAME}{others}")
    }

    /// Kills the first master, and waits until the Sentinels have put the other in its place.
    pub async fn fail_over(&mut self) {
        self.servers[0].kill();
        let heir = self.servers[1].port().to_string();
        for sentinel in &self.sentinels {
            until("the replica takes over", || {
                let named = ask(
                    sentinel.port.number(),
                    &["SENTINEL", "get-master-addr-by-name", NAME],
                );
                named.ends_with(&heir)
            })
            .await;
        }
    }
}

impl Sentinel {
    async fn start(master: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let port = Port::reserve();
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/log\n\
            sentinel monitor {NAME} 127.0.0.1 {master} 2\n\
            sentinel down-after-milliseconds {NAME} 1000\n\
            sentinel failover-timeout {NAME} 5000\n",
            port = port.number(),
            folder = folder.path().display(),
        );
        let file = folder.path().join("sentinel.conf");
        fs::write(&file, settings).expect("the folder can be written to");
        let process = run("redis-sentinel", "redis-sentinel", &file);
        let sentinel = Self {
            port,
            process,
            _folder: folder,
        };
        while !answers(sentinel.port.number()).await {
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
        sentinel
    }

    fn knows(&self, what: &str, count: usize) -> bool {
        let state = ask(self.port.number(), &["SENTINEL", "master", NAME]);
        let mut lines = state.lines();
        lines.find(|line| *line == what).is_some()
            && lines.next() == Some(count.to_string().as_str())
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        signal("KILL", self.process.id());
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_replica_takes_over_what_was_replicated() {
        let mut redis = RedisUnderSentinels::start().await;
        redis.servers[0].ask(&["SET", "key", "1"]);
        assert_eq!(redis.servers[0].ask(&["WAIT", "1", "5000"]), "1");

        redis.fail_over().await;

        assert_eq!(redis.servers[1].ask(&["GET", "key"]), "1");
        let role = redis.servers[1].ask(&["ROLE"]);
        assert!(role.starts_with("master"), "{role}");
    }
}
