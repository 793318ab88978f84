//! Requests over HTTP.

use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

const REQUESTS: &str = "chat_http_requests_total";
const SECONDS: &str = "chat_http_request_seconds";

pub(super) fn describe() {
    describe_counter!(REQUESTS, "Requests over HTTP.");
    describe_histogram!(
        SECONDS,
        Unit::Seconds,
        "From a request's head until its answer begins."
    );
}

/// A request to a path like that was answered. Methods and paths are those of the server's own routes.
pub fn answered(route: String, method: &'static str, status: u16, begun: Instant) {
    let status = match status {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    histogram!(SECONDS, "route" => route.clone()).record(begun.elapsed());
    counter!(REQUESTS, "route" => route, "method" => method, "status" => status).increment(1);
}
