//! Settings that are lists: an array in the file, separated by commas in the environment.

use std::net::IpAddr;

use http::HeaderValue;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, de::Error};

#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Text(String),
    Items(Vec<String>),
}

fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let items = match Raw::deserialize(deserializer)? {
        Raw::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        Raw::Items(items) => items,
    };
    Ok(items
        .into_iter()
        .filter(|item: &String| !item.is_empty())
        .collect())
}

/// Origins of browsers: `https://chat.example.org`.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Every origin.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderValue> {
        self.0.iter()
    }

    /// Whether that origin is in the list.
    pub fn contains(&self, origin: &HeaderValue) -> bool {
        self.0.contains(origin)
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |item: String| {
            let uri: http::Uri = item.parse().map_err(|_| format!("`{item}` is no origin"))?;
            let is_origin = matches!(uri.scheme_str(), Some("http" | "https"))
                && uri
                    .path_and_query()
                    .is_none_or(|path| path.as_str() == "/" && !item.ends_with('/'));
            if !is_origin {
                return Err(format!(
                    "`{item}` is no origin: write https://host or http://host:port"
                ));
            }
            HeaderValue::from_str(&item).map_err(|_| format!("`{item}` is no origin"))
        };
        let origins: Result<_, String> = items(deserializer)?.into_iter().map(parse).collect();
        origins.map(Self).map_err(D::Error::custom)
    }
}

/// Blocks of addresses: `10.0.0.0/8`, or a single one.
#[derive(Debug, Clone, Default)]
pub struct Cidrs(Vec<IpNet>);

impl Cidrs {
    /// Whether the address is in one of the blocks.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|block| block.contains(&address))
    }
}

impl<'de> Deserialize<'de> for Cidrs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let parse = |item: String| {
            let single = || item.parse::<IpAddr>().map(IpNet::from);
            item.parse::<IpNet>()
                .or_else(|_| single())
                .map_err(|_| format!("`{item}` is no block of addresses"))
        };
        let blocks: Result<_, String> = items(deserializer)?.into_iter().map(parse).collect();
        blocks.map(Self).map_err(D::Error::custom)
    }
}

/// `websocket`, `polling`, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Transports {
    /// WebSocket alone: no sticky sessions needed behind a load balancer.
    Websocket,
    /// Long polling alone.
    Polling,
    /// Both, with upgrade.
    #[default]
    Both,
}

impl<'de> Deserialize<'de> for Transports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = items(deserializer)?;
        let has = |name: &str| items.iter().any(|item| item == name);
        if let Some(unknown) = items
            .iter()
            .find(|item| *item != "websocket" && *item != "polling")
        {
            return Err(D::Error::custom(format!(
                "`{unknown}` is no transport: use websocket and polling"
            )));
        }
        match (has("websocket"), has("polling")) {
            (true, true) => Ok(Self::Both),
            (true, false) => Ok(Self::Websocket),
            (false, true) => Ok(Self::Polling),
            (false, false) => Err(D::Error::custom(
                "name at least one of websocket and polling",
            )),
        }
    }
}
