//! Tokens that somebody else signs: public keys in a file, and JWKS documents that change.

mod support;

use std::{fs, time::Duration};

use jsonwebtoken::Header;
use serde_json::{Value, json};
use support::{
    Client, SECRET, Server,
    issuer::{Issuer, Signer, document, ec, ed, fine, rsa},
    token,
};

fn keys(name: &str) -> String {
    format!("{}/tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

/// What a client with that token hears: `40…` if it is let in, `44…` with a reason if not.
async fn answer(server: &Server, token: &str) -> String {
    let mut client = Client::open(server.address).await;
    client.send(&format!("40{}", json!({"token": token}))).await;
    client.packet().await
}

async fn is_let_in(server: &Server, token: &str) -> bool {
    answer(server, token).await.starts_with("40")
}

/// Waits until the server has read the document.
async fn ready(server: &Server) {
    while server.http("GET", "../../readyz", "", Value::Null).await.0 != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn with_issuer(issuer: &Issuer) -> Server {
    let url = issuer.url();
    let server = Server::start_without_secret(&[("CHAT_AUTH__JWKS_URL", &url)]).await;
    ready(&server).await;
    server
}

#[tokio::test]
async fn each_kind_of_public_key_lets_its_own_tokens_in_and_no_others() {
    let signers = [
        ("rsa.pub", rsa(None)),
        ("ec.pub", ec(None)),
        ("ed.pub", ed(None)),
    ];
    for (file, own) in &signers {
        let server =
            Server::start_without_secret(&[("CHAT_AUTH__PUBLIC_KEY_FILE", &keys(file))]).await;

        for (_, signer) in &signers {
            let expected = signer.algorithm == own.algorithm;
            assert_eq!(is_let_in(&server, &signer.token("ada")).await, expected);
        }
        // The public key is known to everybody: it must not do as a secret.
        let public = fs::read(keys(file)).unwrap();
        let claims = json!({"sub": "eve", "exp": jsonwebtoken::get_current_timestamp() + 60});
        let confused = jsonwebtoken::encode(
            &Header::default(),
            &claims,
            &jsonwebtoken::EncodingKey::from_secret(&public),
        );
        assert!(
            answer(&server, &confused.unwrap())
                .await
                .contains("UNAUTHORIZED: token has a wrong algorithm")
        );
    }
}

#[tokio::test]
async fn what_a_token_says_about_its_own_key_does_not_count() {
    let issuer = Issuer::start(&[&ed(Some("evil"))]).await;
    let server = Server::start(&[]).await;
    let mut header = Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.jku = Some(issuer.url());
    header.x5u = Some(issuer.url());

    let refused = answer(&server, &ed(Some("evil")).token_with("eve", header)).await;

    assert!(
        refused.contains("UNAUTHORIZED: token has a wrong algorithm"),
        "{refused}"
    );
    assert_eq!(issuer.asked(), 0);
}

#[tokio::test]
async fn a_critical_header_that_nobody_knows_is_refused() {
    let server = Server::start(&[]).await;
    let mut header = Header::new(jsonwebtoken::Algorithm::HS256);
    header.crit = Some(vec!["b64".to_owned()]);
    let claims = json!({"sub": "ada", "exp": jsonwebtoken::get_current_timestamp() + 60});
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());

    let refused = answer(
        &server,
        &jsonwebtoken::encode(&header, &claims, &key).unwrap(),
    )
    .await;

    assert!(
        refused.contains("UNAUTHORIZED: token has a critical header"),
        "{refused}"
    );
}

#[tokio::test]
async fn keys_are_replaced_and_the_old_ones_go_on_for_a_while() {
    let (old, new) = (rsa(Some("old")), ec(Some("new")));
    let newer = ed(Some("newer"));
    let issuer = Issuer::start(&[&old]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.json");
    fs::write(&file, document(&[&old])).unwrap();
    let from_file = [("CHAT_AUTH__JWKS_FILE", file.to_str().unwrap())];

    let servers = [
        Server::start_without_secret(&from_file).await,
        with_issuer(&issuer).await,
    ];
    fs::write(&file, document(&[&new])).unwrap();
    issuer.serve(&[&new]);

    for server in &servers {
        assert!(is_let_in(server, &old.token("ada")).await);
        assert!(is_let_in(server, &new.token("ada")).await);
        assert!(is_let_in(server, &old.token("ada")).await);
    }
    fs::remove_file(&file).unwrap();
    issuer.set_away(true);
    for server in &servers {
        // A client caused a look just now: the next one that a client may cause is half a minute away.
        assert!(!is_let_in(server, &newer.token("ada")).await);
        for signer in [&old, &new] {
            assert!(
                is_let_in(server, &signer.token("ada")).await,
                "the keys go on"
            );
        }
    }
}

#[tokio::test]
async fn who_makes_up_names_of_keys_does_not_make_the_server_ask() {
    let own = ed(Some("own"));
    let issuer = Issuer::start(&[&own]).await;
    let server = with_issuer(&issuer).await;

    for _ in 0..50 {
        let refused = answer(&server, &own.named("made-up").token("eve")).await;
        assert!(
            refused.contains("UNAUTHORIZED: token is signed with an unknown key"),
            "{refused}"
        );
    }

    assert!(issuer.asked() <= 2, "{}", issuer.asked());
    assert!(is_let_in(&server, &own.token("ada")).await);
}

#[tokio::test]
async fn without_any_keys_clients_are_asked_to_come_back() {
    let own = ed(Some("own"));
    let issuer = Issuer::start(&[&own]).await;
    issuer.set_away(true);
    let url = issuer.url();
    let server = Server::start_without_secret(&[("CHAT_AUTH__JWKS_URL", &url)]).await;

    let early = answer(&server, &own.token("ada")).await;
    let (status, body) = server.http("GET", "../../readyz", "", Value::Null).await;
    let (asked, _) = server
        .http("GET", "users/me", &own.token("ada"), Value::Null)
        .await;
    issuer.set_away(false);
    ready(&server).await;

    assert!(
        early.contains("SERVICE_UNAVAILABLE: token cannot be checked"),
        "{early}"
    );
    assert_eq!(
        (status, &body["dependencies"]["keys"]),
        (503, &json!("down"))
    );
    assert_eq!(asked, 503);
    assert!(is_let_in(&server, &own.token("ada")).await);
}

#[tokio::test]
async fn answers_that_are_no_document_bring_no_keys() {
    let own = ed(Some("own"));
    let elsewhere = Issuer::start(&[&own]).await;
    let issuer = Issuer::start(&[&own]).await;
    let there = elsewhere.url();
    for wrong in [
        format!("HTTP/1.1 302 Found\r\nlocation: {there}\r\nconnection: close\r\n\r\n"),
        "HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n".to_owned(),
        fine("<html>"),
        fine(&format!(
            "{{\"keys\":[],\"more\":\"{}\"}}",
            "x".repeat(300_000)
        )),
        "nonsense".to_owned(),
    ] {
        issuer.answer(wrong);
        let url = issuer.url();
        let server = Server::start_without_secret(&[("CHAT_AUTH__JWKS_URL", &url)]).await;
        let before = issuer.asked();
        let refused = answer(&server, &own.token("ada")).await;

        assert!(refused.contains("SERVICE_UNAVAILABLE"), "{refused}");
        assert!(issuer.asked() > 0 && before <= issuer.asked());
    }
    assert_eq!(elsewhere.asked(), 0, "no redirection is followed");
}

#[tokio::test]
async fn a_server_without_keys_of_its_own_signs_no_tokens_and_takes_none_of_a_secret() {
    let server =
        Server::start_without_secret(&[("CHAT_AUTH__PUBLIC_KEY_FILE", &keys("ed.pub"))]).await;

    assert!(!is_let_in(&server, &token("ada", 60)).await);
}

#[tokio::test]
async fn the_same_key_without_a_name_is_found_by_its_algorithm() {
    let own: Signer = ed(None);
    let issuer = Issuer::start(&[&own, &rsa(Some("other"))]).await;
    let server = with_issuer(&issuer).await;

    assert!(is_let_in(&server, &own.token("ada")).await);
}
