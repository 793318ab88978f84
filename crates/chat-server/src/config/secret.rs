use std::fmt;

use serde::{Deserialize, Deserializer, de::Error};

/// A secret of at least 32 bytes. It never shows in logs.
#[derive(Clone)]
pub struct Secret(String);

/// How many bytes a secret has at least (contract, sections 3 and 5).
const LEAST_BYTES: usize = 32;

impl Secret {
    /// Checks the length.
    ///
    /// # Errors
    /// One sentence, without the secret.
    pub fn new(raw: String) -> Result<Self, String> {
        if raw.len() < LEAST_BYTES {
            return Err(format!("has to be at least {LEAST_BYTES} bytes long"));
        }
        Ok(Self(raw))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_does_not_show() {
        let secret = Secret::new("0123456789abcdef0123456789abcdef".to_owned()).unwrap();

        assert!(!format!("{secret:?}").contains("0123"));
        assert!(
            !Secret::new("short".to_owned())
                .unwrap_err()
                .contains("short\"")
        );
        assert!(Secret::new("x".repeat(31)).is_err());
    }
}
