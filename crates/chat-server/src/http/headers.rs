//! What browsers are told about every answer.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::Response,
};

/// Nothing else on these addresses is meant for a page.
const FOR_DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Pages are ours alone; the pictures of users may be anywhere. No script can turn text into elements or code.
const FOR_PAGES: &str = "default-src 'self'; img-src 'self' https: data:; object-src 'none'; base-uri 'none'; \
    form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'";

/// Whoever came once comes over TLS for a year.
const FOR_TLS: &str = "max-age=31536000";

/// What the headers depend on.
#[derive(Debug, Clone, Copy)]
pub struct Carried {
    pub over_tls: bool,
}

/// Adds what an answer does not say itself.
pub async fn add(State(Carried { over_tls }): State<Carried>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = if is_page(headers) {
        FOR_PAGES
    } else {
        FOR_DATA
    };
    let tls = over_tls.then_some((header::STRICT_TRANSPORT_SECURITY, FOR_TLS));
    let always: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in always.into_iter().chain(tls) {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    response
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}
