use jsonwebtoken::{Algorithm as Jwa, EncodingKey, jwk::ThumbprintHash};
use serde_json::json;

use super::*;

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/keys/",
            $name,
            ".pem"
        ))
    };
}

fn jwk(pem: &str, algorithm: Jwa) -> Value {
    let pem = pem.as_bytes();
    let key = match algorithm {
        Jwa::RS256 => EncodingKey::from_rsa_pem(pem),
        Jwa::ES256 => EncodingKey::from_ec_pem(pem),
        _ => EncodingKey::from_ed_pem(pem),
    };
    let jwk = Jwk::from_encoding_key(&key.unwrap(), algorithm).unwrap();
    assert!(!jwk.thumbprint(ThumbprintHash::SHA256).unwrap().is_empty());
    serde_json::to_value(jwk).unwrap()
}

fn with(mut key: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields are an object")
    };
    key.as_object_mut().unwrap().extend(fields);
    key
}

fn read(keys: &[Value]) -> Result<Vec<(Option<String>, Jwa)>, KeyError> {
    let keys = read_jwks(&json!({ "keys": keys }).to_string(), None)?;
    Ok(keys
        .into_iter()
        .map(|key| (key.name, key.algorithm))
        .collect())
}

#[test]
fn the_algorithm_of_a_public_key_is_that_of_its_kind() {
    for (pem, algorithm) in [
        (file!("rsa.pub"), Jwa::RS256),
        (file!("ec.pub"), Jwa::ES256),
        (file!("ed.pub"), Jwa::EdDSA),
    ] {
        assert_eq!(Key::from_pem(pem, None).unwrap().algorithm, algorithm);
    }
}

#[test]
fn what_is_no_sound_public_key_is_refused() {
    for (pem, only, expected) in [
        (file!("rsa"), None, KeyError::NotPublic),
        (file!("ec"), None, KeyError::NotPublic),
        (file!("p384.pub"), None, KeyError::OtherKind),
        (file!("weak.pub"), None, KeyError::OtherKind),
        ("", None, KeyError::NotPublic),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            None,
            KeyError::OtherKind,
        ),
        (
            file!("ec.pub"),
            Some(Algorithm::RS256),
            KeyError::OtherAlgorithm,
        ),
    ] {
        assert_eq!(Key::from_pem(pem, only).err(), Some(expected));
    }
}

#[test]
fn a_document_brings_the_keys_that_can_check_tokens() {
    let rsa = with(jwk(file!("rsa"), Jwa::RS256), json!({"kid": "r"}));
    let ec = with(
        jwk(file!("ec"), Jwa::ES256),
        json!({"kid": "e", "use": "sig"}),
    );
    let ed = with(
        jwk(file!("ed"), Jwa::EdDSA),
        json!({"kid": "d", "alg": "EdDSA"}),
    );
    let unknown = json!({"kty": "NEW", "kid": "n"});

    let keys = read(&[rsa, unknown, json!(7), ec, ed]).unwrap();

    let named = |name: &str, algorithm| (Some(name.to_owned()), algorithm);
    assert_eq!(
        keys,
        [
            named("r", Jwa::RS256),
            named("e", Jwa::ES256),
            named("d", Jwa::EdDSA)
        ]
    );
}

#[test]
fn keys_for_something_else_are_passed_over() {
    let rsa = jwk(file!("rsa"), Jwa::RS256);
    for key in [
        json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "alg": "HS256"}),
        with(rsa.clone(), json!({"use": "enc"})),
        with(rsa.clone(), json!({"key_ops": ["encrypt"]})),
        with(rsa.clone(), json!({"alg": "RS512"})),
        with(rsa.clone(), json!({"alg": "HS256"})),
        with(rsa, json!({"n": "AQAB"})),
        with(jwk(file!("ec"), Jwa::ES256), json!({"x": "AQAB"})),
        with(jwk(file!("ec"), Jwa::ES256), json!({"crv": "P-384"})),
    ] {
        assert_eq!(
            read(std::slice::from_ref(&key)),
            Err(KeyError::NoKey),
            "{key}"
        );
    }
}

#[test]
fn the_configured_algorithm_is_the_only_one() {
    let keys = [jwk(file!("rsa"), Jwa::RS256), jwk(file!("ec"), Jwa::ES256)];
    let document = json!({ "keys": keys }).to_string();

    let count = |only| read_jwks(&document, Some(only)).map(|keys| keys.len());

    assert_eq!(count(Algorithm::ES256), Ok(1));
    assert_eq!(count(Algorithm::EdDSA), Err(KeyError::NoKey));
}

#[test]
fn what_is_no_document_is_refused() {
    for text in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
        assert_eq!(
            read_jwks(text, None).err(),
            Some(KeyError::NoDocument),
            "{text}"
        );
    }
}
