//! A connection on which all goes by the book, kept as the few segments that tell its story.
//!
//! Most connections open with three segments, carry data in order, and close with three or four. Of such a one this keeps
//! the telling segments, and each direction as it was after the last one between them (`Flowing`), which also counts
//! keepalives and payload that was sent again. A segment that is not by the book ends it: the tracker is made then, or for
//! the report, by going through the telling segments. So whatever they mean is told in one place, and a test holds both ways
//! equal, segment by segment.

mod retold;
#[cfg(test)]
pub(crate) mod tests;
mod usual;

use super::calm::LONGEST;
use super::evidence::Mark;
use super::opening::may_echo;
use super::passing::{Opening, Passing, Telling};
use super::state::Event;
use super::stream::Flowing;
use super::{Role, Tracker};
use crate::segment::{ChecksumState, Flags, Lean, Options, Segment, bits};
use crate::seq::Seq;

/// Telling segments that are kept besides the SYN: two of the opening, and of the close the four that there mostly are. Of the
/// last one of the opening it is enough to know when it came ([`Shown`]).
const MOST: usize = 6;

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
    phase: Phase,
    /// Both SYNs offered timestamps.
    timestamps: bool,
    /// How many of `told` there are.
    count: u8,
    /// Who has closed, and whose FIN was acknowledged: [`CLOSED`] and [`ACKNOWLEDGED`] of the client, of the server one bit higher.
    close: u8,
    /// Segments that are not told and that the snap length cut.
    cut: u32,
    sides: [Flowing; 2],
    /// The segment that showed that the server knows of the handshake's end; none before.
    shown: Option<Shown>,
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
    mss: u16,
    window_scale: u8,
    fast_open: u8,
    ttl: u8,
    /// Which of the options there are.
    options: u16,
}

/// Bits of [`Answer::options`].
const MSS: u16 = 1;
const WINDOW_SCALE: u16 = 1 << 1;
const SACK_PERMITTED: u16 = 1 << 2;
const FAST_OPEN: u16 = 1 << 3;

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

/// When the last segment of the opening came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    /// See [`Told`]. (As a structure of both, these would be padded, and each of them four octets longer.)
    after_low: u32,
    packets: u32,
    after_high: u16,
    /// The snap length cut it.
    cut: bool,
}

/// Bits of [`Textbook::close`].
const CLOSED: u8 = 1;
const ACKNOWLEDGED: u8 = 1 << 2;
const BOTH_ACKNOWLEDGED: u8 = ACKNOWLEDGED | ACKNOWLEDGED << 1;
/// Besides: it is in tags or tunnels. (Here, because each segment asks.)
const IN_SCOPE: u8 = 1 << 4;

const FROM_SERVER: u16 = 1 << 9;
const TIMESTAMPS: u16 = 1 << 10;
const IP_ID: u16 = 1 << 11;
const CHECKSUM: u16 = 1 << 12;
const CUT: u16 = 1 << 13;
const HEADER_CUT: u16 = 1 << 14;
const CONTROL: u16 = Passing::CONTROL;

impl Told {
    /// None if it came before the SYN, too long after it, or is too long.
    fn of(seg: &Telling, from: Role, began: Mark) -> Option<Told> {
        let Telling {
            passing,
            flags,
            ip_id,
            checksum,
        } = seg;
        let after = u64::try_from(passing.mark.time.ns().checked_sub(began.time.ns())?).ok()?;
        let has = [
            (from == Role::Server, FROM_SERVER),
            (passing.timestamps.is_some(), TIMESTAMPS),
            (ip_id.is_some(), IP_ID),
            (checksum.is_some(), CHECKSUM),
            (passing.cut, CUT),
            (passing.header_cut, HEADER_CUT),
        ];
        Some(Told {
            after_low: (after & u64::from(u32::MAX)) as u32,
            after_high: u16::try_from(after >> 32).ok()?,
            bits: flags.0 & 0x1ff | bits(&has),
            packets: u32::try_from(passing.mark.packet.checked_sub(began.packet)?).ok()?,
            raw_ack: passing.ack.0,
            timestamps: passing.timestamps.unwrap_or_default(),
            payload_len: u16::try_from(passing.payload_len).ok()?,
            window: passing.window,
            ip_id: ip_id.unwrap_or_default(),
            checksum: checksum.unwrap_or_default(),
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
        // Without branches: each of some is looked at, and mostly none is.
        let Told {
            after_low: _,
            after_high: _,
            packets: _,
            bits,
            raw_ack,
            timestamps: (value, echo),
            payload_len,
            window,
            ip_id,
            checksum,
        } = *self;
        let long = (raw_ack ^ other.raw_ack) | (value ^ other.timestamps.0) | (echo ^ other.timestamps.1);
        let short = (bits ^ other.bits) | (payload_len ^ other.payload_len) | (window ^ other.window);
        let ip = (ip_id ^ other.ip_id) | (checksum ^ other.checksum);
        long | u32::from(short | ip) == 0
    }

    fn mark(&self, began: Mark) -> Mark {
        later(began, self.packets, self.after_high, self.after_low)
    }

    /// SEG.LEN.
    fn seq_len(&self) -> u32 {
        Flags(self.bits & 0x1ff).seq_len(self.payload_len.into())
    }

    fn is(&self, bit: u16) -> bool {
        self.bits & bit != 0
    }

    /// The segment, as far as a tracker looks at it.
    fn segment(&self, book: &Textbook, syn: &Segment, seq: Seq) -> Segment {
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
                timestamps: self.is(TIMESTAMPS).then_some(self.timestamps),
                ..Options::default()
            },
            ip_id: self.is(IP_ID).then_some(self.ip_id),
            ttl: book.answer.ttl,
            checksum: self.is(CHECKSUM).then_some(self.checksum),
            checksum_state: ChecksumState::NotVerified,
            header_cut: self.is(HEADER_CUT),
            cut: self.is(CUT),
        };
        if flags.syn() {
            book.answer.put_into(&mut segment.options);
        }
        segment
    }
}

impl Answer {
    fn of(seg: &Opening) -> Answer {
        let has = [
            (seg.mss.is_some(), MSS),
            (seg.window_scale.is_some(), WINDOW_SCALE),
            (seg.sack_permitted, SACK_PERMITTED),
            (seg.fast_open.is_some(), FAST_OPEN),
        ];
        Answer {
            mss: seg.mss.unwrap_or_default(),
            window_scale: seg.window_scale.unwrap_or_default(),
            fast_open: seg.fast_open.unwrap_or_default(),
            ttl: seg.ttl,
            options: bits(&has),
        }
    }

    fn put_into(self, options: &mut Options) {
        let has = |bit: u16| self.options & bit != 0;
        options.mss = has(MSS).then_some(self.mss);
        options.window_scale = has(WINDOW_SCALE).then_some(self.window_scale);
        options.sack_permitted = has(SACK_PERMITTED);
        options.fast_open = has(FAST_OPEN).then_some(self.fast_open);
    }
}

impl Shown {
    fn of(told: &Told) -> Shown {
        Shown {
            after_low: told.after_low,
            packets: told.packets,
            after_high: told.after_high,
            cut: told.is(CUT),
        }
    }

    fn mark(&self, began: Mark) -> Mark {
        later(began, self.packets, self.after_high, self.after_low)
    }
}

/// So many packets and nanoseconds after the SYN.
fn later(began: Mark, packets: u32, after_high: u16, after_low: u32) -> Mark {
    let after = u64::from(after_high) << 32 | u64::from(after_low);
    Mark {
        packet: began.packet.saturating_add(u64::from(packets)),
        time: began.time.plus(i64::try_from(after).unwrap_or(i64::MAX)),
    }
}

impl Textbook {
    /// The connection of a SYN, perhaps in tags or tunnels, that this segment answers by the book; else none. It came next, and from
    /// where the SYN went to, to where that came from, which is not the same.
    pub fn begin(syn: &Opening, answer: &Opening, in_scope: bool) -> Option<Textbook> {
        let (began, last) = (syn.telling.passing.mark, answer.telling.passing.mark);
        let ack = syn.seq().plus(1);
        let echoes = match (syn.timestamps(), answer.timestamps()) {
            (Some((value, _)), Some((_, echo))) => may_echo(echo, value, value),
            (_, None) => true,
            (None, Some(_)) => false,
        };
        if syn.telling.flags.0 & CONTROL != Flags::SYN
            || answer.telling.flags.0 & CONTROL != Flags::SYN | Flags::ACK
            || answer.telling.passing.ack != ack
            || last.time < began.time
            || !echoes
        {
            return None;
        }
        let mut told = [Told::default(); MOST];
        told[0] = Told::of(&answer.telling, Role::Server, began)?;
        let mut sides = [Flowing::new(syn, answer), Flowing::new(answer, syn)];
        if let (Some(a), Some(b)) = (syn.window_scale, answer.window_scale) {
            sides[0].set_scale(a.min(14));
            sides[1].set_scale(b.min(14));
        }
        let times = sides[0].times_of(ack, answer.timestamps().map(|(_, echo)| echo));
        sides[0].acknowledge(ack, last, true);
        sides[1].know(ack, answer.telling.passing.window, 0, times);
        Some(Textbook {
            sides,
            last,
            told,
            count: 1,
            close: if in_scope { IN_SCOPE } else { 0 },
            shown: None,
            phase: Phase::Answered,
            timestamps: syn.timestamps().is_some() && answer.timestamps().is_some(),
            cut: 0,
            unanswered: 0,
            unanswered_tsval: 0,
            has_unanswered_tsval: false,
            answer: Answer::of(answer),
        })
    }

    /// Reads a little of what most segments need, from all over it. The sum means nothing.
    #[inline]
    pub fn touch(&self) -> i64 {
        let [client, server] = &self.sides;
        self.last.time.ns() ^ client.touch() ^ server.touch()
    }

    /// SND.NXT of both sides, also while they close.
    #[inline]
    fn next(&self) -> [Seq; 2] {
        // Without branches, also over room where nothing is told yet: which side sent how many of them is not foretold.
        let [_, _, closing @ ..] = &self.told;
        let mut octets = [0_u32; 2];
        for told in closing {
            let len = told.seq_len();
            let of_server = len & u32::from(told.bits & FROM_SERVER == 0).wrapping_sub(1);
            octets[0] = octets[0].wrapping_add(len - of_server);
            octets[1] = octets[1].wrapping_add(of_server);
        }
        let [client, server] = &self.sides;
        [client.nxt.plus(octets[0]), server.nxt.plus(octets[1])]
    }

    /// What there is of the opening in `told`: the SYN-ACK, and what the client answered.
    fn opening(&self) -> &[Told] {
        self.split().0
    }

    /// The telling segments from the first FIN or RST on.
    fn closing(&self) -> &[Told] {
        self.split().1
    }

    fn split(&self) -> (&[Told], &[Told]) {
        let told = self.told.get(..usize::from(self.count)).unwrap_or_default();
        told.split_at(if self.phase == Phase::Answered { 1 } else { 2 }.min(told.len()))
    }

    /// Reads a little of each telling segment. The sum means nothing.
    pub fn touch_told(&self) -> i64 {
        self.told
            .iter()
            .fold(0, |sum, told| sum ^ i64::from(told.packets))
    }

    /// Whether it is in no tags or tunnels.
    #[inline]
    pub fn is_in_no_scope(&self) -> bool {
        self.close & IN_SCOPE == 0
    }

    /// Takes the next segment, from this side, of the connection that began with this SYN. False if it is not by the book: then
    /// nothing has changed, and [`Textbook::tracker`] has to take it.
    pub fn take(&mut self, seg: &Segment, from: Role, syn: Mark) -> bool {
        self.take_either(Passing::plain(seg), || Telling::plain(seg), from, syn)
    }

    /// As [`Textbook::take`], of a lean segment.
    #[inline]
    pub fn take_lean(&mut self, seg: &Lean, from: Role, syn: Mark) -> bool {
        self.take_either(Passing::lean(seg), || Telling::lean(seg), from, syn)
    }

    #[inline(always)]
    fn take_either(
        &mut self,
        passing: Option<Passing>,
        telling: impl FnOnce() -> Option<Telling>,
        from: Role,
        syn: Mark,
    ) -> bool {
        match (self.phase, passing) {
            (Phase::Open, Some(passing)) => self.take_passing(&passing, from),
            (Phase::Acknowledged, Some(passing)) if from == Role::Client => self.take_unanswered(&passing),
            _ => telling().is_some_and(|telling| self.take_telling(&telling, from, syn)),
        }
    }

    /// What the client sends before anything shows that the server knows of the handshake's end.
    fn take_unanswered(&mut self, seg: &Passing) -> bool {
        let fresh = seg
            .timestamps
            .map(|(value, _)| value)
            .filter(|value| self.sides[0].is_fresh(*value));
        if seg.seq != self.sides[0].nxt
            || seg.ack != self.sides[1].nxt
            || seg.mark.time < self.last.time
            || seg.payload_len > LONGEST
            || !self.flow(seg, Role::Client)
        {
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
    #[inline(always)]
    pub fn take_passing(&mut self, seg: &Passing, from: Role) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        if self.phase != Phase::Open
            || seg.mark.time < self.last.time
            || seg.payload_len > LONGEST
            || seg.ack.after(self.sides[peer].nxt)
        {
            return false;
        }
        let taken = if seg.seq == self.sides[me].nxt {
            self.flow(seg, from)
        } else {
            self.go_back(seg, from)
        };
        self.cut += u32::from(taken && seg.cut);
        taken
    }

    /// A segment that is not one of many, or not yet.
    #[inline(never)]
    fn take_telling(&mut self, seg: &Telling, from: Role, syn: Mark) -> bool {
        let Telling { passing, flags, .. } = seg;
        let next = self.next();
        let peer_next = next[from.other() as usize];
        if passing.seq != next[from as usize]
            || passing.mark.time < self.last.time
            || passing.payload_len > LONGEST
            || seg.ack().is_some_and(|ack| ack.after(peer_next))
        {
            return false;
        }
        let Some(told) = Told::of(seg, from, syn) else {
            return false;
        };
        let plain = flags.0 & CONTROL == Flags::ACK;
        let acknowledges_syn = seg.ack() == Some(self.sides[from.other() as usize].nxt);
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
            if !self.flow(passing, from) {
                return false;
            }
            self.phase = phase;
        } else if usize::from(self.count) == MOST || !self.close(seg, &told, from, peer_next) {
            return false;
        }
        self.last = passing.mark;
        if self.phase == Phase::Open {
            self.shown = Some(Shown::of(&told));
            return true;
        }
        debug_assert_eq!(self.told[usize::from(self.count)], Told::default());
        self.told[usize::from(self.count)] = told;
        self.count += 1;
        true
    }

    /// A segment from the first FIN or RST on; `peer_next` is SND.NXT of the other side.
    #[inline]
    fn close(&mut self, seg: &Telling, told: &Told, from: Role, peer_next: Seq) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        // What looks like one before it may be a copy of that.
        let [_, _, closing @ ..] = &self.told;
        let is_known = closing.iter().fold(false, |is, known| is | known.is_like(told));
        if is_known || self.sides[me].has_seen(seg.passing.print) {
            return false;
        }
        let flags = seg.flags;
        if flags.rst() {
            if flags.fin() || flags.syn() || seg.passing.payload_len > 0 || self.phase == Phase::Acknowledged
            {
                return false;
            }
            self.phase = Phase::Reset;
            return true;
        }
        let after_fin = (self.close & CLOSED << me != 0) & (seg.passing.seq_len > 0);
        if flags.syn() || !flags.ack() || after_fin {
            return false;
        }
        let fin_acknowledged = (self.close & CLOSED << peer != 0) & (seg.passing.ack == peer_next);
        self.close |= (u8::from(flags.fin()) * CLOSED) << me;
        self.close |= (u8::from(fin_acknowledged) * ACKNOWLEDGED) << peer;
        self.phase = Phase::Closing;
        true
    }

    /// Data or an acknowledgment in order, on both directions.
    #[inline(never)]
    fn flow(&mut self, seg: &Passing, from: Role) -> bool {
        if !self.may_pass(seg, from) {
            return false;
        }
        self.last = seg.mark;
        pass(&mut self.sides, seg, from);
        true
    }

    /// A keepalive, or payload that was sent again, on both directions.
    #[inline(never)]
    fn go_back(&mut self, seg: &Passing, from: Role) -> bool {
        let Some(back) = self.sides[from as usize].goes_back(seg) else {
            return false;
        };
        if !self.may_pass(seg, from) {
            return false;
        }
        self.last = seg.mark;
        let (sent, received) = from.own_and_others(&mut self.sides);
        sent.send_back(seg, back, received);
        be_acknowledged(sent, received, seg);
        true
    }

    /// Whether there is nothing about a segment but where it lies that is not by the book.
    #[inline]
    fn may_pass(&self, seg: &Passing, from: Role) -> bool {
        let sent = &self.sides[from as usize];
        let old = seg.timestamps.is_some_and(|(value, _)| sent.is_old(value));
        let old = old | (seg.timestamps.is_some() != self.timestamps);
        !old && sent.packets < MANY
            && self.sides[from.other() as usize].can_be_asked()
            && !sent.would_wrap(seg)
            && !sent.has_seen(seg.print)
    }

    /// The tracker that has taken all segments up to here. `syn` is the one that it began with.
    pub fn tracker(&self, syn: &Segment) -> Tracker {
        self.retell(syn).unwrap_or_else(|| self.replay(syn))
    }

    /// The same tracker, whatever the story.
    fn replay(&self, syn: &Segment) -> Tracker {
        let mut tracker = match self.retell_opening(syn) {
            Some(mut tracker) => {
                tracker.last = tracker.first; // time only goes on
                tracker
            }
            None => {
                let mut tracker = Tracker::new(syn, 0);
                tracker.on_segment(syn);
                self.replay_some(
                    &mut tracker,
                    self.opening(),
                    syn,
                    [syn.seq.plus(1), self.sides[1].first()],
                );
                tracker.streams = self.sides.each_ref().map(Flowing::stream);
                tracker.cut += u64::from(self.cut);
                tracker
            }
        };
        self.replay_some(
            &mut tracker,
            self.closing(),
            syn,
            self.sides.each_ref().map(|side| side.nxt),
        );
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

    /// Gives a tracker these telling segments; `next` is SND.NXT of both sides before them.
    fn replay_some(&self, tracker: &mut Tracker, told: &[Told], syn: &Segment, mut next: [Seq; 2]) {
        for told in told {
            let next = &mut next[told.from() as usize];
            let seg = told.segment(self, syn, *next);
            tracker.on_segment(&seg);
            *next = seg.seq_end();
        }
    }

    /// Whether the snap length cut any of its segments behind the SYN.
    pub fn is_cut(&self) -> bool {
        let (opening, closing) = self.split();
        let mut told = opening.iter().chain(closing);
        self.cut > 0 || self.shown.is_some_and(|shown| shown.cut) || told.any(|told| told.is(CUT))
    }

    /// How many telling segments there are.
    pub fn telling(&self) -> u8 {
        self.count + u8::from(self.shown.is_some())
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
            Phase::Closing if self.close & BOTH_ACKNOWLEDGED == BOTH_ACKNOWLEDGED => Stage::Closed,
            Phase::Closing => Stage::HalfClosed,
            Phase::Reset => Stage::Ended,
        }
    }

    /// All of its segments.
    pub fn packets(&self) -> u64 {
        let closing = self.closing().len() as u64;
        let open = self.sides.iter().map(|side| u64::from(side.packets)).sum::<u64>();
        open.saturating_add(closing)
    }
}

/// What a segment in order does to both directions.
#[inline(always)]
fn pass(sides: &mut [Flowing; 2], seg: &Passing, from: Role) {
    let (sent, received) = from.own_and_others(sides);
    sent.send(seg);
    be_acknowledged(sent, received, seg);
}

/// What the acknowledgment of a segment does to both directions.
#[inline(always)]
fn be_acknowledged(sent: &mut Flowing, received: &mut Flowing, seg: &Passing) {
    received.acknowledge(seg.ack, seg.mark, seg.seq_len > 0);
    let echo = seg.timestamps.map(|(_, echo)| echo);
    sent.know(
        seg.ack,
        seg.window,
        sent.scale(),
        received.times_of(seg.ack, echo),
    );
}
