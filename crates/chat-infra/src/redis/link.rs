//! One life of one connection: from when it was made until it is lost for the first time.
//!
//! fred would reconnect by itself, but then it sends again what was under way, forgets subscriptions, and
//! stays "connected" to a server that says nothing. So each link is a client of its own, which never does.

use std::time::Duration;

use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::ClientLike,
    types::{
        Builder, RespVersion,
        config::{Config, TcpConfig},
    },
};
use tokio::time::timeout;

use super::{address::Address, task::Task};

/// A master may have to be found first.
const OPEN_WITHIN: Duration = Duration::from_secs(2);

/// For each step of it.
const STEP_WITHIN: Duration = Duration::from_secs(1);

/// Commands that may wait for their turn; what comes on top fails at once.
const COMMANDS_WAITING: usize = 16_384;

/// A connection that works, or did a moment ago. It is closed when this is dropped.
pub(super) struct Link {
    client: Client,
    routing: Routing,
}

/// Reads and writes on the connection, for as long as there is one.
type Routing = Task<Result<(), Error>>;

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Each command is given up after so long.
    Commands(Duration),
    /// So many messages may wait until they are heard.
    Messages(usize),
}

impl Link {
    /// Connects, once.
    pub(super) async fn open(address: &Address, purpose: Purpose) -> Result<Self, Error> {
        let client = client(address.config(), purpose)?;
        let opening = timeout(OPEN_WITHIN, connect(&client));
        let late = |_| Error::new(ErrorKind::Timeout, "no connection in time");
        let routing = opening.await.map_err(late)??;
        Ok(Self { client, routing })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// Waits until the connection is lost, which happens once.
    pub(super) async fn lost(&mut self) {
        self.routing.ended().await;
    }
}

async fn connect(client: &Client) -> Result<Routing, Error> {
    let mut routing: Option<Routing> = None;
    let failing = async {
        let running = Task::of(client.connect());
        routing.insert(running).ended().await
    };
    tokio::select! {
        // Who waits has to be there before it happens.
        biased;
        connected = client.wait_for_connect() => connected?,
        ended = failing => {
            let lost = || Err(Error::new(ErrorKind::IO, "the connection was lost"));
            ended.unwrap_or_else(lost)?;
        }
    }
    routing.ok_or_else(|| Error::new(ErrorKind::Canceled, "nothing was begun"))
}

fn client(mut config: Config, purpose: Purpose) -> Result<Client, Error> {
    // Only then a connection that has subscriptions can be asked whether it has them.
    if let Purpose::Messages(_) = purpose {
        config.version = RespVersion::RESP3;
    }
    Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.connection_timeout = STEP_WITHIN;
            connection.internal_command_timeout = STEP_WITHIN;
            connection.max_command_attempts = 1;
            connection.max_command_buffer_len = COMMANDS_WAITING;
            connection.tcp = TcpConfig {
                nodelay: Some(true),
                ..TcpConfig::default()
            };
        })
        .with_performance_config(|performance| match purpose {
            Purpose::Commands(within) => performance.default_command_timeout = within,
            Purpose::Messages(waiting) => {
                performance.default_command_timeout = STEP_WITHIN;
                performance.broadcast_channel_capacity = waiting;
            }
        })
        .build()
}
