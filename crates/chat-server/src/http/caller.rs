//! Who asks: a user with a token, or the administrator with the key.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};
use chat_domain::user::User;
use subtle::ConstantTimeEq;

use super::{answer::HttpRefusal, audit};
use crate::{
    app::App,
    bearer,
    wire::refusal::{Code, Refusal},
};

/// A user with a valid token.
pub struct Caller(pub User);

impl FromRequestParts<Arc<App>> for Caller {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpRefusal> {
        let token =
            bearer::token(&parts.headers).ok_or_else(|| unauthorized("There is no token."))?;
        let identity = app.tokens.verify(token).await.map_err(Refusal::from)?;
        audit::of(parts).is_by(&identity.user.id);
        app.greet(&identity.user).await?;
        Ok(Self(identity.user))
    }
}

/// Somebody who has the administrator's key.
pub struct Administrator;

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpRefusal> {
        let Some(key) = &app.config.admin.key else {
            return Err(Refusal::new(Code::NotFound, "There is nothing at this address.").into());
        };
        let given = bearer::token(&parts.headers).unwrap_or_default();
        if bool::from(given.as_bytes().ct_eq(key.reveal())) {
            audit::of(parts).is_by_administrator();
            return Ok(Self);
        }
        Err(unauthorized("The key is wrong."))
    }
}

fn unauthorized(message: impl Into<String>) -> HttpRefusal {
    Refusal::new(Code::Unauthorized, message).into()
}
