//! Who asks: a user with a token, or the administrator with the key.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};
use chat_domain::user::User;
use subtle::ConstantTimeEq;

use super::{answer::HttpRefusal, audit, throttle::Known};
use crate::{
    app::App,
    bearer,
    wire::refusal::{Code, Limit, Refusal},
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
        let spent = app.requests.of_users.spend(&identity.user.id, app.now());
        if let Some(known) = parts.extensions.get::<Known>() {
            known.tell(&identity.user.id);
        }
        spent.map_err(|wait| Refusal::rate_limited(wait, Limit::Requests))?;
        app.greet(&identity.user).await?;
        Ok(Self(identity.user))
    }
}

/// Somebody who has the administrator's key.
pub struct Administrator;

impl FromRequestParts<Arc<App>> for Administrator {
    type Rejection = HttpRefusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, HttpRefusal> {
        if app.config.admin.key.is_none() {
            return Err(Refusal::new(Code::NotFound, "There is nothing at this address.").into());
        }
        let administrator = Self::known_by(&parts.headers, app);
        let administrator = administrator.ok_or_else(|| unauthorized("The key is wrong."))?;
        audit::of(parts).is_by_administrator();
        Ok(administrator)
    }
}

impl Administrator {
    /// The administrator, if the headers have the key.
    pub fn known_by(headers: &HeaderMap, app: &App) -> Option<Self> {
        let (key, given) = (app.config.admin.key.as_ref()?, bearer::token(headers)?);
        bool::from(given.as_bytes().ct_eq(key.reveal())).then_some(Self)
    }
}

/// The caller is not known.
pub fn unauthorized(message: impl Into<String>) -> HttpRefusal {
    Refusal::new(Code::Unauthorized, message).into()
}
