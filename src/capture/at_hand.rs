//! Packets that were read already, given out one after the other without a look at each layer of reading: the short way for what
//! most packets of a file are.

use std::ops::ControlFlow;

use super::{CaptureReader, Format, Frame, LinkType};
use crate::time::Timestamp;

/// Packets that are taken at once: what is looked at for all of them costs little for each, and their headers stay in the
/// processor's cache.
const ROW: usize = 32;

/// Who takes packets that were read already.
pub(crate) trait AtHand {
    /// Takes several packets, none of which is earlier than the one before it. False if they are to be taken one by one; nothing
    /// has changed then.
    fn row(&mut self, frames: &mut [Frame<'_>]) -> bool;

    /// Takes the next packet.
    fn frame(&mut self, frame: &mut Frame<'_>) -> ControlFlow<()>;
}

/// Where a packet is written in a row.
pub(super) const NO_FRAME: Frame<'static> = Frame {
    number: 0,
    time: Timestamp::from_ns(0),
    link: LinkType::ETHERNET,
    bytes: &[],
    original_len: 0,
    interface: 0,
    direction: None,
    process: None,
};

impl CaptureReader {
    /// The next packets that were read already and about which nothing is unusual, until `taker` breaks off: the short way for
    /// what most packets of a file are. Then [`CaptureReader::next_record`] is to be asked.
    #[inline]
    pub(crate) fn each_at_hand(&mut self, taker: &mut impl AtHand) -> ControlFlow<()> {
        let Format::Pcap(header) = &mut self.format else {
            return self.each_block_at_hand(taker);
        };
        if self.ended || !header.has_short_way() {
            return ControlFlow::Continue(());
        }
        self.source.consume(std::mem::take(&mut self.lent));
        let mut window = self.source.data();
        let (whole, mut records) = (window.len(), 0);
        let mut flow = ControlFlow::Continue(());
        // All that those of one file have in common.
        let mut frames = [Frame {
            link: header.link,
            ..NO_FRAME
        }; ROW];
        'window: while flow.is_continue() && !self.stop.asked() {
            let row = header.row_in(window, self.packets.saturating_add(1), &mut frames);
            let frames = frames.get_mut(..row.packets).unwrap_or_default();
            if !frames.is_empty() && taker.row(frames) {
                header.accept(&row);
                self.packets += row.packets as u64;
                window = window.get(row.octets..).unwrap_or_default();
                records += row.packets as u64;
                continue;
            }
            for _ in 0..row.packets.max(1) {
                if flow.is_break() || self.stop.asked() {
                    break 'window;
                }
                let next = header.packet_in(window, self.packets.saturating_add(1));
                let Some((mut frame, length)) = next else {
                    break 'window;
                };
                self.packets += 1;
                flow = taker.frame(&mut frame);
                window = window.get(length..).unwrap_or_default();
                records += 1;
            }
        }
        let octets = whole - window.len();
        self.lend(octets, records);
        flow
    }

    /// As [`CaptureReader::each_at_hand`], of pcapng.
    fn each_block_at_hand(&mut self, taker: &mut impl AtHand) -> ControlFlow<()> {
        let mut flow = ControlFlow::Continue(());
        let Format::Pcapng(section) = &mut self.format else {
            return flow;
        };
        if self.ended {
            return flow;
        }
        self.source.consume(std::mem::take(&mut self.lent));
        let mut window = self.source.data();
        let (whole, mut records) = (window.len(), 0);
        while flow.is_continue() && !self.stop.asked() {
            let next = section.packet_in(window, self.packets.saturating_add(1), &mut self.facts);
            let Some((mut frame, length)) = next else {
                break;
            };
            self.packets += 1;
            flow = taker.frame(&mut frame);
            window = window.get(length..).unwrap_or_default();
            records += 1;
        }
        let octets = whole - window.len();
        self.lend(octets, records);
        flow
    }

    /// So many octets of the window, which are so many records, were given out.
    fn lend(&mut self, octets: usize, records: u64) {
        self.lent = octets;
        self.source.note_records(records);
        self.waiting &= octets == 0;
    }
}
