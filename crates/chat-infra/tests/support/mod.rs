//! A database file of its own for each test.

use chat_infra::sqlite::SqliteDatabase;

/// A path in a folder that goes when this goes.
pub struct File {
    folder: tempfile::TempDir,
}

impl File {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        Self { folder }
    }

    /// The folder of the file does not exist at first.
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data/chat.db")
    }

    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }

    /// Opens the file, and brings it up to date.
    pub async fn open(&self) -> SqliteDatabase {
        let database = SqliteDatabase::open(&self.url()).await.expect("it opens");
        database.migrate().await.expect("it migrates");
        database
    }
}
