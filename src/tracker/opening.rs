//! The opening (RFC 9293 section 3.5): SYN, SYN-ACK and the first acknowledgment, whichever of them the capture holds.

use super::arrival::{Arrival, Sent, SentKind};
use super::evidence::{Cause, Mark};
use super::judge;
use super::observation::Kind;
use super::oddity::{Offers, compare_offers};
use super::packed::packed;
use super::state::{Event, State};
use super::stream::{Repeat, Stream};
use super::{Notes, Role, Tracker, plain_sent};
use crate::segment::{Options, Segment};
use crate::seq::Seq;

/// A SYN of one side.
#[derive(Clone, Copy, Debug)]
pub struct Syn {
    /// First copy.
    pub first: Mark,
    /// Newest copy.
    pub last: Mark,
    /// Copies beyond the first.
    pub copies: u32,
    /// Options of the first copy.
    pub options: SynOptions,
    /// TSval of the newest copy.
    pub(super) last_tsval: Option<u32>,
    /// Payload octets on it.
    pub data: u32,
    /// It carried an ACK.
    pub with_ack: bool,
    /// The capture cut its options.
    pub cut: bool,
}

/// What a SYN offers: its options without those that no SYN carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SynOptions {
    /// See [`Options::mss`].
    pub mss: Option<u16>,
    /// See [`Options::window_scale`].
    pub window_scale: Option<u8>,
    /// See [`Options::sack_permitted`].
    pub sack_permitted: bool,
    /// See [`Options::timestamps`].
    pub timestamps: Option<(u32, u32)>,
    /// See [`Options::fast_open`].
    pub fast_open: Option<u8>,
}

impl Syn {
    /// The first copy of a SYN or SYN-ACK.
    pub(super) fn of(seg: &Segment) -> Syn {
        let mark = Mark::of(seg);
        Syn {
            first: mark,
            last: mark,
            copies: 0,
            options: SynOptions::from(&seg.options),
            last_tsval: seg.options.timestamps.map(|(value, _)| value),
            data: seg.payload_len,
            with_ack: seg.ack.is_some(),
            cut: seg.header_cut,
        }
    }
}

impl From<&Options> for SynOptions {
    fn from(options: &Options) -> SynOptions {
        SynOptions {
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            timestamps: options.timestamps,
            fast_open: options.fast_open,
        }
    }
}

/// The opening.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    /// SYN or SYN-ACK of client and server.
    pub syn: [Option<Syn>; 2],
    /// First SYN-ACK that acknowledged the client's SYN.
    pub syn_ack: Option<Mark>,
    /// First segment that acknowledged the server's SYN.
    pub ack: Option<Mark>,
    /// From the last SYN before the answer to `ack`, ns.
    pub rtt: Option<i64>,
    /// The SYN-ACK acknowledged payload of the SYN (Fast Open).
    pub syn_data_accepted: Option<bool>,
    /// Both SYNs crossed.
    pub simultaneous: bool,
}

/// A SYN-ACK that another one, with another ISS, followed before the client acknowledged either.
#[derive(Clone, Debug)]
pub(super) struct OtherSynAck {
    /// The server's stream as it was.
    stream: Stream,
    syn: Syn,
    /// It, on its way to the client.
    arrival: Option<Arrival>,
}

/// How a host makes its SYN-ACKs: it does not change from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    ttl: u8,
    zero_ip_id: Option<bool>,
}

impl Signature {
    fn of(seg: &Segment) -> Signature {
        Signature {
            ttl: seg.ttl,
            zero_ip_id: seg.ip_id.map(|id| id == 0),
        }
    }
}

/// After so long without a segment timestamps may have wrapped and say nothing (RFC 7323 section 5.5), ns.
const TIMESTAMPS_VOID_NS: i64 = 24 * 86_400 * 1_000_000_000;

/// How far from the timestamps of the captured copies of a SYN those of uncaptured ones can be: two minutes at a tick a µs.
const UNCAPTURED_TICKS: u32 = 1 << 27;

/// Whether a host that has seen a SYN may echo this timestamp; the copies that were captured carried those from `first` to
/// `last`.
pub(super) fn may_echo(echo: u32, first: u32, last: u32) -> bool {
    let low = Seq(first).minus(UNCAPTURED_TICKS);
    echo == 0 || Seq(echo).between(low, Seq(last).plus(UNCAPTURED_TICKS))
}

impl Tracker {
    /// A segment that is not part of the connection's own exchange: answers to a SYN by old numbers, numbers far
    /// outside, acknowledgments of what was never sent. It changes nothing.
    pub(super) fn is_stray(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let waiting_for_syn_ack =
            self.ends[peer].proven() == State::SynSent && self.streams[me].iss.is_none();
        if waiting_for_syn_ack
            && let (Some(ack), Some(iss), Some(nxt)) =
                (seg.ack, self.streams[peer].iss, self.streams[peer].nxt)
        {
            if ack.between(iss.plus(1), nxt) {
                return self.echoes_nothing(seg, from, mark, notes);
            }
            if seg.flags.syn() {
                // The answerer did get some SYN and is in SYN-RECEIVED, but for a SYN that is not this one (figure 8).
                self.aside.observations.note(Kind::SynAckBadAck, from, mark);
                notes.add("acknowledges another SYN");
                if self.aside.before_stray_syn_ack.is_none() {
                    self.aside.before_stray_syn_ack =
                        Some(Box::new((self.ends[me].clone(), Signature::of(seg))));
                }
                let kind = self.syn_ack_kind(seg);
                self.ends[me].on_sent(&Sent {
                    kind,
                    ..plain_sent(mark)
                });
            } else {
                self.aside.observations.note(Kind::SynChallenged, from, mark);
                notes.add("old numbers");
                self.challenged = true;
            }
            return true;
        }
        if seg.flags.syn() {
            return false;
        }
        if self.is_of_earlier_life(seg) {
            self.aside.observations.note(Kind::OldTimestamp, from, mark);
            notes.add("timestamp older than the SYN's");
            return true;
        }
        let far = judge::foreign(seg.seq, &self.streams[me], &self.streams[peer])
            && !self.leaps(from, from, seg.seq, mark, notes);
        let far_ack = seg.ack.is_some_and(|ack| {
            self.streams[peer].nxt.is_some_and(|nxt| ack.after(nxt))
                && judge::foreign(ack, &self.streams[peer], &self.streams[me])
                && !self.leaps(from.other(), from, ack, mark, notes)
        });
        if far {
            let kind = if seg.flags.fin() {
                Kind::FinOutsideWindow
            } else {
                Kind::SegmentOutsideWindow
            };
            self.aside.observations.note(kind, from, mark);
            notes.add("outside the window");
        } else if far_ack {
            // It is dropped as a whole (section 3.10.7.4, fifth check; R26).
            let kind = match (self.misses_handshake(seg, from), seg.flags.fin()) {
                (true, _) => Kind::HandshakeAckBad,
                (false, true) => Kind::FinBadAck,
                (false, false) => Kind::AckBeyondSent,
            };
            self.aside.observations.note(kind, from, mark);
            notes.add("acknowledges what was never sent");
        }
        far || far_ack
    }

    /// Whether a segment that answers the SYN echoes a timestamp that no copy of the SYN carried: its sender has not seen the
    /// SYN, and Linux drops the segment, RST or not (RFC 7323 section 3.2; `PAWSActiveRejected` in its counters).
    pub(super) fn echoes_nothing(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        notes: &mut Notes,
    ) -> bool {
        let Some(syn) = self.opening.syn[from.other() as usize] else {
            return false;
        };
        let sent = syn.options.timestamps.zip(syn.last_tsval);
        let foreign = match (seg.options.timestamps, sent) {
            (Some((_, echo)), Some(((first, _), last))) => !may_echo(echo, first, last),
            (Some((_, echo)), None) => echo != 0 && !syn.cut && !seg.flags.syn(),
            (None, _) => false,
        };
        if foreign {
            self.aside.observations.note(Kind::EchoNeverSent, from, mark);
            notes.add("echoes a timestamp that was never sent");
        }
        foreign
    }

    /// Whether the segment's TSval is older than that of its sender's SYN in this life: an old duplicate, which PAWS makes
    /// the receiver drop whatever its sequence number (RFC 7323 section 5; R29). TS.Recent is void after 24 days.
    pub fn is_of_earlier_life(&self, seg: &Segment) -> bool {
        let Some(syn) = self.opening.syn[self.role_of(seg) as usize].filter(|_| !seg.flags.rst()) else {
            return false;
        };
        match (seg.options.timestamps, syn.options.timestamps) {
            (Some((value, _)), Some((first, _))) => {
                Seq(value).before(Seq(first)) && seg.time.since(syn.first.time) < TIMESTAMPS_VOID_NS
            }
            _ => false,
        }
    }

    /// A number far ahead in the stream of one side, named `by` either. Once both have named it, it is no stray: the
    /// capture lacks what lies between (R10).
    fn leaps(&mut self, of: Role, by: Role, number: Seq, mark: Mark, notes: &mut Notes) -> bool {
        let side = of as usize;
        let agreed = self.aside.far_ahead[side].filter(|(named_by, named)| {
            *named_by != by && number.offset_from(*named).unsigned_abs() <= 1 << 20
        });
        let ahead = self.streams[side].nxt.is_some_and(|nxt| number.after(nxt));
        let Some((_, named)) = agreed.filter(|_| ahead) else {
            let ahead = ahead.then_some((by, number));
            if self.aside.far_ahead[side] != ahead {
                self.aside.far_ahead[side] = ahead;
            }
            return false;
        };
        self.aside.far_ahead[side] = None;
        let acknowledged = if by == of { named } else { number };
        let missed = self.streams[side].reach(number);
        self.streams[side].missed += u64::from(missed);
        self.streams[side].on_ack(acknowledged, mark.time);
        self.aside.observations.note(Kind::CaptureLoss, by, mark);
        notes.add("goes on behind what was not captured");
        true
    }

    /// A SYN-ACK with another ISS than the last one opens another attempt: its sender was back in LISTEN.
    pub(super) fn syn_ack_kind(&mut self, seg: &Segment) -> SentKind {
        let before = self.newest_syn_ack.replace((seg.seq, seg.ack));
        match before {
            Some((seq, _)) if seq != seg.seq => SentKind::SynAckAnew,
            _ => SentKind::SynAck,
        }
    }

    /// A SYN or SYN-ACK. False if it is not of this connection's opening and changes nothing.
    pub(super) fn on_syn(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        repeat: Repeat,
        notes: &mut Notes,
    ) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let with_ack = seg.ack.is_some();
        if let Some(iss) = self.streams[me].iss
            && iss != seg.seq
        {
            // R19: another ISS before the handshake is done replaces the first; later it is a stray.
            let open = matches!(
                self.ends[me].proven(),
                State::SynReceived | State::Closed | State::Listen
            ) && self.opening.ack.is_none();
            self.aside.observations.note(Kind::SynAckChangedIss, from, mark);
            notes.add("other ISS than before");
            if !open {
                return false;
            }
            self.change_iss(seg, from, mark);
        }
        if with_ack && self.streams[me].iss.is_none() && self.ends[peer].proven() == State::SynSent {
            self.forget_strays(seg, from);
        }
        if self.opening.syn[me].is_none() && !with_ack {
            // A SYN-ACK or more of its connection may have been captured before it (R9).
            self.ends[me].amend_inferred([State::SynSent, State::SynSent], mark);
        }
        if !with_ack
            && self.streams[me].iss == Some(seg.seq)
            && self.opening.syn[me].is_some_and(|syn| syn.with_ack)
        {
            // A SYN that its sender's own SYN-ACK overtook: it had opened actively.
            self.ends[me].amend_active_open(mark);
            self.opening.simultaneous = true;
        }
        self.streams[me].iss = Some(seg.seq);
        let tsval = seg.options.timestamps.map(|(value, _)| value);
        match &mut self.opening.syn[me] {
            None => {
                self.opening.syn[me] = Some(Syn::of(seg));
                if seg.payload_len > 0 {
                    self.aside.observations.note(Kind::DataOnSyn, from, mark);
                }
                if !with_ack && self.opening.syn[peer].is_some_and(|syn| !syn.with_ack) {
                    self.opening.simultaneous = true;
                    self.aside.observations.note(Kind::SimultaneousOpen, from, mark);
                    notes.add("simultaneous open");
                }
            }
            Some(syn) => {
                let fresh = repeat == Repeat::Fresh && with_ack == syn.with_ack;
                if fresh && !seg.header_cut && !syn.cut {
                    let (kind, word) = match compare_offers(&syn.options, &SynOptions::from(&seg.options)) {
                        Offers::Same => (None, ""),
                        Offers::Fewer => (Some(Kind::SynOptionsDropped), "fewer options than before"),
                        Offers::Other => (Some(Kind::SynOptionsChanged), "other options than before"),
                    };
                    if let Some(kind) = kind {
                        self.aside.observations.note(kind, from, mark);
                        notes.add(word);
                    }
                }
                if fresh {
                    syn.copies = syn.copies.saturating_add(1);
                    syn.last = mark;
                    syn.last_tsval = tsval;
                }
                if with_ack == syn.with_ack {
                    let synchronized = !matches!(
                        self.ends[me].proven(),
                        State::SynSent | State::SynReceived | State::Closed | State::Listen
                    );
                    self.aside.observations.note(
                        match (with_ack, synchronized) {
                            (true, _) => Kind::SynAckRetransmitted,
                            (false, true) => Kind::SynInConnection,
                            (false, false) => Kind::SynRetransmitted,
                        },
                        from,
                        mark,
                    );
                }
                if with_ack {
                    syn.with_ack = true;
                    // The first timestamp is the one that nothing of this life is older than.
                    let timestamps = syn.options.timestamps.or(seg.options.timestamps);
                    syn.options = SynOptions::from(&seg.options);
                    syn.options.timestamps = timestamps;
                }
            }
        }
        if with_ack && from == Role::Server {
            self.on_syn_ack(seg, mark);
        }
        true
    }

    /// Segments that came before the SYN-ACK, and do not continue it, were of another connection or somebody else's: in
    /// SYN-SENT a segment without SYN is dropped whatever it acknowledges (section 3.10.7.3, fifth check).
    fn forget_strays(&mut self, seg: &Segment, from: Role) {
        let (me, peer) = (from as usize, from.other() as usize);
        let continues = |nxt: Seq| nxt.after(seg.seq) && nxt.offset_from(seg.seq) <= 1 << 20;
        if self.streams[me].nxt.is_none_or(continues) {
            return;
        }
        self.streams[me].restart();
        self.ends[me].disown(State::Closed);
        self.ends[peer].forget_pending();
        self.aside.take_before_inferred_fin();
    }

    /// Whether this packet holds the first SYN seen of its side. Captured out of order it comes late, but is no
    /// retransmission.
    pub(super) fn is_first_syn(&self, from: Role, mark: Mark) -> bool {
        self.opening.syn[from as usize].is_some_and(|syn| syn.first == mark)
    }

    /// Another ISS than before: the client's acknowledgment will tell which of the two SYN-ACKs it took (R19).
    fn change_iss(&mut self, seg: &Segment, from: Role, mark: Mark) {
        let (me, peer) = (from as usize, from.other() as usize);
        let mut taken_before = None;
        if let Some(arrival) = self.ends[peer].waiting_mut(Event::RcvSynAck) {
            taken_before = Some(*arrival);
            *arrival = Arrival::new(Event::RcvSynAck, mark, Some(seg.seq.plus(1)));
        }
        if let (Role::Server, Some(syn)) = (from, self.opening.syn[me]) {
            self.aside.other_syn_ack = Some(Box::new(OtherSynAck {
                stream: self.streams[me].clone(),
                syn,
                arrival: taken_before,
            }));
        }
        self.streams[me].restart();
        self.opening.syn[me] = None;
    }

    /// The client's first acknowledgment: if it means the SYN-ACK before the newest, that one is the server's (R19).
    pub(super) fn choose_syn_ack(&mut self, seg: &Segment, from: Role) {
        if self.aside.other_syn_ack.is_none() || from == Role::Server || seg.flags.syn() {
            return;
        }
        let (Some(ack), Some(other)) = (seg.ack, self.aside.other_syn_ack.take()) else {
            return;
        };
        if other.stream.nxt != Some(ack) || self.streams[1].nxt == Some(ack) {
            return;
        }
        self.streams[1].resume(other.stream);
        self.opening.syn[1] = Some(other.syn);
        if let (Some(newest), Some(taken)) = (self.ends[0].waiting_mut(Event::RcvSynAck), other.arrival) {
            *newest = taken;
        }
    }

    pub(super) fn on_syn_ack(&mut self, seg: &Segment, mark: Mark) {
        let Some(ack) = seg.ack else { return };
        if self.aside.before_stray_syn_ack.is_some()
            && let Some((mirror, signature)) = self.aside.before_stray_syn_ack.take().map(|before| *before)
            && signature != Signature::of(seg)
        {
            // Another host made the SYN-ACK that acknowledged another SYN: it says nothing about this endpoint.
            self.ends[1] = mirror;
            self.newest_syn_ack = None;
        }
        if self.streams[0].iss.is_none() {
            // The SYN itself is missing, or comes later: the SYN-ACK tells its number.
            self.streams[0].iss = Some(ack.minus(1));
            if self.ends[0].proven() == State::Closed && self.streams[0].nxt.is_none() {
                self.ends[0].infer(State::SynSent, Cause::SynSent, mark, None);
            }
        }
        if self.opening.syn_ack.is_none() {
            self.opening.syn_ack = Some(mark);
            if let (Some(syn), Some(iss)) = (self.opening.syn[0], self.streams[0].iss)
                && syn.data > 0
            {
                let taken = ack.after(iss.plus(1));
                self.opening.syn_data_accepted = Some(taken);
                if !taken {
                    self.aside
                        .observations
                        .note(Kind::SynDataIgnored, Role::Server, mark);
                    // The payload has to come again: it is not part of what the server has.
                    self.streams[0].nxt = Some(iss.plus(1));
                }
            }
            if let (Some(client), Some(server)) = (self.opening.syn[0], self.opening.syn[1]) {
                self.agree_on_scale(&client, &server);
            }
        }
    }

    /// Window scaling holds only if both SYNs offered it; a shift above 14 counts as 14 (R22).
    pub(super) fn agree_on_scale(&mut self, client: &Syn, server: &Syn) {
        if let (Some(a), Some(b)) = (client.options.window_scale, server.options.window_scale) {
            self.streams[0].scale = a.min(14);
            self.streams[1].scale = b.min(14);
        }
    }

    /// Whether window fields can be read: both SYNs with their options were captured.
    pub(super) fn scale_known(&self) -> bool {
        self.opening.syn.iter().all(|syn| syn.is_some_and(|syn| !syn.cut))
    }

    /// The client goes on after its SYN although no SYN-ACK was captured, or the server answers without one.
    pub(super) fn infer_syn_ack(&mut self, seg: &Segment, from: Role, mark: Mark) {
        if seg.flags.syn() || seg.ack.is_none() || self.opening.syn_ack.is_some() {
            return;
        }
        let Some(syn) = self.opening.syn[0] else { return };
        if self.ends[1].proven() == State::Closed && !self.ends[1].has_moved() {
            self.ends[1].infer_passive_open(syn.last, mark);
        }
        if from == Role::Server
            && self.ends[0].proven() == State::SynSent
            && !self.ends[0].waits_for(Event::RcvSynAck)
        {
            self.ends[0].on_its_way(Arrival {
                inferred: true,
                ..Arrival::new(Event::RcvSynAck, mark, Some(seg.seq))
            });
        }
    }
}

packed!(struct SynOptions { mss, window_scale, sack_permitted, timestamps, fast_open });
packed!(struct Syn { first, last, copies, options, last_tsval, data, with_ack, cut });
packed!(struct Opening { syn, syn_ack, ack, rtt, syn_data_accepted, simultaneous });
