//! Whose address counts: the peer's, or the one that trusted proxies vouch for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::HeaderMap;

use crate::config::Cidrs;

/// Where a client is, as far as limits are concerned. What asks for it finds it in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(pub IpAddr);

/// Whoever has one address of IPv6 has all that begin with the same 64 bits.
const ONE_CLIENT: u128 = u128::MAX << 64;

/// The client's address. `X-Forwarded-For` is read from the right, as far as trusted proxies wrote it.
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Cidrs) -> Address {
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
        match read(hop.trim()) {
            Some(further) => address = further,
            None => break,
        }
    }
    Address::of(address)
}

/// Some proxies write the port too.
fn read(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse().map(|address: SocketAddr| address.ip());
    let address = hop.parse().or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

impl Address {
    /// Of whoever is there.
    pub fn of(address: IpAddr) -> Self {
        Self(match address {
            IpAddr::V4(_) => address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & ONE_CLIENT).into(),
        })
    }
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
        let Address(address) = client([10, 0, 0, 1].into(), &headers.collect(), &trusted);
        address.to_string()
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

    #[test]
    fn a_port_behind_the_address_does_not_matter() {
        let behind = |hop| client_behind(&[hop], "10.0.0.0/8");
        assert_eq!(behind("1.2.3.4:5678"), "1.2.3.4");
        assert_eq!(behind("[2001:db8:1:2::5]:443"), "2001:db8:1:2::");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let nobody = (&HeaderMap::new(), &Cidrs::default());
        let of = |address: &str| client(address.parse().unwrap(), nobody.0, nobody.1);

        assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2::5"));
        assert_ne!(of("2001:db8:1:2::5"), of("2001:db8:1:3::5"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
