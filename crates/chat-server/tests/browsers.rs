//! What browsers are told, whose pages may connect, and over what.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use reqwest::{Response, StatusCode};
use support::{Client, Server, Site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn get(site: &Site, path: &str, origin: &str) -> Response {
    let request = reqwest::Client::new()
        .get(format!("http://{}{path}", site.address))
        .header("origin", origin);
    request.send().await.unwrap()
}

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const OURS: &str = "https://chat.example";
const SETTINGS: [(&str, &str); 1] = [("CHAT_HTTP__CORS_ORIGINS", OURS)];

#[tokio::test]
async fn every_answer_keeps_pages_of_others_and_wrong_types_away() {
    let server = Server::start(&SETTINGS).await;

    for path in [
        "/healthz",
        "/readyz",
        "/nothing",
        "/api/v1/users/me",
        "/api/v1/openapi.json",
        POLLING,
    ] {
        let answer = get(&server, path, OURS).await;
        let says = |name: &str, value: &str| {
            let given = answer
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap());
            assert_eq!(given, Some(value), "{path}: {name}");
        };
        says("x-content-type-options", "nosniff");
        says("x-frame-options", "DENY");
        says("referrer-policy", "no-referrer");
        says(
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        );
        says("cache-control", "no-store");
        assert!(answer.headers().get("strict-transport-security").is_none());
    }
}

#[tokio::test]
async fn pages_of_others_neither_poll_nor_read() {
    let server = Server::start(&SETTINGS).await;
    let own = format!("http://{}", server.address);
    let allowed = |answer: &Response| {
        let value = answer.headers().get("access-control-allow-origin");
        value.map(|value| value.to_str().unwrap().to_owned())
    };

    for (origin, status) in [
        ("https://evil.example", StatusCode::FORBIDDEN),
        ("null", StatusCode::FORBIDDEN),
        (OURS, StatusCode::OK),
        (&own, StatusCode::OK),
    ] {
        let polled = get(&server, POLLING, origin).await;
        let read = get(&server, "/api/v1/openapi.json", origin).await;
        assert_eq!(polled.status(), status, "{origin}");
        let expected = (origin == OURS).then(|| OURS.to_owned());
        assert_eq!(allowed(&polled), expected, "{origin}");
        assert_eq!(allowed(&read), expected, "{origin}");
    }
}

#[tokio::test]
async fn a_transport_can_be_switched_off() {
    for (transports, polls, upgrades) in [
        ("websocket", false, true),
        ("polling", true, false),
        ("websocket,polling", true, true),
    ] {
        let server = Server::start(&[("CHAT_HTTP__TRANSPORTS", transports)]).await;

        let own = format!("http://{}", server.address);
        let polled = get(&server, POLLING, &own).await;
        let opened = Client::open_with(server.address, &[]).await;

        assert_eq!(polled.status().is_success(), polls, "{transports}");
        assert_eq!(opened.is_ok(), upgrades, "{transports}");
    }
}

#[tokio::test]
async fn a_websocket_that_offers_compression_gets_none() {
    let server = Server::start(&[]).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();

    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: {}\r\nconnection: Upgrade\r\n\
        upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
        server.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }

    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
}
