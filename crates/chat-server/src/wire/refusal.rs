//! The error codes, and which failure becomes which of them.

use std::time::Duration;

use chat_domain::{
    limit::RetryAfter,
    ports::PortError,
    usecase::{
        groups::ManageError, history::ReadError, join::JoinError, send::SendError,
        typing::TypingError,
    },
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{field::Problem, time::millis};

/// What kind of failure it is. The contract, section 0, says what each code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schema(as = ErrorCode)]
pub enum Code {
    /// What was sent is not what the contract asks for.
    ValidationError,
    /// There is no valid token.
    Unauthorized,
    /// It is not allowed, or the group does not exist.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// It is so already, or cannot be so.
    Conflict,
    /// Too much at once.
    RateLimited,
    /// Too many connections.
    ConnectionLimit,
    /// Too large.
    PayloadTooLarge,
    /// Something that the server needs is away. Trying again can succeed.
    ServiceUnavailable,
    /// The server's own fault.
    InternalError,
}

impl Code {
    /// The code as clients read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValidationError => "VALIDATION_ERROR",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::RateLimited => "RATE_LIMITED",
            Self::ConnectionLimit => "CONNECTION_LIMIT",
            Self::PayloadTooLarge => "PAYLOAD_TOO_LARGE",
            Self::ServiceUnavailable => "SERVICE_UNAVAILABLE",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

/// What is limited in its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Messages of a user.
    Messages,
    /// Typing events of a user in a room.
    Typing,
    /// Events of a socket.
    Events,
    /// Joins of a user.
    Joins,
    /// Pages of messages that a user reads.
    History,
    /// Requests of a user.
    Requests,
    /// Requests from an address.
    AddressRequests,
    /// Transports that an address opens.
    Handshakes,
}

impl Limit {
    const fn plural(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Typing => "typing events",
            Self::Events => "events",
            Self::Joins => "joins",
            Self::History => "requests for messages",
            Self::Requests | Self::AddressRequests => "requests",
            Self::Handshakes => "connections",
        }
    }
}

/// A coded error: what a client is told when something does not happen.
#[derive(Debug)]
pub struct Refusal {
    /// What kind of failure it is.
    pub code: Code,
    /// One plain sentence for a developer.
    pub message: String,
    /// After how long trying again can succeed.
    pub retry_after: Option<Duration>,
    /// What there was too much of.
    pub limit: Option<Limit>,
    /// The fields that are wrong.
    pub problems: Vec<Problem>,
    /// What happened behind it: for the log, never for the client.
    pub cause: Option<PortError>,
}

/// Whoever comes back after this long finds the store again, or the next refusal.
const STORE_RETRY: Duration = Duration::from_secs(1);

impl Refusal {
    /// A refusal with a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
            limit: None,
            problems: Vec::new(),
            cause: None,
        }
    }

    /// Trying again after this long can succeed.
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Something is wrong with what was sent.
    pub fn invalid(problem: Problem) -> Self {
        let message = match problem.field.as_str() {
            "" => format!("The argument {}.", problem.message),
            field => format!("The field {field} is not valid: {}.", problem.message),
        };
        let problems = if problem.field.is_empty() {
            Vec::new()
        } else {
            vec![problem]
        };
        Self {
            problems,
            ..Self::new(Code::ValidationError, message)
        }
    }

    /// Too much at once.
    pub fn rate_limited(RetryAfter(wait): RetryAfter, limit: Limit) -> Self {
        let message = format!("There are too many {} at once.", limit.plural());
        Self {
            retry_after: Some(wait),
            limit: Some(limit),
            ..Self::new(Code::RateLimited, message)
        }
    }

    /// A store is away.
    pub fn unavailable(cause: PortError) -> Self {
        Self {
            retry_after: Some(STORE_RETRY),
            cause: Some(cause),
            ..Self::new(
                Code::ServiceUnavailable,
                "The server cannot do this right now.",
            )
        }
    }

    /// Full milliseconds until trying again can succeed.
    pub fn retry_after_ms(&self) -> Option<u64> {
        self.retry_after.map(|wait| millis(wait).max(1))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::invalid(problem)
    }
}

fn not_a_member() -> Refusal {
    Refusal::new(Code::Forbidden, "You are not a member of this group.")
}

fn not_in_room() -> Refusal {
    Refusal::new(
        Code::Forbidden,
        "This socket has not joined the group's room.",
    )
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self::unavailable(error)
    }
}

impl From<JoinError> for Refusal {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::NotAMember => not_a_member(),
            JoinError::TooManyRooms => Self::new(
                Code::Forbidden,
                "This socket is in as many rooms as it may be.",
            ),
            JoinError::TooMany(wait) => Self::rate_limited(wait, Limit::Joins),
            JoinError::Busy(RetryAfter(wait)) => Self {
                retry_after: Some(wait),
                ..Self::new(Code::ServiceUnavailable, "The room is busy right now.")
            },
            JoinError::Unavailable(error) => Self::unavailable(error),
        }
    }
}

impl From<SendError> for Refusal {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotAMember => not_a_member(),
            SendError::NotInRoom => not_in_room(),
            SendError::NoSuchReply => {
                Self::invalid(Problem::new("replyToId", "is no message of this group"))
            }
            SendError::TooMany(wait) => Self::rate_limited(wait, Limit::Messages),
            SendError::Unavailable(error) => Self::unavailable(error),
        }
    }
}

impl From<TypingError> for Refusal {
    fn from(error: TypingError) -> Self {
        match error {
            TypingError::NotAMember => not_a_member(),
            TypingError::NotInRoom => not_in_room(),
            TypingError::TooMany(wait) => Self::rate_limited(wait, Limit::Typing),
            TypingError::Unavailable(error) => Self::unavailable(error),
        }
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotAMember => not_a_member(),
            ReadError::TooMany(wait) => Self::rate_limited(wait, Limit::History),
            ReadError::Unavailable(error) => Self::unavailable(error),
        }
    }
}

impl From<ManageError> for Refusal {
    fn from(error: ManageError) -> Self {
        let not_found = |message| Self::new(Code::NotFound, message);
        match error {
            ManageError::NoSuchGroup => not_found("There is no such group."),
            ManageError::NoSuchUser => not_found("There is no such user."),
            ManageError::NoSuchMember => not_found("There is no such member."),
            ManageError::NotAllowed => Self::new(
                Code::Forbidden,
                "Your role in this group does not allow this.",
            ),
            ManageError::AlreadyMember => Self::new(
                Code::Conflict,
                "The user is a member of this group already.",
            ),
            ManageError::LastOwner => {
                Self::new(Code::Conflict, "A group keeps an owner: pass it on first.")
            }
            ManageError::Unavailable(error) => Self::unavailable(error),
        }
    }
}

/// The error object of acknowledgements and of the event `error`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventError<'a> {
    pub code: Code,
    /// One plain sentence for a developer.
    pub message: &'a str,
    /// What was refused.
    pub event: &'a str,
    pub group_id: Option<&'a str>,
    /// After how long trying again can succeed.
    pub retry_after_ms: Option<u64>,
    /// The fields that are wrong.
    pub details: Vec<Detail<'a>>,
}

/// One field that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct Detail<'a> {
    pub field: &'a str,
    pub message: &'a str,
}

impl Refusal {
    /// The error object for an event.
    pub fn for_event<'a>(&'a self, event: &'a str, group_id: Option<&'a str>) -> EventError<'a> {
        EventError {
            code: self.code,
            message: &self.message,
            event,
            group_id,
            retry_after_ms: self.retry_after_ms(),
            details: self.details(),
        }
    }

    /// The fields that are wrong.
    pub fn details(&self) -> Vec<Detail<'_>> {
        self.problems
            .iter()
            .map(|problem| Detail {
                field: &problem.field,
                message: &problem.message,
            })
            .collect()
    }
}
