use futures_util::FutureExt;

use super::*;

fn secret(fill: &str) -> Secret {
    Secret::new(fill.repeat(32)).unwrap()
}

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

fn signed(claims: &Value, header: &Header, fill: &str) -> String {
    let key = EncodingKey::from_secret(secret(fill).reveal());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn hs256(claims: &Value) -> String {
    signed(claims, &Header::new(Algorithm::HS256), "s")
}

fn verify(token: &str, config: &Auth) -> Result<Identity, String> {
    let verified = with_secret(config).verify(token).now_or_never();
    let verified = verified.expect("the one key is there");
    verified.map_err(|error| error.to_string())
}

fn with_secret(config: &Auth) -> Tokens {
    let secret = secret("s");
    let keys = Keyring::fixed(Key::shared(&secret));
    Tokens::new(keys, Some(signing_key(&secret)), config)
}

#[test]
fn what_was_signed_is_read_back() {
    let tokens = with_secret(&Auth::default());
    let id = UserId::parse("ada").unwrap();
    let (name, image) = (
        UserName::parse("Ada").unwrap(),
        ImageUrl::parse("https://x.example/a"),
    );
    let user = User { id, name, image };
    let issued = Timestamp::from_millis(now() * 1_000);

    let token = tokens.sign(&user, issued, Duration::from_secs(60)).unwrap();
    let identity = tokens.verify(&token).now_or_never().unwrap().unwrap();

    assert_eq!(identity.user, user);
    assert_eq!(identity.expires_at, issued + Duration::from_secs(60));
    assert_eq!(identity.lapses_at(), issued + Duration::from_secs(90));
}

#[test]
fn the_id_is_sub_or_user_id_or_the_configured_claim() {
    let exp = now() + 60;
    let config = Auth {
        user_id_claim: Some("uid".to_owned()),
        ..Auth::default()
    };
    let id = |claims: Value, config: &Auth| {
        verify(&hs256(&claims), config).map(|i| i.user.id.to_string())
    };

    let plain = Auth::default();
    assert_eq!(
        id(
            serde_json::json!({"sub": "a", "userId": "b", "exp": exp}),
            &plain
        ),
        Ok("a".to_owned())
    );
    assert_eq!(
        id(serde_json::json!({"userId": "b", "exp": exp}), &plain),
        Ok("b".to_owned())
    );
    assert_eq!(
        id(
            serde_json::json!({"uid": "c", "sub": "a", "exp": exp}),
            &config
        ),
        Ok("c".to_owned())
    );
    for bad in [
        serde_json::json!("a b"),
        serde_json::json!(7),
        serde_json::json!("x".repeat(65)),
    ] {
        let refused = id(serde_json::json!({"sub": bad, "exp": exp}), &plain);
        assert_eq!(refused, Err("token names no valid user id".to_owned()));
    }
}

#[test]
fn a_name_or_picture_that_is_none_is_left_out() {
    let claims =
        serde_json::json!({"sub": "a", "exp": now() + 60, "name": "\u{7}", "picture": "http://x"});

    let user = verify(&hs256(&claims), &Auth::default()).unwrap().user;

    assert_eq!((user.name.as_str(), user.image), ("a", None));
}

#[test]
fn what_is_no_valid_token_is_refused() {
    let fine = serde_json::json!({"sub": "a", "exp": now() + 60});
    let issued = Auth {
        issuer: Some("us".to_owned()),
        audience: Some("chat".to_owned()),
        ..Auth::default()
    };
    let unsigned = {
        let token = hs256(&fine);
        let body = token.split('.').nth(1).unwrap().to_owned();
        format!("eyJhbGciOiJub25lIn0.{body}.")
    };
    let hs512 = signed(&fine, &Header::new(Algorithm::HS512), "s");
    let plain = Auth::default();
    for (token, config, expected) in [
        (
            hs256(&serde_json::json!({"sub": "a", "exp": now() - 31})),
            &plain,
            "token has expired",
        ),
        (
            hs256(&serde_json::json!({"sub": "a"})),
            &plain,
            "token lacks a required claim",
        ),
        (
            hs256(&serde_json::json!({"sub": "a", "exp": now() + 60, "nbf": now() + 45})),
            &plain,
            "token is not valid yet",
        ),
        (
            signed(&fine, &Header::new(Algorithm::HS256), "t"),
            &plain,
            "token has a wrong signature",
        ),
        (hs512, &plain, "token has a wrong algorithm"),
        (unsigned, &plain, "token is not valid"),
        (hs256(&fine), &issued, "token lacks a required claim"),
        (
            hs256(
                &serde_json::json!({"sub": "a", "exp": now() + 60, "iss": "them", "aud": "chat"}),
            ),
            &issued,
            "token is of another issuer",
        ),
        (
            hs256(&serde_json::json!({"sub": "a", "exp": now() + 60, "iss": "us", "aud": "mail"})),
            &issued,
            "token is for another audience",
        ),
        (
            hs256(&serde_json::json!({"sub": "a", "exp": now() * 1_000_000})),
            &plain,
            "token has no valid exp",
        ),
        ("x".repeat(9_000), &plain, "token is too long"),
        ("a.b.c".to_owned(), &plain, "token is not valid"),
        (String::new(), &plain, "token is not valid"),
    ] {
        assert_eq!(verify(&token, config).unwrap_err(), expected);
    }
    assert!(
        verify(
            &hs256(&serde_json::json!({"sub": "a", "exp": now() - 20})),
            &plain
        )
        .is_ok(),
        "leeway"
    );
}
