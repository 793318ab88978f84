//! Single fields: how a JSON value becomes a domain type, and what is said when it does not.

use std::fmt::Display;

use chat_domain::{
    group::{Description, GroupName},
    id::{Epoch, GroupId, MessageId, NodeId, Seq, UserId},
    member::Role,
    message::{ClientMessageId, MessageKind},
    time::Timestamp,
    user::UserName,
};
use serde::{Deserialize, Deserializer, de::Error};

use super::{
    cursor::{Place, decode},
    time::END_OF_TIME,
};

/// The largest number that every JSON implementation keeps exactly.
pub const MOST_SEQ: u64 = (1 << 53) - 1;

/// A domain type that clients write as one JSON value.
pub trait Field: Sized {
    /// What the JSON value is.
    type Raw: for<'de> Deserialize<'de>;

    /// The domain type, or one sentence about what is wrong.
    ///
    /// # Errors
    /// The sentence.
    fn parse(raw: &Self::Raw) -> Result<Self, String>;
}

/// For `deserialize_with`: a required field.
///
/// # Errors
/// The value is of the wrong type, or not what [`Field::parse`] accepts.
pub fn required<'de, D: Deserializer<'de>, F: Field>(deserializer: D) -> Result<F, D::Error> {
    let raw = F::Raw::deserialize(deserializer)?;
    F::parse(&raw).map_err(|problem| D::Error::custom(said(&problem)))
}

/// For `deserialize_with`, together with `default`: a field that may be missing or `null`.
///
/// # Errors
/// The value is of the wrong type, or not what [`Field::parse`] accepts.
pub fn optional<'de, D: Deserializer<'de>, F: Field>(
    deserializer: D,
) -> Result<Option<F>, D::Error> {
    let raw = Option::<F::Raw>::deserialize(deserializer)?;
    let parsed = raw.map(|raw| F::parse(&raw)).transpose();
    parsed.map_err(|problem| D::Error::custom(said(&problem)))
}

/// For `deserialize_with`, together with `default`: `None` if missing, `Some(None)` if `null`.
///
/// # Errors
/// The value is of the wrong type, or not what [`Field::parse`] accepts.
pub fn removable<'de, D: Deserializer<'de>, F: Field>(
    deserializer: D,
) -> Result<Option<Option<F>>, D::Error> {
    optional(deserializer).map(Some)
}

/// Marks what our own words are, so that [`explain`] passes on nothing else: what the parser itself says
/// repeats the client's value.
const OURS: &str = "\u{1}";

fn said(problem: &str) -> String {
    format!("{OURS}{problem}")
}

/// What is wrong with which field, for a developer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's name; empty for the argument as a whole.
    pub field: String,
    /// One sentence.
    pub message: String,
}

impl Problem {
    /// A problem with a field.
    pub fn new(field: &str, message: impl Display) -> Self {
        Self {
            field: field.to_owned(),
            message: message.to_string(),
        }
    }
}

/// Reads a value as `T`.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn read<T: for<'de> Deserialize<'de>>(value: &serde_json::Value) -> Result<T, Problem> {
    // An array would be taken for the fields in their order.
    if !value.is_object() {
        return Err(Problem::new("", "is no object"));
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, &error.inner().to_string())
    })
}

fn explain(path: &str, said: &str) -> Problem {
    let field = if path == "." { "" } else { path };
    if let Some(ours) = said.strip_prefix(OURS) {
        return Problem::new(field, ours);
    }
    // The only way to learn which field is missing.
    let missing = said
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'));
    match missing {
        Some(name) => Problem::new(name, "is required"),
        None => Problem::new(field, "has the wrong type"),
    }
}

macro_rules! text_field {
    ($($type:ty => $parse:expr),* $(,)?) => {$(
        impl Field for $type {
            type Raw = String;

            fn parse(raw: &String) -> Result<Self, String> {
                $parse(raw).map_err(|problem| problem.to_string())
            }
        }
    )*};
}

text_field! {
    GroupId => GroupId::parse,
    UserId => UserId::parse,
    MessageId => MessageId::parse,
    NodeId => |raw: &str| NodeId::parse(raw).ok_or("is no id of a node"),
    ClientMessageId => ClientMessageId::parse,
    UserName => UserName::parse,
    GroupName => GroupName::parse,
    Description => Description::parse,
    Role => |raw| Role::parse(raw).ok_or("is one of OWNER, ADMIN, MODERATOR, MEMBER"),
    Epoch => |raw: &str| (1..=64).contains(&raw.len()).then(|| Epoch::new(raw)).ok_or("is 1 to 64 characters"),
    MessageKind => |raw| MessageKind::parse_sendable(raw).ok_or("is one of TEXT, IMAGE, VIDEO, AUDIO, FILE"),
}

/// A kind of message, the server's own included.
#[derive(Debug, Clone, Copy)]
pub struct AnyKind(pub MessageKind);

impl Field for AnyKind {
    type Raw = String;

    fn parse(raw: &String) -> Result<Self, String> {
        let kind = MessageKind::parse(raw).map(Self);
        kind.ok_or_else(|| "is one of TEXT, IMAGE, VIDEO, AUDIO, FILE, SYSTEM".to_owned())
    }
}

impl Field for Seq {
    type Raw = u64;

    fn parse(raw: &u64) -> Result<Self, String> {
        if *raw > MOST_SEQ {
            return Err("is too large".to_owned());
        }
        Ok(Self::new(*raw))
    }
}

/// A point in time, in seconds since 1970, as tokens have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub Timestamp);

impl Field for Seconds {
    type Raw = u64;

    fn parse(raw: &u64) -> Result<Self, String> {
        let millis = raw.saturating_mul(1_000);
        if millis > END_OF_TIME.as_millis() {
            return Err("is beyond the year 9999: write seconds since 1970".to_owned());
        }
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

/// How many items a page has: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(usize);

impl Limit {
    /// The number of items.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl Field for Limit {
    type Raw = u64;

    fn parse(raw: &u64) -> Result<Self, String> {
        match usize::try_from(*raw) {
            Ok(limit @ 1..=100) => Ok(Self(limit)),
            _ => Err("is 1 to 100".to_owned()),
        }
    }
}

/// A cursor that names a place in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<P>(pub P);

impl<P: Place> Field for Cursor<P> {
    type Raw = String;

    fn parse(raw: &String) -> Result<Self, String> {
        decode(raw).map(Self).map_err(|problem| problem.to_string())
    }
}

/// A list that has to be empty until files exist.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoAttachments;

impl Field for NoAttachments {
    type Raw = Vec<serde_json::Value>;

    fn parse(raw: &Vec<serde_json::Value>) -> Result<Self, String> {
        if raw.is_empty() {
            return Ok(Self);
        }
        Err("has to be empty: there are no files yet".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        #[serde(deserialize_with = "required")]
        group_id: GroupId,
        #[serde(default, deserialize_with = "optional")]
        after_seq: Option<Seq>,
    }

    #[test]
    fn the_first_wrong_field_is_named() {
        for (value, field, message) in [
            (json!({}), "groupId", "is required"),
            (json!({"groupId": null}), "groupId", "has the wrong type"),
            (json!({"groupId": 7}), "groupId", "has the wrong type"),
            (
                json!({"groupId": "a b"}),
                "groupId",
                "an id is 1 to 64 characters of A-Z, a-z, 0-9, `_` and `-`",
            ),
            (
                json!({"groupId": "a", "afterSeq": "1"}),
                "afterSeq",
                "has the wrong type",
            ),
            (
                json!({"groupId": "a", "afterSeq": -1}),
                "afterSeq",
                "has the wrong type",
            ),
            (
                json!({"groupId": "a", "afterSeq": MOST_SEQ + 1}),
                "afterSeq",
                "is too large",
            ),
            (json!(["a"]), "", "is no object"),
            (json!("a"), "", "is no object"),
        ] {
            assert_eq!(
                read::<Sample>(&value),
                Err(Problem::new(field, message)),
                "{value}"
            );
        }
    }

    #[test]
    fn null_counts_as_missing_where_a_field_may_be_missing() {
        let sample =
            read::<Sample>(&json!({"groupId": "a", "afterSeq": null, "unknown": 1})).unwrap();

        assert_eq!(sample.after_seq, None);
    }

    #[test]
    fn what_a_client_wrote_is_not_repeated() {
        let problem = read::<Sample>(&json!({"groupId": {"secret": "s3cret"}})).unwrap_err();

        assert!(!problem.message.contains("s3cret"));
    }
}
