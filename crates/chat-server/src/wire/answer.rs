//! What events are acknowledged with.

use std::ops::Not;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    refusal::EventError,
    shape::{False, True},
};

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Done<T> {
    #[schema(value_type = True)]
    pub ok: bool,
    pub data: T,
    /// There if the message was stored before, under the same `clientMessageId`.
    #[serde(skip_serializing_if = "Not::not")]
    #[schema(value_type = True)]
    pub duplicate: bool,
}

/// It is not done.
#[derive(Debug, Serialize, ToSchema)]
pub struct Refused<'a> {
    #[schema(value_type = False)]
    pub ok: bool,
    pub error: EventError<'a>,
}

/// The data of an answer that has none.
#[derive(Debug, Serialize, ToSchema)]
pub struct Nothing {}
