use std::{fmt, net::IpAddr};

use http::Uri;
use serde::{Deserialize, Deserializer, de::Error};

/// Where a JWKS document is. Whoever can change it signs tokens, so it is fetched over TLS alone, or from this machine.
#[derive(Clone)]
pub struct JwksUrl(Uri);

impl JwksUrl {
    /// Accepts `https://…`, and `http://` on loopback.
    ///
    /// # Errors
    /// One sentence, without the address.
    pub fn new(raw: &str) -> Result<Self, &'static str> {
        let wrong = "has to be https://HOST/PATH; http is for loopback addresses alone";
        let url: Uri = raw.parse().map_err(|_| wrong)?;
        let authority = url.authority().ok_or(wrong)?.as_str();
        if authority.contains('@') {
            return Err("must not hold a user or a password");
        }
        match url.scheme_str() {
            Some("https") => Ok(Self(url)),
            Some("http") if is_loopback(&url) => Ok(Self(url)),
            _ => Err(wrong),
        }
    }

    /// The address itself.
    pub fn reveal(&self) -> &Uri {
        &self.0
    }

    /// Whether nobody on the way can change the document.
    pub fn is_over_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// What follows the host may be a key.
impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}", self.0.host().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for JwksUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        for (raw, is_fine) in [
            ("https://id.example/keys.json?tenant=1", true),
            ("http://127.0.0.1:9000/keys", true),
            ("http://[::1]/keys", true),
            ("http://localhost:9000/", true),
            ("http://id.example/keys", false),
            ("http://127.0.0.1.evil.example/", false),
            ("http://localhost.evil.example/", false),
            ("https://user:secret@id.example/", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/keys", false),
            ("keys.json", false),
            ("", false),
        ] {
            assert_eq!(JwksUrl::new(raw).is_ok(), is_fine, "{raw}");
        }
    }

    #[test]
    fn what_follows_the_host_does_not_show() {
        let url = JwksUrl::new("https://id.example/keys?code=s3cret").unwrap();

        assert_eq!(format!("{url:?}"), "https://id.example");
    }
}
