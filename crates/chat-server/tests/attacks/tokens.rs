//! Tokens that somebody made up, changed or stole.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::{
    Attempts, Table, WITHOUT_LIMITS, Witness, code,
    support::{ADMIN_KEY, Client, SECRET, Server, issuer, token},
};

pub const ATTACKS: Table = &[
    (
        "no signature, algorithm `none`",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "no signature, algorithm `NoNe`",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "algorithm `none` with the signature of another token",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "no algorithm in the header",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "the signature taken off",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "the signature of another token",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "the claims changed to another user",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "a last character that stands for the same signature",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "padding behind the signature",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "a space before the token",
        "UNAUTHORIZED: token is not valid",
    ),
    ("a fourth part", "UNAUTHORIZED: token is not valid"),
    (
        "an encrypted token (JWE)",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "HS512 with the right secret",
        "UNAUTHORIZED: token has a wrong algorithm",
    ),
    (
        "RS256 named, signed with the secret",
        "UNAUTHORIZED: token has a wrong algorithm",
    ),
    (
        "ES256 where a secret is configured",
        "UNAUTHORIZED: token has a wrong algorithm",
    ),
    (
        "a guessed secret",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "an empty secret",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "the administrator's key as the secret",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "the administrator's key as a token",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "a key of one's own in the header (`jwk`)",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "a certificate of one's own in the header (`x5c`)",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "the address of a key in the header (`jku`)",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "`kid` that names an empty file, and an empty secret",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "`kid` with SQL",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "`kid` that is an object",
        "UNAUTHORIZED: token is not valid",
    ),
    (
        "a critical header that nobody knows",
        "UNAUTHORIZED: token has a critical header that is not known",
    ),
    (
        "a critical header that is no list",
        "UNAUTHORIZED: token is not valid",
    ),
    ("expired", "UNAUTHORIZED: token has expired"),
    ("no `exp`", "UNAUTHORIZED: token lacks a required claim"),
    (
        "`exp` as text",
        "UNAUTHORIZED: token lacks a required claim",
    ),
    (
        "`exp` in milliseconds",
        "UNAUTHORIZED: token has no valid exp",
    ),
    (
        "`exp` below zero",
        "UNAUTHORIZED: token lacks a required claim",
    ),
    ("`exp` without end", "UNAUTHORIZED: token is not valid"),
    (
        "`nbf` in the future",
        "UNAUTHORIZED: token is not valid yet",
    ),
    ("no user", "UNAUTHORIZED: token names no valid user id"),
    ("a list of users", "UNAUTHORIZED: token is not valid"),
    (
        "a number as user",
        "UNAUTHORIZED: token names no valid user id",
    ),
    (
        "a user with separators of keys",
        "UNAUTHORIZED: token names no valid user id",
    ),
    (
        "a user that is a pattern",
        "UNAUTHORIZED: token names no valid user id",
    ),
    (
        "a user with a NUL",
        "UNAUTHORIZED: token names no valid user id",
    ),
    (
        "a user of 65 characters",
        "UNAUTHORIZED: token names no valid user id",
    ),
    (
        "a user that looks like another (Cyrillic)",
        "UNAUTHORIZED: token names no valid user id",
    ),
    ("9 KiB", "UNAUTHORIZED: token is too long"),
    (
        "claims nested 2,000 deep",
        "UNAUTHORIZED: token is not valid",
    ),
    ("claims that are a list", "UNAUTHORIZED: token is not valid"),
    ("bytes that are no text", "UNAUTHORIZED: token is not valid"),
    (
        "HS256 with the public key as the secret",
        "UNAUTHORIZED: token has a wrong algorithm",
    ),
    (
        "ES256 with a signature of zeros",
        "UNAUTHORIZED: token has a wrong signature",
    ),
    (
        "RS256 where an ES256 key is configured",
        "UNAUTHORIZED: token has a wrong algorithm",
    ),
    ("no token", "UNAUTHORIZED: there is no token"),
    ("an empty token", "UNAUTHORIZED: token is not valid"),
    ("a list as token", "UNAUTHORIZED: there is no token"),
    ("an object as token", "UNAUTHORIZED: there is no token"),
    (
        "a good token in the query",
        "UNAUTHORIZED: there is no token",
    ),
    ("a good token as `Basic`", "UNAUTHORIZED: there is no token"),
    ("`refresh_token` with another user's token", "FORBIDDEN"),
    ("`refresh_token` with an expired token", "UNAUTHORIZED"),
    (
        "`refresh_token` with a token that nobody signed",
        "UNAUTHORIZED",
    ),
];

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims() -> Value {
    json!({"sub": "ada", "exp": jsonwebtoken::get_current_timestamp() + 60})
}

fn with(fields: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in fields.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn without(claim: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(claim);
    claims
}

/// Signed with the secret, whatever the header says.
fn signed(header: &Value, claims: &str, secret: &[u8]) -> String {
    let input = format!("{}.{}", part(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{input}.{signature}")
}

fn hs256(claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    signed(&header, &claims.to_string(), SECRET.as_bytes())
}

fn headed(fields: &Value) -> String {
    let mut header = json!({"alg": "HS256", "typ": "JWT"});
    for (name, value) in fields.as_object().unwrap() {
        header[name] = value.clone();
    }
    signed(&header, &claims().to_string(), SECRET.as_bytes())
}

/// A token with another part of three.
fn replaced(token: &str, index: usize, part: &str) -> String {
    let mut parts: Vec<&str> = token.split('.').collect();
    parts[index] = part;
    parts.join(".")
}

/// What a client with that packet hears.
async fn answer_to(server: &Server, auth: &Value) -> String {
    let mut client = Client::open(server.address).await;
    client.send(&format!("40{auth}")).await;
    answer(&mut client).await
}

async fn answer(client: &mut Client) -> String {
    let packet = client.packet().await;
    match packet.strip_prefix("44") {
        Some(refusal) => {
            let refusal: Value = serde_json::from_str(refusal).unwrap();
            refusal["message"].as_str().unwrap().to_owned()
        }
        None => "let in".to_owned(),
    }
}

#[tokio::test]
async fn forged_tokens_let_nobody_in() {
    let server = Server::start(WITHOUT_LIMITS).await;
    let keys = |name: &str| format!("{}/tests/keys/{name}.pub.pem", env!("CARGO_MANIFEST_DIR"));
    let of_key = Server::start_without_secret(&[("CHAT_AUTH__PUBLIC_KEY_FILE", &keys("ec"))]).await;
    let mut witness = Witness::come(&server).await;
    let mut attempts = Attempts::at(ATTACKS);
    let fine = hs256(&claims());
    let body = part(&claims());
    assert_eq!(answer_to(&server, &json!({"token": fine})).await, "let in");

    let public = std::fs::read(keys("ec")).unwrap();
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let es256 = issuer::ec(None).token("ada");
    let last = fine.chars().last().unwrap();
    let other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = other.chars().nth(other.find(last).unwrap() ^ 1).unwrap();
    let own_key = json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode("eve's own key, which she put there herself")});
    let evil = b"eve's own key, which she put there herself";
    let deep = format!(
        "{{\"sub\":\"ada\",\"exp\":{}{}}}",
        "[".repeat(2_000),
        "]".repeat(2_000)
    );
    let none =
        |alg: &str, signature: &str| format!("{}.{body}.{signature}", part(&json!({"alg": alg})));
    let signature = fine.rsplit('.').next().unwrap();

    for (name, token) in [
        ("no signature, algorithm `none`", none("none", "")),
        ("no signature, algorithm `NoNe`", none("NoNe", "")),
        (
            "algorithm `none` with the signature of another token",
            none("none", signature),
        ),
        (
            "no algorithm in the header",
            format!("{}.{body}.{signature}", part(&json!({"typ": "JWT"}))),
        ),
        ("the signature taken off", replaced(&fine, 2, "")),
        (
            "the signature of another token",
            replaced(&token("eve", 60), 2, signature),
        ),
        (
            "the claims changed to another user",
            replaced(&fine, 1, &part(&with(&json!({"sub": "witness"})))),
        ),
        (
            "a last character that stands for the same signature",
            replaced(
                &fine,
                2,
                &format!("{}{next}", &signature[..signature.len() - 1]),
            ),
        ),
        ("padding behind the signature", format!("{fine}=")),
        ("a space before the token", format!(" {fine}")),
        ("a fourth part", format!("{fine}.x")),
        (
            "an encrypted token (JWE)",
            format!("{}.a.b.c.d", part(&json!({"alg": "dir", "enc": "A256GCM"}))),
        ),
        (
            "HS512 with the right secret",
            jsonwebtoken::encode(
                &Header::new(Algorithm::HS512),
                &claims(),
                &EncodingKey::from_secret(SECRET.as_bytes()),
            )
            .unwrap(),
        ),
        (
            "RS256 named, signed with the secret",
            headed(&json!({"alg": "RS256"})),
        ),
        ("ES256 where a secret is configured", es256.clone()),
        (
            "a guessed secret",
            signed(&json!({"alg": "HS256"}), &claims().to_string(), b"secret"),
        ),
        (
            "an empty secret",
            signed(&json!({"alg": "HS256"}), &claims().to_string(), b""),
        ),
        (
            "the administrator's key as the secret",
            signed(
                &json!({"alg": "HS256"}),
                &claims().to_string(),
                ADMIN_KEY.as_bytes(),
            ),
        ),
        ("the administrator's key as a token", ADMIN_KEY.to_owned()),
        (
            "a key of one's own in the header (`jwk`)",
            signed(
                &json!({"alg": "HS256", "jwk": own_key}),
                &claims().to_string(),
                evil,
            ),
        ),
        (
            "a certificate of one's own in the header (`x5c`)",
            signed(
                &json!({"alg": "HS256", "x5c": ["AAAA"]}),
                &claims().to_string(),
                evil,
            ),
        ),
        (
            "the address of a key in the header (`jku`)",
            signed(
                &json!({"alg": "HS256", "jku": "http://127.0.0.1:1/"}),
                &claims().to_string(),
                evil,
            ),
        ),
        (
            "`kid` that names an empty file, and an empty secret",
            signed(
                &json!({"alg": "HS256", "kid": "../../../dev/null"}),
                &claims().to_string(),
                b"",
            ),
        ),
        (
            "`kid` with SQL",
            signed(
                &json!({"alg": "HS256", "kid": "x' UNION SELECT 'k"}),
                &claims().to_string(),
                b"k",
            ),
        ),
        (
            "`kid` that is an object",
            signed(
                &json!({"alg": "HS256", "kid": {"$ne": null}}),
                &claims().to_string(),
                evil,
            ),
        ),
        (
            "a critical header that nobody knows",
            headed(&json!({"crit": ["b64"], "b64": false})),
        ),
        (
            "a critical header that is no list",
            headed(&json!({"crit": "exp"})),
        ),
        (
            "expired",
            hs256(&with(
                &json!({"exp": jsonwebtoken::get_current_timestamp() - 31}),
            )),
        ),
        ("no `exp`", hs256(&without("exp"))),
        ("`exp` as text", hs256(&with(&json!({"exp": "9999999999"})))),
        (
            "`exp` in milliseconds",
            hs256(&with(&json!({"exp": 4_102_444_800_000_u64}))),
        ),
        ("`exp` below zero", hs256(&with(&json!({"exp": -1})))),
        (
            "`exp` without end",
            signed(
                &json!({"alg": "HS256"}),
                "{\"sub\":\"ada\",\"exp\":1e400}",
                SECRET.as_bytes(),
            ),
        ),
        (
            "`nbf` in the future",
            hs256(&with(
                &json!({"nbf": jsonwebtoken::get_current_timestamp() + 60}),
            )),
        ),
        ("no user", hs256(&without("sub"))),
        (
            "a list of users",
            hs256(&with(&json!({"sub": ["ada", "witness"]}))),
        ),
        ("a number as user", hs256(&with(&json!({"sub": 0})))),
        (
            "a user with separators of keys",
            hs256(&with(&json!({"sub": "a:sockets:g"}))),
        ),
        (
            "a user that is a pattern",
            hs256(&with(&json!({"sub": "*"}))),
        ),
        (
            "a user with a NUL",
            hs256(&with(&json!({"sub": "ada\u{0}"}))),
        ),
        (
            "a user of 65 characters",
            hs256(&with(&json!({"sub": "a".repeat(65)}))),
        ),
        (
            "a user that looks like another (Cyrillic)",
            hs256(&with(&json!({"sub": "\u{430}da"}))),
        ),
        ("9 KiB", hs256(&with(&json!({"name": "x".repeat(9_000)})))),
        (
            "claims nested 2,000 deep",
            signed(&json!({"alg": "HS256"}), &deep, SECRET.as_bytes()),
        ),
        (
            "claims that are a list",
            signed(&json!({"alg": "HS256"}), "[\"ada\"]", SECRET.as_bytes()),
        ),
        (
            "bytes that are no text",
            signed(&json!({"alg": "HS256"}), "\u{0}", SECRET.as_bytes()).replace('.', ".\u{0}"),
        ),
    ] {
        attempts.got(name, answer_to(&server, &json!({"token": token})).await);
    }
    for (name, token) in [
        (
            "HS256 with the public key as the secret",
            signed(&json!({"alg": "HS256"}), &claims().to_string(), &public),
        ),
        (
            "ES256 with a signature of zeros",
            replaced(&es256, 2, &zeros),
        ),
        (
            "RS256 where an ES256 key is configured",
            issuer::rsa(None).token("ada"),
        ),
    ] {
        attempts.got(name, answer_to(&of_key, &json!({"token": token})).await);
    }
    for (name, auth) in [
        ("no token", json!({})),
        ("an empty token", json!({"token": ""})),
        ("a list as token", json!({"token": [fine]})),
        ("an object as token", json!({"token": {"$gt": ""}})),
    ] {
        attempts.got(name, answer_to(&server, &auth).await);
    }
    let url = format!(
        "ws://{}/socket.io/?EIO=4&transport=websocket&token={fine}&auth={fine}",
        server.address
    );
    let stream = TcpStream::connect(server.address).await.unwrap();
    let mut client = Client::over(stream, &url, &[]).await.unwrap();
    client.send("40").await;
    attempts.got("a good token in the query", answer(&mut client).await);
    let headers = [("authorization", &*format!("Basic {fine}"))];
    let mut client = Client::open_with(server.address, &headers).await.unwrap();
    client.send("40").await;
    attempts.got("a good token as `Basic`", answer(&mut client).await);

    server.group("g", &["ada"]).await;
    let mut ada = server.connect("ada").await;
    for (name, token) in [
        (
            "`refresh_token` with another user's token",
            token("witness", 60),
        ),
        ("`refresh_token` with an expired token", token("ada", -60)),
        (
            "`refresh_token` with a token that nobody signed",
            none("none", ""),
        ),
    ] {
        let answer = ada.ask("refresh_token", json!({"token": token})).await;
        attempts.got(name, code(&answer));
    }

    witness.is_unharmed().await;
    attempts.finish();
}
