//! One transaction of the log: look up what is known, decide, store.

use chat_domain::{
    id::{GroupId, Seq, UserId},
    message::{ClientMessageId, Draft, Message, MessageBody, Quote},
    ports::Appended,
};
use sqlx::{SqliteConnection, types::Json};

use crate::batch::{self, Key, Known};

use super::{
    connection::Connections,
    history::{self, TIPS},
    row::{self, message_columns, message_joins},
};

// The order of the join is written down (`cross join`): from the few that are asked for to the many that
// are stored.
pub(super) const FIRSTS: &str = concat!(
    "select ",
    message_columns!(),
    " from json_each(?1) asked cross join messages m
        on m.group_id = asked.value ->> 0
        and ifnull(m.sender_id, '') = asked.value ->> 1
        and m.client_message_id = asked.value ->> 2 ",
    message_joins!(),
);

pub(super) const QUOTES: &str = "
    select quoted.id, quoted.group_id, quoted.content as quoted_content,
        quoted.sender_id as quoted_sender_id, author.name as quoted_author_name
    from json_each(?1) asked cross join messages quoted
        on quoted.id = unhex(asked.value ->> 1, '-') and quoted.group_id = asked.value ->> 0
    left join users author on author.id = quoted.sender_id";

const INSERT: &str = "
    insert into messages (group_id, seq, updated_seq, id, sender_id, kind, reply_to, client_message_id, created_at, content)
    values (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const ADVANCE: &str = "update groups set last_seq = ?2 where id = ?1";

pub(super) async fn store(
    connections: &Connections,
    drafts: &[Draft],
) -> sqlx::Result<Vec<Appended>> {
    let mut writing = connections.begin().await?;
    let known = look_up(&mut writing, drafts).await?;
    let plan = known.decide(drafts);
    for message in plan.fresh() {
        insert(&mut writing, message).await?;
    }
    for (group, last_seq) in &plan.heads {
        advance(&mut writing, group, *last_seq).await?;
    }
    writing.commit().await?;
    Ok(plan.answers)
}

async fn look_up(writing: &mut SqliteConnection, drafts: &[Draft]) -> sqlx::Result<Known> {
    let mut known = Known::default();
    find_heads(writing, drafts, &mut known).await?;
    find_firsts(writing, drafts, &mut known).await?;
    find_quotes(writing, drafts, &mut known).await?;
    Ok(known)
}

async fn find_heads(
    writing: &mut SqliteConnection,
    drafts: &[Draft],
    known: &mut Known,
) -> sqlx::Result<()> {
    let groups = batch::groups(drafts);
    let ids: Vec<&str> = groups.into_iter().map(GroupId::as_str).collect();
    let rows = sqlx::query(TIPS).bind(Json(ids)).fetch_all(writing).await?;
    for found in &rows {
        let (group, tip) = history::tip(found)?;
        known.head(group, tip.last_seq);
    }
    Ok(())
}

async fn find_firsts(
    writing: &mut SqliteConnection,
    drafts: &[Draft],
    known: &mut Known,
) -> sqlx::Result<()> {
    let keys: Vec<Key> = drafts.iter().filter_map(Key::of_draft).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let asked: Vec<_> = keys
        .iter()
        .map(|key| {
            let author = key.author.as_ref().map_or("", UserId::as_str);
            (key.group.as_str(), author, key.client_id.as_str())
        })
        .collect();
    let rows = sqlx::query(FIRSTS)
        .bind(Json(asked))
        .fetch_all(writing)
        .await?;
    for found in &rows {
        known.first(row::message(found)?);
    }
    Ok(())
}

async fn find_quotes(
    writing: &mut SqliteConnection,
    drafts: &[Draft],
    known: &mut Known,
) -> sqlx::Result<()> {
    let asked: Vec<_> = drafts
        .iter()
        .filter_map(|draft| Some((draft.group.as_str(), draft.reply_to?.to_string())))
        .collect();
    if asked.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(QUOTES)
        .bind(Json(asked))
        .fetch_all(writing)
        .await?;
    for found in &rows {
        let quote = Quote {
            id: row::message_id(found, "id")?,
            body: MessageBody::stored(row::text(found, "quoted_content")?),
            author: row::quoted_author(found)?,
        };
        known.quote(row::group_id(found, "group_id")?, quote);
    }
    Ok(())
}

async fn insert(writing: &mut SqliteConnection, message: &Message) -> sqlx::Result<()> {
    let id = message.id.to_bytes();
    let reply_to = message.reply_to.as_ref().map(|quote| quote.id.to_bytes());
    sqlx::query(INSERT)
        .bind(message.group.as_str())
        .bind(row::integer(message.seq.get()))
        .bind(&id[..])
        .bind(message.author.user_id().map(UserId::as_str))
        .bind(message.kind.as_str())
        .bind(reply_to.as_ref().map(|id| &id[..]))
        .bind(message.client_id.as_ref().map(ClientMessageId::as_str))
        .bind(row::integer(message.created_at.as_millis()))
        .bind(message.body.as_str())
        .execute(writing)
        .await?;
    Ok(())
}

async fn advance(
    writing: &mut SqliteConnection,
    group: &GroupId,
    last_seq: Seq,
) -> sqlx::Result<()> {
    sqlx::query(ADVANCE)
        .bind(group.as_str())
        .bind(row::integer(last_seq.get()))
        .execute(writing)
        .await?;
    Ok(())
}
