//! One end of a socket as `ss` prints it: `10.0.0.5:8080`, `[::1]%eth0:22`, `*:*`, `127.0.0.1:https`.

use std::net::IpAddr;

use crate::model::Address;

/// One end of a socket: what is `*` in the listing is `None` here. The interface (`%eth0`) is left out, and
/// `::ffff:a.b.c.d` is the IPv4 address that its packets carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketAddress {
    /// The address; `0.0.0.0` and `::` as they are; `None` for `*`, which is both of them.
    pub ip: Option<IpAddr>,
    /// The TCP port; `None` for `*`.
    pub port: Option<u16>,
}

impl SocketAddress {
    /// The address that packets of this socket carry; `None` if the socket is not bound to one.
    pub fn address(&self) -> Option<Address> {
        let ip = self.ip.filter(|ip| !ip.is_unspecified())?;
        Some(Address { ip, port: self.port? })
    }

    /// Whether it stands for any address or any port.
    pub fn is_wildcard(&self) -> bool {
        self.address().is_none()
    }
}

impl std::fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.ip {
            None => f.write_str("*")?,
            Some(IpAddr::V4(ip)) => write!(f, "{ip}")?,
            Some(IpAddr::V6(ip)) => write!(f, "[{ip}]")?,
        }
        match self.port {
            None => f.write_str(":*"),
            Some(port) => write!(f, ":{port}"),
        }
    }
}

/// Why a text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has the form, but with the name of a service or a host.
    Name,
    /// It has not the form.
    Form,
}

/// Reads one end of a socket.
pub(super) fn parse(text: &str) -> Result<SocketAddress, Refused> {
    let (host, port) = text.rsplit_once(':').ok_or(Refused::Form)?;
    let ip = parse_host(host);
    let port = match port {
        "*" => Ok(None),
        _ => port.parse().map(Some).map_err(|_| refuse(port)),
    };
    match (ip, port) {
        (Ok(ip), Ok(port)) => Ok(SocketAddress { ip, port }),
        (Err(Refused::Form), _) | (_, Err(Refused::Form)) => Err(Refused::Form),
        (Err(Refused::Name), _) | (_, Err(Refused::Name)) => Err(Refused::Name),
    }
}

fn parse_host(text: &str) -> Result<Option<IpAddr>, Refused> {
    let inside = match text.strip_prefix('[') {
        None => text,
        Some(rest) => {
            let (inside, behind) = rest.split_once(']').ok_or(Refused::Form)?;
            if !behind.is_empty() && !behind.starts_with('%') {
                return Err(Refused::Form);
            }
            inside
        }
    };
    let host = inside.split('%').next().unwrap_or_default();
    match host {
        "*" => Ok(None),
        _ => match host.parse::<IpAddr>() {
            Ok(ip) => Ok(Some(ip.to_canonical())),
            Err(_) => Err(refuse(host)),
        },
    }
}

/// Whether it can be the name of a service (`/etc/services`) or of a host.
fn refuse(text: &str) -> Refused {
    let is_name = text.chars().any(|c| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.+/".contains(c));
    if is_name { Refused::Name } else { Refused::Form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_that_ss_prints() {
        let cases = [
            ("10.0.0.5:8080", "10.0.0.5:8080"),
            ("127.0.0.53%lo:53", "127.0.0.53:53"),
            ("[::1]:18081", "[::1]:18081"),
            ("[fe80::1]%eth0:22", "[fe80::1]:22"),
            ("[fe80::1%eth0]:22", "[fe80::1]:22"),
            ("fe80::1%eth0:22", "[fe80::1]:22"),
            ("::1:80", "[::1]:80"),
            (":::22", "[::]:22"),
            ("[::ffff:127.0.0.1]:57832", "127.0.0.1:57832"),
            ("::ffff:10.0.0.1:80", "10.0.0.1:80"),
            ("*:80", "*:80"),
            ("*:*", "*:*"),
            ("*%eth0:68", "*:68"),
            ("0.0.0.0:*", "0.0.0.0:*"),
            ("[::]:*", "[::]:*"),
        ];
        for (text, shown) in cases {
            assert_eq!(
                parse(text).map(|address| address.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn wildcards_have_no_address() {
        for text in ["*:80", "*:*", "0.0.0.0:80", "[::]:80", "10.0.0.1:*"] {
            let address = parse(text).expect("test data");
            assert!(address.is_wildcard(), "{text}");
        }
        assert!(!parse("[::ffff:10.0.0.1]:80").expect("test data").is_wildcard());
    }

    #[test]
    fn names_are_told_from_nonsense() {
        for text in [
            "127.0.0.1:https",
            "10.0.0.1%eth0:netbios-ns",
            "db-1.example.org:5432",
            "localhost:ssh",
            "*:rpc.statd",
        ] {
            assert_eq!(parse(text), Err(Refused::Name), "{text}");
        }
        for text in [
            "",
            ":",
            "10.0.0.5",
            "10.0.0:80",
            "10.0.0.5:",
            "10.0.0.5:70000",
            "10.0.0.5:-1",
            "[::1:80",
            "[::1]x:80",
            "a b:80",
            "10.0.0.5:\"x",
        ] {
            assert_eq!(parse(text), Err(Refused::Form), "{text}");
        }
    }
}
