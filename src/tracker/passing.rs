//! A segment of an open connection, as far as the short ways look at it: most are data or an acknowledgment in order.

use super::{Mark, Role};
use crate::segment::{ChecksumState, Endpoint, Flags, Lean, Options, Segment, Wide};
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
        Some(Passing::with_ack(seg, seg.ack?))
    }

    #[inline]
    fn with_ack(seg: &Segment, ack: Seq) -> Passing {
        Passing {
            mark: Mark::of(seg),
            seq: seg.seq,
            ack,
            seq_len: seg.seq_len(),
            payload_len: seg.payload_len,
            window: seg.window,
            timestamps: seg.options.timestamps,
            print: seg.print(),
            cut: seg.cut,
            header_cut: seg.header_cut,
        }
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
        plain.then(|| Passing::of_lean(seg))
    }

    /// Of one with neither SYN nor FIN; SEG.ACK is that of the header.
    #[inline]
    fn of_lean(seg: &Lean) -> Passing {
        Passing {
            mark: Mark {
                packet: seg.packet,
                time: seg.time,
            },
            seq: seg.seq,
            ack: seg.raw_ack(),
            seq_len: seg.payload_len.into(),
            payload_len: seg.payload_len.into(),
            window: seg.window,
            timestamps: seg.timestamps(),
            print: seg.print,
            cut: seg.cut(),
            header_cut: seg.header_cut(),
        }
    }

    /// The number after its last octet.
    pub(super) fn seq_end(&self) -> Seq {
        self.seq.plus(self.seq_len)
    }
}

/// A segment as far as a connection by the book looks at it, whatever its control bits are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// SEG.ACK is that of the header here, whether or not the ACK bit is set.
    pub passing: Passing,
    /// Control bits.
    pub flags: Flags,
    /// Identification of the IPv4 packet.
    pub ip_id: Option<u16>,
    /// TCP checksum as it stood in the header.
    pub checksum: Option<u16>,
}

impl Telling {
    /// Whatever its options are.
    #[inline]
    pub fn of(seg: &Segment) -> Telling {
        Telling {
            passing: Passing::with_ack(seg, Seq(seg.raw_ack)),
            flags: seg.flags,
            ip_id: seg.ip_id,
            checksum: seg.checksum,
        }
    }

    /// None if it has options besides timestamps, or its checksum is bad.
    pub fn plain(seg: &Segment) -> Option<Telling> {
        let plain = matches!(
            seg.options,
            Options {
                mss: None,
                window_scale: None,
                sack_permitted: false,
                timestamps: _,
                sack: [None, ..],
                fast_open: None,
                malformed: false,
            }
        );
        (plain && seg.checksum_state != ChecksumState::Bad).then(|| Telling::of(seg))
    }

    /// As [`Telling::plain`], of a lean segment.
    #[inline]
    pub fn lean(seg: &Lean) -> Option<Telling> {
        if seg.opens() {
            return None;
        }
        let flags = seg.flags();
        Some(Telling {
            passing: Passing {
                seq_len: flags.seq_len(seg.payload_len.into()),
                ..Passing::of_lean(seg)
            },
            flags,
            ip_id: seg.ip_id(),
            checksum: Some(seg.checksum()),
        })
    }

    /// SEG.ACK, if the ACK bit is set.
    #[inline]
    pub fn ack(&self) -> Option<Seq> {
        self.flags.ack().then_some(self.passing.ack)
    }
}

/// A SYN or its answer as far as a connection by the book looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    pub(super) telling: Telling,
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack_permitted: bool,
    pub(super) fast_open: Option<u8>,
    pub(super) ttl: u8,
}

impl Opening {
    /// None if it does more than to open, or there is something wrong with it.
    #[inline(always)]
    pub fn of(seg: &Segment) -> Option<Opening> {
        const BAD: u16 = Flags::FIN | Flags::RST | Flags::URG;
        let Options {
            mss,
            window_scale,
            sack_permitted,
            timestamps: _,
            sack: [None, ..],
            fast_open,
            malformed: false,
        } = seg.options
        else {
            return None;
        };
        let telling = Telling::of(seg);
        let plain = seg.flags.syn()
            && seg.flags.0 & BAD == 0
            && seg.payload_len == 0
            && seg.checksum_state != ChecksumState::Bad
            && !seg.header_cut
            && telling.passing.print != 0; // that of none
        plain.then_some(Opening {
            telling,
            mss,
            window_scale,
            sack_permitted,
            fast_open,
            ttl: seg.ttl,
        })
    }

    /// ISS.
    pub(super) fn seq(&self) -> Seq {
        self.telling.passing.seq
    }

    /// TSval and TSecr.
    pub(super) fn timestamps(&self) -> Option<(u32, u32)> {
        self.telling.passing.timestamps
    }
}
