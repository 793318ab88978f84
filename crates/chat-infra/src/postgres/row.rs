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
use sqlx::{
    Row,
    postgres::PgRow,
    types::{Uuid, time::OffsetDateTime},
};

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
pub(super) fn message(row: &PgRow) -> sqlx::Result<Message> {
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

fn author(row: &PgRow) -> sqlx::Result<Author> {
    if optional_text(row, "sender_id")?.is_none() {
        return Ok(Author::System);
    }
    user(row, "sender_id", "author_name", "author_image").map(Author::User)
}

pub(super) fn quote(row: &PgRow) -> sqlx::Result<Option<Quote>> {
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
fn quoted_author(row: &PgRow) -> sqlx::Result<Option<(UserId, UserName)>> {
    if optional_text(row, "quoted_sender_id")?.is_none() {
        return Ok(None);
    }
    let id = user_id(row, "quoted_sender_id")?;
    Ok(Some((id, user_name(row, "quoted_author_name")?)))
}

/// A user whose columns have these names.
pub(super) fn user(row: &PgRow, id: &str, name: &str, image: &str) -> sqlx::Result<User> {
    let address = optional_text(row, image)?;
    Ok(User {
        id: user_id(row, id)?,
        name: user_name(row, name)?,
        image: address.and_then(ImageUrl::parse),
    })
}

/// The end of a group's history.
pub(super) fn head(row: &PgRow) -> sqlx::Result<Head> {
    Ok(Head {
        last_seq: seq(row, "last_seq")?,
        epoch: Epoch::new(text(row, "epoch")?),
    })
}

/// A membership, from all of its columns.
pub(super) fn member(row: &PgRow) -> sqlx::Result<Member> {
    Ok(Member {
        group: group_id(row, "group_id")?,
        user: user_id(row, "user_id")?,
        role: role(row)?,
        joined_at: time(row, "joined_at")?,
    })
}

pub(super) fn role(row: &PgRow) -> sqlx::Result<Role> {
    let name = text(row, "role")?;
    Role::parse(name).ok_or_else(|| unknown("role", name))
}

/// How far a member has read, with a count of what is left.
pub(super) fn mark(row: &PgRow) -> sqlx::Result<ReadMark> {
    Ok(ReadMark {
        last_read: seq(row, "last_read_seq")?,
        unread: u32::try_from(row.try_get::<i64, _>("unread")?).map_err(odd("unread"))?,
    })
}

pub(super) fn group_id(row: &PgRow, column: &str) -> sqlx::Result<GroupId> {
    GroupId::parse(text(row, column)?).map_err(odd(column))
}

pub(super) fn user_id(row: &PgRow, column: &str) -> sqlx::Result<UserId> {
    UserId::parse(text(row, column)?).map_err(odd(column))
}

fn user_name(row: &PgRow, column: &str) -> sqlx::Result<UserName> {
    UserName::parse(text(row, column)?).map_err(odd(column))
}

fn message_id(row: &PgRow, column: &str) -> sqlx::Result<MessageId> {
    let id: Uuid = row.try_get(column)?;
    Ok(MessageId::from_bytes(id.into_bytes()))
}

pub(super) fn seq(row: &PgRow, column: &str) -> sqlx::Result<Seq> {
    count(row, column).map(Seq::new)
}

/// Any number that is not negative.
pub(super) fn count(row: &PgRow, column: &str) -> sqlx::Result<u64> {
    let number: i64 = row.try_get(column)?;
    u64::try_from(number).map_err(odd(column))
}

pub(super) fn time(row: &PgRow, column: &str) -> sqlx::Result<Timestamp> {
    let moment: OffsetDateTime = row.try_get(column)?;
    let millis = u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).map_err(odd(column))?;
    Ok(Timestamp::from_millis(millis))
}

fn optional_time(row: &PgRow, column: &str) -> sqlx::Result<Option<Timestamp>> {
    let moment: Option<OffsetDateTime> = row.try_get(column)?;
    moment.map(|_| time(row, column)).transpose()
}

pub(super) fn text<'r>(row: &'r PgRow, column: &str) -> sqlx::Result<&'r str> {
    row.try_get(column)
}

pub(super) fn optional_text<'r>(row: &'r PgRow, column: &str) -> sqlx::Result<Option<&'r str>> {
    row.try_get(column)
}

/// An id as a row holds it.
pub(super) fn uuid(id: MessageId) -> Uuid {
    Uuid::from_bytes(id.to_bytes())
}

/// A point in time as a row holds it. What is beyond its range is beyond every clock.
pub(super) fn moment(at: Timestamp) -> OffsetDateTime {
    let nanos = i128::from(at.as_millis()) * 1_000_000;
    OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
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
