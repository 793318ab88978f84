//! Reading the history of groups. Pages go by keys, never by counting rows from the start.

use chat_domain::{
    group::{Head, Tip},
    id::{GroupId, Seq},
    message::Message,
    ports::Slice,
};
use sqlx::postgres::PgRow;

use super::{
    PostgresDatabase,
    row::{self, message_columns, message_joins},
};

const HEAD: &str = "select last_seq, epoch from groups where id = $1";

const TIPS: &str = "select id, last_seq, roster from groups where id = any($1)";

const BEFORE: &str = concat!(
    "select ",
    message_columns!(),
    " from messages m ",
    message_joins!(),
    " where m.group_id = $1 and m.seq < $2 order by m.seq desc limit $3",
);

// What was only created stands in the order of the primary key; what was changed has an index of its own.
const AFTER: &str = concat!(
    "select ",
    message_columns!(),
    " from (
        (select * from messages where group_id = $1 and seq > $2 and updated_seq = seq order by seq limit $3)
        union all
        (select * from messages where group_id = $1 and updated_seq > $2 and updated_seq > seq
            order by updated_seq limit $3)
        order by updated_seq limit $3
    ) m ",
    message_joins!(),
    " order by m.updated_seq",
);

impl PostgresDatabase {
    pub(super) async fn find_head(&self, group: &GroupId) -> sqlx::Result<Option<Head>> {
        let question = sqlx::query(HEAD).bind(group.as_str());
        let found = self.connections.row(question).await?;
        found.as_ref().map(row::head).transpose()
    }

    pub(super) async fn find_tips(&self, groups: &[GroupId]) -> sqlx::Result<Vec<(GroupId, Tip)>> {
        let ids: Vec<&str> = groups.iter().map(GroupId::as_str).collect();
        let question = sqlx::query(TIPS).bind(ids);
        let rows = self.connections.rows(question).await?;
        rows.iter().map(tip).collect()
    }

    pub(super) async fn read_before(
        &self,
        group: &GroupId,
        before: Option<Seq>,
        limit: usize,
    ) -> sqlx::Result<Slice> {
        let question = sqlx::query(BEFORE)
            .bind(group.as_str())
            .bind(before.map_or(i64::MAX, |seq| row::integer(seq.get())))
            .bind(one_more(limit));
        let rows = self.connections.rows(question).await?;
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
        let question = sqlx::query(AFTER)
            .bind(group.as_str())
            .bind(row::integer(after.get()))
            .bind(one_more(limit));
        let rows = self.connections.rows(question).await?;
        slice(&rows, limit)
    }
}

/// A group and how far it has come, from [`TIPS`].
fn tip(found: &PgRow) -> sqlx::Result<(GroupId, Tip)> {
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

fn slice(rows: &[PgRow], limit: usize) -> sqlx::Result<Slice> {
    let messages = rows.iter().take(limit).map(row::message);
    Ok(Slice {
        messages: messages.collect::<sqlx::Result<Vec<Message>>>()?,
        more: rows.len() > limit,
    })
}
