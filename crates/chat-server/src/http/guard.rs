//! What a development server, which lets anybody in, refuses: names and pages of the outside world.
//!
//! A page elsewhere could have its own name point here; then the browser sends that name as `Host`.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::answer::HttpRefusal;
use crate::{
    app::App,
    wire::refusal::{Code, Refusal},
};

/// Lets requests through that name this machine, and come from pages of it.
pub async fn local_only(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_open = !app.config.listen.ip().is_loopback();
    let is_listed = |origin| app.config.http.cors_origins.contains(origin);
    let host_is_fine = named(headers, &header::HOST).is_some_and(|host| is_local(&host, is_open));
    let origin_is_fine = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) if is_listed(origin) => true,
        Some(_) => named(headers, &header::ORIGIN).is_some_and(|host| is_local(&host, is_open)),
    };
    if host_is_fine && origin_is_fine {
        return next.run(request).await;
    }
    let message =
        "A development server answers requests that are made to this machine, from this machine.";
    HttpRefusal::from(Refusal::new(Code::Forbidden, message)).into_response()
}

/// The host in a header, without port and brackets.
fn named(headers: &HeaderMap, header: &HeaderName) -> Option<String> {
    let uri: Uri = headers.get(header)?.to_str().ok()?.parse().ok()?;
    Some(uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase())
}

/// Addresses are safe where the operator opened the server to them: only names can be made to point here.
fn is_local(host: &str, is_open: bool) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || is_open,
        Err(_) => host == "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(value: &'static str) -> Option<String> {
        named(
            &HeaderMap::from_iter([(header::HOST, value.parse().unwrap())]),
            &header::HOST,
        )
    }

    #[test]
    fn a_host_is_read_without_port_and_brackets() {
        assert_eq!(host("localhost:8001").as_deref(), Some("localhost"));
        assert_eq!(host("[::1]:8001").as_deref(), Some("::1"));
        assert_eq!(
            host("http://Evil.example:80").as_deref(),
            Some("evil.example")
        );
        assert_eq!(host("null").as_deref(), Some("null"));
    }

    #[test]
    fn only_this_machine_is_local() {
        for (host, is_open, expected) in [
            ("localhost", false, true),
            ("127.0.0.1", false, true),
            ("::1", false, true),
            ("192.168.1.5", false, false),
            ("192.168.1.5", true, true),
            ("evil.example", false, false),
            ("evil.example", true, false),
            ("localhost.evil.example", true, false),
            ("null", false, false),
        ] {
            assert_eq!(is_local(host, is_open), expected, "{host} {is_open}");
        }
    }
}
