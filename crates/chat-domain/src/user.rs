//! Users, as others see them.

use std::{fmt, sync::Arc};

use crate::id::UserId;

/// One user. E-mail addresses and the like are deliberately absent: they are never broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// What others read.
    pub name: UserName,
    /// A picture, if there is one.
    pub image: Option<ImageUrl>,
}

/// A display name: 1 to 128 characters without control characters. It is plain text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserName(Arc<str>);

/// Why a text is no display name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 128 characters")]
pub struct InvalidName;

const NAME_CHARS: usize = 128;

impl UserName {
    /// Removes control characters and outer white space; the rest must be 1 to 128 characters.
    ///
    /// # Errors
    /// [`InvalidName`] if it is not.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        let visible: String = raw.chars().filter(|c| !c.is_control()).collect();
        let name = visible.trim();
        if (1..=NAME_CHARS).contains(&name.chars().count()) {
            Ok(Self(Arc::from(name)))
        } else {
            Err(InvalidName)
        }
    }

    /// The name of a user who brings none: the id (contract, section 3).
    #[must_use]
    pub fn of_id(id: &UserId) -> Self {
        Self(Arc::from(id.as_str()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The address of a picture: `https`, at most 2,048 characters, no white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUrl(Arc<str>);

const URL_CHARS: usize = 2_048;

impl ImageUrl {
    /// The address, or `None` for anything that is not one (contract, section 3: "else null").
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let host = raw.strip_prefix("https://")?;
        let odd = |c: char| c.is_whitespace() || c.is_control();
        let fits = raw.chars().count() <= URL_CHARS;
        (fits && !host.is_empty() && !host.starts_with('/') && !raw.contains(odd))
            .then(|| Self(Arc::from(raw)))
    }

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_control_characters_and_outer_space() {
        assert_eq!(UserName::parse(" A\u{7}da\n ").unwrap().as_str(), "Ada");
        assert!(UserName::parse(&"ü".repeat(128)).is_ok());

        assert_eq!(UserName::parse(" \n\t "), Err(InvalidName));
        assert_eq!(UserName::parse(&"x".repeat(129)), Err(InvalidName));
    }

    #[test]
    fn a_picture_is_an_https_address() {
        assert!(ImageUrl::parse("https://example.org/a.png").is_some());

        for bad in [
            "",
            "http://example.org",
            "https://",
            "https:///x",
            "https://a b",
            "javascript:1",
        ] {
            assert!(ImageUrl::parse(bad).is_none(), "{bad}");
        }
    }
}
