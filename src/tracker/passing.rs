//! A segment of an open connection, as far as the short ways look at it: most are data or an acknowledgment in order.

use super::Mark;
use super::stream::fingerprint;
use crate::segment::{ChecksumState, Flags, Segment};
use crate::seq::Seq;

/// A segment with an acknowledgment.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// Packet and capture time.
    pub mark: Mark,
    /// SEG.SEQ.
    pub seq: Seq,
    /// SEG.ACK.
    pub ack: Seq,
    /// SEG.LEN: octets of payload, SYN and FIN.
    pub seq_len: u32,
    /// Octets of payload.
    pub payload_len: u32,
    /// SEG.WND, unscaled.
    pub window: u16,
    /// TSval and TSecr.
    pub timestamps: Option<(u32, u32)>,
    /// What copies of it have in common ([`Segment::print`]).
    pub print: u32,
    /// The capture cut it, and inside the TCP header.
    pub cut: bool,
    /// See `cut`.
    pub header_cut: bool,
}

impl Passing {
    /// The control bits that say more than that this is data or an acknowledgment.
    pub const CONTROL: u16 = Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK;

    /// None without an acknowledgment.
    #[inline]
    pub(super) fn of(seg: &Segment) -> Option<Passing> {
        Some(Passing {
            mark: Mark {
                packet: seg.packet,
                time: seg.time,
            },
            seq: seg.seq,
            ack: seg.ack?,
            seq_len: seg.seq_len(),
            payload_len: seg.payload_len,
            window: seg.window,
            timestamps: seg.options.timestamps,
            print: fingerprint(seg),
            cut: seg.cut,
            header_cut: seg.header_cut,
        })
    }

    /// None if it is anything but data or an acknowledgment, or its checksum is bad.
    #[inline]
    pub fn plain(seg: &Segment) -> Option<Passing> {
        let plain = seg.flags.0 & Passing::CONTROL == Flags::ACK;
        let good = seg.checksum_state != ChecksumState::Bad;
        Passing::of(seg).filter(|_| plain && good)
    }

    /// The number after its last octet.
    pub(super) fn seq_end(&self) -> Seq {
        self.seq.plus(self.seq_len)
    }
}
