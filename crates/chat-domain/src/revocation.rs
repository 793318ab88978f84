//! Tokens that are refused although they have not expired.

use std::sync::Arc;

use crate::time::Timestamp;

/// The name that whoever issued a token gave it (`jti`). It is one text for all issuers that a server trusts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(Arc<str>);

/// Why a text is no token id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token id is 1 to 256 characters, none of which is a control character")]
pub struct InvalidTokenId;

impl TokenId {
    const MOST_CHARS: usize = 256;

    /// Accepts 1 to 256 characters but control characters.
    ///
    /// # Errors
    /// [`InvalidTokenId`] for anything else.
    pub fn parse(raw: &str) -> Result<Self, InvalidTokenId> {
        let fits = (1..=Self::MOST_CHARS).contains(&raw.chars().count());
        if fits && !raw.contains(char::is_control) {
            Ok(Self(Arc::from(raw)))
        } else {
            Err(InvalidTokenId)
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A token is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Which one.
    pub token: TokenId,
    /// Until then; later it has expired anyway, and this can be forgotten.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_id_is_a_short_text() {
        assert_eq!(TokenId::parse("a/b c").unwrap().as_str(), "a/b c");
        assert!(TokenId::parse(&"\u{1F680}".repeat(256)).is_ok());
        for bad in ["", "a\nb", "\0", &"x".repeat(257)] {
            assert_eq!(TokenId::parse(bad), Err(InvalidTokenId));
        }
    }
}
