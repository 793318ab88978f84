//! What clients send: the arguments of events and the bodies and queries of requests.
//!
//! Unknown fields are ignored. A field that is `null` counts as missing, unless it is required.

use chat_domain::{
    group::{Description, GroupChange, GroupName},
    id::{Epoch, GroupId, MessageId, Seq, UserId},
    member::{Composition, Role},
    message::{ClientMessageId, MessageBody, MessageKind},
    usecase::{groups::NewGroup, history::From, join::Join},
    user::{ImageUrl, UserName},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    field::{
        AnyKind, Cursor, Limit, NoAttachments, Problem, Seconds, optional, read, removable,
        required,
    },
    shape::{self, Id, MessageType, SendableType},
};

/// The one argument of an event, out of the array that the name begins.
///
/// # Errors
/// There is none, or more than one, or the text is no such array.
pub fn argument(packet: &str) -> Result<Value, Problem> {
    let packet: Vec<Value> = serde_json::from_str(packet)
        .map_err(|_| Problem::new("", "is no JSON, or is nested too deeply"))?;
    let mut arguments = packet.into_iter().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(argument), None) => Ok(argument),
        (None, _) => Err(Problem::new("", "is missing")),
        (Some(_), Some(_)) => Err(Problem::new("", "is not the only one: an event takes one")),
    }
}

/// An argument that is the group's id itself, or an object that has it.
pub fn with_group_id(argument: Value) -> Value {
    match argument {
        Value::String(id) => json!({ "groupId": id }),
        other => other,
    }
}

/// `leave_group`, `typing_start`, `typing_stop`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InGroup {
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub group_id: GroupId,
}

/// `join_group`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinGroup {
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub group_id: GroupId,
    /// The newest `updatedSeq` that the client has.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::Seq>)]
    pub after_seq: Option<Seq>,
    /// That of the last `joined_group_success`.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::Epoch>)]
    pub epoch: Option<Epoch>,
    /// Of the messages that are asked for by `afterSeq`; default 50.
    #[serde(default, deserialize_with = "optional")]
    pub limit: Option<Limit>,
}

impl JoinGroup {
    pub fn into_request(self) -> Join {
        Join {
            group: self.group_id,
            after: self.after_seq,
            epoch: self.epoch,
            limit: self.limit.unwrap_or_default().get(),
        }
    }
}

/// What a message is made of, for `send_message` and for the requests that do the same.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    /// 1 to 4,000 characters of plain text.
    pub content: String,
    /// `TEXT` (default), `IMAGE`, `VIDEO`, `AUDIO` or `FILE`.
    #[serde(default, rename = "type", deserialize_with = "optional")]
    #[schema(value_type = Option<SendableType>)]
    pub kind: Option<MessageKind>,
    /// A message of the same group.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::MessageId>)]
    pub reply_to_id: Option<MessageId>,
    /// 1 to 64 printable ASCII characters without space: makes sending again safe.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::ClientMessageId>)]
    pub client_message_id: Option<ClientMessageId>,
    /// Empty, until files exist.
    #[serde(default, deserialize_with = "optional", rename = "attachmentIds")]
    pub _attachment_ids: Option<NoAttachments>,
}

impl NewMessage {
    /// # Errors
    /// The text is empty or too long.
    pub fn into_composition(self, limit_chars: usize) -> Result<Composition, Problem> {
        let body = MessageBody::parse(&self.content, limit_chars);
        Ok(Composition {
            body: body.map_err(|problem| Problem::new("content", problem))?,
            kind: self.kind.unwrap_or(MessageKind::Text),
            reply_to: self.reply_to_id,
            client_id: self.client_message_id,
        })
    }
}

/// `send_message`.
#[derive(Debug)]
pub struct SendMessage {
    pub group: GroupId,
    pub what: Composition,
}

impl SendMessage {
    /// # Errors
    /// The first field that is wrong.
    pub fn read(argument: &Value, limit_chars: usize) -> Result<Self, Problem> {
        let group = read::<InGroup>(argument)?.group_id;
        let what = read::<NewMessage>(argument)?.into_composition(limit_chars)?;
        Ok(Self { group, what })
    }
}

/// `get_room_info`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GetRoomInfo {
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub group_id: GroupId,
    /// Default: as many as the server lists.
    #[serde(default, deserialize_with = "optional")]
    pub limit: Option<Limit>,
    /// Leads on.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<UserId>>,
}

/// `get_group_messages`.
#[derive(Debug)]
pub struct GetGroupMessages {
    pub group: GroupId,
    pub page: HistoryPage,
}

impl GetGroupMessages {
    /// # Errors
    /// The first field that is wrong.
    pub fn read(argument: &Value) -> Result<Self, Problem> {
        let group = read::<InGroup>(argument)?.group_id;
        Ok(Self {
            group,
            page: read(argument)?,
        })
    }
}

/// Which page of a history.
#[derive(Debug, Deserialize, IntoParams, ToSchema)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct HistoryPage {
    /// 1 to 100, default 50.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<u32>)]
    pub limit: Option<Limit>,
    /// Leads to older messages.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<Seq>>,
    /// Instead of a cursor: what was created or changed after this `seq`.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<u64>)]
    #[schema(value_type = Option<shape::Seq>)]
    pub after_seq: Option<Seq>,
}

impl HistoryPage {
    /// # Errors
    /// A cursor and `afterSeq` exclude each other.
    pub fn from(&self) -> Result<From, Problem> {
        match (&self.cursor, self.after_seq) {
            (None, None) => Ok(From::Newest),
            (Some(Cursor(seq)), None) => Ok(From::Before(*seq)),
            (None, Some(seq)) => Ok(From::After(seq)),
            (Some(_), Some(_)) => Err(Problem::new(
                "cursor",
                "cannot be used together with afterSeq",
            )),
        }
    }
}

/// `mark_read`.
#[derive(Debug)]
pub struct MarkRead {
    pub group: GroupId,
    pub seq: Seq,
}

impl MarkRead {
    /// # Errors
    /// The first field that is wrong.
    pub fn read(argument: &Value) -> Result<Self, Problem> {
        let group = read::<InGroup>(argument)?.group_id;
        Ok(Self {
            group,
            seq: read::<ReadUpTo>(argument)?.seq,
        })
    }
}

/// How far the caller has read.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ReadUpTo {
    /// Everything up to here.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = shape::Seq)]
    pub seq: Seq,
}

/// `refresh_token`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RefreshToken {
    pub token: String,
}

/// Which page of a list of groups.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GroupsPage {
    /// 1 to 100, default 50.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<u32>)]
    pub limit: Option<Limit>,
    /// Leads on.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<GroupId>>,
}

/// Which page of a list of members.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MembersPage {
    /// 1 to 100, default 50.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<u32>)]
    pub limit: Option<Limit>,
    /// Leads on.
    #[serde(default, deserialize_with = "optional")]
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<UserId>>,
}

/// A group to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreateGroup {
    /// 1 to 128 characters.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = String)]
    pub name: GroupName,
    /// At most 2,000 characters.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Description>,
    /// Default `false`.
    #[serde(default)]
    pub is_private: Option<bool>,
}

impl CreateGroup {
    pub fn into_new_group(self) -> NewGroup {
        NewGroup {
            name: self.name,
            description: self.description,
            is_private: self.is_private.unwrap_or(false),
        }
    }
}

/// What to change of a group; what is missing stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeGroup {
    /// 1 to 128 characters.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<String>)]
    pub name: Option<GroupName>,
    /// At most 2,000 characters; `null` takes it away.
    #[serde(default, deserialize_with = "removable")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Option<Description>>,
    /// Whether it is hidden from those who are not members.
    #[serde(default)]
    pub is_private: Option<bool>,
}

impl ChangeGroup {
    pub fn into_change(self) -> GroupChange {
        GroupChange {
            name: self.name,
            description: self.description,
            is_private: self.is_private,
        }
    }
}

/// A member to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddMember {
    /// Who.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub user_id: UserId,
    /// Default `MEMBER`.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::Role>)]
    pub role: Option<Role>,
}

/// A role to give.
#[derive(Debug, Deserialize, ToSchema)]
pub struct GiveRole {
    /// `ADMIN`, `MODERATOR` or `MEMBER`.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = shape::Role)]
    pub role: Role,
}

/// How long a token has to be refused.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RevokeToken {
    /// The `exp` of the token, in seconds since 1970. Without it, the token is refused for ever.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<u64>)]
    pub exp: Option<Seconds>,
}

/// A role to give, or the lowest.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutMember {
    /// Default `MEMBER`.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::Role>)]
    pub role: Option<Role>,
}

/// Who is to own the group.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PassOn {
    /// A member.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub user_id: UserId,
}

/// A user's record, as the application's backend knows it.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutUser {
    /// 1 to 128 characters.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = String)]
    pub name: UserName,
    /// An https address.
    #[serde(default)]
    pub image: Option<String>,
}

impl PutUser {
    /// # Errors
    /// The image is no https address.
    pub fn image(&self) -> Result<Option<ImageUrl>, Problem> {
        let parse = |raw: &String| {
            ImageUrl::parse(raw).ok_or_else(|| Problem::new("image", "is no https address"))
        };
        self.image.as_ref().map(parse).transpose()
    }
}

/// A group that is to exist.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PutGroup {
    /// 1 to 128 characters.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = String)]
    pub name: GroupName,
    /// Who owns it. The record is made if there is none.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = Id)]
    pub owner_id: UserId,
}

/// What the administrator says, in a member's name or in the server's own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdminMessage {
    /// A member; without it, the server itself speaks.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<Id>)]
    pub sender_id: Option<UserId>,
    /// 1 to 4,000 characters of plain text.
    pub content: String,
    /// `SYSTEM` without a sender; else `TEXT` (default), `IMAGE`, `VIDEO`, `AUDIO` or `FILE`.
    #[serde(default, rename = "type", deserialize_with = "optional")]
    #[schema(value_type = Option<MessageType>)]
    pub kind: Option<AnyKind>,
    /// 1 to 64 printable ASCII characters without space: makes sending again safe.
    #[serde(default, deserialize_with = "optional")]
    #[schema(value_type = Option<shape::ClientMessageId>)]
    pub client_message_id: Option<ClientMessageId>,
}

impl AdminMessage {
    /// Who speaks, and what is said; the kind is the server's own exactly if nobody else speaks.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn into_parts(self, limit_chars: usize) -> Result<(Option<UserId>, Composition), Problem> {
        let default = if self.sender_id.is_some() {
            MessageKind::Text
        } else {
            MessageKind::System
        };
        let kind = self.kind.map_or(default, |kind| kind.0);
        if (kind == MessageKind::System) != self.sender_id.is_none() {
            return Err(Problem::new(
                "type",
                "is SYSTEM exactly if there is no senderId",
            ));
        }
        let body = MessageBody::parse(&self.content, limit_chars);
        let body = body.map_err(|problem| Problem::new("content", problem))?;
        let (reply_to, client_id) = (None, self.client_message_id);
        Ok((
            self.sender_id,
            Composition {
                body,
                kind,
                reply_to,
                client_id,
            },
        ))
    }
}

/// A newcomer to a development server.
#[derive(Debug, Deserialize, ToSchema)]
pub struct DevLogin {
    /// 1 to 128 characters. The same name is the same user.
    #[serde(deserialize_with = "required")]
    #[schema(value_type = String)]
    pub name: UserName,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_takes_exactly_one_argument() {
        assert_eq!(argument(r#"["e",{"a":1}]"#), Ok(json!({"a": 1})));
        assert_eq!(argument(r#"["e",null]"#), Ok(Value::Null));
        assert!(argument(r#"["e"]"#).is_err());
        assert!(argument(r#"["e",1,2]"#).is_err());
        assert!(argument(r#"["e",{"#).is_err());
    }

    #[test]
    fn what_is_nested_too_deeply_is_refused() {
        let deep = format!(
            r#"["e",{}{}]"#,
            "[".repeat(1_000_000),
            "]".repeat(1_000_000)
        );

        assert!(argument(&deep).is_err());
    }
}
