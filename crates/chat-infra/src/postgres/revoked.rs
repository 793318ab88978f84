//! Tokens that are refused.

use async_trait::async_trait;
use chat_domain::{
    ports::{PortError, PortResult, RevokedTokens},
    revocation::{Revocation, TokenId},
    time::Timestamp,
};
use sqlx::Row;

use super::{PostgresDatabase, row};

const FORGET: &str = "delete from revoked_tokens where until <= $1";

const REVOKE: &str = "
    insert into revoked_tokens (id, revoked_at, until) values ($1, $2, $3)
    on conflict (id) do update
    set revoked_at = excluded.revoked_at, until = greatest(revoked_tokens.until, excluded.until)";

const SINCE: &str = "select id, until from revoked_tokens where revoked_at >= $1 and until > $2";

#[async_trait]
impl RevokedTokens for PostgresDatabase {
    async fn revoke(&self, revocation: &Revocation, now: Timestamp) -> PortResult<()> {
        self.connections
            .within(self.revoke_token(revocation, now))
            .await
            .map_err(PortError::during("revoke a token"))
    }

    async fn revoked_since(&self, since: Timestamp, now: Timestamp) -> PortResult<Vec<Revocation>> {
        self.connections
            .within(self.find_revoked(since, now))
            .await
            .map_err(PortError::during("look up revoked tokens"))
    }
}

impl PostgresDatabase {
    async fn revoke_token(&self, revocation: &Revocation, now: Timestamp) -> sqlx::Result<()> {
        let forgetting = sqlx::query(FORGET).bind(row::integer(now.as_millis()));
        self.connections.change(forgetting).await?;
        let revoking = sqlx::query(REVOKE)
            .bind(revocation.token.as_str())
            .bind(row::integer(now.as_millis()))
            .bind(row::integer(revocation.until.as_millis()));
        self.connections.change(revoking).await?;
        Ok(())
    }

    async fn find_revoked(
        &self,
        since: Timestamp,
        now: Timestamp,
    ) -> sqlx::Result<Vec<Revocation>> {
        let question = sqlx::query(SINCE)
            .bind(row::integer(since.as_millis()))
            .bind(row::integer(now.as_millis()));
        let read = |found: &_| {
            let token = TokenId::parse(row::text(found, "id")?).map_err(row::odd("id"))?;
            let until =
                u64::try_from(found.try_get::<i64, _>("until")?).map_err(row::odd("until"))?;
            Ok(Revocation {
                token,
                until: Timestamp::from_millis(until),
            })
        };
        let found: Vec<sqlx::postgres::PgRow> = self.connections.rows(question).await?;
        found.iter().map(read).collect()
    }
}
