//! What values that are no structs look like in the documents, where serde cannot tell. Nothing here exists at run time.

use chat_domain::{member, message::MessageKind};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        AllOfBuilder, KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat,
        schema::{ArrayBuilder, Type},
    },
};

use super::{
    field::{Limit, MOST_SEQ, NoAttachments},
    incoming::{
        GetGroupMessages, HistoryPage, InGroup, MarkRead, NewMessage, ReadUpTo, SendMessage,
    },
    outgoing::ServiceStatus,
    time::Time,
};

/// The schema of a type, with its first lines as its description.
macro_rules! shape {
    ($(#[doc = $doc:literal])+ enum $name:ident: $schema:expr) => {
        $(#[doc = $doc])+
        pub enum $name {}
        shape! { $(#[doc = $doc])+ impl $name: $schema }
    };
    ($(#[doc = $doc:literal])+ impl $name:ty: $schema:expr) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.description(Some(concat!($($doc),+).trim())).into()
            }
        }
        impl ToSchema for $name {}
    };
}

shape! {
    /// The id of a user or a group.
    enum Id: text().pattern(Some("^[A-Za-z0-9_-]{1,64}$"))
}

shape! {
    /// A UUID of version 7.
    enum MessageId: text().format(Some(SchemaFormat::Custom("uuid".to_owned())))
}

shape! {
    /// Made by the client, so that sending again is safe: printable ASCII characters without space.
    enum ClientMessageId: text().pattern(Some("^[!-~]{1,64}$"))
}

shape! {
    /// Numbers the messages of a group without a gap.
    enum Seq: number(0, MOST_SEQ)
}

shape! {
    /// Which history of the group: another one after the database was restored.
    enum Epoch: text().min_length(Some(1)).max_length(Some(64))
}

shape! {
    /// What a member may do in a group.
    enum Role: one_of(member::Role::ALL.map(member::Role::as_str))
}

shape! {
    /// What a message is.
    enum MessageType: one_of(MessageKind::ALL.map(MessageKind::as_str))
}

shape! {
    /// What a client may send; `SYSTEM` is the server's own.
    enum SendableType: one_of(
        MessageKind::ALL.map(MessageKind::as_str).into_iter().filter(|kind| MessageKind::parse_sendable(kind).is_some())
    )
}

shape! {
    /// How well the server serves.
    enum Level: one_of(ServiceStatus::LEVELS)
}

shape! {
    /// What may not work as it should.
    enum Feature: one_of(ServiceStatus::FEATURES)
}

shape! {
    /// RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`.
    impl Time: text().format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
}

shape! {
    /// How many: 1 to 100.
    impl Limit: number(1, 100)
}

shape! {
    /// Empty, until files exist.
    impl NoAttachments: ArrayBuilder::new().items(text()).max_items(Some(0))
}

shape! {
    /// It is so.
    enum True: truth(true)
}

shape! {
    /// It is not so.
    enum False: truth(false)
}

/// The schema of an argument that is read twice: for where, and for what.
macro_rules! read_in_parts {
    ($name:ty: $($part:ty),+) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let parts = AllOfBuilder::new();
                parts$(.item(Ref::from_schema_name(<$part>::name())))+.into()
            }
        }
        impl ToSchema for $name {
            fn schemas(found: &mut Vec<(String, RefOr<Schema>)>) {
                $(
                    found.push((<$part>::name().into_owned(), <$part>::schema()));
                    <$part>::schemas(found);
                )+
            }
        }
    };
}

read_in_parts!(SendMessage: InGroup, NewMessage);
read_in_parts!(GetGroupMessages: InGroup, HistoryPage);
read_in_parts!(MarkRead: InGroup, ReadUpTo);

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn number(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
}

fn truth(value: bool) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
}

fn one_of(names: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    text().enum_values(Some(names))
}
