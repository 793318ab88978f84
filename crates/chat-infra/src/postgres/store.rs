//! One transaction of the log: one statement, and so one round trip, that commits by itself.
//!
//! What it does is in the database (`store_messages` in the migrations).

use chat_domain::{
    id::{GroupId, Seq, UserId},
    message::{ClientMessageId, Draft},
    ports::Appended,
};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::row;

const STORE: &str = "select * from store_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Drafts of one group, no two of which are the same message.
pub(super) struct Part<'a> {
    pub(super) group: &'a GroupId,
    pub(super) drafts: Vec<&'a Draft>,
}

/// For each part one outcome a draft, in the order of the drafts; nothing for a part whose group is not there or is
/// locked by somebody else: nothing of it was stored. An error leaves open whether any of them were stored.
pub(super) async fn store(
    connection: &mut PgConnection,
    parts: &[Part<'_>],
) -> sqlx::Result<Vec<Option<Vec<Appended>>>> {
    let rows = call(connection, false, parts).await?;
    let mut rows = rows.iter();
    parts
        .iter()
        .map(|part| outcomes(part, rows.by_ref()))
        .collect()
}

/// One outcome a draft, in the order of the drafts. Who locks the group is waited for.
pub(super) async fn store_patiently(
    connection: &mut PgConnection,
    part: Part<'_>,
) -> sqlx::Result<Vec<Appended>> {
    let drafts = part.drafts.len();
    let parts = [part];
    let rows = call(connection, true, &parts).await?;
    let stored = outcomes(&parts[0], &mut rows.iter())?;
    Ok(stored.unwrap_or_else(|| vec![Appended::NoSuchGroup; drafts]))
}

async fn call(
    connection: &mut PgConnection,
    patient: bool,
    parts: &[Part<'_>],
) -> sqlx::Result<Vec<PgRow>> {
    let groups: Vec<&str> = parts.iter().map(|part| part.group.as_str()).collect();
    let places: Vec<i32> = (1..)
        .zip(parts)
        .flat_map(|(place, part)| part.drafts.iter().map(move |_| place))
        .collect();
    let drafts: Vec<&Draft> = parts
        .iter()
        .flat_map(|part| &part.drafts)
        .copied()
        .collect();
    sqlx::query(STORE)
        .bind(patient)
        .bind(groups)
        .bind(places)
        .bind(each(&drafts, |it| row::uuid(it.id)))
        .bind(each(&drafts, |it| it.author.user_id().map(UserId::as_str)))
        .bind(each(&drafts, |it| it.kind.as_str()))
        .bind(each(&drafts, |it| it.reply_to.map(row::uuid)))
        .bind(each(&drafts, |it| {
            it.client_id.as_ref().map(ClientMessageId::as_str)
        }))
        .bind(each(&drafts, |it| row::moment(it.created_at)))
        .bind(each(&drafts, |it| it.body.as_str()))
        .fetch_all(connection)
        .await
}

fn each<'a, T>(drafts: &[&'a Draft], part: impl Fn(&'a Draft) -> T) -> Vec<T> {
    drafts.iter().map(|draft| part(draft)).collect()
}

fn outcomes<'r>(
    part: &Part<'_>,
    rows: &mut impl Iterator<Item = &'r PgRow>,
) -> sqlx::Result<Option<Vec<Appended>>> {
    let found: Vec<&PgRow> = rows.take(part.drafts.len()).collect();
    let is_locked = match found.first() {
        Some(first) => first.try_get("is_locked")?,
        None => false,
    };
    if !is_locked {
        return Ok(None);
    }
    let outcomes = part.drafts.iter().zip(found);
    let outcomes = outcomes.map(|(draft, found)| outcome(draft, found));
    outcomes.collect::<sqlx::Result<_>>().map(Some)
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
