//! One incarnation of a 4-tuple: two mirrored endpoints, two streams, the opening and the closing.
//!
//! [`Tracker::on_segment`] does, in this order: copies of the capture out; numbers judged ([`judge`]); what the segment
//! says about its sender ([`endpoint::Mirror::on_sent`]); what it would do to its receiver once it arrives
//! ([`endpoint::Mirror::on_its_way`]).

pub mod endpoint;
pub mod judge;
pub mod ladder;
pub mod observation;
pub mod state;
pub mod stream;

use serde::Serialize;

use crate::segment::{Endpoint, Flags, Options, PacketNumber, Scope, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;
use endpoint::{Arrival, Cause, Mark, Mirror, Sent, SentKind};
use judge::Reset;
use ladder::Ladder;
use observation::{Kind, Observations};
use state::{Event, State, Step, step};
use stream::{Fin, Repeat, Stream};

/// How long after the answer a segment can still have crossed it, where no round trip was measured: below the
/// smallest retransmission timeout in use (200 ms).
const CROSSING_UNKNOWN_NS: i64 = 190_000_000;
/// Slack on twice the measured round trip, for delayed processing.
const CROSSING_SLACK_NS: i64 = 10_000_000;
/// An answer that is due at once and did not come for so long will not come: longer than any delayed ACK (500 ms).
pub const PATIENCE_NS: i64 = 1_000_000_000;
/// A segment that passes this soon after its sender's RST may have been overtaken by it.
const REORDER_NS: i64 = 150_000_000;

/// Client or server of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The side that opened actively.
    Client = 0,
    /// Its peer.
    Server = 1,
}

impl Role {
    /// The other side.
    #[must_use]
    pub fn other(self) -> Role {
        match self {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        }
    }

    /// The word used in every view.
    pub fn name(self) -> &'static str {
        match self {
            Role::Client => "client",
            Role::Server => "server",
        }
    }
}

/// Which segment told client from server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolesFrom {
    /// A SYN without ACK.
    Syn,
    /// A SYN-ACK: its receiver is the client.
    SynAck,
    /// No SYN was captured: a guess by port numbers and by who spoke first.
    Guess,
}

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
    pub options: Options,
    /// TSval of the newest copy.
    last_tsval: Option<u32>,
    /// Payload octets on it.
    pub data: u32,
    /// It carried an ACK.
    pub with_ack: bool,
    /// The capture cut its options.
    pub cut: bool,
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

/// What a segment meant for the connection that it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// Plain data or acknowledgment.
    Plain,
    /// It moved a machine, or may have.
    Moved,
}

/// One incarnation.
#[derive(Clone, Debug)]
pub struct Tracker {
    /// Addresses of client and server.
    pub addresses: [Endpoint; 2],
    /// Outer context.
    pub scope: Scope,
    /// How the roles were told.
    pub roles_from: RolesFrom,
    /// Number among the connections of its 4-tuple.
    pub incarnation: u32,
    /// First and newest packet.
    pub first: Mark,
    /// See `first`.
    pub last: Mark,
    /// Both directions, by sender.
    pub streams: [Stream; 2],
    /// Both endpoints.
    pub ends: [Mirror; 2],
    /// The opening.
    pub opening: Box<Opening>,
    /// Protocol events.
    pub observations: Observations,
    /// The ladder, where a view asks for it.
    pub ladder: Option<Box<Ladder>>,
    /// Packets that the capture doubled.
    pub duplicates: u64,
    /// Packets that the snap length cut.
    pub cut: u64,
    /// Packets with a time before the one before.
    pub time_steps_back: u64,
    /// The connection's beginning is missing.
    pub midstream: bool,
    /// Where each side stood when it first acknowledged the peer's FIN.
    pub half_close_from: [Option<Seq>; 2],
    /// FINs that restarted 2 MSL, by holder; and when the last one came.
    pub restarts: [(u32, Option<Timestamp>); 2],
    /// The newest repeated FIN that each side, in TIME-WAIT, has not answered yet.
    fin_repeated: [Option<Mark>; 2],
    /// The endpoints as they were before a missing FIN was inferred from the peer's acknowledgment.
    before_inferred_fin: Option<Box<[Mirror; 2]>>,
    /// A RST without ACK came from the client in answer to the SYN-ACK: no connection stands behind this SYN.
    pub disowned: Option<Mark>,
    /// Something of the old connection answered this one's SYN.
    pub challenged: bool,
    /// Since when, and how often, each endpoint was asked for an answer without giving any.
    owes_since: [Option<(Timestamp, u32)>; 2],
    /// The server before a SYN-ACK that acknowledged another SYN, and what that packet looked like.
    before_stray_syn_ack: Option<Box<(Mirror, Signature)>>,
    /// Numbers of the server's newest SYN-ACK, also of one for another SYN than the client's.
    newest_syn_ack: Option<(Seq, Option<Seq>)>,
}

impl Tracker {
    /// A connection that begins with `seg`. `client` says which side is the client.
    pub fn new(seg: &Segment, incarnation: u32) -> Tracker {
        let (from, roles_from) = roles_of(seg);
        let addresses = match from {
            Role::Client => [seg.source, seg.destination],
            Role::Server => [seg.destination, seg.source],
        };
        let start = match roles_from {
            RolesFrom::Syn | RolesFrom::SynAck => State::Closed,
            RolesFrom::Guess => State::Unknown,
        };
        let mark = Mark { packet: seg.packet, time: seg.time };
        Tracker {
            addresses,
            scope: seg.scope,
            roles_from,
            incarnation,
            first: mark,
            last: mark,
            streams: Default::default(),
            ends: [Mirror::new(start), Mirror::new(start)],
            opening: Box::default(),
            observations: Observations::default(),
            ladder: None,
            duplicates: 0,
            cut: 0,
            time_steps_back: 0,
            midstream: roles_from != RolesFrom::Syn,
            half_close_from: [None, None],
            restarts: [(0, None), (0, None)],
            fin_repeated: [None, None],
            before_inferred_fin: None,
            disowned: None,
            challenged: false,
            newest_syn_ack: None,
            owes_since: [None, None],
            before_stray_syn_ack: None,
        }
    }

    /// Keeps the segments for a ladder from here on.
    pub fn keep_ladder(&mut self) {
        self.ladder = Some(Box::default());
    }

    /// Which side sent the segment.
    pub fn role_of(&self, seg: &Segment) -> Role {
        if seg.source == self.addresses[0] { Role::Client } else { Role::Server }
    }

    /// Takes one segment of this connection.
    pub fn on_segment(&mut self, seg: &Segment) {
        let from = self.role_of(seg);
        let mut notes = Notes::default();
        let weight = self.take(seg, from, &mut notes);
        if let Some(ladder) = &mut self.ladder {
            let control = seg.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
            let plain = weight == Weight::Plain && !control && !notes.keep;
            ladder.add(seg, from, &notes.words[..usize::from(notes.count)], plain);
        }
    }

    fn take(&mut self, seg: &Segment, from: Role, notes: &mut Notes) -> Weight {
        let mark = Mark { packet: seg.packet, time: seg.time };
        self.count(seg, from, mark);
        let repeat = self.streams[from as usize].repeat_of(seg);
        if repeat == Repeat::OfCapture {
            self.duplicates += 1;
            notes.add("capture duplicate");
            return Weight::Plain;
        }
        let flags = seg.flags;
        if flags.rst() {
            return self.on_reset(seg, from, mark, notes);
        }
        if (flags.syn() && flags.fin()) || flags.0 & (Flags::SYN | Flags::FIN | Flags::ACK) == 0 {
            self.observations.note(Kind::BadFlags, from, mark);
            notes.add("bad flags");
            if !flags.syn() {
                return Weight::Plain;
            }
        }
        if self.is_stray(seg, from, mark, notes) {
            return Weight::Moved;
        }
        self.on_own(seg, from, mark, repeat, notes)
    }

    fn count(&mut self, seg: &Segment, from: Role, mark: Mark) {
        if mark.time < self.last.time {
            self.time_steps_back += 1;
        }
        self.last = mark;
        self.cut += u64::from(seg.cut);
        let stream = &mut self.streams[from as usize];
        stream.packets += 1;
        stream.payload_bytes += u64::from(seg.payload_len);
    }

    /// A segment that is not part of the connection's own exchange: answers to a SYN by old numbers, numbers far
    /// outside. It changes nothing.
    fn is_stray(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let waiting_for_syn_ack = self.ends[peer].proven() == State::SynSent && self.streams[me].iss.is_none();
        if waiting_for_syn_ack && let (Some(ack), Some(iss), Some(nxt)) = (seg.ack, self.streams[peer].iss, self.streams[peer].nxt) {
            if ack.between(iss.plus(1), nxt) {
                return false;
            }
            if seg.flags.syn() {
                // The answerer did get some SYN and is in SYN-RECEIVED, but for a SYN that is not this one (figure 9).
                self.observations.note(Kind::SynAckBadAck, from, mark);
                notes.add("acknowledges another SYN");
                if self.before_stray_syn_ack.is_none() {
                    self.before_stray_syn_ack = Some(Box::new((self.ends[me].clone(), Signature::of(seg))));
                }
                let kind = self.syn_ack_kind(seg);
                self.ends[me].on_sent(&Sent { kind, ..plain_sent(mark) });
            } else {
                self.observations.note(Kind::SynChallenged, from, mark);
                notes.add("old numbers");
                self.challenged = true;
            }
            return true;
        }
        if !seg.flags.syn() && judge::foreign(seg.seq, &self.streams[me], &self.streams[peer]) {
            self.observations.note(Kind::SegmentOutsideWindow, from, mark);
            notes.add("outside the window");
            return true;
        }
        false
    }

    /// Whether a segment left its sender after the RST that carries its address: it acknowledges or echoes what passed the
    /// tap after that RST, or so much time went by that no reordering explains it. Then the sender did not reset.
    fn left_after(&self, reset: Mark, seg: &Segment, me: usize, left: Timestamp) -> bool {
        let peer = &self.streams[1 - me];
        let echo = seg.ack.and(seg.options.timestamps).and_then(|(_, echo)| peer.time_of_tsval(echo));
        let known = [seg.ack.and_then(|ack| peer.time_of(ack)), echo];
        known.into_iter().flatten().any(|time| time > reset.time) || left.since(reset.time) > REORDER_NS
    }

    /// A SYN-ACK with another ISS than the last one opens another attempt: its sender was back in LISTEN.
    fn syn_ack_kind(&mut self, seg: &Segment) -> SentKind {
        let before = self.newest_syn_ack.replace((seg.seq, seg.ack));
        match before {
            Some((seq, _)) if seq != seg.seq => SentKind::SynAckAnew,
            _ => SentKind::SynAck,
        }
    }

    fn on_own(&mut self, seg: &Segment, from: Role, mark: Mark, repeat: Repeat, notes: &mut Notes) -> Weight {
        let (me, peer) = (from as usize, from.other() as usize);
        let before = (self.ends[0].clone_key(), self.ends[1].clone_key());
        let by_clock = self.streams[me].sent_by_clock(&seg.options);
        let (left, fresh_tsval) = self.streams[me].on_tsval(&seg.options, seg.time);
        let mut overtaken_by = None;
        if let Some(reset) = self.ends[me].own_reset().filter(|_| !seg.flags.syn()) {
            if by_clock.is_some_and(|sent| sent > reset.time) || self.left_after(reset, seg, me, left) {
                self.ends[me].take_back_own_reset();
                self.observations.note(Kind::ActivityAfterReset, from, mark);
                notes.add("sender goes on after its RST");
            } else {
                notes.add("overtaken by its sender's RST");
                overtaken_by = self.ends[me].take_back_own_reset();
            }
        }
        if seg.flags.syn() && !self.on_syn(seg, from, mark, repeat, notes) {
            return Weight::Moved;
        }
        self.owes_since[me] = None;
        if seg.seq_len() > 0 {
            let (_, asked) = self.owes_since[peer].get_or_insert((mark.time, 0));
            *asked = asked.saturating_add(1);
        }
        self.check_inferred_fin(seg, from);
        self.infer_own_fin(seg, from, mark, notes);
        let nxt_before = self.streams[me].nxt;
        let place = self.streams[me].on_segment(seg);
        if place.probe {
            let (_, asked) = self.owes_since[peer].get_or_insert((mark.time, 0));
            *asked = asked.saturating_add(1);
            self.streams[me].probes = self.streams[me].probes.saturating_add(1);
            notes.add("probe");
        } else if place.repeats && !(seg.flags.syn() && self.opening.simultaneous) {
            self.streams[me].retransmitted = self.streams[me].retransmitted.saturating_add(1);
            notes.add("retransmission");
        }
        self.note_fin(seg, from, mark, repeat, notes);
        let data = place.advances && seg.payload_len > 0;
        if data && self.streams[me].fin.is_some_and(|fin| !fin.inferred && seg.seq.plus(seg.payload_len).after(fin.covered_by())) {
            self.observations.note(Kind::DataAfterFin, from, mark);
            notes.add("data after FIN");
        }

        // What its acknowledgment says about the peer.
        if let Some(ack) = seg.ack {
            self.on_ack(seg, ack, from, mark, notes);
        }
        if seg.flags.syn() || self.scale_known() {
            let shift = if seg.flags.syn() { 0 } else { self.streams[me].scale };
            self.offer(seg, me, shift);
        }
        self.note_midstream_data(data, from, mark);

        // What it says about its sender.
        self.infer_syn_ack(seg, from, mark);
        let sent = self.sent(seg, from, mark, left);
        if let Some(reset) = overtaken_by {
            // It left before the RST, whenever it passed the tap.
            let before = Mark { time: mark.time.min(reset.time), ..mark };
            self.ends[me].on_sent(&Sent { mark: before, left: left.min(reset.time), ..sent });
            self.ends[me].on_sent(&Sent { kind: SentKind::RstBare, ..plain_sent(reset) });
        } else {
            self.ends[me].on_sent(&sent);
        }
        if self.half_close_from[me].is_none()
            && let (Some(fin), Some(ack)) = (self.streams[peer].fin, seg.ack)
            && ack.at_or_after(fin.covered_by())
        {
            self.half_close_from[me] = Some(nxt_before.map_or(seg.seq, |nxt| nxt.max(seg.seq)));
        }
        self.note_in_time_wait(seg, from, mark, place.probe, notes);

        // What it does to its receiver, once there.
        self.send_on(seg, from, mark, fresh_tsval, repeat, place.probe);
        if (self.ends[0].clone_key(), self.ends[1].clone_key()) == before { Weight::Plain } else { Weight::Moved }
    }

    /// A SYN or SYN-ACK. False if it is not of this connection's opening and changes nothing.
    fn on_syn(&mut self, seg: &Segment, from: Role, mark: Mark, repeat: Repeat, notes: &mut Notes) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        let with_ack = seg.ack.is_some();
        if let Some(iss) = self.streams[me].iss
            && iss != seg.seq
        {
            // R19: another ISS before the handshake is done replaces the first; later it is a stray.
            let open = matches!(self.ends[me].proven(), State::SynReceived | State::Closed | State::Listen) && self.opening.ack.is_none();
            self.observations.note(Kind::SynAckChangedIss, from, mark);
            notes.add("other ISS than before");
            if !open {
                return false;
            }
            self.streams[me].restart();
            self.opening.syn[me] = None;
        }
        if self.streams[me].iss.is_none() && self.streams[me].nxt.is_some() && !with_ack {
            // The SYN comes after segments of its own connection: captured out of order (R9).
            self.ends[me].amend_inferred([State::SynSent, State::SynSent], mark);
        }
        self.streams[me].iss = Some(seg.seq);
        let tsval = seg.options.timestamps.map(|(value, _)| value);
        match &mut self.opening.syn[me] {
            None => {
                self.opening.syn[me] = Some(Syn {
                    first: mark,
                    last: mark,
                    copies: 0,
                    options: seg.options,
                    last_tsval: tsval,
                    data: seg.payload_len,
                    with_ack,
                    cut: seg.header_cut,
                });
                if seg.payload_len > 0 {
                    self.observations.note(Kind::DataOnSyn, from, mark);
                }
                if !with_ack && self.opening.syn[peer].is_some_and(|syn| !syn.with_ack) {
                    self.opening.simultaneous = true;
                    self.observations.note(Kind::SimultaneousOpen, from, mark);
                    notes.add("simultaneous open");
                }
            }
            Some(syn) => {
                let fresh = repeat == Repeat::Fresh && with_ack == syn.with_ack;
                if fresh {
                    syn.copies = syn.copies.saturating_add(1);
                    syn.last = mark;
                    syn.last_tsval = tsval;
                }
                if with_ack == syn.with_ack {
                    let synchronized = !matches!(self.ends[me].proven(), State::SynSent | State::SynReceived | State::Closed | State::Listen);
                    self.observations.note(
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
                    syn.options = seg.options;
                }
            }
        }
        if with_ack && from == Role::Server {
            self.on_syn_ack(seg, mark);
        }
        true
    }

    fn on_syn_ack(&mut self, seg: &Segment, mark: Mark) {
        let Some(ack) = seg.ack else { return };
        if let Some((mirror, signature)) = self.before_stray_syn_ack.take().map(|before| *before)
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
                    self.observations.note(Kind::SynDataIgnored, Role::Server, mark);
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
    fn agree_on_scale(&mut self, client: &Syn, server: &Syn) {
        if let (Some(a), Some(b)) = (client.options.window_scale, server.options.window_scale) {
            self.streams[0].scale = a.min(14);
            self.streams[1].scale = b.min(14);
        }
    }

    /// Whether window fields can be read: both SYNs with their options were captured.
    fn scale_known(&self) -> bool {
        self.opening.syn.iter().all(|syn| syn.is_some_and(|syn| !syn.cut))
    }

    fn offer(&mut self, seg: &Segment, me: usize, shift: u8) {
        let Some(ack) = seg.ack else { return };
        let window = u32::from(seg.window) << shift;
        let stream = &mut self.streams[me];
        stream.max_window = stream.max_window.max(window);
        let edge = ack.plus(window);
        stream.offers = Some(stream.offers.map_or(edge, |offered| offered.max(edge)));
    }

    fn note_fin(&mut self, seg: &Segment, from: Role, mark: Mark, repeat: Repeat, notes: &mut Notes) {
        if !seg.flags.fin() {
            return;
        }
        let me = from as usize;
        let seq = seg.seq.plus(seg.payload_len);
        match &mut self.streams[me].fin {
            Some(fin) if fin.seq == seq => {
                if fin.inferred {
                    fin.inferred = false;
                    fin.first = mark;
                    self.before_inferred_fin = None;
                    self.ends[me].amend_inferred([State::FinWait1, State::LastAck], mark);
                } else if repeat == Repeat::Fresh {
                    self.observations.note(Kind::FinRetransmitted, from, mark);
                    notes.add("FIN again");
                }
                fin.last = mark;
            }
            Some(fin) => {
                let acknowledged = self.streams[me].una.is_some_and(|una| una.at_or_after(fin.covered_by()));
                self.observations.note(Kind::FinChangedSeq, from, mark);
                notes.add("FIN at another number");
                if !acknowledged || fin.inferred {
                    self.streams[me].fin = Some(Fin { seq, first: mark, last: mark, inferred: false });
                    self.streams[me].fin_on_its_way = false;
                }
            }
            None => {
                self.streams[me].fin = Some(Fin { seq, first: mark, last: mark, inferred: false });
            }
        }
    }

    /// An acknowledgment from `from` for what the peer sent.
    fn on_ack(&mut self, seg: &Segment, ack: Seq, from: Role, mark: Mark, notes: &mut Notes) {
        let (me, peer) = (from as usize, from.other() as usize);
        if !seg.flags.syn() && self.opening.ack.is_none() && from == Role::Client
            && let (Some(iss), Some(syn_ack)) = (self.streams[1].iss, self.opening.syn_ack)
            && ack.after(iss)
        {
            self.opening.ack = Some(mark);
            let syn = self.opening.syn[0].map(|syn| if syn.last.time <= syn_ack.time { syn.last } else { syn.first });
            self.opening.rtt = syn.map(|syn| mark.time.since(syn.time));
        }
        match self.streams[peer].nxt {
            None => {
                self.streams[peer].reach(ack, mark);
            }
            Some(nxt) if ack.after(nxt) => {
                if judge::foreign(ack, &self.streams[peer], &self.streams[me]) {
                    self.observations.note(Kind::AckBeyondSent, from, mark);
                    notes.add("acknowledges what was never sent");
                    return;
                }
                let gap = self.streams[peer].reach(ack, mark);
                let synchronized = self.streams[me].nxt.is_some() && !seg.flags.syn();
                if gap == 1 && synchronized && self.streams[peer].fin.is_none() {
                    self.infer_missing_fin(from.other(), ack, mark);
                    notes.add("acknowledges a FIN that was not captured");
                } else {
                    self.streams[peer].missed += u64::from(gap);
                    self.observations.note(Kind::CaptureLoss, from, mark);
                    notes.add("acknowledges what was not captured");
                }
            }
            Some(_) => {}
        }
        let new = self.streams[peer].on_ack(ack, mark.time);
        if let Some(fin) = self.streams[peer].fin
            && !self.streams[peer].fin_on_its_way
            && ack.at_or_after(fin.covered_by())
        {
            // It waited for data that the capture lacks, but the receiver has it all.
            self.streams[peer].fin_on_its_way = true;
            let arrival = Arrival::new(Event::RcvFin, fin.first, Some(fin.covered_by()));
            self.ends[me].on_its_way(Arrival { last: fin.last, inferred: fin.inferred, ..arrival });
        }
        // More was acknowledged than the FIN that was inferred: it was data.
        if new
            && let Some(fin) = self.streams[peer].fin
            && fin.inferred
            && ack.after(fin.covered_by())
        {
            self.take_back_inferred_fin(from.other());
        }
    }

    /// R10: the peer acknowledged one octet more than was captured, and nothing else explains it: a FIN.
    fn infer_missing_fin(&mut self, of: Role, ack: Seq, mark: Mark) {
        let me = of as usize;
        self.before_inferred_fin = Some(Box::new(self.ends.clone()));
        self.streams[me].fin = Some(Fin { seq: ack.minus(1), first: mark, last: mark, inferred: true });
        self.streams[me].fin_on_its_way = true;
        self.observations.note(Kind::FinMissing, of, mark);
        let earliest = self.streams[me].floor;
        let peer = of.other() as usize;
        if let Some(fin) =
            self.streams[peer].fin.filter(|fin| !self.streams[peer].fin_on_its_way && fin.first != mark)
        {
            // It waits for data that the capture lacks; the side that answers with a FIN of its own most likely had it.
            self.streams[peer].fin_on_its_way = true;
            self.ends[me].on_its_way(Arrival::new(Event::RcvFin, fin.first, Some(fin.covered_by())));
        }
        let end = &mut self.ends[me];
        // Whatever was on its way to it has arrived before it closed: the peer's answer came a round trip later.
        end.settle_all(mark);
        if matches!(end.proven(), State::SynSent | State::SynReceived) {
            end.infer(State::Established, Cause::SynAcknowledged, mark, earliest);
        }
        if let Step::To(to) = step(end.proven(), Event::SendFin) {
            end.infer(to, Cause::FinSent, mark, earliest);
        }
        let answers_fin = self.ends[me].proven() == State::LastAck;
        if answers_fin && self.ends[peer].presumed() == State::FinWait1 {
            self.ends[peer].on_its_way(Arrival { inferred: true, ..Arrival::new(Event::RcvAckOfFin, mark, Some(ack)) });
        }
        self.ends[peer].on_its_way(Arrival { inferred: true, ..Arrival::new(Event::RcvFin, mark, Some(ack)) });
    }

    /// An acknowledgment that starts one octet beyond what was captured of its sender: its FIN left before it and was
    /// lost, or will pass the tap later (R40).
    fn infer_own_fin(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) {
        let me = from as usize;
        let Some(nxt) = self.streams[me].nxt else { return };
        let skips_one = seg.seq_len() == 0 && seg.seq == nxt.plus(1) && !seg.flags.syn();
        let open = matches!(self.ends[me].proven(), State::Established | State::SynReceived | State::CloseWait);
        if !skips_one || !open || self.streams[me].fin.is_some() || self.streams[me].una.is_some_and(|una| una.after(nxt)) {
            return;
        }
        self.before_inferred_fin = Some(Box::new(self.ends.clone()));
        self.streams[me].fin = Some(Fin { seq: nxt, first: mark, last: mark, inferred: true });
        self.observations.note(Kind::FinMissing, from, mark);
        notes.add("begins after a FIN that was not captured");
        let earliest = self.streams[me].floor;
        if let Step::To(to) = step(self.ends[me].proven(), Event::SendFin) {
            self.ends[me].infer(to, Cause::FinSent, mark, earliest);
        }
    }

    /// A segment of the side whose FIN was inferred: does it contradict?
    fn check_inferred_fin(&mut self, seg: &Segment, from: Role) {
        let Some(fin) = self.streams[from as usize].fin.filter(|fin| fin.inferred) else { return };
        let data_end = seg.seq.plus(seg.payload_len);
        let covers = seg.payload_len > 0 && data_end.after(fin.seq) && !(seg.payload_len == 1 && seg.seq == fin.seq.minus(1));
        if covers && !(seg.flags.fin() && data_end == fin.seq) {
            self.take_back_inferred_fin(from);
        }
    }

    fn take_back_inferred_fin(&mut self, of: Role) {
        self.streams[of as usize].fin = None;
        self.streams[of as usize].fin_on_its_way = false;
        self.streams[of as usize].missed += 1;
        self.half_close_from[of.other() as usize] = None;
        if let Some(before) = self.before_inferred_fin.take() {
            self.ends = *before;
            // The other side's FIN, if one came since, stands.
            let peer = of.other() as usize;
            if let Some(fin) = self.streams[peer].fin.filter(|fin| !fin.inferred) {
                self.ends[peer].on_sent(&Sent { kind: SentKind::Fin, ..plain_sent(fin.first) });
            }
        }
    }

    /// Without a handshake, data tells who was open: an endpoint that sends data has not closed, and its peer has not
    /// been told so either.
    fn note_midstream_data(&mut self, data: bool, from: Role, mark: Mark) {
        if !self.midstream {
            return;
        }
        let (me, peer) = (from as usize, from.other() as usize);
        let fin = self.streams[me].fin.is_some_and(|fin| fin.first == mark);
        if !data && !fin {
            return;
        }
        self.streams[me].sent_data = true;
        let mut established = |index: usize, latest: Mark| {
            if self.ends[index].proven() == State::Unknown {
                self.ends[index].infer(State::Established, Cause::FirstSeen, latest, None);
            }
        };
        if self.streams[peer].sent_data {
            let first_fin = |side: usize| self.streams[side].fin.map(|fin| fin.first);
            established(me, mark);
            let peer_fin = first_fin(peer);
            established(peer, peer_fin.unwrap_or(mark));
            if let Some(at) = peer_fin {
                // Its FIN came when it was not yet known that this side was open: that was an active close.
                if self.ends[peer].proven() == State::Established {
                    self.ends[peer].infer(State::FinWait1, Cause::FinSent, at, None);
                    if self.streams[peer].una.is_some_and(|una| self.streams[peer].fin.is_some_and(|fin| una.at_or_after(fin.covered_by()))) {
                        self.ends[peer].infer(State::FinWait2, Cause::FinAcknowledged, mark, Some(at.time));
                        self.ends[me].infer(State::CloseWait, Cause::FinReceived, at, Some(at.time));
                    }
                }
            }
        }
    }

    /// The client goes on after its SYN although no SYN-ACK was captured, or the server answers without one.
    fn infer_syn_ack(&mut self, seg: &Segment, from: Role, mark: Mark) {
        if seg.flags.syn() || seg.ack.is_none() || self.opening.syn_ack.is_some() {
            return;
        }
        let Some(syn) = self.opening.syn[0] else { return };
        if self.ends[1].proven() == State::Closed && !self.ends[1].has_moved() {
            self.ends[1].infer_passive_open(syn.last, mark);
        }
        if from == Role::Server && self.ends[0].proven() == State::SynSent && !self.ends[0].waits_for(Event::RcvSynAck) {
            self.ends[0].on_its_way(Arrival { inferred: true, ..Arrival::new(Event::RcvSynAck, mark, Some(seg.seq)) });
        }
    }

    /// What a segment says about its sender.
    fn sent(&mut self, seg: &Segment, from: Role, mark: Mark, left: Timestamp) -> Sent {
        let (me, peer) = (from as usize, from.other() as usize);
        let kind = match (seg.flags.syn(), seg.flags.fin()) {
            (true, _) if seg.ack.is_some() => self.syn_ack_kind(seg),
            (true, _) => SentKind::Syn,
            (false, true) => SentKind::Fin,
            (false, false) => SentKind::Plain,
        };
        let echo = seg.ack.and(seg.options.timestamps).map(|(_, echo)| echo);
        let known = [
            self.streams[me].floor,
            seg.ack.and_then(|ack| self.streams[peer].time_of(ack)),
            echo.and_then(|echo| self.streams[peer].time_of_tsval(echo)),
        ];
        let mut floor = known.into_iter().flatten().max();
        let mut acts_on = None;
        if matches!(kind, SentKind::SynAck | SentKind::SynAckAnew)
            && let Some(syn) = self.opening.syn[peer]
        {
            // Any copy of the SYN may be the one that was answered, unless its TSval comes back.
            floor = Some(syn.first.time);
            let newest_answered = echo.is_none() || echo == syn.last_tsval || syn.copies == 0;
            acts_on = Some(if newest_answered { syn.last } else { syn.first });
        }
        self.streams[me].floor = floor;
        let tap_rtt = self.streams[peer].receiver_rtt;
        let data_on_syn = self.opening.syn[0].map_or(0, |syn| syn.data);
        let fast_open = self.opening.syn_data_accepted == Some(true) && from == Role::Server;
        let beyond_syn = || match (seg.ack, self.streams[0].iss) {
            (Some(ack), Some(iss)) => ack.after(iss.plus(1).plus(data_on_syn)),
            _ => false,
        };
        let waited = self.ends[me].waiting_mut(Event::RcvAckOfSyn).map(|arrival| left.since(arrival.first.time));
        Sent {
            mark,
            kind,
            left,
            floor,
            acts_on,
            ack: seg.ack,
            echo,
            duplicate_reported: match (seg.options.sack[0], seg.ack) {
                (Some((_, right)), Some(ack)) => right.at_or_before(ack),
                _ => false,
            },
            crossing: tap_rtt.map_or(CROSSING_UNKNOWN_NS, |rtt| rtt.saturating_mul(2).saturating_add(CROSSING_SLACK_NS)),
            tap_rtt,
            shows_established: !fast_open || beyond_syn() || waited.is_some_and(|waited| waited > tap_rtt.unwrap_or(0)),
        }
    }

    /// A FIN again in TIME-WAIT restarts 2 MSL (section 3.10.7.4); anything else there is worth a note.
    fn note_in_time_wait(&mut self, seg: &Segment, from: Role, mark: Mark, probe: bool, notes: &mut Notes) {
        let me = from as usize;
        if let (Some(fin), Some(repeated)) = (self.streams[1 - me].fin, self.fin_repeated[me])
            && seg.ack.is_some_and(|ack| ack.at_or_after(fin.covered_by()))
            && self.ends[me].presumed() == State::TimeWait
        {
            // The holder answers the repeated FIN: it was there, and so 2 MSL began anew.
            self.fin_repeated[me] = None;
            let (count, at) = &mut self.restarts[me];
            *count = count.saturating_add(1);
            *at = Some(repeated.time);
            self.observations.note(Kind::TimeWaitRestarted, from.other(), repeated);
            notes.add("answers the FIN again: 2 MSL restarted");
        }
        let holder = from.other() as usize;
        if self.ends[holder].presumed() != State::TimeWait || probe {
            return;
        }
        let Some(fin) = self.streams[from as usize].fin else { return };
        if seg.flags.fin() && fin.first != mark && fin.seq == seg.seq.plus(seg.payload_len) {
            self.fin_repeated[holder] = Some(mark);
        } else if !seg.flags.fin() && seg.seq_len() > 0 {
            self.observations.note(Kind::SegmentInTimeWait, from, mark);
            notes.add("in TIME-WAIT");
        }
    }

    /// What a segment will do to its receiver: put on its way, in the order of section 3.10.7.4.
    fn send_on(&mut self, seg: &Segment, from: Role, mark: Mark, fresh_tsval: bool, repeat: Repeat, probe: bool) {
        let (me, peer) = (from as usize, from.other() as usize);
        let echo = seg.options.timestamps.map(|(value, _)| value).filter(|_| fresh_tsval);
        let copied = repeat == Repeat::OfNetwork;
        if seg.flags.syn() {
            let event = if seg.ack.is_some() { Event::RcvSynAck } else { Event::RcvSyn };
            let receiver = self.ends[peer].presumed();
            let simultaneous = matches!(receiver, State::SynReceived) && self.opening.simultaneous;
            let acceptable = match (seg.ack, self.streams[peer].iss) {
                (Some(ack), Some(iss)) => ack.after(iss),
                (None, Some(_)) => true,
                _ => false,
            };
            if event == Event::RcvSyn
                && self.opening.simultaneous
                && self.ends[me].proven() == State::SynSent
                && !self.ends[me].waits_for(Event::RcvSyn)
                && let Some(crossed) = self.opening.syn[peer].filter(|syn| !syn.with_ack)
            {
                // The other SYN passed the tap before this side was known to be opening actively.
                let proof = self.streams[peer].iss.map(|iss| iss.plus(1));
                self.ends[me].on_its_way(Arrival { last: crossed.last, ..Arrival::new(Event::RcvSyn, crossed.first, proof) });
            }
            let waits = self.ends[peer].waits_for(event);
            if waits && !copied {
                if let Some(arrival) = self.ends[peer].waiting_mut(event) {
                    arrival.repeated(mark, seg.options.timestamps.map(|(value, _)| value));
                }
            } else if acceptable && (matches!(receiver, State::SynSent) || (simultaneous && event == Event::RcvSynAck)) && !waits {
                self.ends[peer].on_its_way(Arrival::new(event, mark, Some(seg.seq.plus(1))));
            }
            return;
        }
        let acceptable = judge::sequence_acceptable(seg, &self.streams[me]) && !probe;
        if let Some(ack) = seg.ack
            && acceptable
        {
            self.send_ack_on(seg, ack, from, mark, echo, copied);
        }
        self.send_fin_on(seg, from, mark, copied);
    }

    fn send_ack_on(&mut self, seg: &Segment, ack: Seq, from: Role, mark: Mark, echo: Option<u32>, copied: bool) {
        let peer = from.other() as usize;
        let end = &mut self.ends[peer];
        if end.proven() == State::SynReceived
            && !end.waits_for(Event::RcvSynAck)
            && self.streams[peer].iss.is_none_or(|iss| ack.after(iss))
        {
            if let Some(arrival) = end.waiting_mut(Event::RcvAckOfSyn) {
                if !copied && arrival.echo.is_none() {
                    arrival.echo = echo;
                }
            } else {
                end.on_its_way(Arrival { echo, ..Arrival::new(Event::RcvAckOfSyn, mark, None) });
            }
        }
        let Some(fin) = self.streams[peer].fin else { return };
        if ack.before(fin.covered_by()) {
            return;
        }
        let proof = (seg.seq_len() > 0).then(|| seg.seq_end());
        if let Some(arrival) = end.waiting_mut(Event::RcvAckOfFin) {
            arrival.proof = arrival.proof.or(proof);
            if !copied {
                arrival.last = mark;
            }
        } else if matches!(end.presumed(), State::FinWait1 | State::Closing | State::LastAck) {
            end.on_its_way(Arrival { echo, ..Arrival::new(Event::RcvAckOfFin, mark, proof) });
        }
    }

    /// The FIN arrives when everything before it has (R30): with its own packet, or with the one that fills the hole.
    fn send_fin_on(&mut self, seg: &Segment, from: Role, mark: Mark, copied: bool) {
        let (me, peer) = (from as usize, from.other() as usize);
        let Some(fin) = self.streams[me].fin.filter(|fin| !fin.inferred) else { return };
        if !self.streams[me].whole_before(fin.seq) {
            if seg.flags.fin() {
                self.observations.note(Kind::FinOutOfOrder, from, mark);
            }
            return;
        }
        let fills = self.streams[me].fills_next(seg);
        if let Some(arrival) = self.ends[peer].waiting_mut(Event::RcvFin) {
            if fills && !copied {
                arrival.repeated(mark, seg.options.timestamps.map(|(value, _)| value));
            }
            return;
        }
        let acknowledged = self.streams[me].una.is_some_and(|una| una.at_or_after(fin.covered_by()));
        if !self.streams[me].fin_on_its_way || (fills && !acknowledged && seg.flags.fin()) {
            self.streams[me].fin_on_its_way = true;
            self.ends[peer].on_its_way(Arrival::new(Event::RcvFin, mark, Some(fin.covered_by())));
        }
    }

    /// A RST (section 3.5.3, RFC 5961 section 3).
    fn on_reset(&mut self, seg: &Segment, from: Role, mark: Mark, notes: &mut Notes) -> Weight {
        let (me, peer) = (from as usize, from.other() as usize);
        if seg.flags.syn() {
            self.observations.note(Kind::BadFlags, from, mark);
        }
        let (left, _) = self.streams[me].on_tsval(&seg.options, seg.time);
        let receiver = self.ends[peer].presumed();
        let answers_other_syn = from == Role::Client
            && receiver == State::SynReceived
            && self.newest_syn_ack.is_some_and(|(_, ack)| ack == Some(seg.seq));
        let verdict = if answers_other_syn {
            Reset::Accepted
        } else {
            judge::reset(seg, &self.streams[me], &self.streams[peer], receiver)
        };
        let kind = if seg.ack.is_some() { SentKind::RstAck } else { SentKind::RstBare };
        let (noted, word) = match verdict {
            Reset::Accepted => (None, ""),
            Reset::InWindow => (Some(Kind::ResetInWindow), "in the window, not exact"),
            Reset::Outside => (Some(Kind::ResetOutsideWindow), "outside the window"),
            Reset::BadAck => (Some(Kind::ResetBadAck), "does not acknowledge the SYN"),
            Reset::NoConnection => (Some(Kind::ResetNoConnection), "no connection there"),
        };
        if let Some(noted) = noted {
            self.observations.note(noted, from, mark);
            notes.add(word);
        }
        if self.sends_own_reset(seg, from, verdict) {
            let sent = self.sent(seg, from, mark, left);
            if from == Role::Client && kind == SentKind::RstBare && self.opening.ack.is_none() && self.opening.syn_ack.is_some() {
                self.disowned = Some(mark);
            }
            self.ends[me].on_sent(&Sent { kind, ..sent });
        }
        let path_dead = self.owes_since[peer]
            .is_some_and(|(since, asked)| asked > 1 && mark.time.since(since) > PATIENCE_NS);
        if matches!(verdict, Reset::Accepted | Reset::InWindow) && !path_dead {
            let doubtful = verdict == Reset::InWindow;
            if let Some(arrival) = self.ends[peer].waiting_mut(Event::RcvRst) {
                arrival.last = mark;
                arrival.doubtful &= doubtful;
            } else {
                self.ends[peer].on_its_way(Arrival { doubtful, ..Arrival::new(Event::RcvRst, mark, None) });
            }
        }
        Weight::Moved
    }

    /// Whether a RST shows that its sender's connection is gone, or only answers a stray segment.
    fn sends_own_reset(&self, seg: &Segment, from: Role, verdict: Reset) -> bool {
        let (me, peer) = (from as usize, from.other() as usize);
        match self.ends[me].proven() {
            // In SYN-SENT a RST answers a SYN-ACK or an ACK for something else (section 3.10.7.3), unless it carries the
            // number that the right SYN-ACK acknowledges: then there is no SYN-SENT here (any more).
            State::SynSent => {
                self.streams[me].iss.is_some_and(|iss| {
                    seg.seq.between(iss.plus(1), self.streams[me].nxt.unwrap_or(iss.plus(1)))
                }) && self.ends[me].waits_for(Event::RcvSynAck)
            }
            State::Closed | State::Listen => verdict == Reset::Accepted,
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait
            | State::Unknown => {
                // Where the receiver is gone already, numbers cannot be judged by its state: take them as they are.
                matches!(verdict, Reset::Accepted | Reset::InWindow)
                    || verdict == Reset::NoConnection
                        && judge::reset(seg, &self.streams[me], &self.streams[peer], State::Established) == Reset::Accepted
            }
        }
    }

    /// The capture ended: what never got the answer that was due is not presumed any longer. Says nothing of a side that
    /// the capture does not show at all.
    pub fn end(&mut self, end: Timestamp) {
        for side in 0..2 {
            if self.streams[side].packets > 0 {
                let tap_rtt = self.streams[1 - side].receiver_rtt.unwrap_or(0);
                self.ends[side].give_up_waiting(end, PATIENCE_NS.saturating_add(tap_rtt.saturating_mul(2)));
            }
        }
    }

    /// A new incarnation of the 4-tuple was accepted, or proven by its own further life. `syn` is its first SYN, `answer` the
    /// copy of it that was answered and the SYN-ACK that shows that the answerer took it.
    pub fn replaced_by(&mut self, opener: Endpoint, syn: Mark, answer: Option<(Mark, Mark)>) {
        let opener = if opener == self.addresses[0] { Role::Client } else { Role::Server };
        self.ends[opener as usize].replaced(syn, syn, true);
        if let Some((answered, answer)) = answer {
            self.ends[opener.other() as usize].replaced(answered, answer, false);
        }
    }

    /// Whether nothing but RSTs was seen: the stray answers of an endpoint that has no connection.
    pub fn is_only_resets(&self) -> bool {
        self.streams.iter().all(|stream| stream.nxt.is_none()) && self.roles_from == RolesFrom::Guess
    }

    /// A SYN begins the connection; the stray RSTs before it stay counted with it.
    pub fn begin_with(&mut self, seg: &Segment) {
        let mut fresh = Tracker::new(seg, self.incarnation);
        for side in 0..2 {
            let ours = usize::from(fresh.addresses[side] != self.addresses[side]) ^ side;
            fresh.streams[side].packets = self.streams[ours].packets;
            fresh.streams[side].payload_bytes = self.streams[ours].payload_bytes;
        }
        fresh.first = self.first;
        fresh.last = self.last;
        fresh.cut = self.cut;
        fresh.duplicates = self.duplicates;
        fresh.ladder = self.ladder.take();
        fresh.time_steps_back = self.time_steps_back;
        *self = fresh;
    }

    /// Whether this attempt was settled by its own client's RST without ever being acknowledged (RFC 9293 figure 9):
    /// the SYN that began it was an old duplicate.
    pub fn is_disowned(&self) -> bool {
        self.disowned.is_some() && self.opening.ack.is_none()
    }

    /// Goes on with a SYN of the same side and another ISS: the attempt before was never the client's own.
    pub fn start_over(&mut self) {
        self.ends[0].disown(State::Closed);
        self.ends[1].presume_all();
        let mark = self.opening.syn[0].map_or(self.first, |syn| syn.first);
        self.observations.note(Kind::OldDuplicateSyn, Role::Client, mark);
        self.streams.iter_mut().for_each(Stream::restart);
        *self.opening = Opening::default();
        self.disowned = None;
    }

    /// Whether only the opener was seen, with SYNs alone.
    pub fn is_embryo(&self) -> bool {
        self.opening.syn_ack.is_none() && self.ends[0].proven() == State::SynSent && self.streams[1].nxt.is_none()
    }

    /// Number of SYN copies of the opener.
    pub fn syn_copies(&self) -> u32 {
        self.opening.syn[0].map_or(0, |syn| syn.copies)
    }

    /// Takes over the packets of an embryo that was an old duplicate of this 4-tuple.
    pub fn absorb_embryo(&mut self, embryo: Tracker) {
        let opener = self.role_of_address(embryo.addresses[0]);
        self.observations.note(Kind::OldDuplicateSyn, opener, embryo.first);
        for (index, stream) in embryo.streams.iter().enumerate() {
            let side = self.role_of_address(embryo.addresses[index]) as usize;
            self.streams[side].packets += stream.packets;
            self.streams[side].payload_bytes += stream.payload_bytes;
        }
        self.cut += embryo.cut;
        self.duplicates += embryo.duplicates;
        if embryo.last.packet > self.last.packet {
            self.last = embryo.last;
        }
        self.observations.absorb(embryo.observations);
        if let (Some(ours), Some(theirs)) = (&mut self.ladder, embryo.ladder) {
            ours.absorb(*theirs);
        }
    }

    /// Goes on as the younger attempt, of which only SYNs were seen.
    pub fn adopt(&mut self, younger: Tracker) {
        let [client, server] = younger.streams;
        let packets = [self.streams[0].packets + client.packets, self.streams[1].packets + server.packets];
        let bytes = [self.streams[0].payload_bytes + client.payload_bytes, self.streams[1].payload_bytes + server.payload_bytes];
        self.streams = [client, server];
        for side in 0..2 {
            self.streams[side].packets = packets[side];
            self.streams[side].payload_bytes = bytes[side];
        }
        let [client, _] = younger.ends;
        self.ends[0] = client;
        self.opening = younger.opening;
        self.cut += younger.cut;
        self.duplicates += younger.duplicates;
        self.observations.absorb(younger.observations);
        if younger.last.packet > self.last.packet {
            self.last = younger.last;
        }
        if let (Some(ours), Some(theirs)) = (&mut self.ladder, younger.ladder) {
            ours.absorb(*theirs);
        }
    }

    fn role_of_address(&self, address: Endpoint) -> Role {
        if address == self.addresses[0] { Role::Client } else { Role::Server }
    }

    /// Whether both ends are gone, as far as one can presume: only a new incarnation can follow.
    pub fn is_over(&self) -> bool {
        self.ends.iter().all(|end| matches!(end.presumed(), State::Closed | State::Listen | State::TimeWait))
    }

    /// Whether both numbers of a segment fit this connection.
    pub fn fits(&self, seg: &Segment) -> bool {
        let from = self.role_of(seg);
        let (me, peer) = (from as usize, from.other() as usize);
        let seq_fits = match self.streams[me].nxt {
            Some(nxt) => near(seg.seq, nxt),
            None => self.streams[me].una.is_none_or(|una| near(seg.seq, una)),
        };
        let ack_fits = match (seg.ack, self.streams[peer].nxt) {
            (Some(ack), Some(nxt)) => near(ack, nxt),
            _ => true,
        };
        seq_fits && ack_fits
    }

    /// The first packet's number, for ordering.
    pub fn first_packet(&self) -> PacketNumber {
        self.first.packet
    }
}

/// Within a MiB: close enough to belong to the same life of a 4-tuple when another life competes for the segment.
fn near(number: Seq, reference: Seq) -> bool {
    number.offset_from(reference).unsigned_abs() <= 1 << 20
}

/// How a host makes its SYN-ACKs: it does not change from one to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Signature {
    ttl: u8,
    zero_ip_id: Option<bool>,
}

impl Signature {
    fn of(seg: &Segment) -> Signature {
        Signature { ttl: seg.ttl, zero_ip_id: seg.ip_id.map(|id| id == 0) }
    }
}

/// What a segment is, in words for the ladder.
#[derive(Default)]
struct Notes {
    words: [&'static str; 6],
    count: u8,
    keep: bool,
}

impl Notes {
    fn add(&mut self, word: &'static str) {
        if let Some(slot) = self.words.get_mut(usize::from(self.count)) {
            *slot = word;
            self.count += 1;
        }
        self.keep |= !matches!(word, "retransmission" | "capture duplicate" | "acknowledges what was not captured");
    }
}

/// A `Sent` that proves nothing but itself.
fn plain_sent(mark: Mark) -> Sent {
    Sent {
        mark,
        kind: SentKind::Plain,
        left: mark.time,
        floor: None,
        acts_on: None,
        ack: None,
        echo: None,
        duplicate_reported: false,
        crossing: i64::MAX,
        tap_rtt: None,
        shows_established: true,
    }
}

/// Who is client, by the first segment of a connection.
fn roles_of(seg: &Segment) -> (Role, RolesFrom) {
    match (seg.flags.syn() && !seg.flags.rst(), seg.ack.is_some()) {
        (true, false) => (Role::Client, RolesFrom::Syn),
        (true, true) => (Role::Server, RolesFrom::SynAck),
        (false, _) => (guess_role(seg), RolesFrom::Guess),
    }
}

/// Ephemeral ports are high: the side with the lower port is taken for the server; with equal ports, who was spoken to.
fn guess_role(seg: &Segment) -> Role {
    if seg.source.port < seg.destination.port { Role::Server } else { Role::Client }
}
