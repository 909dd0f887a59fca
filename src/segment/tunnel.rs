//! Tunnels around a packet, and the numbers their paths get.
//!
//! A path says which tunnels a packet went through, so that equal inner 4-tuples in two tunnels stay apart. Both
//! directions of a connection must have the same path. Therefore the outer addresses are kept as an unordered pair, and
//! an identifier is kept only where both directions carry the same one; see [`TunnelKind`].

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::TunnelId;

/// How many different paths are told apart; those beyond share [`TunnelId::OVERFLOW`].
const MOST_PATHS: usize = 16_384;

/// What kind of tunnel, and what of its header tells it from others of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelKind {
    /// GRE (RFC 2784, 2890). Id: the key; both ends are configured with one.
    Gre,
    /// NVGRE (RFC 7637). Id: the virtual subnet, not the flow id behind it, which each direction chooses.
    Nvgre,
    /// GRE version 1 with PPP (PPTP, RFC 2637). No id: the call id is the receiver's, so each direction has its own.
    Pptp,
    /// ERSPAN types I to III. Id: the session, which a type I header does not have.
    Erspan,
    /// VXLAN and VXLAN-GPE (RFC 7348). Id: the network identifier (VNI).
    Vxlan,
    /// Geneve (RFC 8926). Id: the network identifier (VNI).
    Geneve,
    /// GTP-U (3GPP TS 29.281). No id: a tunnel endpoint identifier (TEID) belongs to one direction.
    GtpU,
    /// L2TP version 2 (RFC 2661). No id: tunnel and session ids are the receiver's.
    L2tp,
    /// L2TP version 3 (RFC 3931). No id: session ids are the receiver's.
    L2tpV3,
    /// IPv4 or IPv6 directly in IPv4 or IPv6. No id.
    IpInIp,
    /// IPv6 in UDP (RFC 4380). No id.
    Teredo,
    /// Ethernet directly in IP (RFC 3378). No id.
    EtherIp,
    /// MPLS in IP, GRE or UDP (RFC 4023, 7510). No id: labels belong to one direction.
    MplsInIp,
    /// Ethernet in MPLS (RFC 4448). No id: labels belong to one direction.
    Pseudowire,
    /// PPPoE (RFC 2516). Id: the session.
    Pppoe,
    /// Provider backbone bridge (IEEE 802.1ah). Id: the service instance (I-SID).
    Pbb,
    /// Cisco FabricPath. No id.
    FabricPath,
    /// TRILL (RFC 6325). No id.
    Trill,
}

impl TunnelKind {
    /// Stable name, kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            TunnelKind::Gre => "gre",
            TunnelKind::Nvgre => "nvgre",
            TunnelKind::Pptp => "pptp",
            TunnelKind::Erspan => "erspan",
            TunnelKind::Vxlan => "vxlan",
            TunnelKind::Geneve => "geneve",
            TunnelKind::GtpU => "gtp-u",
            TunnelKind::L2tp => "l2tp",
            TunnelKind::L2tpV3 => "l2tpv3",
            TunnelKind::IpInIp => "ip-in-ip",
            TunnelKind::Teredo => "teredo",
            TunnelKind::EtherIp => "etherip",
            TunnelKind::MplsInIp => "mpls-in-ip",
            TunnelKind::Pseudowire => "pseudowire",
            TunnelKind::Pppoe => "pppoe",
            TunnelKind::Pbb => "pbb",
            TunnelKind::FabricPath => "fabricpath",
            TunnelKind::Trill => "trill",
        }
    }
}

/// One tunnel of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tunnel {
    /// What kind.
    pub kind: TunnelKind,
    /// What tells it from others between the same ends, where both directions carry the same value.
    pub id: Option<u64>,
    /// The outer IP addresses, the lower one first; `None` for tunnels that are not carried by IP.
    pub ends: Option<[IpAddr; 2]>,
}

impl TunnelKind {
    const ALL: [TunnelKind; 18] = [
        TunnelKind::Gre,
        TunnelKind::Nvgre,
        TunnelKind::Pptp,
        TunnelKind::Erspan,
        TunnelKind::Vxlan,
        TunnelKind::Geneve,
        TunnelKind::GtpU,
        TunnelKind::L2tp,
        TunnelKind::L2tpV3,
        TunnelKind::IpInIp,
        TunnelKind::Teredo,
        TunnelKind::EtherIp,
        TunnelKind::MplsInIp,
        TunnelKind::Pseudowire,
        TunnelKind::Pppoe,
        TunnelKind::Pbb,
        TunnelKind::FabricPath,
        TunnelKind::Trill,
    ];
}

/// A text that names no tunnels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path of tunnels; expected for example `pppoe 3 > vxlan 7 10.0.0.1-10.0.0.2`")]
pub struct NoTunnels(String);

impl FromStr for TunnelPath {
    type Err = NoTunnels;

    /// What its [`Display`](fmt::Display) has written.
    fn from_str(text: &str) -> Result<TunnelPath, NoTunnels> {
        let tunnels: Option<Vec<Tunnel>> = text.split(" > ").map(read).collect();
        let tunnels = tunnels.ok_or_else(|| NoTunnels(text.to_owned()))?;
        Ok(TunnelPath(tunnels.into()))
    }
}

fn read(text: &str) -> Option<Tunnel> {
    let mut words = text.split(' ').peekable();
    let kind = words.next()?;
    let kind = TunnelKind::ALL.into_iter().find(|known| known.name() == kind)?;
    let id = words.next_if(|word| !word.contains(['.', ':']));
    let id = id.map(str::parse).transpose().ok()?;
    let ends = match words.next() {
        Some(ends) => {
            let (low, high) = ends.split_once('-')?;
            Some([low.parse().ok()?, high.parse().ok()?])
        }
        None => None,
    };
    words.next().is_none().then_some(Tunnel { kind, id, ends })
}

impl fmt::Display for Tunnel {
    /// `vxlan 7 10.0.0.1-10.0.0.2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(id) = self.id {
            write!(f, " {id}")?;
        }
        if let Some([low, high]) = self.ends {
            write!(f, " {low}-{high}")?;
        }
        Ok(())
    }
}

/// The tunnels around a packet, outermost first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TunnelPath(Arc<[Tunnel]>);

impl TunnelPath {
    /// The tunnels, outermost first.
    pub fn tunnels(&self) -> &[Tunnel] {
        &self.0
    }
}

impl std::borrow::Borrow<[Tunnel]> for TunnelPath {
    fn borrow(&self) -> &[Tunnel] {
        &self.0
    }
}

impl fmt::Display for TunnelPath {
    /// `pppoe 3 > vxlan 7 10.0.0.1-10.0.0.2`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tunnel) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" > ")?;
            }
            write!(f, "{tunnel}")?;
        }
        Ok(())
    }
}

/// All paths seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Tunnels {
    numbers: HashMap<TunnelPath, TunnelId, RandomState>,
    paths: Vec<TunnelPath>,
    /// Segments whose path came when there was no room for another one.
    pub not_told_apart: u64,
}

impl Tunnels {
    /// The number of a path; 0 for none.
    pub fn number(&mut self, path: &[Tunnel]) -> TunnelId {
        if path.is_empty() {
            return TunnelId::default();
        }
        if let Some(number) = self.numbers.get(path) {
            return *number;
        }
        let next = u32::try_from(self.paths.len().saturating_add(1)).ok();
        match next.filter(|_| self.paths.len() < MOST_PATHS) {
            Some(next) => {
                let path = TunnelPath(path.into());
                self.paths.push(path.clone());
                self.numbers.insert(path, TunnelId(next));
                TunnelId(next)
            }
            None => {
                self.not_told_apart = self.not_told_apart.saturating_add(1);
                TunnelId::OVERFLOW
            }
        }
    }

    /// The path with this number.
    pub fn path(&self, id: TunnelId) -> Option<&TunnelPath> {
        self.paths.get(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vxlan(id: u64) -> Tunnel {
        Tunnel {
            kind: TunnelKind::Vxlan,
            id: Some(id),
            ends: Some([[10, 0, 0, 1].into(), [10, 0, 0, 2].into()]),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let ends = Some([[10, 0, 0, 1].into(), "fe80::1".parse().expect("an address")]);
        for kind in TunnelKind::ALL {
            for (id, ends) in [
                (None, None),
                (Some(0), None),
                (None, ends),
                (Some(u64::MAX), ends),
            ] {
                let path = TunnelPath([vxlan(3), Tunnel { kind, id, ends }].into());
                assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
        for wrong in [
            "",
            "wire",
            "vxlan x",
            "vxlan 7 10.0.0.1",
            "vxlan 7 10.0.0.1-10.0.0.2 9",
            "gre >",
        ] {
            assert!(wrong.parse::<TunnelPath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn paths_get_numbers_in_order_of_appearance() {
        let mut tunnels = Tunnels::default();
        let pppoe = Tunnel {
            kind: TunnelKind::Pppoe,
            id: Some(3),
            ends: None,
        };
        assert_eq!(tunnels.number(&[]), TunnelId(0));
        assert_eq!(tunnels.number(&[vxlan(7)]), TunnelId(1));
        assert_eq!(tunnels.number(&[pppoe, vxlan(7)]), TunnelId(2));
        assert_eq!(tunnels.number(&[vxlan(7)]), TunnelId(1));
        let text = |id| tunnels.path(TunnelId(id)).map(ToString::to_string);
        assert_eq!(text(0), None);
        assert_eq!(text(1).as_deref(), Some("vxlan 7 10.0.0.1-10.0.0.2"));
        assert_eq!(text(2).as_deref(), Some("pppoe 3 > vxlan 7 10.0.0.1-10.0.0.2"));
        assert_eq!(text(3), None);
        assert_eq!(text(TunnelId::OVERFLOW.0), None);
    }

    #[test]
    fn paths_beyond_the_bound_share_a_number_and_are_counted() {
        let mut tunnels = Tunnels::default();
        for id in 0..MOST_PATHS as u64 {
            assert_ne!(tunnels.number(&[vxlan(id)]), TunnelId::OVERFLOW);
        }
        assert_eq!(tunnels.number(&[vxlan(u64::MAX)]), TunnelId::OVERFLOW);
        assert_eq!(tunnels.number(&[vxlan(5)]), TunnelId(6));
        assert_eq!(tunnels.not_told_apart, 1);
    }
}
