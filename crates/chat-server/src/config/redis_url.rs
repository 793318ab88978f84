use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

/// Where a Redis is. It may hold a password, and never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

const SCHEMES: [&str; 3] = ["redis", "redis-sentinel", "redis-cluster"];

impl RedisUrl {
    /// Accepts the addresses of a Redis, of Sentinels, and of a cluster, each also with TLS.
    ///
    /// # Errors
    /// One sentence, without the address.
    pub fn new(raw: String) -> Result<Self, &'static str> {
        let scheme = raw.split_once("://").map(|(scheme, _)| scheme);
        let is_known = |scheme: &str| {
            SCHEMES.contains(&scheme)
                || SCHEMES.contains(&scheme.replacen("rediss", "redis", 1).as_str())
        };
        if scheme.is_some_and(is_known) {
            return Ok(Self(raw));
        }
        Err(
            "has to be redis://HOST:PORT, rediss://HOST:PORT, or redis-sentinel://HOST:PORT?sentinelServiceName=NAME",
        )
    }

    /// The address itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(hidden)")
    }
}

impl<'de> Deserialize<'de> for RedisUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_never_shows() {
        let good = [
            "redis://:s3cret@cache:6379",
            "rediss://chat:s3cret@cache:6379/1",
            "redis-sentinel://:s3cret@one:26379?sentinelServiceName=chat",
            "rediss-cluster://:s3cret@one:7000",
        ];
        for url in good {
            let url = RedisUrl::new(url.to_owned()).unwrap();
            assert!(!format!("{url:?}").contains("s3cret"));
        }
        for url in ["cache:6379", "http://s3cret", "redisss://s3cret"] {
            assert!(
                !RedisUrl::new(url.to_owned())
                    .unwrap_err()
                    .contains("s3cret")
            );
        }
    }
}
