use std::fmt;

use http::Uri;
use serde::{Deserialize, Deserializer, de::Error};
use validator::Validate;

/// Where traces go.
#[derive(Debug, Clone, Deserialize, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct Otlp {
    /// The collector; without one there are no traces.
    pub endpoint: Option<CollectorUrl>,
    /// Which part of the messages is traced.
    #[validate(range(min = 0.0, max = 1.0))]
    pub sample_ratio: f64,
}

impl Default for Otlp {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample_ratio: 1.0,
        }
    }
}

/// The base address of a collector that speaks OTLP over HTTP.
#[derive(Clone)]
pub struct CollectorUrl(Uri);

impl CollectorUrl {
    /// Accepts `http://…` and `https://…`.
    ///
    /// # Errors
    /// One sentence, without the address.
    pub fn new(raw: &str) -> Result<Self, &'static str> {
        let wrong = "has to be http://HOST:PORT or https://HOST:PORT";
        let url: Uri = raw.parse().map_err(|_| wrong)?;
        let authority = url.authority().ok_or(wrong)?.as_str();
        if authority.contains('@') {
            return Err("must not hold a user or a password");
        }
        match url.scheme_str() {
            Some("http" | "https") => Ok(Self(url)),
            _ => Err(wrong),
        }
    }

    /// Where traces are sent.
    pub fn traces(&self) -> String {
        let base = self.0.to_string();
        format!("{}/v1/traces", base.trim_end_matches('/'))
    }

    /// Whether nobody on the way can read them.
    pub fn is_over_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

/// What follows the host may be a key.
impl fmt::Debug for CollectorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        write!(f, "{scheme}://{}", self.0.host().unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for CollectorUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_have_a_path_of_their_own_below_the_address() {
        for base in ["http://collector:4318", "http://collector:4318/"] {
            let url = CollectorUrl::new(base).unwrap();
            assert_eq!(url.traces(), "http://collector:4318/v1/traces");
        }
    }

    #[test]
    fn what_is_no_address_and_what_holds_a_password_is_refused() {
        for wrong in [
            "collector:4318",
            "grpc://collector:4317",
            "http://a:b@collector",
        ] {
            assert!(CollectorUrl::new(wrong).is_err(), "{wrong}");
        }
    }
}
