//! Users' records.

use async_trait::async_trait;
use chat_domain::{
    id::UserId,
    ports::{PortError, PortResult, UserRepo},
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};

use super::{SqliteDatabase, row};

// Every connection saves its user: a record that stays as it is costs no write.
const SAVE: &str = "
    insert into users (id, name, image, created_at, updated_at) values (?1, ?2, ?3, ?4, ?4)
    on conflict (id) do update set name = excluded.name, image = excluded.image, updated_at = excluded.updated_at
    where name <> excluded.name or image is not excluded.image";

const ENSURE: &str = "
    insert into users (id, name, created_at, updated_at) values (?1, ?2, ?3, ?3)
    on conflict (id) do nothing";

const FIND: &str = "select id, name, image from users where id = ?1";

#[async_trait]
impl UserRepo for SqliteDatabase {
    async fn save(&self, user: &User, now: Timestamp) -> PortResult<()> {
        self.save_user(user, now)
            .await
            .map_err(PortError::during("save a user"))
    }

    async fn ensure(&self, user: &UserId, now: Timestamp) -> PortResult<()> {
        self.ensure_user(user, now)
            .await
            .map_err(PortError::during("ensure that a user exists"))
    }

    async fn find(&self, user: &UserId) -> PortResult<Option<User>> {
        self.find_user(user)
            .await
            .map_err(PortError::during("find a user"))
    }
}

impl SqliteDatabase {
    async fn save_user(&self, user: &User, now: Timestamp) -> sqlx::Result<()> {
        let mut writing = self.connections.begin().await?;
        sqlx::query(SAVE)
            .bind(user.id.as_str())
            .bind(user.name.as_str())
            .bind(user.image.as_ref().map(ImageUrl::as_str))
            .bind(row::integer(now.as_millis()))
            .execute(&mut *writing)
            .await?;
        writing.commit().await
    }

    async fn ensure_user(&self, user: &UserId, now: Timestamp) -> sqlx::Result<()> {
        let mut writing = self.connections.begin().await?;
        sqlx::query(ENSURE)
            .bind(user.as_str())
            .bind(UserName::of_id(user).as_str())
            .bind(row::integer(now.as_millis()))
            .execute(&mut *writing)
            .await?;
        writing.commit().await
    }

    async fn find_user(&self, user: &UserId) -> sqlx::Result<Option<User>> {
        let found = sqlx::query(FIND)
            .bind(user.as_str())
            .fetch_optional(self.connections.readers())
            .await?;
        found
            .map(|found| row::user(&found, "id", "name", "image"))
            .transpose()
    }
}
