//! IEEE 802.11 data frames, and the headers that drivers put before them.

use super::{Layers, Next, be16, be32, le16, le32};
use crate::capture::{LinkType, Skip};

/// A frame check sequence, octets.
const CHECK_SEQUENCE: usize = 4;

/// Radiotap: a length, and fields of which the second one (flags) tells how the frame ends and is padded.
pub(super) fn radiotap(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const CHECK_SEQUENCE_AT_END: u8 = 0x10;
    const PADDED: u8 = 0x20;
    let (Some(length), Some(present)) = (le16(at.bytes, 2), le32(at.bytes, 4)) else {
        return Err(at.cut());
    };
    let length = usize::from(length);
    if at.byte(0)? != 0 || length < 8 {
        return Err(Skip::BadLinkHeader);
    }
    let mut words = 1usize;
    let mut word = present;
    while word & 1 << 31 != 0 {
        word = le32(at.bytes, words.saturating_mul(4).saturating_add(4)).ok_or(at.cut())?;
        words = words.saturating_add(1);
    }
    let fields = words.saturating_mul(4).saturating_add(4);
    let flags_at = if present & 1 == 0 {
        fields
    } else {
        fields.next_multiple_of(8).saturating_add(8) // behind the time, which is aligned
    };
    let flags = if present & 2 != 0 && flags_at < length {
        at.byte(flags_at)?
    } else {
        0
    };
    at.pass(length)?;
    if flags & CHECK_SEQUENCE_AT_END != 0 {
        at.drop_trailer(CHECK_SEQUENCE);
    }
    frame(at, flags & PADDED != 0)
}

/// Prism: the length stands behind a message code, both in the byte order of the capturing machine. Some drivers write AVS
/// headers under its number.
pub(super) fn prism(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    if at.bytes.starts_with(&[0x80, 0x21, 0x10]) {
        return avs(at);
    }
    let (Some(little), Some(big)) = (le32(at.bytes, 4), be32(at.bytes, 4)) else {
        return Err(at.cut());
    };
    at.pass(usize::try_from(little.min(big)).unwrap_or(usize::MAX))?;
    Ok(Next::Wireless)
}

/// AVS: the length stands behind the version.
pub(super) fn avs(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    let length = at.be32(4)?;
    if length < 8 {
        return Err(Skip::BadLinkHeader);
    }
    at.pass(usize::try_from(length).unwrap_or(usize::MAX))?;
    Ok(Next::Wireless)
}

/// PPI: a length, a link type, and fields; the one for IEEE 802.11 tells of a check sequence at the end.
pub(super) fn ppi(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    const COMMON_802_11: u16 = 2;
    let (Some(length), Some(link)) = (le16(at.bytes, 2), le32(at.bytes, 4)) else {
        return Err(at.cut());
    };
    let length = usize::from(length);
    if length < 8 {
        return Err(Skip::BadLinkHeader);
    }
    let mut fields = at.bytes.get(8..length).ok_or(at.cut())?;
    let mut check_sequence = false;
    while let (Some(kind), Some(size)) = (le16(fields, 0), le16(fields, 2)) {
        if kind == COMMON_802_11 {
            check_sequence = le16(fields, 12).is_some_and(|flags| flags & 1 != 0);
        }
        fields = fields
            .get(usize::from(size).saturating_add(4)..)
            .unwrap_or_default();
    }
    at.pass(length)?;
    if check_sequence {
        at.drop_trailer(CHECK_SEQUENCE);
    }
    match LinkType(link) {
        LinkType::PPI => Err(Skip::BadLinkHeader),
        link => Ok(Next::Link(link)),
    }
}

pub(super) fn open(at: &mut Layers<'_, '_, '_>) -> Result<Next, Skip> {
    frame(at, false)
}

/// A data frame in clear: its header, then LLC.
fn frame(at: &mut Layers<'_, '_, '_>, padded: bool) -> Result<Next, Skip> {
    const BOTH_DISTRIBUTION_SYSTEMS: u8 = 0x03; // a frame between two access points has four addresses
    const MORE_FRAGMENTS: u8 = 0x04;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const QUALITY: u8 = 0x80; // subtype bits
    const NO_DATA: u8 = 0x40;
    const AGGREGATE: u8 = 0x80;
    let (control, flags) = (at.byte(0)?, at.byte(1)?);
    match control & 0x0f {
        0x08 => {}
        0x00 => return Err(Skip::WlanManagement),
        0x04 => return Err(Skip::WlanControl),
        _ => return Err(Skip::BadLinkHeader),
    }
    if control & NO_DATA != 0 {
        return Err(Skip::WlanNoData);
    }
    if flags & PROTECTED != 0 {
        return Err(Skip::EncryptedWlan);
    }
    if flags & MORE_FRAGMENTS != 0 || at.byte(22)? & 0x0f != 0 {
        return Err(Skip::LinkFragment);
    }
    let mut header = 24usize;
    if flags & BOTH_DISTRIBUTION_SYSTEMS == BOTH_DISTRIBUTION_SYSTEMS {
        header = 30;
    }
    let mut aggregate = false;
    if control & QUALITY != 0 {
        aggregate = at.byte(header)? & AGGREGATE != 0;
        header = header.saturating_add(2);
        if flags & ORDER != 0 {
            header = header.saturating_add(4);
        }
    }
    at.pass(if padded {
        header.next_multiple_of(4)
    } else {
        header
    })?;
    if aggregate {
        // One packet can give one segment: an aggregate of several frames is not opened.
        let length = be16(at.bytes, 12).ok_or(at.cut())?;
        at.pass(14)?;
        if usize::from(length).saturating_add(14) <= at.wire {
            return Err(Skip::WlanAggregate);
        }
    }
    Ok(Next::Llc)
}
