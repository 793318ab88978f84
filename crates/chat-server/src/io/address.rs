//! Whose address counts: the peer's, or the one that trusted proxies vouch for.

use std::net::IpAddr;

use http::HeaderMap;

use crate::config::Cidrs;

/// The client's address. `X-Forwarded-For` is read from the right, as far as trusted proxies wrote it.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Cidrs) -> IpAddr {
    let mut address = peer;
    let forwarded = headers.get_all("x-forwarded-for").iter();
    let hops: Vec<&str> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in hops.into_iter().rev() {
        if !trusted.contain(address) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(further) => address = further.to_canonical(),
            Err(_) => break,
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_behind(forwarded: &[&'static str], trusted: &str) -> String {
        let headers = forwarded.iter().map(|value| {
            (
                http::HeaderName::from_static("x-forwarded-for"),
                http::HeaderValue::from_static(value),
            )
        });
        let trusted: Cidrs = serde_json::from_value(trusted.into()).unwrap();
        client([10, 0, 0, 1].into(), &headers.collect(), &trusted).to_string()
    }

    #[test]
    fn a_proxy_that_is_not_trusted_vouches_for_nobody() {
        assert_eq!(client_behind(&["1.2.3.4"], ""), "10.0.0.1");
    }

    #[test]
    fn what_the_client_itself_wrote_does_not_count() {
        assert_eq!(
            client_behind(&["6.6.6.6, 1.2.3.4"], "10.0.0.0/8"),
            "1.2.3.4"
        );
        assert_eq!(
            client_behind(&["6.6.6.6", "1.2.3.4, 10.0.0.2"], "10.0.0.0/8"),
            "1.2.3.4"
        );
        assert_eq!(client_behind(&["rubbish"], "10.0.0.0/8"), "10.0.0.1");
    }
}
