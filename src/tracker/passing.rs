//! A segment of an open connection, as far as the short ways look at it: most are data or an acknowledgment in order.

use super::{Mark, Role};
use crate::segment::{ChecksumState, Endpoint, Flags, Lean, Segment, Wide};
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

/// Which of client and server sent a lean segment; none if it is of others.
#[inline]
pub fn sender([client, server]: &[Endpoint; 2], seg: &Lean, wide: &Wide) -> Option<Role> {
    let from_client = seg.goes(client, server, wide)?;
    Some(if from_client { Role::Client } else { Role::Server })
}

impl Passing {
    /// The control bits that say more than that this is data or an acknowledgment.
    pub const CONTROL: u16 = Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK;

    /// None without an acknowledgment.
    #[inline]
    pub(super) fn of(seg: &Segment) -> Option<Passing> {
        Some(Passing {
            mark: Mark::of(seg),
            seq: seg.seq,
            ack: seg.ack?,
            seq_len: seg.seq_len(),
            payload_len: seg.payload_len,
            window: seg.window,
            timestamps: seg.options.timestamps,
            print: seg.print(),
            cut: seg.cut,
            header_cut: seg.header_cut,
        })
    }

    /// None if it is anything but data or an acknowledgment, or its checksum is bad.
    #[inline]
    pub fn plain(seg: &Segment) -> Option<Passing> {
        let plain = seg.flags.0 & Passing::CONTROL == Flags::ACK;
        if !plain || seg.checksum_state == ChecksumState::Bad {
            return None;
        }
        Passing::of(seg)
    }

    /// As [`Passing::plain`], of a lean segment.
    #[inline]
    pub fn lean(seg: &Lean) -> Option<Passing> {
        let plain = seg.flags().0 & Passing::CONTROL == Flags::ACK;
        Some(Passing {
            mark: Mark {
                packet: seg.packet,
                time: seg.time,
            },
            seq: seg.seq,
            ack: seg.ack().filter(|_| plain)?,
            seq_len: seg.payload_len.into(),
            payload_len: seg.payload_len.into(),
            window: seg.window,
            timestamps: seg.timestamps(),
            print: seg.print,
            cut: seg.cut(),
            header_cut: seg.header_cut(),
        })
    }

    /// The number after its last octet.
    pub(super) fn seq_end(&self) -> Seq {
        self.seq.plus(self.seq_len)
    }
}
