//! A name for each request, in every line about it and in its answer: so that whoever reports a failure can be helped.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tracing::{Instrument, error_span};
use uuid::Uuid;

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A proxy, or whoever asks, may have named it already.
const LONGEST: usize = 64;

/// Names the request.
pub async fn name(mut request: Request, next: Next) -> Response {
    let id = given(request.headers()).unwrap_or_else(fresh);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    // Lines of any level have it.
    let span = error_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The name that it brings, if it is one that may stand in a log.
fn given(headers: &HeaderMap) -> Option<HeaderValue> {
    let id = headers.get(REQUEST_ID)?;
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_name = (1..=LONGEST).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
    is_name.then(|| id.clone())
}

fn fresh() -> HeaderValue {
    let id = Uuid::new_v4().simple().to_string();
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_brought_is_kept_if_it_may_stand_in_a_log() {
        let kept = |id: &str| {
            let id = HeaderValue::from_bytes(id.as_bytes()).unwrap();
            given(&HeaderMap::from_iter([(REQUEST_ID, id)])).is_some()
        };

        assert!(kept("01JDPQ.a-b_c") && kept(&"a".repeat(64)));
        for odd in ["", "a b", "a=b", "\u{e9}", &"a".repeat(65)] {
            assert!(!kept(odd), "{odd}");
        }
        assert_eq!(fresh().len(), 32);
    }
}
