//! The connections to the file: one that writes, and a few that can only read.
//!
//! Invariant: the connection that writes goes back into its place only after a commit. Whatever else
//! happens to it (an error, a full disk, a caller who went away in the middle), it is thrown away with
//! whatever it had begun, and the next writer opens a new one.

use std::{
    fs::DirBuilder,
    io,
    ops::{Deref, DerefMut},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{
    sync::{Mutex, MutexGuard},
    time::timeout,
};

/// The file is on this machine: a few readers keep its disk busy.
const READERS: u32 = 4;
/// Clients are answered within five seconds, whatever happens.
const WAIT_FOR_A_CONNECTION: Duration = Duration::from_secs(4);
/// Waits for another process that writes, a backup for instance.
const WAIT_FOR_ANOTHER_PROCESS: Duration = Duration::from_secs(3);
const ANSWER_A_PING_WITHIN: Duration = Duration::from_secs(2);
/// What the log that is written ahead may keep of the disk after a rush.
const LOG_BYTES_KEPT: &str = "67108864";

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is not that of a file.
    #[error("`{url}` is no address of a database file: write `sqlite://path/to/file`")]
    Url {
        /// The address.
        url: String,
    },
    /// The folder of the file could not be made.
    #[error("could not make the folder `{}`", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file could not be opened, or is something else.
    #[error("could not open the database file `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: sqlx::Error,
    },
}

pub(super) struct Connections {
    readers: SqlitePool,
    writer: Mutex<Option<SqliteConnection>>,
    to_write: SqliteConnectOptions,
    /// A connection that writes was thrown away, perhaps because the disk is full.
    is_in_doubt: AtomicBool,
}

impl Connections {
    pub(super) async fn open(url: &str) -> Result<Self, OpenError> {
        let path = file_of(url)?;
        make_folder_of(path)?;
        let failed = |source| OpenError::File {
            path: path.to_owned(),
            source,
        };
        let to_write = options(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // NORMAL may lose the last commits with the power: they have been answered.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES_KEPT);
        let writer = SqliteConnection::connect_with(&to_write)
            .await
            .map_err(failed)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(WAIT_FOR_A_CONNECTION)
            // A connection to a file does not grow stale.
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options(path).read_only(true))
            .await
            .map_err(failed)?;
        Ok(Self {
            readers,
            writer: Mutex::new(Some(writer)),
            to_write,
            is_in_doubt: AtomicBool::new(false),
        })
    }

    pub(super) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Begins a transaction that may write. Dropped without [`Writing::commit`], it has not happened.
    pub(super) async fn begin(&self) -> sqlx::Result<Writing<'_>> {
        let mut writing = self.take_writer().await?;
        // A deferred transaction could fail when it writes first, with SQLITE_BUSY, and no wait would help.
        sqlx::query("begin immediate")
            .execute(&mut *writing)
            .await?;
        Ok(writing)
    }

    /// The connection that writes, outside of a transaction.
    pub(super) async fn take_writer(&self) -> sqlx::Result<Writing<'_>> {
        let mut place = timeout(WAIT_FOR_A_CONNECTION, self.writer.lock())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?;
        if self.readers.is_closed() {
            return Err(sqlx::Error::PoolClosed);
        }
        let connection = if let Some(connection) = place.take() {
            connection
        } else {
            self.is_in_doubt.store(true, Ordering::Relaxed);
            SqliteConnection::connect_with(&self.to_write).await?
        };
        Ok(Writing { place, connection })
    }

    pub(super) async fn ping(&self) -> sqlx::Result<()> {
        let both = async {
            // Unlike `select 1`, this reads the file.
            sqlx::query("select count(*) from sqlite_schema")
                .fetch_one(&self.readers)
                .await?;
            let mut writer = self.take_writer().await?;
            sqlx::query("select count(*) from sqlite_schema")
                .fetch_one(&mut *writer)
                .await?;
            if self.is_in_doubt.load(Ordering::Relaxed) {
                write_something(&mut writer).await?;
                self.is_in_doubt.store(false, Ordering::Relaxed);
            }
            writer.keep();
            Ok(())
        };
        timeout(ANSWER_A_PING_WITHIN, both)
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
    }

    /// The last connection to close moves what is in the log into the file, and must be able to write.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.close().await
        {
            // Nothing is lost: the next start reads the log.
            tracing::warn!(%error, "could not close the database file");
        }
    }
}

/// The connection that writes, out of its place.
pub(super) struct Writing<'a> {
    place: MutexGuard<'a, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl Writing<'_> {
    pub(super) async fn commit(mut self) -> sqlx::Result<()> {
        sqlx::query("commit").execute(&mut *self).await?;
        self.keep();
        Ok(())
    }

    /// Puts the connection back: nothing is begun on it, and nothing went wrong.
    pub(super) fn keep(self) {
        let Self {
            mut place,
            connection,
        } = self;
        *place = Some(connection);
    }
}

impl Deref for Writing<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl DerefMut for Writing<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

/// Whether the disk takes anything: a page of the file, as it was.
async fn write_something(writer: &mut SqliteConnection) -> sqlx::Result<()> {
    let version: i64 = sqlx::query_scalar("pragma user_version")
        .fetch_one(&mut *writer)
        .await?;
    let same = AssertSqlSafe(format!("pragma user_version = {version}"));
    sqlx::query(same).execute(writer).await?;
    Ok(())
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(WAIT_FOR_ANOTHER_PROCESS)
}

fn file_of(url: &str) -> Result<&Path, OpenError> {
    url.strip_prefix("sqlite://")
        .filter(|path| !path.is_empty() && !path.contains([':', '?']))
        .map(Path::new)
        .ok_or_else(|| OpenError::Url {
            url: url.to_owned(),
        })
}

/// What people say to each other is nobody else's on this machine.
fn make_folder_of(path: &Path) -> Result<(), OpenError> {
    let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) else {
        return Ok(());
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| OpenError::Folder {
            path: folder.to_owned(),
            source,
        })
}
