//! A connection on which all goes by the book, kept as the few segments that tell its story.
//!
//! Most connections open with three segments, carry data in order, and close with three or four. Of such a one this keeps
//! the telling segments, and each direction as it was after the last one between them (`Flowing`). A segment that is not by
//! the book ends it: the tracker is made then, or for the report, by going through the telling segments. So whatever they
//! mean is told in one place, and a test holds both ways equal, segment by segment.

mod retold;
#[cfg(test)]
pub(crate) mod tests;
mod usual;

use super::calm::LONGEST;
use super::evidence::Mark;
use super::opening::may_echo;
use super::passing::Passing;
use super::state::Event;
use super::stream::Flowing;
use super::{Role, Tracker};
use crate::segment::{ChecksumState, Flags, Options, Segment};
use crate::seq::Seq;

/// Telling segments that are kept besides the SYN: three of the opening, and of the close the four that there mostly are.
const MOST: usize = 7;

/// With more segments of one side it is not by the book: those of both sides together fit into 32 bits.
const MANY: u32 = 1 << 31;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The SYN was answered by a SYN-ACK.
    Answered,
    /// The handshake is complete, but nothing of the server shows yet that it knows. What the client sends meanwhile tells
    /// nothing.
    Acknowledged,
    /// Both ends are open.
    Open,
    /// One side has closed, or both.
    Closing,
    /// One side has sent a RST: whatever comes now is not by the book.
    Reset,
}

/// What a connection by the book is to whoever asks for its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The handshake is not complete.
    HalfOpen,
    /// Open.
    Open,
    /// One side or both have closed, and it is not over.
    HalfClosed,
    /// Both have closed, and both know.
    Closed,
    /// Reset.
    Ended,
}

/// A connection on which all went by the book since its SYN, which is kept elsewhere: those who ask say which that was. Times
/// and numbers of the telling segments are counted from it.
///
/// What each segment needs comes first.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Textbook {
    /// The newest segment.
    last: Mark,
    /// SND.NXT of both sides, also while they close.
    next: [Seq; 2],
    phase: Phase,
    /// Both SYNs offered timestamps.
    timestamps: bool,
    /// How many of `told` there are, and how many of them came before the first segment that told nothing new.
    count: u8,
    opening: u8,
    /// Segments that are not told and that the snap length cut.
    cut: u32,
    sides: [Flowing; 2],
    /// Who has closed, and whose FIN was acknowledged.
    closed: [bool; 2],
    acknowledged: [bool; 2],
    told: [Told; MOST],
    /// Segments of the client that the server may not know of yet, and the first new TSval among them, if there is one.
    unanswered: u32,
    unanswered_tsval: u32,
    answer: Answer,
    has_unanswered_tsval: bool,
}

/// What only the SYN-ACK has.
#[derive(Clone, Copy, Debug)]
struct Answer {
    mss: Option<u16>,
    window_scale: Option<u8>,
    sack_permitted: bool,
    fast_open: Option<u8>,
    ttl: u8,
}

/// A telling segment: what a tracker looks at, and does not know from those before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    /// Nanoseconds after the SYN, modulo 2^32 and the rest.
    after_low: u32,
    after_high: u16,
    /// Control bits (nine), and which of the fields below there are.
    bits: u16,
    /// Packets after the SYN.
    packets: u32,
    raw_ack: u32,
    timestamps: (u32, u32),
    payload_len: u16,
    window: u16,
    ip_id: u16,
    checksum: u16,
}

const FROM_SERVER: u16 = 1 << 9;
const TIMESTAMPS: u16 = 1 << 10;
const IP_ID: u16 = 1 << 11;
const CHECKSUM: u16 = 1 << 12;
const CUT: u16 = 1 << 13;
const HEADER_CUT: u16 = 1 << 14;
const CONTROL: u16 = Passing::CONTROL;

impl Told {
    /// None if there is something about it that is not by the book.
    fn of(seg: &Segment, from: Role, began: Mark) -> Option<Told> {
        let Options {
            mss: None,
            window_scale: None,
            sack_permitted: false,
            timestamps,
            sack: [None, ..],
            fast_open: None,
            malformed: false,
        } = seg.options
        else {
            return None;
        };
        Told::without_options(seg, from, began, timestamps)
    }

    /// As [`Told::of`] for a SYN-ACK, whose options are kept by [`Answer`].
    fn without_options(
        seg: &Segment,
        from: Role,
        began: Mark,
        timestamps: Option<(u32, u32)>,
    ) -> Option<Told> {
        let after = u64::try_from(seg.time.ns().checked_sub(began.time.ns())?).ok()?;
        let bits = [
            (from == Role::Server, FROM_SERVER),
            (timestamps.is_some(), TIMESTAMPS),
            (seg.ip_id.is_some(), IP_ID),
            (seg.checksum.is_some(), CHECKSUM),
            (seg.cut, CUT),
            (seg.header_cut, HEADER_CUT),
        ];
        let flags = seg.flags.0 & 0x1ff;
        Some(Told {
            after_low: (after & u64::from(u32::MAX)) as u32,
            after_high: u16::try_from(after >> 32).ok()?,
            bits: bits
                .iter()
                .filter(|(is, _)| *is)
                .fold(flags, |bits, (_, bit)| bits | bit),
            packets: u32::try_from(seg.packet.checked_sub(began.packet)?).ok()?,
            raw_ack: seg.raw_ack,
            timestamps: timestamps.unwrap_or_default(),
            payload_len: u16::try_from(seg.payload_len).ok()?,
            window: seg.window,
            ip_id: seg.ip_id.unwrap_or_default(),
            checksum: seg.checksum.unwrap_or_default(),
        })
    }

    fn from(&self) -> Role {
        if self.bits & FROM_SERVER == 0 {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Whether this is a copy of the other, whenever they came.
    fn is_like(&self, other: &Told) -> bool {
        Told {
            after_low: other.after_low,
            after_high: other.after_high,
            packets: other.packets,
            ..*self
        } == *other
    }

    fn mark(&self, began: Mark) -> Mark {
        let after = u64::from(self.after_high) << 32 | u64::from(self.after_low);
        Mark {
            packet: began.packet.saturating_add(u64::from(self.packets)),
            time: began.time.plus(i64::try_from(after).unwrap_or(i64::MAX)),
        }
    }

    /// The segment, as far as a tracker looks at it.
    fn segment(&self, book: &Textbook, syn: &Segment, seq: Seq) -> Segment {
        let has = |bit: u16| self.bits & bit != 0;
        let flags = Flags(self.bits & 0x1ff);
        let (source, destination) = match self.from() {
            Role::Client => (syn.source, syn.destination),
            Role::Server => (syn.destination, syn.source),
        };
        let Mark { packet, time } = self.mark(Mark::of(syn));
        let mut segment = Segment {
            packet,
            time,
            source,
            destination,
            scope: syn.scope,
            seq,
            ack: flags.ack().then_some(Seq(self.raw_ack)),
            raw_ack: self.raw_ack,
            flags,
            window: self.window,
            payload_len: u32::from(self.payload_len),
            options: Options {
                timestamps: has(TIMESTAMPS).then_some(self.timestamps),
                ..Options::default()
            },
            ip_id: has(IP_ID).then_some(self.ip_id),
            ttl: book.answer.ttl,
            checksum: has(CHECKSUM).then_some(self.checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut: has(HEADER_CUT),
            cut: has(CUT),
        };
        if flags.syn() {
            segment.options.mss = book.answer.mss;
            segment.options.window_scale = book.answer.window_scale;
            segment.options.sack_permitted = book.answer.sack_permitted;
            segment.options.fast_open = book.answer.fast_open;
        }
        segment
    }
}

impl Textbook {
    /// The connection of a SYN that this segment, which came next, answers by the book; else none.
    pub fn begin(syn: &Segment, answer: &Segment) -> Option<Textbook> {
        const BAD: u16 = Flags::FIN | Flags::RST | Flags::URG;
        let plain = |seg: &Segment| {
            seg.flags.0 & BAD == 0
                && seg.payload_len == 0
                && seg.checksum_state != ChecksumState::Bad
                && !seg.header_cut
                && !seg.options.malformed
                && seg.options.sack[0].is_none()
                && seg.print() != 0 // that of none
        };
        let echoes = match (syn.options.timestamps, answer.options.timestamps) {
            (Some((value, _)), Some((_, echo))) => may_echo(echo, value, value),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        if syn.flags.0 & CONTROL != Flags::SYN
            || answer.flags.0 & CONTROL != Flags::SYN | Flags::ACK
            || answer.source != syn.destination
            || answer.source == syn.source
            || answer.scope != syn.scope
            || answer.ack != Some(syn.seq.plus(1))
            || answer.time < syn.time
            || !plain(syn)
            || !plain(answer)
            || !echoes
        {
            return None;
        }
        let (began, last) = (Mark::of(syn), Mark::of(answer));
        let mut told = [Told::default(); MOST];
        told[0] = Told::without_options(answer, Role::Server, began, answer.options.timestamps)?;
        let mut sides = [Flowing::new(syn), Flowing::new(answer)];
        if let (Some(a), Some(b)) = (syn.options.window_scale, answer.options.window_scale) {
            (sides[0].scale, sides[1].scale) = (a.min(14), b.min(14));
        }
        let ack = syn.seq.plus(1);
        let times = sides[0].times_of(ack, answer.options.timestamps.map(|(_, echo)| echo));
        sides[0].acknowledge(ack, last, true);
        sides[1].know(ack, answer.window, 0, times);
        Some(Textbook {
            next: [syn.seq.plus(1), answer.seq.plus(1)],
            sides,
            last,
            told,
            count: 1,
            opening: 1,
            phase: Phase::Answered,
            closed: [false; 2],
            acknowledged: [false; 2],
            timestamps: syn.options.timestamps.is_some() && answer.options.timestamps.is_some(),
            cut: 0,
            unanswered: 0,
            unanswered_tsval: 0,
            has_unanswered_tsval: false,
            answer: Answer {
                mss: answer.options.mss,
                window_scale: answer.options.window_scale,
                sack_permitted: answer.options.sack_permitted,
                fast_open: answer.options.fast_open,
                ttl: answer.ttl,
            },
        })
    }

    /// Reads a little of what most segments need, from all over it. The sum means nothing.
    #[inline]
    pub fn touch(&self) -> i64 {
        let [client, server] = &self.sides;
        self.last.time.ns() ^ client.touch() ^ server.touch()
    }

    /// Takes the next segment, from this side, of the connection that began with this SYN. False if it is not by the book: then
    /// nothing has changed, and [`Textbook::tracker`] has to take it.
    pub fn take(&mut self, seg: &Segment, from: Role, syn: Mark) -> bool {
        if self.phase == Phase::Open
            && let Some(passing) = Passing::plain(seg)
        {
            return self.take_passing(&passing, from);
        }
        let (me, peer) = (from as usize, from.other() as usize);
        if seg.seq != self.next[me]
            || seg.time < self.last.time
            || seg.payload_len > LONGEST
            || seg.checksum_state == ChecksumState::Bad
            || seg.ack.is_some_and(|ack| ack.after(self.next[peer]))
        {
            return false;
        }
        if self.phase != Phase::Acknowledged || from == Role::Server {
            return self.take_telling(seg, from, syn);
        }
        let Some(passing) = Passing::plain(seg) else {
            return self.take_telling(seg, from, syn);
        };
        let value = seg.options.timestamps.map(|(value, _)| value);
        let fresh = value.filter(|value| self.sides[0].is_fresh(*value));
        if seg.ack != Some(self.sides[1].nxt) || !self.flow(&passing, from) {
            return false;
        }
        if let (Some(value), false) = (fresh, self.has_unanswered_tsval) {
            (self.unanswered_tsval, self.has_unanswered_tsval) = (value, true);
        }
        self.unanswered = self.unanswered.saturating_add(1);
        self.cut += u32::from(seg.cut);
        true
    }

    /// As [`Textbook::take`], of data or an acknowledgment; false, too, if such a segment still tells something.
    #[inline]
    pub fn take_passing(&mut self, seg: &Passing, from: Role) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        if self.phase != Phase::Open
            || seg.seq != self.next[me]
            || seg.mark.time < self.last.time
            || seg.payload_len > LONGEST
            || seg.ack.after(self.next[peer])
            || !self.flow(seg, from)
        {
            return false;
        }
        self.cut += u32::from(seg.cut);
        true
    }

    /// A segment that is not one of many, or not yet.
    #[inline(never)]
    fn take_telling(&mut self, seg: &Segment, from: Role, syn: Mark) -> bool {
        let Some(told) = Told::of(seg, from, syn) else {
            return false;
        };
        let Some(slot) = self.told.get(usize::from(self.count)) else {
            return false;
        };
        debug_assert_eq!(*slot, Told::default());
        let (me, peer) = (from as usize, from.other() as usize);
        let plain = seg.flags.0 & CONTROL == Flags::ACK;
        let acknowledges_syn = seg.ack == Some(self.sides[peer].nxt);
        let opens = match self.phase {
            // A RST or FIN before the handshake is complete is told by the tracker.
            Phase::Answered if !plain || from == Role::Server || !acknowledges_syn => return false,
            Phase::Answered => Some(Phase::Acknowledged),
            Phase::Acknowledged if plain => Some(Phase::Open),
            // It matters what the server can have seen.
            Phase::Acknowledged if self.unanswered > 0 => return false,
            Phase::Acknowledged | Phase::Open | Phase::Closing => None,
            Phase::Reset => return false,
        };
        if let Some(phase) = opens {
            if !Passing::of(seg).is_some_and(|passing| self.flow(&passing, from)) {
                return false;
            }
            self.phase = phase;
            self.opening += 1;
        } else if !self.close(seg, &told, from) {
            return false;
        }
        self.told[usize::from(self.count)] = told;
        self.count += 1;
        self.last = Mark::of(seg);
        self.next[me] = seg.seq_end();
        true
    }

    /// A segment from the first FIN or RST on.
    fn close(&mut self, seg: &Segment, told: &Told, from: Role) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let seen = &self.told[usize::from(self.opening)..usize::from(self.count)];
        // What looks like one before it may be a copy of that.
        if seen.iter().any(|known| known.is_like(told)) || self.sides[me].has_seen(seg.print()) {
            return false;
        }
        let flags = seg.flags;
        if flags.rst() {
            if flags.fin() || flags.syn() || seg.payload_len > 0 || self.phase == Phase::Acknowledged {
                return false;
            }
            self.phase = Phase::Reset;
            return true;
        }
        let nothing_after_fin = !self.closed[me] || seg.seq_len() == 0;
        if flags.syn() || !flags.ack() || !nothing_after_fin {
            return false;
        }
        self.closed[me] |= flags.fin();
        self.acknowledged[peer] |= self.closed[peer] && seg.ack == Some(self.next[peer]);
        self.phase = Phase::Closing;
        true
    }

    /// Data or an acknowledgment in order, on both directions.
    #[inline]
    fn flow(&mut self, seg: &Passing, from: Role) -> bool {
        let sent = &self.sides[from as usize];
        let old = match seg.timestamps {
            Some((value, _)) => !self.timestamps || sent.is_old(value),
            None => self.timestamps,
        };
        if old || sent.packets >= MANY || sent.has_seen(seg.print) {
            return false;
        }
        self.last = seg.mark;
        pass(&mut self.sides, seg, from);
        self.next[from as usize] = self.sides[from as usize].nxt;
        true
    }

    /// The tracker that has taken all segments up to here. `syn` is the one that it began with.
    pub fn tracker(&self, syn: &Segment) -> Tracker {
        self.retell(syn).unwrap_or_else(|| self.replay(syn))
    }

    /// The same tracker, whatever the story.
    fn replay(&self, syn: &Segment) -> Tracker {
        let mut next = self.sides.each_ref().map(|side| side.nxt);
        let told = self.told.iter().take(usize::from(self.count));
        let (mut tracker, later) = match self.retell_opening(syn) {
            Some(mut tracker) => {
                tracker.last = tracker.first; // time only goes on
                (tracker, usize::from(self.opening))
            }
            None => {
                next = [syn.seq.plus(1), self.sides[1].first()];
                let mut tracker = Tracker::new(syn, 0);
                tracker.on_segment(syn);
                (tracker, 0)
            }
        };
        for (index, told) in told.enumerate().skip(later) {
            if index == usize::from(self.opening) && later == 0 {
                next = self.pour_into(&mut tracker);
            }
            let me = told.from() as usize;
            let seg = told.segment(self, syn, next[me]);
            tracker.on_segment(&seg);
            next[me] = seg.seq_end();
        }
        if self.count == self.opening && later == 0 {
            self.pour_into(&mut tracker);
        }
        if self.phase == Phase::Acknowledged
            && self.unanswered > 0
            && let Some(waiting) = tracker.ends[1].waiting_mut(Event::RcvAckOfSyn)
        {
            waiting.last = self.last;
            let echo = self.has_unanswered_tsval.then_some(self.unanswered_tsval);
            waiting.echo = waiting.echo.or(echo);
        }
        tracker.last = self.last;
        tracker.look_for_calm();
        tracker
    }

    /// Brings both directions to where they were before the closing; returns SND.NXT of both.
    fn pour_into(&self, tracker: &mut Tracker) -> [Seq; 2] {
        tracker.streams = self.sides.each_ref().map(Flowing::stream);
        tracker.cut += u64::from(self.cut);
        self.sides.each_ref().map(|side| side.nxt)
    }

    /// Whether the snap length cut any of its segments behind the SYN.
    pub fn is_cut(&self) -> bool {
        let told = self.told.iter().take(usize::from(self.count));
        self.cut > 0 || told.into_iter().any(|told| told.bits & CUT != 0)
    }

    /// How many telling segments there are.
    pub fn telling(&self) -> u8 {
        self.count
    }

    /// The newest segment.
    pub fn last(&self) -> Mark {
        self.last
    }

    /// Both ends are gone, or will be once what is on its way has arrived. Where a timestamp is missing or old, its tracker may
    /// know better.
    pub fn is_over(&self) -> bool {
        matches!(self.stage(), Stage::Closed | Stage::Ended)
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        match self.phase {
            Phase::Answered => Stage::HalfOpen,
            Phase::Acknowledged | Phase::Open => Stage::Open,
            Phase::Closing if self.acknowledged == [true, true] => Stage::Closed,
            Phase::Closing => Stage::HalfClosed,
            Phase::Reset => Stage::Ended,
        }
    }

    /// All of its segments.
    pub fn packets(&self) -> u64 {
        let closing = u64::from(self.count.saturating_sub(self.opening));
        let open = self.sides.iter().map(|side| u64::from(side.packets)).sum::<u64>();
        open.saturating_add(closing)
    }
}

/// What a segment in order does to both directions.
#[inline(always)]
fn pass(sides: &mut [Flowing; 2], seg: &Passing, from: Role) {
    let [client, server] = sides;
    let (sent, received) = match from {
        Role::Client => (client, server),
        Role::Server => (server, client),
    };
    sent.send(seg);
    received.acknowledge(seg.ack, seg.mark, seg.seq_len > 0);
    let echo = seg.timestamps.map(|(_, echo)| echo);
    sent.know(seg.ack, seg.window, sent.scale, received.times_of(seg.ack, echo));
}
