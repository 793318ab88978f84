//! A Redis Cluster of three masters.

use super::{RedisServer, until};
use crate::port::Port;

/// As Redis counts them.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// Three servers that share the slots. All of them end with this.
pub struct RedisCluster {
    /// Each holds a third of the slots.
    pub servers: Vec<RedisServer>,
    _bus_ports: Vec<Port>,
}

impl RedisCluster {
    /// A cluster that works.
    pub async fn start() -> Self {
        let (mut servers, mut bus_ports) = (Vec::new(), Vec::new());
        for _ in SLOTS {
            let bus_port = Port::reserve();
            let bus = format!("cluster-port {}", bus_port.number());
            let settings = ["cluster-enabled yes", "cluster-node-timeout 2000", &bus];
            servers.push(RedisServer::start_with(&settings).await);
            bus_ports.push(bus_port);
        }
        for (number, (server, (first, last))) in servers.iter().zip(SLOTS).enumerate() {
            done(server, &["ADDSLOTSRANGE", first, last]);
            done(server, &["SET-CONFIG-EPOCH", &(number + 1).to_string()]);
            let (port, bus_port) = (servers[0].port(), bus_ports[0].number());
            let first = [port.to_string(), bus_port.to_string()];
            done(server, &["MEET", "127.0.0.1", &first[0], &first[1]]);
        }
        for server in &servers {
            until("all know each other", || {
                let state = server.ask(&["CLUSTER", "INFO"]);
                state.contains("cluster_state:ok") && state.contains("cluster_size:3")
            })
            .await;
        }
        Self {
            servers,
            _bus_ports: bus_ports,
        }
    }

    /// The address that names all of them.
    pub fn url(&self) -> String {
        let [first, second, third] = [0, 1, 2].map(|number| self.servers[number].port());
        format!("redis-cluster://127.0.0.1:{first}?node=127.0.0.1:{second}&node=127.0.0.1:{third}")
    }
}

fn done(server: &RedisServer, what: &[&str]) {
    let command: Vec<&str> = ["CLUSTER"].iter().chain(what).copied().collect();
    assert_eq!(server.ask(&command), "OK", "{command:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_is_found_from_everywhere() {
        let cluster = RedisCluster::start().await;
        cluster.servers[0].ask(&["-c", "SET", "key", "1"]);

        for server in &cluster.servers {
            assert_eq!(server.ask(&["-c", "GET", "key"]), "1");
        }
    }
}
