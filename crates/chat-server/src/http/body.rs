//! What requests bring: bodies, queries and ids in paths, as coded refusals when they are wrong.

use std::{collections::HashMap, sync::Arc};

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use chat_domain::id::{GroupId, UserId};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::answer::HttpRefusal;
use crate::{
    app::App,
    wire::{
        field::read,
        refusal::{Code, Refusal},
    },
};

/// A JSON body.
pub struct Body(pub Value);

impl Body {
    /// The body as `T`.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn read<T: for<'de> Deserialize<'de>>(self) -> Result<T, HttpRefusal> {
        Ok(read(&self.0)?)
    }
}

impl FromRequest<Arc<App>> for Body {
    type Rejection = HttpRefusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, HttpRefusal> {
        parsed(&bytes(request, app).await?)
    }
}

/// A body that may be missing.
impl OptionalFromRequest<Arc<App>> for Body {
    type Rejection = HttpRefusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Option<Self>, HttpRefusal> {
        let bytes = bytes(request, app).await?;
        (!bytes.is_empty()).then(|| parsed(&bytes)).transpose()
    }
}

async fn bytes(request: Request, app: &Arc<App>) -> Result<Bytes, HttpRefusal> {
    let read = Bytes::from_request(request, app);
    timeout(app.config.http.body_within(), read)
        .await
        .map_err(|_| HttpRefusal::too_slow())?
        .map_err(|rejection| match rejection.into_response().status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                Refusal::new(Code::PayloadTooLarge, "The body is too large.").into()
            }
            _ => HttpRefusal::no_json(),
        })
}

fn parsed(bytes: &Bytes) -> Result<Body, HttpRefusal> {
    serde_json::from_slice(bytes)
        .map(Body)
        .map_err(|_| HttpRefusal::no_json())
}

/// The parameters that are numbers.
const NUMBERS: [&str; 3] = ["limit", "afterSeq", "ttlSeconds"];

/// The parameters behind the question mark.
pub struct Parameters<T>(pub T);

impl<T: for<'de> Deserialize<'de>, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpRefusal> {
        let pairs = Query::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Query(pairs) =
            pairs.map_err(|_| Refusal::new(Code::ValidationError, "The query cannot be read."))?;
        let typed = |(name, text): (String, String)| {
            let number = text
                .parse::<u64>()
                .ok()
                .filter(|_| NUMBERS.contains(&name.as_str()));
            (name, number.map_or(Value::String(text), Value::from))
        };
        let object: Map<String, Value> = pairs.into_iter().map(typed).collect();
        Ok(Self(read(&object.into())?))
    }
}

/// The parts of a path that vary.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpRefusal> {
        let Path(segments) = Path::from_request_parts(parts, state)
            .await
            .map_err(|_| Refusal::new(Code::NotFound, "There is nothing at this address."))?;
        Ok(Self(segments))
    }
}

/// A group's id in a path. What is no id names no group.
pub fn group_id(raw: &str) -> Result<GroupId, HttpRefusal> {
    let missing = || Refusal::new(Code::NotFound, "There is no such group.").into();
    GroupId::parse(raw).map_err(|_| missing())
}

/// A user's id in a path. What is no id names no user.
pub fn user_id(raw: &str) -> Result<UserId, HttpRefusal> {
    let missing = || Refusal::new(Code::NotFound, "There is no such user.").into();
    UserId::parse(raw).map_err(|_| missing())
}
