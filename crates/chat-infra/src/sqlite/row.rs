//! Rows, as the domain's nouns.
//!
//! What a table holds was parsed before it was stored. If it cannot be parsed any more, somebody else wrote
//! it: that is an error of the database.

use std::error::Error;

use chat_domain::{
    group::Head,
    id::{Epoch, GroupId, MessageId, Seq, UserId},
    member::{Member, Role},
    message::{Author, ClientMessageId, Message, MessageBody, MessageKind, Quote},
    news::ReadMark,
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};
use sqlx::{Row, sqlite::SqliteRow};

/// The columns of a message `m`, with its author and what it answers: see [`message_joins`].
macro_rules! message_columns {
    () => {
        "m.group_id, m.seq, m.updated_seq, m.id, m.sender_id, m.kind, m.reply_to, m.client_message_id,
         m.created_at, m.edited_at, m.deleted_at, m.content,
         author.name as author_name, author.image as author_image,
         quoted.sender_id as quoted_sender_id, quoted.content as quoted_content,
         quoted_author.name as quoted_author_name"
    };
}
pub(super) use message_columns;

/// What [`message_columns`] needs beside `messages m`.
macro_rules! message_joins {
    () => {
        "left join users author on author.id = m.sender_id
         left join messages quoted on quoted.id = m.reply_to
         left join users quoted_author on quoted_author.id = quoted.sender_id"
    };
}
pub(super) use message_joins;

/// A message, from [`message_columns`].
pub(super) fn message(row: &SqliteRow) -> sqlx::Result<Message> {
    let kind = text(row, "kind")?;
    let client_id = optional_text(row, "client_message_id")?.map(ClientMessageId::parse);
    Ok(Message {
        id: message_id(row, "id")?,
        group: group_id(row, "group_id")?,
        seq: seq(row, "seq")?,
        updated_seq: seq(row, "updated_seq")?,
        author: author(row)?,
        body: MessageBody::stored(text(row, "content")?),
        kind: MessageKind::parse(kind).ok_or_else(|| unknown("kind", kind))?,
        reply_to: quote(row)?,
        client_id: client_id.transpose().map_err(odd("client_message_id"))?,
        created_at: time(row, "created_at")?,
        edited_at: optional_time(row, "edited_at")?,
        deleted_at: optional_time(row, "deleted_at")?,
    })
}

fn author(row: &SqliteRow) -> sqlx::Result<Author> {
    if optional_text(row, "sender_id")?.is_none() {
        return Ok(Author::System);
    }
    user(row, "sender_id", "author_name", "author_image").map(Author::User)
}

fn quote(row: &SqliteRow) -> sqlx::Result<Option<Quote>> {
    let Some(body) = optional_text(row, "quoted_content")? else {
        return Ok(None);
    };
    Ok(Some(Quote {
        id: message_id(row, "reply_to")?,
        body: MessageBody::stored(body),
        author: quoted_author(row)?,
    }))
}

/// Who said what is quoted.
pub(super) fn quoted_author(row: &SqliteRow) -> sqlx::Result<Option<(UserId, UserName)>> {
    if optional_text(row, "quoted_sender_id")?.is_none() {
        return Ok(None);
    }
    let id = user_id(row, "quoted_sender_id")?;
    Ok(Some((id, user_name(row, "quoted_author_name")?)))
}

/// A user whose columns have these names.
pub(super) fn user(row: &SqliteRow, id: &str, name: &str, image: &str) -> sqlx::Result<User> {
    let address = optional_text(row, image)?;
    Ok(User {
        id: user_id(row, id)?,
        name: user_name(row, name)?,
        image: address.and_then(ImageUrl::parse),
    })
}

/// The end of a group's history.
pub(super) fn head(row: &SqliteRow) -> sqlx::Result<Head> {
    Ok(Head {
        last_seq: seq(row, "last_seq")?,
        epoch: Epoch::new(text(row, "epoch")?),
    })
}

/// A membership, from all of its columns.
pub(super) fn member(row: &SqliteRow) -> sqlx::Result<Member> {
    Ok(Member {
        group: group_id(row, "group_id")?,
        user: user_id(row, "user_id")?,
        role: role(row)?,
        joined_at: time(row, "joined_at")?,
    })
}

pub(super) fn role(row: &SqliteRow) -> sqlx::Result<Role> {
    let name = text(row, "role")?;
    Role::parse(name).ok_or_else(|| unknown("role", name))
}

/// How far a member has read, with a count of what is left.
pub(super) fn mark(row: &SqliteRow) -> sqlx::Result<ReadMark> {
    Ok(ReadMark {
        last_read: seq(row, "last_read_seq")?,
        unread: row.try_get("unread")?,
    })
}

pub(super) fn group_id(row: &SqliteRow, column: &str) -> sqlx::Result<GroupId> {
    GroupId::parse(text(row, column)?).map_err(odd(column))
}

pub(super) fn user_id(row: &SqliteRow, column: &str) -> sqlx::Result<UserId> {
    UserId::parse(text(row, column)?).map_err(odd(column))
}

fn user_name(row: &SqliteRow, column: &str) -> sqlx::Result<UserName> {
    UserName::parse(text(row, column)?).map_err(odd(column))
}

pub(super) fn message_id(row: &SqliteRow, column: &str) -> sqlx::Result<MessageId> {
    let bytes: &[u8] = row.try_get(column)?;
    let bytes = bytes.try_into().map_err(odd(column))?;
    Ok(MessageId::from_bytes(bytes))
}

pub(super) fn seq(row: &SqliteRow, column: &str) -> sqlx::Result<Seq> {
    count(row, column).map(Seq::new)
}

/// Any number that is not negative.
pub(super) fn count(row: &SqliteRow, column: &str) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(odd(column))
}

pub(super) fn time(row: &SqliteRow, column: &str) -> sqlx::Result<Timestamp> {
    let millis: i64 = row.try_get(column)?;
    let millis = u64::try_from(millis).map_err(odd(column))?;
    Ok(Timestamp::from_millis(millis))
}

fn optional_time(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.try_get(column)?;
    millis.map(|_| time(row, column)).transpose()
}

pub(super) fn text<'r>(row: &'r SqliteRow, column: &str) -> sqlx::Result<&'r str> {
    row.try_get(column)
}

pub(super) fn optional_text<'r>(row: &'r SqliteRow, column: &str) -> sqlx::Result<Option<&'r str>> {
    row.try_get(column)
}

/// A number as a row holds it. What is beyond its range is beyond every row too.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The length of a page, as a number of a row.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// For `map_err`: a value of this column that is none.
pub(super) fn odd<E>(column: &str) -> impl FnOnce(E) -> sqlx::Error
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    move |source| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: source.into(),
    }
}

fn unknown(column: &str, name: &str) -> sqlx::Error {
    odd(column)(format!("`{name}` is not known"))
}
