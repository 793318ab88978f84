//! Keys that tokens are checked with. Each knows its one algorithm: nothing in a token can choose another.

use jsonwebtoken::{
    Algorithm as Jwa, DecodingKey, DecodingKeyKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;

use crate::config::{Algorithm, Secret};

/// More keys than this are not read from a document.
const MOST_KEYS: usize = 100;

/// RSA keys below this many bytes are too weak (RFC 7518, section 3.3), above the other too dear.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// What DER adds to the modulus of an RSA key at most: the exponent, and how long everything is.
const RSA_DER_EXTRA_BYTES: usize = 32;

/// A key, and what it is for.
#[derive(Clone)]
pub struct Key {
    /// What tokens call it. A key without a name is meant by tokens of its algorithm that name none.
    pub name: Option<String>,
    pub algorithm: Jwa,
    pub decoding: DecodingKey,
}

/// Why there is no key: one clause, without anything that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file is no PEM of a public key.
    #[error("holds no public key: it has to begin with `-----BEGIN PUBLIC KEY-----`")]
    NotPublic,
    /// A key of another kind.
    #[error(
        "holds a key that is neither RSA of 2048 to 4096 bits, nor on the curve P-256, nor Ed25519"
    )]
    OtherKind,
    /// The key is for another algorithm than the configured one.
    #[error("holds a key for another algorithm than CHAT_AUTH__ALGORITHM")]
    OtherAlgorithm,
    /// The document is no JWKS.
    #[error("is no JWKS document: it has to be JSON with a list `keys`")]
    NoDocument,
    /// There is nothing in the document that could check a token.
    #[error("holds no key for RS256, ES256 or EdDSA that CHAT_AUTH__ALGORITHM allows")]
    NoKey,
}

impl Key {
    /// The shared secret of HS256.
    pub fn shared(secret: &Secret) -> Self {
        Self {
            name: None,
            algorithm: Jwa::HS256,
            decoding: DecodingKey::from_secret(secret.reveal()),
        }
    }

    /// The public key in a PEM file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(pem: &str, only: Option<Algorithm>) -> Result<Self, KeyError> {
        let is_public = ["BEGIN PUBLIC KEY", "BEGIN RSA PUBLIC KEY"]
            .iter()
            .any(|tag| pem.contains(tag));
        // The private key would do as well, and has no place here.
        if !is_public || pem.contains("PRIVATE KEY") {
            return Err(KeyError::NotPublic);
        }
        let pem = pem.as_bytes();
        let decoding = DecodingKey::from_ec_pem(pem)
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .or_else(|_| DecodingKey::from_rsa_pem(pem))
            .map_err(|_| KeyError::OtherKind)?;
        let key = Self::public(None, decoding).ok_or(KeyError::OtherKind)?;
        if key.is_allowed(only) {
            Ok(key)
        } else {
            Err(KeyError::OtherAlgorithm)
        }
    }

    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        let is_for_signatures =
            matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
                && common
                    .key_operations
                    .as_ref()
                    .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        // A symmetric key in a public document is no secret.
        let is_public = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => true,
            AlgorithmParameters::EllipticCurve(params) => params.curve == EllipticCurve::P256,
            AlgorithmParameters::OctetKeyPair(params) => params.curve == EllipticCurve::Ed25519,
            _ => false,
        };
        if !is_for_signatures || !is_public {
            return None;
        }
        let key = Self::public(common.key_id.clone(), DecodingKey::from_jwk(jwk).ok()?)?;
        let declared = match common.key_algorithm {
            None => true,
            Some(KeyAlgorithm::RS256) => key.algorithm == Jwa::RS256,
            Some(KeyAlgorithm::ES256) => key.algorithm == Jwa::ES256,
            Some(KeyAlgorithm::EdDSA) => key.algorithm == Jwa::EdDSA,
            Some(_) => false,
        };
        declared.then_some(key)
    }

    /// The one algorithm of a public key follows from its kind.
    fn public(name: Option<String>, decoding: DecodingKey) -> Option<Self> {
        use jsonwebtoken::AlgorithmFamily;
        let algorithm = match decoding.family() {
            AlgorithmFamily::Rsa => Jwa::RS256,
            AlgorithmFamily::Ec => Jwa::ES256,
            AlgorithmFamily::Ed => Jwa::EdDSA,
            AlgorithmFamily::Hmac => return None,
        };
        let is_sound = match decoding.kind() {
            DecodingKeyKind::RsaModulusExponent { n, .. } => RSA_BYTES.contains(&n.len()),
            DecodingKeyKind::SecretOrDer(der) if algorithm == Jwa::RS256 => {
                (*RSA_BYTES.start()..=RSA_BYTES.end() + RSA_DER_EXTRA_BYTES).contains(&der.len())
            }
            // Whether it is a point on the curve shows when it is used.
            DecodingKeyKind::SecretOrDer(_) => {
                jsonwebtoken::crypto::verify("", b"", &decoding, algorithm).is_ok()
            }
        };
        is_sound.then_some(Self {
            name,
            algorithm,
            decoding,
        })
    }

    fn is_allowed(&self, only: Option<Algorithm>) -> bool {
        only.is_none_or(|only| only.jwa() == self.algorithm)
    }
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

/// The keys of a JWKS document that can check tokens; others are passed over.
///
/// # Errors
/// [`KeyError`] if there is none.
pub fn read_jwks(text: &str, only: Option<Algorithm>) -> Result<Vec<Key>, KeyError> {
    let document: Document = serde_json::from_str(text).map_err(|_| KeyError::NoDocument)?;
    let listed = document.keys.into_iter().take(MOST_KEYS);
    let keys = listed.filter_map(|key| Key::from_jwk(&serde_json::from_value(key).ok()?));
    let keys: Vec<Key> = keys.filter(|key| key.is_allowed(only)).collect();
    if keys.is_empty() {
        return Err(KeyError::NoKey);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests;
