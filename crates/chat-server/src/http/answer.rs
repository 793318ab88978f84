//! What requests are answered with.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chat_domain::{
    ports::PortError,
    usecase::{groups::ManageError, history::ReadError, send::SendError},
};
use serde::Serialize;
use tracing::warn;
use utoipa::ToSchema;

use crate::{
    metrics::refusals::rate_limited,
    wire::{
        field::Problem,
        refusal::{Code, Detail, Refusal},
    },
};

/// A refusal as a response.
pub struct HttpRefusal {
    status: StatusCode,
    refusal: Refusal,
}

/// What a handler returns.
pub type Answer = Result<Response, HttpRefusal>;

/// The body of every failed request.
#[derive(Serialize, ToSchema)]
pub struct Failure<'a> {
    pub error: FailureDetail<'a>,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub struct FailureDetail<'a> {
    pub code: Code,
    /// One plain sentence for a developer.
    pub message: &'a str,
    /// The fields that are wrong.
    pub details: Vec<Detail<'a>>,
}

/// 200 with a body.
pub fn ok<T: Serialize>(body: &T) -> Answer {
    Ok(Json(body).into_response())
}

/// 201 with a body.
pub fn created<T: Serialize>(body: &T) -> Answer {
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// 204.
pub fn done() -> Answer {
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl HttpRefusal {
    /// A body that is no JSON.
    pub fn no_json() -> Self {
        let refusal = Refusal::new(Code::ValidationError, "The body is no JSON.");
        Self {
            status: StatusCode::BAD_REQUEST,
            refusal,
        }
    }

    /// A body that does not come to its end.
    pub fn too_slow() -> Self {
        let refusal = Refusal::new(Code::ValidationError, "The body did not come in time.");
        Self {
            status: StatusCode::REQUEST_TIMEOUT,
            refusal,
        }
    }

    fn no_such_group() -> Self {
        Refusal::from(ManageError::NoSuchGroup).into()
    }
}

impl From<Refusal> for HttpRefusal {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code {
            Code::ValidationError => StatusCode::UNPROCESSABLE_ENTITY,
            Code::Unauthorized => StatusCode::UNAUTHORIZED,
            Code::Forbidden => StatusCode::FORBIDDEN,
            Code::NotFound => StatusCode::NOT_FOUND,
            Code::Conflict => StatusCode::CONFLICT,
            Code::RateLimited | Code::ConnectionLimit => StatusCode::TOO_MANY_REQUESTS,
            Code::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Code::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, refusal }
    }
}

impl From<Problem> for HttpRefusal {
    fn from(problem: Problem) -> Self {
        Refusal::invalid(problem).into()
    }
}

impl From<PortError> for HttpRefusal {
    fn from(error: PortError) -> Self {
        Refusal::unavailable(error).into()
    }
}

impl From<ManageError> for HttpRefusal {
    fn from(error: ManageError) -> Self {
        Refusal::from(error).into()
    }
}

// A group that one is no member of is not found, whether it exists or not.

impl From<ReadError> for HttpRefusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotAMember => Self::no_such_group(),
            ReadError::TooMany(_) | ReadError::Unavailable(_) => Refusal::from(error).into(),
        }
    }
}

impl From<SendError> for HttpRefusal {
    fn from(error: SendError) -> Self {
        match error {
            SendError::NotAMember => Self::no_such_group(),
            SendError::NotInRoom
            | SendError::NoSuchReply
            | SendError::TooMany(_)
            | SendError::Unavailable(_) => Refusal::from(error).into(),
        }
    }
}

impl IntoResponse for HttpRefusal {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.refusal.cause {
            warn!(
                error = cause as &dyn std::error::Error,
                "a store failed during a request"
            );
        }
        if let Some(limit) = self.refusal.limit {
            rate_limited(limit);
        }
        let error = FailureDetail {
            code: self.refusal.code,
            message: &self.refusal.message,
            details: self.refusal.details(),
        };
        let mut response = (self.status, Json(Failure { error })).into_response();
        if let Some(wait) = self.refusal.retry_after {
            let seconds = wait.as_millis().div_ceil(1_000);
            if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}
