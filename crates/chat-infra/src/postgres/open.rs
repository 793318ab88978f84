//! Reaching the server for the first time.

use std::{
    str::FromStr,
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection, PgConnection, error::DatabaseError, postgres::PgConnectOptions,
};
use tokio::time::{sleep, timeout};

/// The oldest version that is tested, as the server counts.
const OLDEST_VERSION: u32 = 150_000;
const TRY_EVERY: Duration = Duration::from_millis(500);
/// A server that accepts and says nothing is not there.
const ONE_TRY: Duration = Duration::from_secs(5);

/// For every connection.
const SETTINGS: [(&str, &str); 14] = [
    // What takes longer has lost its caller.
    ("statement_timeout", "2s"),
    // Whoever holds a row for so long has lost his connection.
    ("lock_timeout", "1500ms"),
    ("idle_in_transaction_session_timeout", "4s"),
    // The server finds out soon that a node is gone, and drops what it had locked.
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "8s"),
    // Who waited for a lock sees what was committed meanwhile: the numbering of messages relies on it.
    ("default_transaction_isolation", "read committed"),
    // Every question goes along an index, row by row. A plan that was made while the tables were small is
    // kept, and must not be one for small tables.
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_bitmapscan", "off"),
    ("jit", "off"),
    // Planning a statement anew for each call took longer than what most of them do.
    ("plan_cache_mode", "force_generic_plan"),
];

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none. It is not repeated here: it may hold a password.
    #[error(
        "the address of the database is none: write `postgres://user:password@host:port/database`"
    )]
    Url(#[source] sqlx::Error),
    /// The server is there and does not let this program in.
    #[error("the database server refuses the connection")]
    Refused(#[source] sqlx::Error),
    /// Nobody answered in time.
    #[error("could not reach the database server at `{place}` within {} s", patience.as_secs())]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// For how long it was.
        patience: Duration,
        /// Why the last attempt failed.
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error("the database server is version {}: this program needs PostgreSQL 15 or newer", found / 10_000)]
    TooOld {
        /// Its version, as it counts itself.
        found: u32,
    },
}

pub(super) fn options(url: &str) -> Result<PgConnectOptions, OpenError> {
    let options = PgConnectOptions::from_str(url).map_err(OpenError::Url)?;
    Ok(options
        .application_name("chat-server")
        .options(SETTINGS)
        // A log has what went wrong from who handles it, and never a statement.
        .disable_statement_logging())
}

/// Returns the first connection. A server may start later than this program.
pub(super) async fn reach(
    options: &PgConnectOptions,
    patience: Duration,
) -> Result<PgConnection, OpenError> {
    let start = Instant::now();
    loop {
        let left = patience.saturating_sub(start.elapsed());
        let attempt = timeout(left.min(ONE_TRY), PgConnection::connect_with(options));
        let error = match attempt.await {
            Ok(Ok(connection)) => return new_enough(connection),
            Ok(Err(error)) if is_final(&error) => return Err(OpenError::Refused(error)),
            Ok(Err(error)) => error,
            Err(_) => sqlx::Error::PoolTimedOut,
        };
        if start.elapsed() + TRY_EVERY >= patience {
            let place = place(options);
            return Err(OpenError::Unreachable {
                place,
                patience,
                source: error,
            });
        }
        sleep(TRY_EVERY).await;
    }
}

fn new_enough(connection: PgConnection) -> Result<PgConnection, OpenError> {
    match connection.server_version_num() {
        Some(found) if found < OLDEST_VERSION => Err(OpenError::TooOld { found }),
        _ => Ok(connection),
    }
}

/// Whether trying again would fail the same way: a wrong password, a database that does not exist.
fn is_final(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("28") || code.starts_with("3D") || code == "42501")
}

fn place(options: &PgConnectOptions) -> String {
    match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_without_being_repeated() {
        let refused = options("postgres://ada:secret@host:port/chat").unwrap_err();

        let OpenError::Url(source) = &refused else {
            panic!("an address was seen in it: {refused:?}");
        };
        for text in [refused.to_string(), source.to_string()] {
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_place_is_where_the_server_was_looked_for() {
        let by_network = options("postgres://ada:secret@db.example.org:5433/chat").unwrap();
        let by_file = options("postgres:///chat?host=/run/postgresql").unwrap();

        assert_eq!(place(&by_network), "db.example.org:5433");
        assert_eq!(place(&by_file), "/run/postgresql");
    }
}
