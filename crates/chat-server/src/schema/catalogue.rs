//! Every event both ways, with the types that it is made of.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{OneOfBuilder, Ref, RefOr, Schema},
};

use crate::wire::{
    answer::{Done, Nothing, Refused},
    incoming::{
        GetGroupMessages, GetRoomInfo, InGroup, JoinGroup, MarkRead, RefreshToken, SendMessage,
    },
    outgoing::{
        AddedToGroup, AuthExpired, GroupMessages, GroupUpdated, JoinedGroup, LeftGroup,
        MemberUpdated, RemovedFromGroup, RoomMembers, ServiceStatus, Session, SessionClosed,
        TokenRefreshed, UnreadUpdate, UserMoved, UserStoppedTyping, UserTyping,
    },
    record::{Message, ReadState},
    refusal::EventError,
    schemas::complete,
    shape::Id,
};

/// Schemas by their names.
pub type Schemas = BTreeMap<String, RefOr<Schema>>;

/// The events, and every schema that is referred to.
pub struct Catalogue {
    pub requests: Vec<Request>,
    pub news: Vec<News>,
    pub schemas: Schemas,
    /// What clients send.
    received: BTreeSet<String>,
}

/// An event that clients send.
pub struct Request {
    pub event: &'static str,
    pub summary: &'static str,
    /// The schema of the argument.
    pub argument: String,
    /// The schema of the answer, if it is done.
    pub done: String,
    pub example: Value,
}

/// An event that the server sends.
pub struct News {
    pub event: &'static str,
    pub summary: &'static str,
    /// The schema of the payload.
    pub payload: String,
}

impl Catalogue {
    /// The protocol.
    pub fn of_events() -> Self {
        let mut catalogue = Self {
            requests: Vec::new(),
            news: Vec::new(),
            schemas: Schemas::new(),
            received: BTreeSet::new(),
        };
        catalogue.ask_all();
        catalogue.tell_all();
        catalogue.take::<Refused<'_>>();
        complete(&mut catalogue.schemas, &catalogue.received);
        catalogue
    }

    fn ask_all(&mut self) {
        let in_group = || json!({ "groupId": "tea" });
        self.ask::<JoinGroup, JoinedGroup<'_>>(
            "join_group",
            "Enters the room of a group, and catches up.",
            json!({ "groupId": "tea", "afterSeq": 17, "epoch": "5e1f0c9a7b3d2468" }),
        )
        .or_id();
        self.ask::<InGroup, LeftGroup<'_>>("leave_group", "Leaves the room.", in_group())
            .or_id();
        self.ask::<SendMessage, Message<'_>>(
            "send_message",
            "Sends a message. It is answered when the message is on the disk.",
            json!({ "groupId": "tea", "content": "Tea?", "clientMessageId": "c-17" }),
        );
        self.ask::<InGroup, Nothing>(
            "typing_start",
            "The user types; to be sent again while that goes on.",
            in_group(),
        );
        self.ask::<InGroup, Nothing>("typing_stop", "The user types no longer.", in_group());
        self.ask::<GetRoomInfo, RoomMembers<'_>>(
            "get_room_info",
            "Asks who is in the room.",
            json!({ "groupId": "tea", "limit": 50 }),
        );
        self.ask::<GetGroupMessages, GroupMessages<'_>>(
            "get_group_messages",
            "Asks for a page of messages.",
            json!({ "groupId": "tea", "limit": 50, "afterSeq": 17 }),
        );
        self.ask::<MarkRead, ReadState>(
            "mark_read",
            "Everything up to there has been read.",
            json!({ "groupId": "tea", "seq": 17 }),
        );
        self.ask::<RefreshToken, TokenRefreshed>(
            "refresh_token",
            "Brings a new token, and keeps the connection.",
            json!({ "token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl" }),
        );
    }

    fn tell_all(&mut self) {
        self.tell::<Session<'_>>("session", "The first event on a new connection.");
        self.tell::<SessionClosed>(
            "session_closed",
            "Why the server ends the connection. The last event.",
        );
        self.tell::<ServiceStatus>(
            "service_status",
            "How well the server serves: when that changes.",
        );
        self.tell::<AuthExpired>(
            "auth_expired",
            "The token has expired, and the connection ends unless a new one comes.",
        );
        self.tell::<EventError<'_>>(
            "error",
            "What a client sent without asking for an answer is refused.",
        );
        self.tell::<JoinedGroup<'_>>("joined_group_success", "This socket is in the room.");
        self.tell::<LeftGroup<'_>>(
            "left_group_success",
            "This socket is no longer in the room.",
        );
        self.tell::<GroupMessages<'_>>("group_messages", "A page of messages.");
        self.tell::<RoomMembers<'_>>("room_members_update", "Who is in the room.");
        self.tell::<UserMoved<'_>>(
            "user_joined_group",
            "A user's first socket entered the room.",
        );
        self.tell::<UserMoved<'_>>("user_left_group", "A user's last socket left the room.");
        self.tell::<Message<'_>>("message_received", "A message, in the order of `seq`.");
        self.tell::<UserTyping<'_>>("user_typing", "A user types.");
        self.tell::<UserStoppedTyping<'_>>("user_stopped_typing", "A user types no longer.");
        self.tell::<UnreadUpdate<'_>>("unread_update", "What the user has not read of a group.");
        self.tell::<AddedToGroup<'_>>("added_to_group", "The user has become a member.");
        self.tell::<RemovedFromGroup<'_>>("removed_from_group", "The user is a member no longer.");
        self.tell::<GroupUpdated<'_>>("group_updated", "A group has another name, or the like.");
        self.tell::<MemberUpdated<'_>>("member_updated", "A member has another role.");
    }

    fn ask<A: ToSchema, D: ToSchema>(
        &mut self,
        event: &'static str,
        summary: &'static str,
        example: Value,
    ) -> &mut Self {
        let argument = self.take::<A>();
        self.received
            .extend(schemas::<A>().into_iter().map(|(name, _)| name));
        let data = self.take::<D>();
        let done = format!("{}_{data}", Done::<D>::name());
        let mut schemas = schemas::<Done<D>>();
        schemas[0].0.clone_from(&done);
        self.add(schemas);
        self.requests.push(Request {
            event,
            summary,
            argument,
            done,
            example,
        });
        self
    }

    /// The last request takes the id of the group alone as well.
    fn or_id(&mut self) {
        let id = self.take::<Id>();
        let Some(request) = self.requests.last_mut() else {
            return;
        };
        let object = mem::take(&mut request.argument);
        request.argument = format!("{object}OrId");
        let either = OneOfBuilder::new()
            .item(Ref::from_schema_name(id))
            .item(Ref::from_schema_name(object));
        self.schemas.insert(request.argument.clone(), either.into());
    }

    fn tell<P: ToSchema>(&mut self, event: &'static str, summary: &'static str) {
        let payload = self.take::<P>();
        self.news.push(News {
            event,
            summary,
            payload,
        });
    }

    /// Takes in a type with all that it is made of, and returns its name.
    fn take<T: ToSchema>(&mut self) -> String {
        self.add(schemas::<T>());
        T::name().into_owned()
    }

    /// Takes in more schemas.
    ///
    /// # Panics
    /// Two types have the same name: one of them needs another, by `#[schema(as = …)]`.
    pub fn add(&mut self, schemas: impl IntoIterator<Item = (String, RefOr<Schema>)>) {
        for (name, schema) in schemas {
            let known = self
                .schemas
                .entry(name.clone())
                .or_insert_with(|| schema.clone());
            assert!(*known == schema, "two wire types are called {name}");
        }
    }
}

/// A type, and all that it is made of.
fn schemas<T: ToSchema>() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut schemas);
    schemas
}
