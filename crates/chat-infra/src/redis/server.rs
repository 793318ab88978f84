//! What a Redis says of itself when it is reached, and whether it will do.

use fred::{clients::Client, error::Error, interfaces::ClientLike};

/// What is stored there, so what it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// It knows who is where: it must not forget, and its scripts touch keys of several users and rooms.
    Presence,
    /// It only passes notices on.
    Bus,
}

/// A Redis that answers, and will never do. One clear line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The keys of presence lie all over a cluster.
    #[error(
        "presence cannot be kept in a Redis Cluster: CHAT_REDIS__URL has to name a single Redis or Sentinels \
        (CHAT_REDIS__BUS_URL may name a cluster)"
    )]
    Cluster,
}

/// One process of Redis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    run_id: String,
    is_cluster: bool,
    /// A copy that may be behind, or still reading its file.
    is_unready: bool,
    eviction: Option<String>,
}

const KEEPS_ALL: &str = "noeviction";

impl Server {
    /// Another one after each start, and after each failover.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// How it makes room when its memory is full, if not by refusing what is new.
    #[must_use]
    pub fn eviction(&self) -> Option<&str> {
        self.eviction.as_deref()
    }

    pub(super) async fn ask(client: &Client) -> Result<Self, Error> {
        match client.info::<String>(None).await {
            Ok(info) => Ok(Self::read(&info)),
            // Who may not ask goes on: it can still be used.
            Err(error) if error.details().starts_with("NOPERM") => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    fn read(info: &str) -> Self {
        let value = |name: &str| {
            let mut lines = info.lines().filter_map(|line| line.split_once(':'));
            let line = lines.find(|(key, _)| *key == name);
            line.map(|(_, value)| value.trim().to_owned())
        };
        Self {
            run_id: value("run_id").unwrap_or_default(),
            is_cluster: value("cluster_enabled").as_deref() == Some("1"),
            is_unready: value("role").as_deref() == Some("slave")
                || value("loading").as_deref() == Some("1"),
            eviction: value("maxmemory_policy").filter(|policy| policy != KEEPS_ALL),
        }
    }

    /// Whether it can keep presence at the moment: it will do later, or another one will.
    pub(super) fn is_ready(&self, duty: Duty) -> bool {
        duty == Duty::Bus || !self.is_unready
    }

    /// Says loudly what is wrong with it, and whether it can be used all the same.
    pub(super) fn judge(&self, duty: Duty) -> Result<(), Unfit> {
        if duty == Duty::Bus {
            return Ok(());
        }
        if self.is_cluster {
            return Err(Unfit::Cluster);
        }
        if let Some(policy) = self.eviction() {
            tracing::warn!(
                policy,
                "Redis may evict who is in which room when its memory is full: set `maxmemory-policy noeviction`"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_read_from_what_it_says_of_itself() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\nmaxmemory_policy:allkeys-lru\r\n\
            # Cluster\r\ncluster_enabled:1\r\n";

        let server = Server::read(info);

        assert_eq!(server.run_id(), "abc");
        assert!(server.is_cluster);
        assert_eq!(server.eviction(), Some("allkeys-lru"));
        assert_eq!(server.judge(Duty::Presence), Err(Unfit::Cluster));
        assert_eq!(server.judge(Duty::Bus), Ok(()));
    }

    #[test]
    fn one_that_keeps_everything_will_do() {
        let server = Server::read("run_id:a\nmaxmemory_policy:noeviction\ncluster_enabled:0\n");

        assert_eq!(server.eviction(), None);
        assert_eq!(server.judge(Duty::Presence), Ok(()));
        assert!(server.is_ready(Duty::Presence));
    }

    #[test]
    fn a_copy_and_one_that_still_reads_its_file_are_not_ready() {
        for info in ["role:slave\n", "role:master\nloading:1\n"] {
            let server = Server::read(info);
            assert!(!server.is_ready(Duty::Presence) && server.is_ready(Duty::Bus));
        }
    }
}
