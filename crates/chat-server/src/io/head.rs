//! What is kept of a request for as long as its session lasts.
//!
//! The engine keeps the head of a session's first request. Each part of it is a slice of the buffer that it was read into,
//! and one slice keeps all 16 KiB of it in memory.

use axum::extract::{MatchedPath, OriginalUri};
use http::{HeaderMap, HeaderName, Request, Uri, header};

/// What the engine reads, and who signs in. Browsers send a kilobyte of others.
const KEPT: [HeaderName; 3] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    header::SEC_WEBSOCKET_KEY,
];

/// Copies what is needed of a head, and forgets the rest.
pub fn copied<B>(request: Request<B>) -> Request<B> {
    let (mut head, body) = request.into_parts();
    head.headers = headers(&head.headers);
    head.uri = uri(&head.uri);
    // The router's notes. The first one is a slice, too.
    head.extensions.remove::<OriginalUri>();
    head.extensions.remove::<MatchedPath>();
    Request::from_parts(head, body)
}

fn headers(all: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(KEPT.len());
    for name in KEPT {
        for value in all.get_all(&name) {
            // It was one before.
            if let Ok(copy) = value.as_bytes().try_into() {
                kept.append(name.clone(), copy);
            }
        }
    }
    kept
}

fn uri(uri: &Uri) -> Uri {
    let kept = uri.path_and_query().map(|it| it.as_str().parse());
    kept.and_then(Result::ok).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::body::Bytes;
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_kept_of_a_head_keeps_nothing_else_in_memory() {
        let read = Bytes::from("Bearer abc/socket.io/?EIO=4".as_bytes().to_vec());
        let [token, target] = [read.slice(..10), read.slice(10..)];
        let mut request = Request::builder()
            .uri(Uri::from_maybe_shared(target).unwrap())
            .header(
                header::AUTHORIZATION,
                HeaderValue::from_maybe_shared(token).unwrap(),
            )
            .header(header::USER_AGENT, "long")
            .body(())
            .unwrap();
        let original = OriginalUri(request.uri().clone());
        request.extensions_mut().insert(original);
        assert!(!read.is_unique());

        let copied = copied(request);

        assert!(read.is_unique());
        assert_eq!(copied.headers()[header::AUTHORIZATION], "Bearer abc");
        assert_eq!(copied.headers().len(), 1);
        assert_eq!(copied.uri().path(), "/socket.io/");
        assert_eq!(copied.uri().query(), Some("EIO=4"));
    }
}
