//! A database of its own for each test, and something to put into it.

#![allow(dead_code, reason = "no test needs everything")]

pub mod appending;
pub mod load;
pub mod notes;
pub mod postgres;
pub mod relay;

use std::path::PathBuf;

use chat_domain::{
    group::{Group, GroupName, Head},
    id::{Epoch, GroupId, MessageId, Seq, UserId},
    member::{Composition, Member, Role},
    message::{Draft, MessageBody, MessageKind},
    ports::{GroupRepo, UserRepo},
    time::Timestamp,
    user::{User, UserName},
};
use chat_infra::sqlite::SqliteDatabase;
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

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
    pub fn path(&self) -> PathBuf {
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

    /// Opens the file, which has `ada`, the owner of the group `ops`.
    pub async fn open_with_ada_in_ops(&self) -> SqliteDatabase {
        let database = self.open().await;
        make_ada_in_ops(&database).await;
        database
    }

    /// As another program would.
    pub async fn open_beside(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        SqliteConnection::connect_with(&options)
            .await
            .expect("it opens")
    }
}

/// Makes `ada`, the owner of the group `ops`.
pub async fn make_ada_in_ops(database: &(impl UserRepo + GroupRepo)) {
    let saved = database.save(&ada(), NOON).await;
    saved.expect("ada is saved");
    let created = database.create(&group("ops"), &ada().id).await;
    assert!(created.expect("ops is created"));
}

pub const NOON: Timestamp = Timestamp::from_millis(1_700_000_000_123);

pub fn ada() -> User {
    user("ada")
}

pub fn user(id: &str) -> User {
    let id = UserId::parse(id).expect("an id");
    let name = UserName::of_id(&id);
    let image = None;
    User { id, name, image }
}

pub fn group_id(id: &str) -> GroupId {
    GroupId::parse(id).expect("an id")
}

pub fn group(id: &str) -> Group {
    Group {
        id: group_id(id),
        name: GroupName::parse(id).expect("a name"),
        description: None,
        is_private: false,
        head: Head {
            last_seq: Seq::ZERO,
            epoch: Epoch::new("first"),
        },
        created_at: NOON,
    }
}

/// What `author` wants to say in `ops`. The number makes the id.
pub fn draft(author: &User, text: &str, number: u128) -> Draft {
    let member = Member {
        group: group_id("ops"),
        user: author.id.clone(),
        role: Role::Member,
        joined_at: NOON,
    };
    let what = Composition {
        body: MessageBody::stored(text),
        kind: MessageKind::Text,
        reply_to: None,
        client_id: None,
    };
    member.compose(author, what, MessageId::v7(NOON, number), NOON)
}
