//! TLS without a proxy.

#![allow(
    clippy::unwrap_used,
    reason = "a test may panic, and so may its helpers"
)]

mod support;

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use serde_json::json;
use support::{Server, token};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::{client_async, tungstenite::Message};

/// Generous: a test waits for a condition, never for time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Puts a new certificate for `localhost` and its key there. Returns the certificate.
fn put_certificate(folder: &Path) -> CertificateDer<'static> {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = made;
    fs::write(folder.join("tls.key"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("tls.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

async fn server_with_tls(folder: &TempDir) -> Server {
    server_with(folder, &[]).await
}

async fn server_with(folder: &TempDir, more: &[(&str, &str)]) -> Server {
    let file = |name| folder.path().join(name).to_string_lossy().into_owned();
    let (chain, key) = (file("tls.pem"), file("tls.key"));
    let settings = [
        ("CHAT_TLS__CERT_FILE", &*chain),
        ("CHAT_TLS__KEY_FILE", &*key),
        ("CHAT_HTTP__HEADERS_WITHIN_MS", "2000"),
    ];
    Server::start(&[&settings, more].concat()).await
}

/// Connects over TLS, if the server shows this certificate.
async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(server.address).await.unwrap();
    begin_tls(tcp, trusted).await
}

async fn begin_tls(
    tcp: TcpStream,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}

#[tokio::test]
async fn a_client_talks_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = put_certificate(folder.path());
    let server = server_with_tls(&folder).await;

    let url = "wss://localhost/socket.io/?EIO=4&transport=websocket";
    let stream = connect(&server, &certificate).await.unwrap();
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let auth = json!({"token": token("ada", 60)});
    socket
        .send(Message::text(format!("40{auth}")))
        .await
        .unwrap();
    let mut session = String::new();
    while !session.contains("session") {
        let message = timeout(PATIENCE, socket.next()).await.unwrap();
        session = message.unwrap().unwrap().to_string();
    }

    // Larger than a record of TLS, so that it is written in several steps.
    let body = "x".repeat(40_000);
    socket
        .send(Message::text(format!("421[\"leave_group\",\"{body}\"]")))
        .await
        .unwrap();
    let answer = timeout(PATIENCE, socket.next()).await.unwrap();
    let answer = answer.unwrap().unwrap().to_string();
    assert!(answer.contains("VALIDATION_ERROR"), "{answer}");
}

#[tokio::test]
async fn answers_over_tls_ask_for_tls_from_now_on() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = put_certificate(folder.path());
    let server = server_with_tls(&folder).await;
    let mut stream = connect(&server, &certificate).await.unwrap();

    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let header = "strict-transport-security: max-age=31536000\r\n";
    assert!(answer.contains(header), "{answer}");
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_wrong_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let old = put_certificate(folder.path());
    let server = server_with_tls(&folder).await;
    let mut witness = connect(&server, &old).await.unwrap();

    fs::write(folder.path().join("tls.pem"), "rubbish").unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    connect(&server, &old).await.unwrap();
    let new = put_certificate(folder.path());
    let shown = async { while connect(&server, &new).await.is_err() {} };
    timeout(PATIENCE, shown).await.expect("it is shown");

    assert!(connect(&server, &old).await.is_err());
    let request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    // The connection has been silent for longer than a request may take: it is gone.
    let _ = witness.write_all(request).await;
    let mut answer = Vec::new();
    let _ = witness.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
}

#[tokio::test]
async fn a_handshake_that_does_not_end_keeps_nobody_waiting_and_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = put_certificate(folder.path());
    let server = server_with_tls(&folder).await;
    let mut slow = Vec::new();
    for hello in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
        let mut tcp = TcpStream::connect(server.address).await.unwrap();
        tcp.write_all(hello).await.unwrap();
        slow.push(tcp);
    }

    connect(&server, &certificate).await.unwrap();

    for mut tcp in slow {
        let mut heard = Vec::new();
        let read = timeout(PATIENCE, tcp.read_to_end(&mut heard)).await;
        read.expect("it is cut").ok();
        assert!(!heard.starts_with(b"HTTP"), "nothing is said without TLS");
    }
}

/// With these, TLS begins with one address as often at once as is possible at least, and once a second after that.
const SELDOM: [(&str, &str); 3] = [
    ("CHAT_LIMITS__CONNECTIONS_PER_ADDRESS", "1"),
    ("CHAT_LIMITS__HANDSHAKE_BURST", "1"),
    ("CHAT_LIMITS__HANDSHAKES_PER_SECOND", "1"),
];
const AT_ONCE: usize = 256;

/// Whose connection is not closed by then is expected to say something.
const IS_WAITED_FOR: Duration = Duration::from_millis(300);

#[tokio::test]
async fn an_address_begins_tls_so_often_and_is_cut_before_the_server_signs_anything() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = put_certificate(folder.path());
    let patient = [("CHAT_HTTP__HEADERS_WITHIN_MS", "600000")];
    let server = server_with(&folder, &[&SELDOM[..], &patient].concat()).await;

    let mut begun = 0;
    while connect(&server, &certificate).await.is_ok() {
        begun += 1;
        assert!(begun < 10 * AT_ONCE, "there is no limit");
    }

    assert!(begun >= AT_ONCE, "{begun}");
    // Now and then there is one more: that one is waited for.
    let heard = loop {
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        let reading = timeout(IS_WAITED_FOR, silent.read(&mut [0; 16])).await;
        if let Ok(heard) = reading {
            break heard;
        }
    };
    assert!(matches!(heard, Ok(0) | Err(_)), "it is closed");
    let elsewhere = TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let elsewhere = elsewhere.connect(server.address).await.unwrap();
    begin_tls(elsewhere, &certificate).await.unwrap();
}

#[tokio::test]
async fn behind_a_trusted_proxy_tls_begins_as_often_as_it_likes() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = put_certificate(folder.path());
    let trusting = [("CHAT_HTTP__TRUSTED_PROXIES", "127.0.0.1")];
    let server = server_with(&folder, &[&SELDOM[..], &trusting].concat()).await;

    for _ in 0..AT_ONCE + 50 {
        connect(&server, &certificate).await.unwrap();
    }
}
