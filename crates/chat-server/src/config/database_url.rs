use std::{fmt, path::Path};

use serde::{Deserialize, Deserializer, de::Error};

/// Where the database is. What stands behind `postgres://` may hold a password, and never shows in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// Accepts `sqlite://PATH` and `postgres://USER:PASSWORD@HOST/DATABASE`.
    ///
    /// # Errors
    /// One sentence, without the address.
    pub fn new(raw: String) -> Result<Self, &'static str> {
        let is_file = |url: &str| {
            url.strip_prefix("sqlite://")
                .is_some_and(|path| !path.is_empty())
        };
        let is_server =
            |url: &str| url.starts_with("postgres://") || url.starts_with("postgresql://");
        if is_file(&raw) || is_server(&raw) {
            return Ok(Self(raw));
        }
        Err("has to be sqlite://PATH or postgres://USER:PASSWORD@HOST/DATABASE")
    }

    /// The address itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The file, if the database is SQLite.
    pub fn sqlite_path(&self) -> Option<&Path> {
        self.0.strip_prefix("sqlite://").map(Path::new)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.sqlite_path() {
            Some(path) => write!(f, "sqlite://{}", path.display()),
            None => f.write_str("postgres://(hidden)"),
        }
    }
}

impl<'de> Deserialize<'de> for DatabaseUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_does_not_show() {
        let url = DatabaseUrl::new("postgres://chat:s3cret@db/chat".to_owned()).unwrap();

        assert!(!format!("{url:?}").contains("s3cret"));
        assert_eq!(url.sqlite_path(), None);
        assert!(DatabaseUrl::new("sqlite://".to_owned()).is_err());
        assert!(
            !DatabaseUrl::new("mysql://s3cret".to_owned())
                .unwrap_err()
                .contains("s3cret")
        );
    }
}
