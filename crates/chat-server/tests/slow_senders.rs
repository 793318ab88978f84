//! Clients that do not come to an end: with a request, with its head or body, with signing in.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::time::Duration;

use serde_json::json;
use support::{Client, Server, polling::Poller, token};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Generous: a test waits for a condition, never for time.
const PATIENCE: Duration = Duration::from_secs(30);

const SHORT: [(&str, &str); 2] = [
    ("CHAT_HTTP__HEADERS_WITHIN_MS", "300"),
    ("CHAT_HTTP__BODY_WITHIN_MS", "300"),
];

/// Says this, and returns everything that comes until the server ends the connection.
async fn say(server: &Server, text: &str) -> String {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(text.as_bytes()).await.unwrap();
    until_the_end(&mut tcp).await
}

async fn until_the_end(tcp: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let reading = async {
        let mut part = [0; 1_024];
        while let Ok(length @ 1..) = tcp.read(&mut part).await {
            heard.extend_from_slice(&part[..length]);
        }
    };
    timeout(PATIENCE, reading).await.expect("it is ended");
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn who_says_nothing_or_half_a_request_is_cut() {
    let server = Server::start(&SHORT).await;

    for text in [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\nhost: a\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n",
    ] {
        let heard = say(&server, text).await;
        assert!(!heard.contains(" 200 "), "{text:?}: {heard}");
    }
}

#[tokio::test]
async fn who_sends_a_request_bit_by_bit_is_cut() {
    let server = Server::start(&SHORT).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let asking = async {
        tcp.write_all(b"GET /healthz HTTP/1.1\r\n").await?;
        loop {
            tcp.write_all(b"a: b\r\n").await?;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    let cut: Result<(), std::io::Error> = timeout(PATIENCE, asking).await.expect("it is cut");

    assert!(cut.is_err());
}

#[tokio::test]
async fn a_later_request_has_to_come_in_time_too_but_silence_is_fine() {
    let server = Server::start(&SHORT).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    for _ in 0..3 {
        tcp.write_all(request).await.unwrap();
        let mut part = [0; 1_024];
        let length = tcp.read(&mut part).await.unwrap();
        assert!(part[..length].starts_with(b"HTTP/1.1 200 "));
        // Longer than a request may take.
        tokio::time::sleep(Duration::from_millis(600)).await;
    }

    tcp.write_all(b"GET /healthz").await.unwrap();

    assert_eq!(until_the_end(&mut tcp).await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start(&SHORT).await;
    let bearer = token("ada", 60);

    let request = format!(
        "POST /api/v1/groups HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {bearer}\r\n\
        content-length: 100\r\n\r\n{{"
    );
    let heard = say(&server, &request).await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
    assert!(heard.contains(r#""code":"VALIDATION_ERROR""#), "{heard}");

    let poller = Poller::open(&server).await;
    let heard = say(&server, &poller.begin_post(100)).await;
    assert!(heard.starts_with("HTTP/1.1 408 "), "{heard}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Server::start(&[]).await;

    let line = format!(
        "GET /healthz HTTP/1.1\r\nhost: a\r\nx: {}",
        "x".repeat(70_000)
    );
    let heard = say(&server, &line).await;

    assert!(heard.starts_with("HTTP/1.1 431 "), "{heard}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = Server::start(&[("CHAT_LIMITS__EVENT_BYTES", "1024")]).await;
    let content = json!({ "name": "x".repeat(2_000) });

    let (status, body) = server
        .http("POST", "groups", &token("ada", 60), content)
        .await;
    let poller = Poller::open(&server).await;
    let answered = poller.try_post("4".repeat(200_000)).await;

    assert_eq!(
        (status, &body["error"]["code"]),
        (413, &json!("PAYLOAD_TOO_LARGE"))
    );
    assert_eq!(answered, 413);
}

#[tokio::test]
async fn who_does_not_sign_in_is_cut_on_both_transports() {
    let server = Server::start(&[]).await;
    let silent = Client::open(server.address).await;
    let mut refused = Client::open(server.address).await;
    refused.send(r#"40{"token":"wrong"}"#).await;
    assert!(refused.packet().await.starts_with("44"));
    let mut poller = Poller::open(&server).await;

    timeout(PATIENCE, async {
        tokio::join!(silent.closed(), refused.closed(), poller.ended());
    })
    .await
    .expect("nobody stays who did not sign in");
}

#[tokio::test]
async fn who_tries_one_wrong_token_after_the_other_is_cut() {
    let server = Server::start(&[]).await;
    let mut eve = Client::open(server.address).await;

    let mut last = String::new();
    while let Some(answer) = eve.try_to_sign_in("wrong").await {
        last = answer;
    }

    assert!(last.contains("RATE_LIMITED: "), "{last}");
    let mut ada = server.connect("ada").await;
    ada.call("leave_group", json!("g")).await;
}

#[tokio::test]
async fn a_good_token_that_is_not_let_in_is_tried_in_vain_too() {
    let server = Server::start(&[("CHAT_LIMITS__CONNECTIONS_PER_USER", "1")]).await;
    let _first = server.connect("eve").await;
    let mut second = Client::open(server.address).await;

    let (eves, mut answers) = (token("eve", 60), Vec::new());
    while !answers
        .last()
        .is_some_and(|it: &String| it.contains("RATE_LIMITED: "))
    {
        let answer = second.try_to_sign_in(&eves).await;
        answers.push(answer.expect("it is told why before it is closed"));
    }

    assert!(answers.len() > 10, "{answers:?}");
    let mut others = answers.iter().rev().skip(1);
    assert!(others.all(|answer| answer.contains("CONNECTION_LIMIT: ")));
    second.closed().await;
}
