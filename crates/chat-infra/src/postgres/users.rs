//! Users' records.

use async_trait::async_trait;
use chat_domain::{
    id::UserId,
    ports::{PortError, PortResult, UserRepo},
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};

use super::{PostgresDatabase, row};

// Every connection saves its user: a record that stays as it is costs no write.
const SAVE: &str = "
    insert into users (id, name, image, created_at, updated_at) values ($1, $2, $3, $4, $4)
    on conflict (id) do update set name = excluded.name, image = excluded.image, updated_at = excluded.updated_at
    where users.name <> excluded.name or users.image is distinct from excluded.image";

const ENSURE: &str = "
    insert into users (id, name, created_at, updated_at) values ($1, $2, $3, $3)
    on conflict (id) do nothing";

const FIND: &str = "select id, name, image from users where id = $1";

#[async_trait]
impl UserRepo for PostgresDatabase {
    async fn save(&self, user: &User, now: Timestamp) -> PortResult<()> {
        self.connections
            .within(self.save_user(user, now))
            .await
            .map_err(PortError::during("save a user"))
    }

    async fn ensure(&self, user: &UserId, now: Timestamp) -> PortResult<()> {
        self.connections
            .within(self.ensure_user(user, now))
            .await
            .map_err(PortError::during("ensure that a user exists"))
    }

    async fn find(&self, user: &UserId) -> PortResult<Option<User>> {
        self.connections
            .within(self.find_user(user))
            .await
            .map_err(PortError::during("find a user"))
    }
}

impl PostgresDatabase {
    async fn save_user(&self, user: &User, now: Timestamp) -> sqlx::Result<()> {
        let statement = sqlx::query(SAVE)
            .bind(user.id.as_str())
            .bind(user.name.as_str())
            .bind(user.image.as_ref().map(ImageUrl::as_str))
            .bind(row::moment(now));
        self.connections.change(statement).await?;
        Ok(())
    }

    async fn ensure_user(&self, user: &UserId, now: Timestamp) -> sqlx::Result<()> {
        let statement = sqlx::query(ENSURE)
            .bind(user.as_str())
            .bind(UserName::of_id(user).as_str())
            .bind(row::moment(now));
        self.connections.change(statement).await?;
        Ok(())
    }

    async fn find_user(&self, user: &UserId) -> sqlx::Result<Option<User>> {
        let question = sqlx::query(FIND).bind(user.as_str());
        let found = self.connections.row(question).await?;
        found
            .map(|found| row::user(&found, "id", "name", "image"))
            .transpose()
    }
}
