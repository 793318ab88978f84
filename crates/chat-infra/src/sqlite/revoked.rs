//! Tokens that are refused.

use async_trait::async_trait;
use chat_domain::{
    ports::{PortError, PortResult, RevokedTokens},
    revocation::{Revocation, TokenId},
    time::Timestamp,
};

use super::{SqliteDatabase, row};

const FORGET: &str = "delete from revoked_tokens where until <= ?1";

const REVOKE: &str = "
    insert into revoked_tokens (id, revoked_at, until) values (?1, ?2, ?3)
    on conflict (id) do update set revoked_at = excluded.revoked_at, until = max(until, excluded.until)";

const SINCE: &str = "select id, until from revoked_tokens where revoked_at >= ?1 and until > ?2";

#[async_trait]
impl RevokedTokens for SqliteDatabase {
    async fn revoke(&self, revocation: &Revocation, now: Timestamp) -> PortResult<()> {
        self.revoke_token(revocation, now)
            .await
            .map_err(PortError::during("revoke a token"))
    }

    async fn revoked_since(&self, since: Timestamp, now: Timestamp) -> PortResult<Vec<Revocation>> {
        self.find_revoked(since, now)
            .await
            .map_err(PortError::during("look up revoked tokens"))
    }
}

impl SqliteDatabase {
    async fn revoke_token(&self, revocation: &Revocation, now: Timestamp) -> sqlx::Result<()> {
        let mut writing = self.connections.begin().await?;
        sqlx::query(FORGET)
            .bind(row::integer(now.as_millis()))
            .execute(&mut *writing)
            .await?;
        sqlx::query(REVOKE)
            .bind(revocation.token.as_str())
            .bind(row::integer(now.as_millis()))
            .bind(row::integer(revocation.until.as_millis()))
            .execute(&mut *writing)
            .await?;
        writing.commit().await
    }

    async fn find_revoked(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> sqlx::Result<Vec<Revocation>> {
        let found = sqlx::query(SINCE)
            .bind(row::integer(since.as_millis()))
            .bind(row::integer(now.as_millis()))
            .fetch_all(self.connections.readers())
            .await?;
        let read = |found| {
            let token = TokenId::parse(row::text(found, "id")?).map_err(row::odd("id"))?;
            let until = row::time(found, "until")?;
            Ok(Revocation { token, until })
        };
        found.iter().map(read).collect()
    }
}
