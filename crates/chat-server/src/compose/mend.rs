//! What an operator can do about what is wrong.

use chat_infra::{postgres, schema::SchemaError, sqlite};

use super::ComposeError;

impl ComposeError {
    /// One or two sentences.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Sqlite(error) => of_file(error),
            Self::Postgres(error) => of_server(error),
            Self::Schema(error) => of_schema(error),
            Self::RedisAddress(_) => "Correct the address.",
            Self::Redis(_) | Self::BusAlone => {
                "CHAT_REDIS__URL has to name one Redis, or Sentinels; CHAT_REDIS__BUS_URL may name another one, also \
                 a cluster."
            }
            Self::RedisAway(_) => {
                "Start it, or correct the address. Try `redis-cli -u ADDRESS ping` from this machine: it shows a wrong \
                 password too."
            }
            Self::Traces(_) => "Correct CHAT_OTLP__ENDPOINT, or the OTEL_ variables that you set.",
            Self::Port(_) => {
                "The database was reached and failed: its own log says why. A full disk is a usual reason."
            }
        }
    }
}

const fn of_file(error: &sqlite::OpenError) -> &'static str {
    match error {
        sqlite::OpenError::Url { .. } => "Correct CHAT_DATABASE__URL.",
        sqlite::OpenError::Folder { .. } => {
            "The server's user has to be allowed to make the folder and to write into it."
        }
        sqlite::OpenError::File { .. } => {
            "The server's user has to be allowed to write the file and into its folder. If it is damaged, restore a \
             backup and call `chat-server migrate --new-epoch`."
        }
    }
}

const fn of_server(error: &postgres::OpenError) -> &'static str {
    match error {
        postgres::OpenError::Url(_) => "Correct CHAT_DATABASE__URL.",
        postgres::OpenError::Refused(_) => {
            "Name, password and database in CHAT_DATABASE__URL have to be those of the server; `psql ADDRESS` from \
             this machine says more."
        }
        postgres::OpenError::Unreachable { .. } => {
            "Start the server, or correct host and port in CHAT_DATABASE__URL; a firewall may stand between."
        }
        postgres::OpenError::TooOld { .. } => "Upgrade PostgreSQL to version 15 or newer.",
    }
}

const fn of_schema(error: &SchemaError) -> &'static str {
    match error {
        SchemaError::Behind { .. } => {
            "Call `chat-server migrate`, or start a server, which does it by itself."
        }
        SchemaError::TooNew { .. } => {
            "Run the newer version of the program, or restore a backup from before it."
        }
        SchemaError::Foreign { .. } => {
            "The database belongs to another build of this program: use that one, or another database."
        }
        SchemaError::Store(_) => {
            "The database was reached and failed: its own log says why. Its user has to own the tables."
        }
    }
}
