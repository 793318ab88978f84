//! Where a Redis is: alone, behind Sentinels, or a cluster.

use std::fmt;

use fred::types::config::{Config, ServerConfig};

/// A Redis that can be reached. It knows passwords: neither `Debug` nor `Display` shows them.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Config);

/// Why a text is no address of a Redis. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It is no URL of the right kind.
    #[error(
        "the address of a Redis begins with `redis://`, `rediss://`, `redis-sentinel://`, `rediss-sentinel://`, \
        `redis-cluster://` or `rediss-cluster://`, followed by `user:password@`, if needed, and `host:port`"
    )]
    NotAnAddress,
    /// The Sentinels would not know which of their masters is meant.
    #[error(
        "the address of Sentinels ends with `?sentinelServiceName=` and the name of the master"
    )]
    NameOfMasterMissing,
    /// There is nothing to check certificates with.
    #[error("the certificates of this machine cannot be read, and `rediss` needs them")]
    NoCertificates,
}

const SCHEMES: [&str; 3] = ["", "-sentinel", "-cluster"];
const NAME_OF_MASTER: &str = "sentinelServiceName=";

impl Address {
    /// Reads `redis://user:password@host:port/database`, `redis-sentinel://host:port?sentinelServiceName=name`
    /// or `redis-cluster://host:port`, each also with `rediss` for TLS. `&node=host:port` names one more
    /// Sentinel or node of the cluster; `&sentinelUsername=` and `&sentinelPassword=` are for the Sentinels.
    ///
    /// # Errors
    /// See [`InvalidAddress`].
    pub fn parse(url: &str) -> Result<Self, InvalidAddress> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidAddress::NotAnAddress)?;
        let kind = scheme
            .strip_prefix("rediss")
            .or_else(|| scheme.strip_prefix("redis"))
            .filter(|kind| SCHEMES.contains(kind))
            .ok_or(InvalidAddress::NotAnAddress)?;
        if kind == "-sentinel" && !rest.contains(NAME_OF_MASTER) {
            return Err(InvalidAddress::NameOfMasterMissing);
        }
        let config = Config::from_url(url).map_err(|error| match error.kind() {
            fred::error::ErrorKind::Tls => InvalidAddress::NoCertificates,
            _ => InvalidAddress::NotAnAddress,
        })?;
        Ok(Self(config))
    }

    /// Whether it names a cluster.
    pub const fn is_cluster(&self) -> bool {
        matches!(self.0.server, ServerConfig::Clustered { .. })
    }

    pub(super) fn config(&self) -> Config {
        self.0.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers = self.0.server.hosts();
        let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        f.write_str(&servers.join(", "))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_redis_has_its_address() {
        for (url, is_cluster) in [
            ("redis://localhost", false),
            ("redis://user:secret@localhost:7000/3", false),
            (
                "redis-sentinel://one:1?sentinelServiceName=chat&node=two:2",
                false,
            ),
            ("redis-cluster://one:1?node=two:2", true),
        ] {
            let address = Address::parse(url);

            assert_eq!(address.map(|it| it.is_cluster()), Ok(is_cluster), "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_reason_that_repeats_nothing() {
        use InvalidAddress::{NameOfMasterMissing, NotAnAddress};
        for (url, reason) in [
            ("", NotAnAddress),
            ("localhost:6379", NotAnAddress),
            ("postgres://secret@localhost", NotAnAddress),
            ("redis-other://localhost", NotAnAddress),
            ("redis://:secret@", NotAnAddress),
            ("redis://localhost/secret", NotAnAddress),
            ("redis-sentinel://secret@one:1", NameOfMasterMissing),
        ] {
            assert_eq!(Address::parse(url), Err(reason), "{url}");
            assert!(!reason.to_string().contains("secret"));
        }
    }

    #[test]
    fn no_password_shows() {
        let url =
            "redis-sentinel://user:secret@one:1?sentinelServiceName=x&sentinelPassword=secret";
        let address = Address::parse(url).unwrap();

        assert_eq!(format!("{address} {address:?}"), "one:1 Address(one:1)");
    }
}
