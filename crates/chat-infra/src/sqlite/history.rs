//! Reading the history of groups. Pages go by keys, never by counting rows from the start.

use chat_domain::{
    group::{Head, Tip},
    id::{GroupId, Seq},
    message::Message,
    ports::Slice,
};
use sqlx::{sqlite::SqliteRow, types::Json};

use super::{
    SqliteDatabase,
    row::{self, message_columns, message_joins},
};

const HEAD: &str = "select last_seq, epoch from groups where id = ?1";

pub(super) const TIPS: &str =
    "select id, last_seq, roster from groups where id in (select value from json_each(?1))";

pub(super) const BEFORE: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m ",
    message_joins!(),
    " where m.group_id = ?1 and m.seq < ?2 order by m.seq desc limit ?3",
);

pub(super) const AFTER: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m ",
    message_joins!(),
    " where m.group_id = ?1 and m.updated_seq > ?2 order by m.updated_seq limit ?3",
);

impl SqliteDatabase {
    pub(super) async fn find_head(&self, group: &GroupId) -> sqlx::Result<Option<Head>> {
        let found = sqlx::query(HEAD)
            .bind(group.as_str())
            .fetch_optional(self.connections.readers())
            .await?;
        found.as_ref().map(row::head).transpose()
    }

    pub(super) async fn find_tips(&self, groups: &[GroupId]) -> sqlx::Result<Vec<(GroupId, Tip)>> {
        let ids: Vec<&str> = groups.iter().map(GroupId::as_str).collect();
        let rows = sqlx::query(TIPS)
            .bind(Json(ids))
            .fetch_all(self.connections.readers())
            .await?;
        rows.iter().map(tip).collect()
    }

    pub(super) async fn read_before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> sqlx::Result<Slice> {
        let rows = sqlx::query(BEFORE)
            .bind(group.as_str())
            .bind(before.map_or(i64::MAX, |seq| row::integer(seq.get())))
            .bind(one_more(limit))
            .fetch_all(self.connections.readers())
            .await?;
        let mut slice = slice(&rows, limit)?;
        slice.messages.reverse();
        Ok(slice)
    }

    pub(super) async fn read_after(
        &self,
        group: &GroupId,
        after: Seq,
        limit: usize,
    ) -> sqlx::Result<Slice> {
        let rows = sqlx::query(AFTER)
            .bind(group.as_str())
            .bind(row::integer(after.get()))
            .bind(one_more(limit))
            .fetch_all(self.connections.readers())
            .await?;
        slice(&rows, limit)
    }
}

/// A group and how far it has come, from [`TIPS`].
pub(super) fn tip(found: &SqliteRow) -> sqlx::Result<(GroupId, Tip)> {
    let tip = Tip {
        last_seq: row::seq(found, "last_seq")?,
        roster: row::count(found, "roster")?,
    };
    Ok((row::group_id(found, "id")?, tip))
}

/// The row that is one too many says that there are more.
fn one_more(limit: usize) -> i64 {
    row::limit(limit.saturating_add(1))
}

fn slice(rows: &[SqliteRow], limit: usize) -> sqlx::Result<Slice> {
    let messages = rows.iter().take(limit).map(row::message);
    Ok(Slice {
        messages: messages.collect::<sqlx::Result<Vec<Message>>>()?,
        more: rows.len() > limit,
    })
}
