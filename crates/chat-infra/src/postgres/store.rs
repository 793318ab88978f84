//! One batch of one group: one statement, and so one round trip, that commits by itself.
//!
//! What it does is in the database (`append_messages` in the migrations).

use chat_domain::{
    id::{GroupId, Seq, UserId},
    message::{ClientMessageId, Draft},
    ports::Appended,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::row;

const APPEND: &str = "select * from append_messages($1, $2, $3, $4, $5, $6, $7, $8)";

/// One outcome a draft, in the order of the drafts. An error leaves open whether they were stored.
pub(super) async fn store(
    connection: &mut PgConnection,
    group: &GroupId,
    drafts: &[&Draft],
) -> sqlx::Result<Vec<Appended>> {
    let rows = sqlx::query(APPEND)
        .bind(group.as_str())
        .bind(each(drafts, |it| row::uuid(it.id)))
        .bind(each(drafts, |it| it.author.user_id().map(UserId::as_str)))
        .bind(each(drafts, |it| it.kind.as_str()))
        .bind(each(drafts, |it| it.reply_to.map(row::uuid)))
        .bind(each(drafts, |it| {
            it.client_id.as_ref().map(ClientMessageId::as_str)
        }))
        .bind(each(drafts, |it| row::moment(it.created_at)))
        .bind(each(drafts, |it| it.body.as_str()))
        .fetch_all(connection)
        .await?;
    if rows.is_empty() {
        return Ok(vec![Appended::NoSuchGroup; drafts.len()]);
    }
    let outcomes = drafts.iter().zip(&rows);
    outcomes
        .map(|(draft, found)| outcome(draft, found))
        .collect()
}

fn each<'a, T>(drafts: &[&'a Draft], part: impl Fn(&'a Draft) -> T) -> Vec<T> {
    drafts.iter().map(|draft| part(draft)).collect()
}

fn outcome(draft: &Draft, found: &PgRow) -> sqlx::Result<Appended> {
    let is_new: bool = found.try_get("is_new")?;
    let seq: Option<i64> = found.try_get("seq")?;
    if seq.is_none() {
        return Ok(Appended::NoSuchReply);
    }
    if !is_new {
        return row::message(found).map(Appended::Duplicate);
    }
    let seq: Seq = row::seq(found, "seq")?;
    let quote = row::quote(found)?;
    Ok(Appended::Stored(draft.clone().into_message(seq, quote)))
}
