//! Whether a database is the one that this program knows.
//!
//! The migrations are part of the program. A database may lack some of them; it may also have some that
//! this program has never heard of, and then an older program must not touch it.

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migrator};

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer version of the program has changed it.
    #[error(
        "the database was changed by a newer version of this program (migration {found}, known are {known})"
    )]
    TooNew {
        /// The newest migration of the database.
        found: i64,
        /// The newest migration of this program.
        known: i64,
    },
    /// It has not been brought up to date.
    #[error("the database lacks migration {missing}: migrate it first")]
    Behind {
        /// The first migration that it lacks.
        missing: i64,
    },
    /// A migration that it had is not the one of that number in this program.
    #[error("migration {version} of the database is not the one that this program knows")]
    Foreign {
        /// The number of the migration.
        version: i64,
    },
    /// The database could not be asked or changed.
    #[error("could not migrate the database")]
    Store(#[source] MigrateError),
}

/// Applies what is missing.
pub(crate) async fn migrate<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<(), SchemaError> {
    migrator
        .run_direct(None, connection, false)
        .await
        .map_err(|error| explain(migrator, error))
}

/// Changes nothing but the list of migrations, which it makes if there is none.
pub(crate) async fn check<C: Migrate>(
    migrator: &Migrator,
    connection: &mut C,
) -> Result<(), SchemaError> {
    let table = &migrator.table_name;
    let store = SchemaError::Store;
    connection
        .ensure_migrations_table(table)
        .await
        .map_err(store)?;
    let applied = connection
        .list_applied_migrations(table)
        .await
        .map_err(store)?;
    compare(migrator, &applied)
}

/// What [`check`] finds out, from the list of migrations of a database.
pub(crate) fn compare(
    migrator: &Migrator,
    applied: &[AppliedMigration],
) -> Result<(), SchemaError> {
    for found in applied {
        let ours = migrator.iter().find(|ours| ours.version == found.version);
        match ours {
            None => {
                return Err(explain(
                    migrator,
                    MigrateError::VersionMissing(found.version),
                ));
            }
            Some(ours) if ours.checksum != found.checksum => {
                return Err(SchemaError::Foreign {
                    version: found.version,
                });
            }
            Some(_) => {}
        }
    }
    let missing = migrator
        .iter()
        .find(|ours| applied.iter().all(|found| found.version != ours.version));
    missing.map_or(Ok(()), |missing| {
        Err(SchemaError::Behind {
            missing: missing.version,
        })
    })
}

fn explain(migrator: &Migrator, error: MigrateError) -> SchemaError {
    let known = migrator.iter().map(|ours| ours.version).max().unwrap_or(0);
    match error {
        MigrateError::VersionMissing(found) if found > known => {
            SchemaError::TooNew { found, known }
        }
        MigrateError::VersionMissing(version) | MigrateError::VersionMismatch(version) => {
            SchemaError::Foreign { version }
        }
        error => SchemaError::Store(error),
    }
}
