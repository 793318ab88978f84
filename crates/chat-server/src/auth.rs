//! Tokens: who somebody is, and until when (contract, section 3).

use std::{fmt, time::Duration};

use chat_domain::{
    id::UserId,
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::{Auth, Secret};

/// How far clocks may be apart.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// A token is not longer than this.
const MOST_BYTES: usize = 8 * 1_024;

/// Checks and signs tokens with the configured secret.
pub struct Tokens {
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
    issuer: Option<String>,
    audience: Option<String>,
    user_id_claim: Option<String>,
}

/// What a valid token says.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who it is.
    pub user: User,
    /// Until when it holds, without leeway.
    pub expires_at: Timestamp,
}

impl Identity {
    /// When a connection with this token has to have a new one.
    pub fn lapses_at(&self) -> Timestamp {
        self.expires_at + LEEWAY
    }
}

/// Why a token is not accepted: one sentence without a capital, safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenError(&'static str);

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Tokens {
    /// Checks tokens as configured, with this secret.
    pub fn new(secret: &Secret, config: &Auth) -> Self {
        // The algorithm comes from here, never from the token.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        validation.validate_aud = config.audience.is_some();
        if let Some(audience) = &config.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        if let Some(issuer) = &config.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        validation.set_required_spec_claims(&required);
        Self {
            decoding: DecodingKey::from_secret(secret.reveal()),
            encoding: EncodingKey::from_secret(secret.reveal()),
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            user_id_claim: config.user_id_claim.clone(),
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`TokenError`] for whatever is not a valid token of a user.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        if token.len() > MOST_BYTES {
            return Err(TokenError("token is too long"));
        }
        let decoded =
            jsonwebtoken::decode::<Map<String, Value>>(token, &self.decoding, &self.validation);
        let claims = decoded
            .map_err(|error| TokenError(explain(error.kind())))?
            .claims;
        let id = self
            .user_id(&claims)
            .ok_or(TokenError("token names no valid user id"))?;
        let expires_at = claims
            .get("exp")
            .and_then(seconds)
            .ok_or(TokenError("token has no valid exp"))?;
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let name = text("name").and_then(|name| UserName::parse(name).ok());
        Ok(Identity {
            user: User {
                name: name.unwrap_or_else(|| UserName::of_id(&id)),
                image: text("picture").and_then(ImageUrl::parse),
                id,
            },
            expires_at,
        })
    }

    /// Signs a token for a user.
    ///
    /// # Errors
    /// The secret cannot sign.
    pub fn sign(
        &self,
        user: &User,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            sub: self.user_id_claim.is_none().then_some(user.id.as_str()),
            custom: self
                .user_id_claim
                .iter()
                .map(|claim| (claim.clone(), user.id.as_str().into()))
                .collect(),
            name: user.name.as_str(),
            picture: user.image.as_ref().map(ImageUrl::as_str),
            iat: now.as_millis() / 1_000,
            exp: (now + lifetime).as_millis() / 1_000,
            iss: self.issuer.as_deref(),
            aud: self.audience.as_deref(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    fn user_id(&self, claims: &Map<String, Value>) -> Option<UserId> {
        let names: &[&str] = match &self.user_id_claim {
            Some(claim) => &[claim.as_str()],
            None => &["sub", "userId"],
        };
        let claim = names.iter().find_map(|name| claims.get(*name))?;
        UserId::parse(claim.as_str()?).ok()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(flatten)]
    custom: Map<String, Value>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    iat: u64,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'a str>,
}

/// Seconds since 1970, up to the year 9999: what is larger was meant to be something else.
fn seconds(value: &Value) -> Option<Timestamp> {
    const MOST: u64 = 253_402_300_799;
    let whole = value
        .as_u64()
        .or_else(|| value.as_f64().filter(|exp| *exp >= 0.0).map(floor));
    whole
        .filter(|whole| *whole <= MOST)
        .map(|whole| Timestamp::from_millis(whole * 1_000))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and is not negative"
)]
fn floor(seconds: f64) -> u64 {
    seconds as u64
}

fn explain(error: &ErrorKind) -> &'static str {
    match error {
        ErrorKind::ExpiredSignature => "token has expired",
        ErrorKind::ImmatureSignature => "token is not valid yet",
        ErrorKind::InvalidSignature => "token has a wrong signature",
        ErrorKind::InvalidIssuer => "token is of another issuer",
        ErrorKind::InvalidAudience => "token is for another audience",
        ErrorKind::InvalidAlgorithm => "token has a wrong algorithm",
        ErrorKind::MissingRequiredClaim(_) => "token lacks a required claim",
        _ => "token is not valid",
    }
}

#[cfg(test)]
mod tests {
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
        Tokens::new(&secret("s"), config)
            .verify(token)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_signed_is_read_back() {
        let tokens = Tokens::new(&secret("s"), &Auth::default());
        let id = UserId::parse("ada").unwrap();
        let (name, image) = (
            UserName::parse("Ada").unwrap(),
            ImageUrl::parse("https://x.example/a"),
        );
        let user = User { id, name, image };
        let issued = Timestamp::from_millis(now() * 1_000);

        let token = tokens.sign(&user, issued, Duration::from_secs(60)).unwrap();
        let identity = tokens.verify(&token).unwrap();

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
        let claims = serde_json::json!({"sub": "a", "exp": now() + 60, "name": "\u{7}", "picture": "http://x"});

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
                hs256(
                    &serde_json::json!({"sub": "a", "exp": now() + 60, "iss": "us", "aud": "mail"}),
                ),
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
}
