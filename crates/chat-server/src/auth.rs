//! Tokens: who somebody is, and until when (contract, section 3).
//!
//! [`key`] is what a token is checked with, [`keyring`] chooses it, [`renewal`] reads it anew from its [`source`].

mod key;
mod keyring;
mod refused;
mod renewal;
mod source;

use std::{fmt, fs, io, path::Path, sync::Arc, time::Duration};

use chat_domain::{
    id::UserId,
    ports::{PortError, PortResult},
    revocation::TokenId,
    time::Timestamp,
    user::{ImageUrl, User, UserName},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::Serialize;
use serde_json::{Map, Value};

use self::{
    key::Key,
    keyring::{Choice, Keyring},
    source::{InFile, Remote, Source},
};
pub use self::{
    key::KeyError,
    refused::RefusedTokens,
    renewal::{LookError, Renewal},
};
use crate::{
    config::{Auth, Secret, TokenSource},
    wire::refusal::{Code, Refusal},
};

/// How far clocks may be apart.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// When to try again while there are no keys.
const KEYS_COME_WITHIN: Duration = Duration::from_secs(5);

/// A token is not longer than this.
const MOST_BYTES: usize = 8 * 1_024;

/// Checks tokens as configured, and signs them where there is a secret.
pub struct Tokens {
    keys: Keyring,
    signing: Option<EncodingKey>,
    refused: Arc<RefusedTokens>,
    validation: Validation,
    issuer: Option<String>,
    audience: Option<String>,
    user_id_claim: Option<String>,
}

/// Why tokens cannot be checked: one clear line.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// Nothing says how.
    #[error(
        "no way to check tokens: set one of CHAT_AUTH__SECRET, CHAT_AUTH__PUBLIC_KEY_FILE, CHAT_AUTH__JWKS_FILE and \
         CHAT_AUTH__JWKS_URL, or start with `serve --dev`"
    )]
    NoSource,
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The file of the public key is of no use.
    #[error("{path} {source}")]
    Key {
        /// The file.
        path: String,
        /// Why.
        source: KeyError,
    },
    /// The file of the JWKS document is of no use.
    #[error("{path}: {source}")]
    Document {
        /// The file.
        path: String,
        /// Why.
        source: LookError,
    },
    /// Nothing can be fetched over HTTPS.
    #[error("cannot fetch anything over HTTPS")]
    Fetch(#[source] io::Error),
}

/// What a valid token says.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who it is.
    pub user: User,
    /// Until when it holds, without leeway.
    pub expires_at: Timestamp,
    /// What its issuer calls it, by which it can be revoked.
    pub token: Option<TokenId>,
}

impl Identity {
    /// When a connection with this token has to have a new one.
    pub fn lapses_at(&self) -> Timestamp {
        self.expires_at + LEEWAY
    }
}

/// Why a token is not accepted: one sentence without a capital, safe to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenError {
    /// The token will never be.
    Invalid(&'static str),
    /// The keys have not been read yet: this will pass.
    KeysAway,
}

impl TokenError {
    /// What a client is told: what passes is no reason to get another token.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::Invalid(_) => Code::Unauthorized,
            Self::KeysAway => Code::ServiceUnavailable,
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let refusal = Self::new(error.code(), format!("The {error}."));
        match error {
            TokenError::Invalid(_) => refusal,
            TokenError::KeysAway => refusal.after(KEYS_COME_WITHIN),
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(sentence) => sentence,
            Self::KeysAway => "token cannot be checked right now",
        })
    }
}

impl Tokens {
    /// Whether there are keys to check with.
    ///
    /// # Errors
    /// They have not come yet.
    pub fn ready(&self) -> PortResult<()> {
        if self.keys.is_there() {
            return Ok(());
        }
        let reason = "the JWKS document has not been read yet";
        Err(PortError::during("check tokens")(reason))
    }

    /// Gets ready to check tokens as configured. If their keys change, the second part has to go on in the background.
    ///
    /// # Errors
    /// [`TokensError`]. A document at an address may be away: that is no error.
    pub async fn open(config: &Auth) -> Result<(Self, Option<Renewal>), TokensError> {
        let source = config.source().ok_or(TokensError::NoSource)?;
        let (keys, renewal) = match source {
            TokenSource::Secret(secret) => (Keyring::fixed(Key::shared(secret)), None),
            TokenSource::PublicKeyFile(file) => (Keyring::fixed(public_key(file, config)?), None),
            TokenSource::JwksFile(file) => {
                let (keys, renewal) = renewed(InFile(file.to_owned()), config);
                let path = file.display().to_string();
                let looked = renewal.look().await;
                looked.map_err(|source| TokensError::Document { path, source })?;
                (keys, Some(renewal))
            }
            TokenSource::JwksUrl(url) => {
                let remote = Remote::new(url.clone()).map_err(TokensError::Fetch)?;
                let (keys, renewal) = renewed(remote, config);
                (keys, Some(renewal))
            }
        };
        let signing = config.secret.as_ref().map(signing_key);
        Ok((Self::new(keys, signing, config), renewal))
    }

    fn new(keys: Keyring, signing: Option<EncodingKey>, config: &Auth) -> Self {
        // The algorithm of the key is put in for each token.
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
            keys,
            signing,
            refused: Arc::default(),
            validation,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            user_id_claim: config.user_id_claim.clone(),
        }
    }

    /// The tokens that are refused.
    pub(crate) fn refused(&self) -> &Arc<RefusedTokens> {
        &self.refused
    }

    /// Whether the token of that identity was revoked: between [`Self::verify`] and now, too.
    ///
    /// # Errors
    /// It was.
    pub fn check_revoked(&self, identity: &Identity) -> Result<(), TokenError> {
        match &identity.token {
            Some(token) if self.refused.contains(token) => {
                Err(TokenError::Invalid("token has been revoked"))
            }
            _ => Ok(()),
        }
    }

    /// Reads a token. A key that is not known yet may take a moment.
    ///
    /// # Errors
    /// [`TokenError`] for whatever is not a valid token of a user.
    pub async fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        use TokenError::Invalid;
        if token.len() > MOST_BYTES {
            return Err(Invalid("token is too long"));
        }
        let unreadable = |error: jsonwebtoken::errors::Error| Invalid(explain(error.kind()));
        let header = jsonwebtoken::decode_header(token).map_err(unreadable)?;
        // There is no extension that this server understands (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(Invalid("token has a critical header that is not known"));
        }
        let key = match self.keys.choose(&header).await {
            Choice::Key(key) => key,
            Choice::Unknown => return Err(Invalid("token is signed with an unknown key")),
            Choice::Away => return Err(TokenError::KeysAway),
        };
        let mut validation = self.validation.clone();
        validation.algorithms = vec![key.algorithm];
        let decoded = jsonwebtoken::decode::<Map<String, Value>>(token, &key.decoding, &validation);
        let identity = self.identity(&decoded.map_err(unreadable)?.claims)?;
        self.check_revoked(&identity)?;
        Ok(identity)
    }

    fn identity(&self, claims: &Map<String, Value>) -> Result<Identity, TokenError> {
        use TokenError::Invalid;
        let id = self
            .user_id(claims)
            .ok_or(Invalid("token names no valid user id"))?;
        let expires_at = claims
            .get("exp")
            .and_then(seconds)
            .ok_or(Invalid("token has no valid exp"))?;
        let text = |claim: &str| claims.get(claim).and_then(Value::as_str);
        let name = text("name").and_then(|name| UserName::parse(name).ok());
        Ok(Identity {
            user: User {
                name: name.unwrap_or_else(|| UserName::of_id(&id)),
                image: text("picture").and_then(ImageUrl::parse),
                id,
            },
            expires_at,
            token: text("jti").and_then(|id| TokenId::parse(id).ok()),
        })
    }

    /// Signs a token for a user.
    ///
    /// # Errors
    /// There is no secret, or it cannot sign.
    pub fn sign(
        &self,
        user: &User,
        now: Timestamp,
        lifetime: Duration,
    ) -> Result<String, SignError> {
        let key = self.signing.as_ref().ok_or(SignError::NoSecret)?;
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
        Ok(jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &claims,
            key,
        )?)
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

/// Why a token cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Whoever has the private key signs tokens, not this server.
    #[error("this server signs no tokens: that takes CHAT_AUTH__SECRET")]
    NoSecret,
    /// The secret cannot sign.
    #[error("could not sign a token")]
    Signing(#[from] jsonwebtoken::errors::Error),
}

fn signing_key(secret: &Secret) -> EncodingKey {
    EncodingKey::from_secret(secret.reveal())
}

fn public_key(file: &Path, config: &Auth) -> Result<Key, TokensError> {
    let path = || file.display().to_string();
    let unreadable = |source| TokensError::Unreadable {
        path: path(),
        source,
    };
    let pem = fs::read_to_string(file).map_err(unreadable)?;
    Key::from_pem(&pem, config.algorithm).map_err(|source| TokensError::Key {
        path: path(),
        source,
    })
}

fn renewed(source: impl Source + 'static, config: &Auth) -> (Keyring, Renewal) {
    let (keys, ring) = Keyring::renewed();
    let renewal = Renewal {
        source: Box::new(source),
        only: config.algorithm,
        ring,
    };
    (keys, renewal)
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
mod tests;
