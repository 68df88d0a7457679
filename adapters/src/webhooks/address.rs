//! Which addresses are sent to: the public ones. Whoever may name a URL must not reach through this
//! program what only this program can reach.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Networks of IPv4 that are nobody's on the Internet (IANA special-purpose registry).
const CLOSED_V4: [(Ipv4Addr, u8); 16] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Metadata services live here.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    // Metadata services of some clouds.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Networks of IPv6 that are nobody's on the Internet, or lead to others inside of it.
const CLOSED_V6: [(Ipv6Addr, u8); 3] = [
    // Documentation, Teredo, benchmarks and the like.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Ports at which no web server listens, but others who might take a request for a command: those that
/// browsers refuse (the "bad ports" of the Fetch standard).
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
];

/// Why a URL is not sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is no URL.
    #[error("this is no URL")]
    Malformed,
    /// Only https is spoken.
    #[error("the URL must begin with https://")]
    NotHttps,
    /// A name and password in it would end in logs.
    #[error("the URL holds a user or a password")]
    Credentials,
    /// Nobody sends what stands behind `#`.
    #[error("the URL holds a fragment")]
    Fragment,
    /// Something else than a web server listens there.
    #[error("webhooks are not sent to port {0}")]
    Port(u16),
    /// It leads to where only this program can go.
    #[error("the address is not public")]
    Private,
}

/// Whether an address is on the public Internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !CLOSED_V4.iter().any(|&(network, bits)| {
            u32::from(address) >> (32 - u32::from(bits))
                == u32::from(network) >> (32 - u32::from(bits))
        }),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let last_four = || {
        let [.., a, b, c, d] = address.octets();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // IPv4 in other clothes: mapped, compatible, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => is_public(last_four()),
        [0x2002, high, low, ..] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        // Only 2000::/3 is given out to anybody.
        [first, ..] if first >> 13 != 1 => false,
        _ => !CLOSED_V6.iter().any(|&(network, bits)| {
            let shift = 128 - u32::from(bits);
            u128::from(address) >> shift == u128::from(network) >> shift
        }),
    }
}

/// Checks a URL as far as it can be without asking for its name: that is done before each attempt.
pub fn checked(text: &str, allow_private: bool) -> Result<Url, UrlError> {
    let url = Url::parse(text).map_err(|_no_url| UrlError::Malformed)?;
    if !(url.scheme() == "https" || (allow_private && url.scheme() == "http")) {
        return Err(UrlError::NotHttps);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlError::Credentials);
    }
    if url.fragment().is_some() {
        return Err(UrlError::Fragment);
    }
    if let Some(port) = url.port().filter(|port| BAD_PORTS.contains(port)) {
        return Err(UrlError::Port(port));
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(UrlError::Malformed)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_open = match bare.parse::<IpAddr>() {
        Ok(address) => is_public(address),
        Err(_a_name) => {
            let name = host.trim_end_matches('.').to_ascii_lowercase();
            name != "localhost" && !name.ends_with(".localhost")
        }
    };
    if is_open || allow_private { Ok(url) } else { Err(UrlError::Private) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_other_services_are_refused_and_those_of_web_servers_are_not() {
        for port in [0, 22, 25, 6000] {
            let url = format!("https://example.org:{port}/hook");
            assert_eq!(checked(&url, true), Err(UrlError::Port(port)), "{url}");
        }
        for url in
            ["https://example.org/hook", "https://example.org:8443/", "https://example.org:443/"]
        {
            assert!(checked(url, false).is_ok(), "{url}");
        }
    }

    #[test]
    fn what_only_this_machine_or_its_network_reaches_is_closed() {
        let closed = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
        ];
        for address in closed {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_lies_beside_them_is_open() {
        let open = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "3ffe::1",
        ];
        for address in open {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_is_https_public_and_nothing_else() {
        let cases = [
            ("https://example.org/hook?a=1", Ok(())),
            ("https://example.org:8443/", Ok(())),
            ("https://8.8.8.8/", Ok(())),
            ("https://[2606:4700::1111]/", Ok(())),
            ("http://example.org/", Err(UrlError::NotHttps)),
            ("ftp://example.org/", Err(UrlError::NotHttps)),
            ("file:///etc/passwd", Err(UrlError::NotHttps)),
            ("example.org", Err(UrlError::Malformed)),
            ("https://", Err(UrlError::Malformed)),
            ("https://u:p@example.org/", Err(UrlError::Credentials)),
            ("https://u@example.org/", Err(UrlError::Credentials)),
            ("https://example.org/#a", Err(UrlError::Fragment)),
            ("https://127.0.0.1/", Err(UrlError::Private)),
            ("https://0x7f.1/", Err(UrlError::Private)),
            ("https://2130706433/", Err(UrlError::Private)),
            ("https://[::1]/", Err(UrlError::Private)),
            ("https://[::ffff:10.0.0.1]/", Err(UrlError::Private)),
            ("https://localhost/", Err(UrlError::Private)),
            ("https://a.LOCALHOST./", Err(UrlError::Private)),
            ("https://169.254.169.254/latest", Err(UrlError::Private)),
        ];
        for (url, expected) in cases {
            assert_eq!(checked(url, false).map(|_| ()), expected, "{url}");
        }
        assert!(checked("http://127.0.0.1:8000/", true).is_ok());
        assert_eq!(checked("ftp://127.0.0.1/", true), Err(UrlError::NotHttps));
    }
}
