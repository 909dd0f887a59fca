//! Judging a segment by numbers alone, before any state moves (RFC 9293 section 3.10.7.4, RFC 5961).

use super::state::State;
use super::stream::{FAR, Stream};
use crate::segment::Segment;
use crate::seq::Seq;

/// What a RST means to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reset {
    /// It ends the connection.
    Accepted,
    /// In the window but not at its edge: to be answered by a challenge ACK (RFC 5961 section 3.2).
    InWindow,
    /// Outside the window: dropped.
    Outside,
    /// In SYN-SENT, without an ACK of the SYN: dropped (section 3.10.7.3).
    BadAck,
    /// There is nothing to reset.
    NoConnection,
}

/// Judges a RST. `sent` is the stream of its sender, `theirs` that of its receiver, `state` the receiver's state.
///
/// The receiver's RCV.NXT is not visible: it lies between its highest acknowledgment and the end of what the sender
/// sent, and both ends are what a RST that follows the rules carries (R41, R44).
pub fn reset(seg: &Segment, sent: &Stream, theirs: &Stream, state: State) -> Reset {
    match state {
        State::Closed | State::Listen => Reset::NoConnection,
        State::SynSent => {
            let acknowledges_syn = match (seg.ack, theirs.iss, theirs.nxt) {
                (Some(ack), Some(iss), Some(nxt)) => ack.between(iss.plus(1), nxt),
                _ => false,
            };
            if acknowledges_syn {
                Reset::Accepted
            } else {
                Reset::BadAck
            }
        }
        State::SynReceived
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait
        | State::Unknown => {
            let low = sent.una.or(sent.nxt);
            let high = sent.nxt.or(sent.una);
            let (Some(low), Some(high)) = (low, high) else {
                return Reset::Accepted;
            };
            let edge = theirs.offers.unwrap_or(low).max(low).max(high);
            if seg.seq.between(low, high.max(low)) {
                Reset::Accepted
            } else if seg.seq.between(low, edge) {
                Reset::InWindow
            } else {
                Reset::Outside
            }
        }
    }
}

/// Whether the receiver takes the acknowledgment that a segment carries: its sequence number must be acceptable first
/// (section 3.10.7.4, first check). `sent` is the stream of the segment's sender.
pub fn sequence_acceptable(seg: &Segment, sent: &Stream) -> bool {
    let Some(received) = sent.una else { return true };
    if seg.seq_len() == 0 {
        seg.seq.at_or_after(received)
    } else {
        seg.seq_end().after(received)
    }
}

/// Whether numbers are so far off that the segment cannot belong to the stream: beyond four windows, or a MiB.
pub fn foreign(seq: Seq, stream: &Stream, receiver: &Stream) -> bool {
    let Some(nxt) = stream.nxt else { return false };
    let limit = if receiver.max_window == 0 {
        FAR
    } else {
        i32::try_from(receiver.max_window).map_or(FAR, |window| window.saturating_mul(4).clamp(1 << 20, FAR))
    };
    seq.offset_from(nxt).unsigned_abs() > limit.unsigned_abs()
}
