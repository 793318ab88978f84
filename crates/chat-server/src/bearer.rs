//! `Authorization: Bearer …`, on both sides.

use http::{HeaderMap, header};

/// The token in the header.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
        };

        assert_eq!(token(&with("Bearer abc")), Some("abc"));
        assert_eq!(token(&with("bearer  abc ")), Some("abc"));
        assert_eq!(token(&with("Basic abc")), None);
        assert_eq!(token(&with("abc")), None);
        assert_eq!(token(&HeaderMap::new()), None);
    }
}
