//! Which services an entry of the configuration is about: `10.0.0.5:8080`, `10.0.1.0/24:443`, `[2001:db8::]/32`, `*:443`,
//! `*`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::model::Address;

/// A set of services (server address and port).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePattern {
    /// Any address, if none.
    network: Option<Network>,
    /// Any port, if none.
    port: Option<u16>,
}

/// An address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl ServicePattern {
    /// Every service.
    pub const ANY: ServicePattern = ServicePattern {
        network: None,
        port: None,
    };

    /// Whether a service belongs to the set.
    pub fn matches(&self, service: Address) -> bool {
        self.port.is_none_or(|port| port == service.port)
            && self.network.is_none_or(|network| network.holds(service.ip))
    }
}

impl Network {
    fn holds(self, ip: IpAddr) -> bool {
        match (self.address, ip) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                ((bits(self.address) ^ bits(ip)) & self.mask()) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// The leading bits; an IPv4 address stands at the left of the 128.
    fn mask(self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0)
    }

    fn is_single(self) -> bool {
        self.prefix == width(self.address)
    }
}

/// The address at the left of 128 bits, so that a prefix means the same in both families.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl FromStr for ServicePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<ServicePattern, String> {
        let (host, port) = split(text).ok_or_else(|| {
            "write an address with its port such as \"10.0.0.5:8080\", \"10.0.1.0/24:443\", \"[2001:db8::1]:443\", \
             \"[2001:db8::]/32\", \"*:443\" or \"*\""
                .to_owned()
        })?;
        let port = match port {
            None | Some("*") => None,
            Some(port) => Some(number(port).ok_or("a port is a number from 0 to 65535, or *")?),
        };
        let network = match host {
            Host::Any => None,
            Host::Ip(address, prefix) => Some(network(address, prefix)?),
        };
        Ok(ServicePattern { network, port })
    }
}

enum Host<'a> {
    Any,
    /// And the length of the prefix, if one is written.
    Ip(IpAddr, Option<&'a str>),
}

/// Takes a pattern apart into host and port; None if it is neither.
fn split(text: &str) -> Option<(Host<'_>, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('*') {
        return Some((Host::Any, tail(rest)?));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        let (prefix, rest) = match rest.strip_prefix('/') {
            None => (None, rest),
            Some(rest) => {
                let end = rest.find(':').unwrap_or(rest.len());
                let (prefix, rest) = rest.split_at_checked(end)?;
                (Some(prefix), rest)
            }
        };
        let address = IpAddr::V6(address.parse().ok()?);
        return Some((Host::Ip(address, prefix), tail(rest)?));
    }
    // An IPv6 address without brackets takes all its colons for itself, so it has no port.
    let (whole, prefix) = match text.split_once('/') {
        None => (text, None),
        Some((address, prefix)) => (address, Some(prefix)),
    };
    if let Ok(address) = whole.parse() {
        let (prefix, rest) = match prefix {
            None => (None, ""),
            Some(prefix) => {
                let end = prefix.find(':').unwrap_or(prefix.len());
                let (prefix, rest) = prefix.split_at_checked(end)?;
                (Some(prefix), rest)
            }
        };
        if matches!(address, IpAddr::V6(_)) && !rest.is_empty() {
            return None; // 2001:db8::/32:443 is too easily misread
        }
        return Some((Host::Ip(address, prefix), tail(rest)?));
    }
    let (address, port) = text.split_once(':')?;
    Some((Host::Ip(IpAddr::V4(address.parse().ok()?), None), Some(port)))
}

/// What stands behind the host: nothing, or a colon and a port.
fn tail(rest: &str) -> Option<Option<&str>> {
    match rest {
        "" => Some(None),
        _ => rest.strip_prefix(':').map(Some),
    }
}

/// Digits and nothing else: `parse` alone would take `+80`.
fn number<T: FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn network(address: IpAddr, prefix: Option<&str>) -> Result<Network, String> {
    let width = width(address);
    let prefix = match prefix {
        None => width,
        Some(text) => number(text)
            .filter(|prefix| *prefix <= width)
            .ok_or_else(|| format!("the length of a prefix of this address is a number from 0 to {width}"))?,
    };
    let network = Network { address, prefix };
    if bits(address) & !network.mask() != 0 {
        return Err(format!("{address} has bits beyond its prefix of {prefix}"));
    }
    Ok(network)
}

impl fmt::Display for ServicePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network {
            None => f.write_str("*")?,
            Some(network) => {
                match network.address {
                    IpAddr::V4(ip) => write!(f, "{ip}")?,
                    IpAddr::V6(ip) => write!(f, "[{ip}]")?,
                }
                if !network.is_single() {
                    write!(f, "/{}", network.prefix)?;
                }
            }
        }
        match self.port {
            None => Ok(()),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn service(text: &str) -> Address {
        let parsed: SocketAddr = text.parse().expect("an address with a port");
        Address {
            ip: parsed.ip(),
            port: parsed.port(),
        }
    }

    #[test]
    fn a_pattern_holds_what_it_says() {
        let cases = [
            ("10.0.0.5:8080", "10.0.0.5:8080", true),
            ("10.0.0.5:8080", "10.0.0.5:8081", false),
            ("10.0.0.5:8080", "10.0.0.6:8080", false),
            ("10.0.0.5", "10.0.0.5:1", true),
            ("10.0.0.5:*", "10.0.0.5:1", true),
            ("10.0.1.0/24:443", "10.0.1.255:443", true),
            ("10.0.1.0/24:443", "10.0.2.0:443", false),
            ("10.0.1.0/24", "10.0.1.9:80", true),
            ("0.0.0.0/0", "203.0.113.9:80", true),
            ("0.0.0.0/0", "[2001:db8::1]:80", false),
            ("[::]/0", "203.0.113.9:80", false),
            ("[2001:db8::]/32", "[2001:db8:ffff::1]:443", true),
            ("[2001:db8::]/32", "[2001:db9::1]:443", false),
            ("[2001:db8::]/32:443", "[2001:db8::1]:443", true),
            ("[2001:db8::]/32:443", "[2001:db8::1]:80", false),
            ("[2001:db8::1]:443", "[2001:db8::1]:443", true),
            ("2001:db8::/32", "[2001:db8::1]:443", true),
            ("2001:db8::1", "[2001:db8::1]:443", true),
            ("*:443", "[2001:db8::1]:443", true),
            ("*:443", "10.0.0.1:80", false),
            ("*", "10.0.0.1:80", true),
            ("*:*", "10.0.0.1:80", true),
        ];
        for (pattern, address, matches) in cases {
            let parsed: ServicePattern = pattern.parse().expect(pattern);
            assert_eq!(parsed.matches(service(address)), matches, "{pattern} {address}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in [
            "",
            "8080",
            ":8080",
            "web:8080",
            "10.0.0.5:",
            "10.0.0.5:+80",
            "10.0.0.5:65536",
            "10.0.0.5:80:90",
            "10.0.1.7/24",
            "10.0.1.0/33",
            "10.0.1.0/",
            "10.0.0.5:80/24",
            "[2001:db8::1]/129",
            "[2001:db8::1",
            "[10.0.0.5]:80",
            "[2001:db8::]x",
            "2001:db8::/32:443",
            "fe80::1%eth0",
            "**",
            " *",
            "*443",
        ] {
            assert!(wrong.parse::<ServicePattern>().is_err(), "{wrong:?}");
        }
        let beyond = "10.0.1.7/24".parse::<ServicePattern>();
        assert_eq!(
            beyond,
            Err("10.0.1.7 has bits beyond its prefix of 24".to_owned())
        );
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        for text in [
            "10.0.0.5:8080",
            "10.0.1.0/24:443",
            "[2001:db8::]/32",
            "[2001:db8::1]:443",
            "*:443",
            "*",
        ] {
            let pattern: ServicePattern = text.parse().expect(text);
            assert_eq!(pattern.to_string(), text);
        }
        assert_eq!("*:*".parse(), Ok(ServicePattern::ANY));
    }
}
