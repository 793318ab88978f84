//! How far members have read.

use std::slice;

use async_trait::async_trait;
use chat_domain::{
    id::{GroupId, Seq, UserId},
    news::ReadMark,
    ports::{PortError, PortResult, ReadMarks},
};

use super::{PostgresDatabase, row};

/// How much the member `p` has not read: others' undeleted messages. Counting stops at [`ReadMark::MOST`].
macro_rules! unread {
    () => {
        "(select count(*) from (
            select 1 from messages unread
            where unread.group_id = p.group_id and unread.seq > p.last_read_seq
                and unread.deleted_at is null and unread.sender_id is distinct from p.user_id
            limit 1000
        ) counted)"
    };
}
pub(super) use unread;

const _: () = assert!(ReadMark::MOST == 1_000, "the number in the SQL above");

// A mark that stays where it is costs no write.
const MOVE_ON: &str = "
    update group_members set last_read_seq = least($3, head.last_seq)
    from (select last_seq from groups where id = $1) head
    where group_id = $1 and user_id = $2 and last_read_seq < least($3, head.last_seq)";

const MARKS: &str = concat!(
    "select p.user_id, p.last_read_seq, ",
    unread!(),
    " as unread
    from group_members p where p.group_id = $1 and p.user_id = any($2)",
);

#[async_trait]
impl ReadMarks for PostgresDatabase {
    async fn mark(&self, group: &GroupId, user: &UserId, seq: Seq) -> PortResult<Option<ReadMark>> {
        self.connections
            .within(self.move_mark(group, user, seq))
            .await
            .map_err(PortError::during("mark messages as read"))
    }

    async fn marks(
        &self,
        group: &GroupId,
        users: &[UserId],
    ) -> PortResult<Vec<(UserId, ReadMark)>> {
        self.connections
            .within(self.find_marks(group, users))
            .await
            .map_err(PortError::during("count unread messages"))
    }
}

impl PostgresDatabase {
    async fn move_mark(
        &self,
        group: &GroupId,
        user: &UserId,
        seq: Seq,
    ) -> sqlx::Result<Option<ReadMark>> {
        let statement = sqlx::query(MOVE_ON)
            .bind(group.as_str())
            .bind(user.as_str())
            .bind(row::integer(seq.get()));
        self.connections.change(statement).await?;
        // A second statement sees the mark of who was faster.
        let marks = self.find_marks(group, slice::from_ref(user)).await?;
        Ok(marks.into_iter().map(|(_, mark)| mark).next())
    }

    async fn find_marks(
        &self,
        group: &GroupId,
        users: &[UserId],
    ) -> sqlx::Result<Vec<(UserId, ReadMark)>> {
        let ids: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let question = sqlx::query(MARKS).bind(group.as_str()).bind(ids);
        let rows = self.connections.rows(question).await?;
        rows.iter()
            .map(|found| Ok((row::user_id(found, "user_id")?, row::mark(found)?)))
            .collect()
    }
}
