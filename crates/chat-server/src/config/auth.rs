use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{JwksUrl, Secret};

/// How tokens are checked.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The shared secret of HS256.
    pub secret: Option<Secret>,
    /// The file of a public key, as PEM.
    pub public_key_file: Option<PathBuf>,
    /// The file of a JWKS document.
    pub jwks_file: Option<PathBuf>,
    /// The address of a JWKS document.
    pub jwks_url: Option<JwksUrl>,
    /// The only algorithm that counts; that of each key, if absent.
    pub algorithm: Option<Algorithm>,
    /// What `iss` has to be; not checked if absent.
    pub issuer: Option<String>,
    /// What `aud` has to be; not checked if absent.
    pub audience: Option<String>,
    /// The claim that names the user; `sub`, else `userId`, if absent.
    pub user_id_claim: Option<String>,
}

/// What tokens are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "RFC 7518 and RFC 8037 describe them")]
pub enum Algorithm {
    HS256,
    RS256,
    ES256,
    EdDSA,
}

impl Algorithm {
    /// The same, for the library.
    pub fn jwa(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::HS256 => jsonwebtoken::Algorithm::HS256,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
        }
    }
}

/// Where the keys come from.
#[derive(Debug, Clone, Copy)]
pub enum TokenSource<'a> {
    /// A shared secret.
    Secret(&'a Secret),
    /// One public key.
    PublicKeyFile(&'a Path),
    /// Public keys that may change.
    JwksFile(&'a Path),
    /// Public keys that somebody else serves.
    JwksUrl(&'a JwksUrl),
}

impl Auth {
    /// Where the keys come from, if anything says so.
    pub fn source(&self) -> Option<TokenSource<'_>> {
        let secret = self.secret.as_ref().map(TokenSource::Secret);
        let public_key = self.public_key_file.as_deref();
        secret
            .or_else(|| public_key.map(TokenSource::PublicKeyFile))
            .or_else(|| self.jwks_file.as_deref().map(TokenSource::JwksFile))
            .or_else(|| self.jwks_url.as_ref().map(TokenSource::JwksUrl))
    }

    /// Says in one line what does not go together.
    pub(super) fn contradiction(&self) -> Option<String> {
        let sources = [
            ("CHAT_AUTH__SECRET", self.secret.is_some()),
            ("CHAT_AUTH__PUBLIC_KEY_FILE", self.public_key_file.is_some()),
            ("CHAT_AUTH__JWKS_FILE", self.jwks_file.is_some()),
            ("CHAT_AUTH__JWKS_URL", self.jwks_url.is_some()),
        ];
        let mut set = sources.iter().filter(|(_, is_set)| *is_set);
        if let (Some((first, _)), Some((second, _))) = (set.next(), set.next()) {
            return Some(format!("{first} and {second} are both set: choose one"));
        }
        let is_shared = self.algorithm == Some(Algorithm::HS256);
        match (self.source()?, self.algorithm?) {
            (TokenSource::Secret(_), _) if !is_shared => Some(
                "auth.algorithm: a secret is for HS256; the others take a public key".to_owned(),
            ),
            (
                TokenSource::PublicKeyFile(_) | TokenSource::JwksFile(_) | TokenSource::JwksUrl(_),
                Algorithm::HS256,
            ) => Some("auth.algorithm: HS256 takes CHAT_AUTH__SECRET".to_owned()),
            _ => None,
        }
    }
}
