//! What the contenders keep their data in: one PostgreSQL as it is after an installation, and one Redis.

use std::path::Path;

use chat_load::record::User;
use chat_testkit::{postgres::PostgresServer, redis::RedisServer};
use sqlx::{Connection, PgConnection};

use crate::contender::start_server;

/// Both, for all contenders.
pub struct Services {
    /// With the tables of the server.
    pub postgres: PostgresServer,
    /// Empty whenever a contender starts.
    pub redis: RedisServer,
}

impl Services {
    /// Starts them, and lets the server make its tables.
    pub async fn start(programs: &Path) -> Self {
        let postgres = PostgresServer::start_as_installed().await;
        let redis = RedisServer::start().await;
        let services = Self { postgres, redis };
        let mut server = start_server(programs.join("chat-server"), Some(&services), &[]).await;
        server.stop().await;
        services
    }

    /// Forgets what the last contender left behind.
    pub fn tidy(&self) {
        assert_eq!(self.redis.ask(&["FLUSHALL"]), "OK");
    }

    /// Makes users and groups with these names, as `chat-load --given NAME` expects them.
    pub async fn stage(&self, name: &str, users: usize, rooms: &[Vec<User>]) {
        let mut connection = self.postgres.connect().await;
        let ids = |kind, count| (0..count).map(move |number| format!("{name}-{kind}{number}"));
        sqlx::query(
            "insert into users (id, name, created_at, updated_at)
             select id, id, now(), now() from unnest($1::text[]) id",
        )
        .bind(ids("u", users).collect::<Vec<_>>())
        .execute(&mut connection)
        .await
        .expect("users are made");
        sqlx::query(
            "insert into groups (id, name, is_private, epoch, last_seq, created_at)
             select id, id, true, '1', 0, now() from unnest($1::text[]) id",
        )
        .bind(ids("g", rooms.len()).collect::<Vec<_>>())
        .execute(&mut connection)
        .await
        .expect("groups are made");
        let (mut groups, mut members) = (Vec::new(), Vec::new());
        for (room, users) in rooms.iter().enumerate() {
            for user in users {
                groups.push(format!("{name}-g{room}"));
                members.push(format!("{name}-u{}", user.0));
            }
        }
        sqlx::query(
            "insert into group_members (group_id, user_id, role, last_read_seq, joined_at)
             select group_id, user_id, 'MEMBER', 0, now() from unnest($1::text[], $2::text[]) m (group_id, user_id)",
        )
        .bind(groups)
        .bind(members)
        .execute(&mut connection)
        .await
        .expect("members are made");
        settle(&mut connection).await;
        // The connection would take CPU time of the database otherwise: it says goodbye.
        let _ = connection.close().await;
    }
}

/// Lets the database do now what it would do during the measurement.
pub async fn settle(connection: &mut PgConnection) {
    for chore in ["vacuum analyze users, groups, group_members", "checkpoint"] {
        (sqlx::query(chore).execute(&mut *connection).await).expect("the database tidies up");
    }
}
