//! How many requests are taken: so many of a user, and so many from an address, whoever asks there. Clients are told
//! with the headers of draft-ietf-httpapi-ratelimit-headers. The administrator is not counted.

use std::sync::{Arc, OnceLock};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chat_domain::{id::UserId, limit::Allowance};

use super::{answer::HttpRefusal, caller::Administrator};
use crate::{
    app::{App, address::Address},
    wire::refusal::{Limit, Refusal},
};

pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// Who asks. Whoever checks the token tells it here, for the headers of the answer.
#[derive(Clone, Default)]
pub struct Known(Arc<OnceLock<UserId>>);

impl Known {
    pub fn tell(&self, user: &UserId) {
        self.0.get_or_init(|| user.clone());
    }
}

/// Counts a request from its address, and says in the answer how many are left.
pub async fn count(
    State(app): State<Arc<App>>,
    Extension(Address(address)): Extension<Address>,
    mut request: Request,
    next: Next,
) -> Response {
    if Administrator::known_by(request.headers(), &app).is_some() {
        return next.run(request).await;
    }
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let from_address = &app.requests.from_addresses;
    let mut response = match from_address.spend(&address, app.now()) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            let refusal = Refusal::rate_limited(wait, Limit::AddressRequests);
            HttpRefusal::from(refusal).into_response()
        }
    };
    // What is left at the address is nobody's business who has an allowance of his own.
    let left = match known.0.get() {
        Some(user) => ("user", app.requests.of_users.allowance(user, app.now())),
        None => ("address", from_address.allowance(&address, app.now())),
    };
    if let (name, Some(allowance)) = left {
        tell(response.headers_mut(), name, allowance);
    }
    response
}

fn tell(headers: &mut HeaderMap, name: &str, allowance: Allowance) {
    let Allowance {
        quota,
        left,
        full_in,
    } = allowance;
    let (burst, window) = (quota.burst(), quota.burst().div_ceil(quota.per_second()));
    let full_in = full_in.as_millis().div_ceil(1_000);
    for (header, value) in [
        (POLICY, format!(r#""{name}";q={burst};w={window}"#)),
        (LEFT, format!(r#""{name}";r={left};t={full_in}"#)),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(header, value);
        }
    }
}
