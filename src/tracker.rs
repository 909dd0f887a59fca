//! One incarnation of a 4-tuple: two mirrored endpoints, two streams, the opening and the closing.
//!
//! [`Tracker::on_segment`] does, in this order: copies of the capture out; numbers judged ([`judge`]); what the segment
//! says about its sender ([`endpoint::Mirror::on_sent`]); what it would do to its receiver once it arrives
//! ([`endpoint::Mirror::on_its_way`]). Data and acknowledgments in order, on a connection where nothing waits, take a shorter
//! way to the same end (`calm`).

pub mod arrival;
mod calm;
mod closing;
pub mod endpoint;
pub mod evidence;
mod finished;
pub mod footprint;
pub mod judge;
pub mod ladder;
mod lives;
pub mod observation;
mod oddity;
mod opening;
mod packed;
pub mod passing;
mod predecessor;
mod rarely;
mod reset;
mod role;
pub mod state;
pub mod stream;
pub mod textbook;
pub mod trace;
mod usual;

use crate::segment::{ChecksumState, Endpoint, Flags, Scope, Segment};
use crate::seq::Seq;
use crate::time::Timestamp;
use arrival::{Arrival, Sent, SentKind};
use calm::Calm;
use endpoint::Mirror;
use evidence::Mark;
pub use finished::{Finished, Heir};
use ladder::Ladder;
use observation::{Kind, Observations};
pub use opening::{Opening, Syn};
use opening::{OtherSynAck, Signature};
use passing::Passing;
pub use predecessor::Predecessor;
pub use rarely::Rarely;
use role::roles_of;
pub use role::{Role, RolesFrom};
use state::{Event, State};
use stream::{Owes, Place, Repeat, Stream};
pub use usual::{Course, Digest, Usual, UsualClose};

/// How long after the answer a segment can still have crossed it, where no round trip was measured: below the
/// smallest retransmission timeout in use (200 ms).
const CROSSING_UNKNOWN_NS: i64 = 190_000_000;
/// Slack on twice the measured round trip, for delayed processing.
const CROSSING_SLACK_NS: i64 = 10_000_000;

/// What a segment meant for the connection that it was given to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// Plain data or acknowledgment.
    Plain,
    /// It moved a machine, or may have.
    Moved,
}

/// Where a side stood when it first acknowledged the peer's FIN.
#[derive(Clone, Copy, Debug)]
pub struct HalfClose {
    /// SND.NXT.
    pub from: Seq,
    /// Probes of client and server until then.
    pub probes: [u32; 2],
    /// When client and server had sent new payload last.
    pub last_data: [Option<Timestamp>; 2],
}

/// What few connections have, kept out of the table of connections.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Protocol events.
    pub observations: Observations,
    /// The life before, as this one's SYN met it.
    pub predecessor: Option<Box<Predecessor>>,
    /// For how long each side had been silent when a RST showed that it did not know the connection, ns.
    pub silent_before_reset: [Option<i64>; 2],
    /// A RST in the window that each side has received and not answered yet.
    reset_in_window: [Option<Mark>; 2],
    /// FINs that restarted 2 MSL, by holder; and when the last one came.
    pub restarts: [(u32, Option<Timestamp>); 2],
    /// A RST without ACK came from the client in answer to the SYN-ACK: no connection stands behind this SYN.
    pub disowned: Option<Mark>,
    /// The newest repeated FIN that each side, in TIME-WAIT, has not answered yet.
    fin_repeated: [Option<Mark>; 2],
    /// The endpoints as they were before a missing FIN was inferred from the peer's acknowledgment.
    before_inferred_fin: Option<Box<[Mirror; 2]>>,
    /// The server before a SYN-ACK that acknowledged another SYN, and what that packet looked like.
    before_stray_syn_ack: Option<Box<(Mirror, Signature)>>,
    /// A number far ahead in each stream, and which side named it.
    far_ahead: [Option<(Role, Seq)>; 2],
    /// The SYN-ACK before the newest, while the client may still choose it.
    other_syn_ack: Option<Box<OtherSynAck>>,
}

impl Aside {
    /// Nothing in it depends on the next ordinary segment.
    fn awaits_nothing(&self) -> bool {
        self.other_syn_ack.is_none() && self.reset_in_window.iter().all(Option::is_none)
    }
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
    pub opening: Opening,
    /// Numbers of the server's newest SYN-ACK, also of one for another SYN than the client's.
    newest_syn_ack: Option<(Seq, Option<Seq>)>,
    /// Where each side stood when it first acknowledged the peer's FIN.
    pub half_close_from: [Option<HalfClose>; 2],
    /// The ladder, where a view asks for it.
    pub ladder: Option<Box<Ladder>>,
    /// The connection's beginning is missing.
    pub midstream: bool,
    /// Something of the old connection answered this one's SYN.
    pub challenged: bool,
    /// Packets that the snap length cut.
    pub cut: u64,
    /// Packets that the capture doubled.
    pub duplicates: u64,
    /// Packets with a time before the one before.
    pub time_steps_back: u64,
    /// The longest of these steps, ns.
    pub longest_step_back: i64,
    /// Whether ordinary segments can go the short way.
    calm: Calm,
    /// What few connections have.
    pub aside: Rarely<Aside>,
}

impl Tracker {
    /// Reads a little of what most segments need, from all over it. The sum means nothing.
    pub fn touch(&self) -> i64 {
        let [client, server] = &self.streams;
        let own = i64::from(self.addresses[0].port) ^ self.last.time.ns();
        own ^ client.touch() ^ server.touch()
    }

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
        let mark = Mark {
            packet: seg.packet,
            time: seg.time,
        };
        Tracker {
            addresses,
            scope: seg.scope,
            roles_from,
            incarnation,
            first: mark,
            last: mark,
            streams: Default::default(),
            ends: [Mirror::new(start), Mirror::new(start)],
            opening: Opening::default(),
            newest_syn_ack: None,
            half_close_from: [None; 2],
            ladder: None,
            midstream: roles_from != RolesFrom::Syn,
            challenged: false,
            cut: 0,
            duplicates: 0,
            time_steps_back: 0,
            longest_step_back: 0,
            calm: Calm::default(),
            aside: Rarely::default(),
        }
    }

    /// Keeps the segments for a ladder from here on.
    pub fn keep_ladder(&mut self) {
        self.ladder = Some(Box::default());
    }

    /// Which side sent the segment.
    pub fn role_of(&self, seg: &Segment) -> Role {
        if seg.source == self.addresses[0] {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Takes one segment of this connection. True if it was an ordinary one, which changes no state and takes no memory.
    pub fn on_segment(&mut self, seg: &Segment) -> bool {
        let from = self.role_of(seg);
        if Passing::plain(seg).is_some_and(|passing| self.take_calmly(&passing, from)) {
            return true;
        }
        let repeat = self.count(seg, from);
        let mut notes = Notes::default();
        let weight = self.take(seg, from, repeat, &mut notes);
        self.look_for_calm();
        let window = match &self.ladder {
            Some(_) => self.window_of(seg, from),
            None => None,
        };
        if let Some(ladder) = &mut self.ladder {
            let control = seg.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
            let plain = weight == Weight::Plain && !control && !notes.keep;
            let words = &notes.words[..usize::from(notes.count)];
            ladder.add(seg, from, words, plain, window);
        }
        false
    }

    /// The window of a segment in octets; none where its scale is not known (RFC 7323 section 2.2).
    fn window_of(&self, seg: &Segment, from: Role) -> Option<u32> {
        let shift = match (seg.flags.syn(), self.scale_known()) {
            (true, _) => 0,
            (false, true) => self.streams[from as usize].scale,
            (false, false) => return None,
        };
        u32::from(seg.window).checked_shl(u32::from(shift))
    }

    fn take(&mut self, seg: &Segment, from: Role, repeat: Repeat, notes: &mut Notes) -> Weight {
        let mark = Mark {
            packet: seg.packet,
            time: seg.time,
        };
        if repeat == Repeat::OfCapture {
            self.duplicates += 1;
            notes.add("capture duplicate");
            return Weight::Plain;
        }
        if seg.checksum_state == ChecksumState::Bad {
            self.aside.observations.note(Kind::BadChecksum, from, mark);
            notes.add("bad checksum");
        }
        let flags = seg.flags;
        if flags.rst() {
            return self.on_reset(seg, from, mark, notes);
        }
        if flags.contradict() {
            self.aside.observations.note(Kind::BadFlags, from, mark);
            notes.add("bad flags");
        }
        if flags.0 & (Flags::SYN | Flags::FIN | Flags::ACK) == 0 {
            return Weight::Plain;
        }
        self.choose_syn_ack(seg, from);
        if self.is_stray(seg, from, mark, notes) {
            return Weight::Moved;
        }
        self.on_own(seg, from, mark, repeat, notes)
    }

    /// Counts a segment, and compares it with those before.
    fn count(&mut self, seg: &Segment, from: Role) -> Repeat {
        let mark = Mark {
            packet: seg.packet,
            time: seg.time,
        };
        if mark.time < self.last.time {
            self.time_steps_back += 1;
            self.longest_step_back = self.longest_step_back.max(self.last.time.since(mark.time));
        }
        self.last = mark;
        self.cut += u64::from(seg.cut);
        let stream = &mut self.streams[from as usize];
        stream.packets += 1;
        stream.payload_bytes += u64::from(seg.payload_len);
        stream.repeat_of(seg)
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
                self.aside.observations.note(Kind::ActivityAfterReset, from, mark);
                notes.add("sender goes on after its RST");
            } else {
                notes.add("overtaken by its sender's RST");
                overtaken_by = self.ends[me].take_back_own_reset();
            }
        }
        if seg.flags.syn() && !self.on_syn(seg, from, mark, repeat, notes) {
            return Weight::Moved;
        }
        self.streams[me].owes = Owes::default();
        self.streams[me].last_heard = Some(mark.time);
        if seg.seq_len() > 0 {
            self.streams[peer].owes.ask(mark);
        }
        self.check_inferred_fin(seg, from);
        self.infer_own_fin(seg, from, mark, notes);
        let nxt_before = self.streams[me].nxt;
        let data_before = [self.streams[0].last_data, self.streams[1].last_data];
        self.note_oddities(seg, from, mark, repeat, notes);
        let place = self.streams[me].on_segment(seg);
        if place.probe {
            self.streams[peer].owes.probe(mark);
            self.streams[me].probes = self.streams[me].probes.saturating_add(1);
            notes.add("probe");
        } else if place.repeats
            && !(seg.flags.syn() && (self.opening.simultaneous || self.is_first_syn(from, mark)))
        {
            self.streams[me].retransmitted = self.streams[me].retransmitted.saturating_add(1);
            notes.add("retransmission");
        }
        self.note_fin(seg, from, mark, repeat, notes);
        let data = place.advances && seg.payload_len > 0;
        if data {
            self.streams[me].last_data = Some(mark.time);
        }
        if data
            && self.streams[me]
                .fin()
                .is_some_and(|fin| !fin.inferred && seg.seq.plus(seg.payload_len).after(fin.covered_by()))
        {
            self.aside.observations.note(Kind::DataAfterFin, from, mark);
            notes.add("data after FIN");
        }

        // What its acknowledgment says about the peer.
        if let Some(ack) = seg.ack {
            self.on_ack(seg, ack, from, mark, notes);
        }
        if seg.flags.syn() || self.scale_known() {
            let shift = if seg.flags.syn() {
                0
            } else {
                self.streams[me].scale
            };
            if let Some(ack) = seg.ack {
                self.streams[me].offer(ack, seg.window, shift);
            }
        }
        self.note_midstream_data(data, from, mark);

        // What it says about its sender.
        self.infer_syn_ack(seg, from, mark);
        let sent = self.sent(seg, from, mark, left);
        if let Some(reset) = overtaken_by {
            // It left before the RST, whenever it passed the tap.
            let sent_before = Mark {
                time: mark.time.min(reset.mark.time),
                ..mark
            };
            self.ends[me].on_sent(&Sent {
                mark: sent_before,
                left: left.min(reset.mark.time),
                ..sent
            });
            self.ends[me].on_sent(&reset);
        } else {
            let peers_fin = self.streams[peer].fin().map(|fin| fin.covered_by());
            if sent.kind == SentKind::Fin
                && matches!((seg.ack, peers_fin), (Some(ack), Some(covered)) if ack.before(covered))
            {
                self.ends[me].own_fin_came_first(&sent);
            }
            // A copy of the SYN that its sender's RST overtook opens nothing.
            if sent.kind != SentKind::Syn || self.ends[me].own_reset().is_none() {
                self.ends[me].on_sent(&sent);
            }
        }
        if self.half_close_from[me].is_none()
            && let (Some(fin), Some(ack)) = (self.streams[peer].fin(), seg.ack)
            && ack.at_or_after(fin.covered_by())
        {
            self.half_close_from[me] = Some(HalfClose {
                from: nxt_before.map_or(seg.seq, |nxt| nxt.max(seg.seq)),
                probes: [self.streams[0].probes, self.streams[1].probes],
                last_data: data_before,
            });
        }
        self.note_in_time_wait(seg, from, mark, place.probe, notes);

        // What it does to its receiver, once there.
        self.send_on(seg, from, mark, fresh_tsval, repeat, place);
        if (self.ends[0].clone_key(), self.ends[1].clone_key()) == before {
            Weight::Plain
        } else {
            Weight::Moved
        }
    }

    /// An acknowledgment from `from` for what the peer sent.
    fn on_ack(&mut self, seg: &Segment, ack: Seq, from: Role, mark: Mark, notes: &mut Notes) {
        let (me, peer) = (from as usize, from.other() as usize);
        if !seg.flags.syn()
            && self.opening.ack.is_none()
            && from == Role::Client
            && let (Some(iss), Some(syn_ack)) = (self.streams[1].iss, self.opening.syn_ack)
            && ack.after(iss)
        {
            self.opening.ack = Some(mark);
            let syn = self.opening.syn[0].map(|syn| {
                if syn.last.time <= syn_ack.time {
                    syn.last
                } else {
                    syn.first
                }
            });
            self.opening.rtt = syn.map(|syn| mark.time.since(syn.time));
        }
        match self.streams[peer].nxt {
            None => {
                self.streams[peer].reach(ack);
            }
            Some(nxt) if ack.after(nxt) => {
                // All that the capture shows of the peer is a bare ACK one before: a keepalive of a connection that it
                // joined, not a FIN that it lost (R27).
                let keepalive = self.midstream
                    && self.streams[peer].una.is_none()
                    && self.streams[peer].payload_bytes == 0;
                let gap = self.streams[peer].reach(ack);
                let synchronized = self.streams[me].nxt.is_some() && !seg.flags.syn();
                if gap == 1 && synchronized && keepalive {
                    notes.add("answers a keepalive");
                } else if gap == 1 && synchronized && self.streams[peer].fin().is_none() {
                    self.infer_missing_fin(from.other(), ack, mark);
                    notes.add("acknowledges a FIN that was not captured");
                } else {
                    self.streams[peer].missed += u64::from(gap);
                    self.aside.observations.note(Kind::CaptureLoss, from, mark);
                    notes.add("acknowledges what was not captured");
                }
            }
            Some(_) => {}
        }
        let new = self.streams[peer].on_ack(ack, mark.time);
        self.readmit(ack, from);
        // More was acknowledged than the FIN that was inferred: it was data.
        if new
            && let Some(fin) = self.streams[peer].fin()
            && fin.inferred
            && ack.after(fin.covered_by())
        {
            self.take_back_inferred_fin(from.other());
        }
    }

    /// An acknowledgment covers a SYN or FIN of the peer that is not on its way (any longer): it waited for data that the
    /// capture lacks, but the receiver has it all; or a segment that was under way for longer than expected refuted it.
    fn readmit(&mut self, ack: Seq, from: Role) {
        let (me, peer) = (from as usize, from.other() as usize);
        if let (Some(iss), Some(syn)) = (self.streams[peer].iss, self.opening.syn[peer])
            && syn.with_ack
            && self.ends[me].proven() == State::SynSent
            && !self.ends[me].waits_for(Event::RcvSynAck)
            && ack.after(iss)
        {
            let arrival = Arrival::new(Event::RcvSynAck, syn.first, Some(iss.plus(1)));
            self.ends[me].on_its_way(Arrival {
                last: syn.last,
                ..arrival
            });
        }
        if let Some(fin) = self.streams[peer].fin()
            && (!self.streams[peer].fin_on_its_way || self.ends[me].lacks_fin())
            && ack.at_or_after(fin.covered_by())
        {
            self.streams[peer].fin_on_its_way = true;
            let own_fin = self.streams[me].fin().map(|own| own.covered_by());
            let last_acknowledges_fin =
                matches!((fin.ack, own_fin), (Some(ack), Some(own)) if ack.at_or_after(own));
            let arrival = Arrival::new(Event::RcvFin, fin.first, Some(fin.covered_by()));
            self.ends[me].on_its_way(Arrival {
                last: fin.last,
                inferred: fin.inferred,
                last_acknowledges_fin,
                ..arrival
            });
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
            seg.ack.and_then(|ack| self.streams[peer].time_of(ack)),
            echo.and_then(|echo| self.streams[peer].time_of_tsval(echo)),
        ];
        self.streams[me].note_floor(known);
        let mut acts_on = None;
        if matches!(kind, SentKind::SynAck | SentKind::SynAckAnew)
            && let Some(syn) = self.opening.syn[peer]
        {
            // Any copy of the SYN may be the one that was answered, unless its TSval comes back.
            self.streams[me].floor = Some(syn.first.time);
            let newest_answered = echo.is_none() || echo == syn.last_tsval || syn.copies == 0;
            acts_on = Some(if newest_answered { syn.last } else { syn.first });
        }
        let floor = self.streams[me].floor;
        let tap_rtt = self.streams[peer].receiver_rtt;
        let data_on_syn = self.opening.syn[0].map_or(0, |syn| syn.data);
        let fast_open = self.opening.syn_data_accepted == Some(true) && from == Role::Server;
        let beyond_syn = || match (seg.ack, self.streams[0].iss) {
            (Some(ack), Some(iss)) => ack.after(iss.plus(1).plus(data_on_syn)),
            _ => false,
        };
        let waited = self.ends[me]
            .waiting_mut(Event::RcvAckOfSyn)
            .map(|arrival| left.since(arrival.first.time));
        Sent {
            mark,
            kind,
            left,
            floor,
            acts_on,
            // A number beyond all that was sent proves nothing.
            ack: seg
                .ack
                .filter(|ack| self.streams[peer].nxt.is_none_or(|nxt| ack.at_or_before(nxt))),
            echo,
            duplicate_reported: match (seg.options.sack[0], seg.ack) {
                (Some((_, right)), Some(ack)) => right.at_or_before(ack),
                _ => false,
            },
            crossing: tap_rtt.map_or(CROSSING_UNKNOWN_NS, |rtt| {
                rtt.saturating_mul(2).saturating_add(CROSSING_SLACK_NS)
            }),
            tap_rtt,
            shows_established: !fast_open
                || beyond_syn()
                || waited.is_some_and(|waited| waited > tap_rtt.unwrap_or(0)),
        }
    }

    /// What a segment will do to its receiver: put on its way, in the order of section 3.10.7.4.
    fn send_on(
        &mut self,
        seg: &Segment,
        from: Role,
        mark: Mark,
        fresh_tsval: bool,
        repeat: Repeat,
        place: Place,
    ) {
        let (me, peer) = (from as usize, from.other() as usize);
        let echo = seg
            .options
            .timestamps
            .map(|(value, _)| value)
            .filter(|_| fresh_tsval);
        let copied = repeat == Repeat::OfNetwork;
        if seg.flags.syn() {
            let event = if seg.ack.is_some() {
                Event::RcvSynAck
            } else {
                Event::RcvSyn
            };
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
                self.ends[me].on_its_way(Arrival {
                    last: crossed.last,
                    ..Arrival::new(Event::RcvSyn, crossed.first, proof)
                });
            }
            let waits = self.ends[peer].waits_for(event);
            if waits && !copied {
                if let Some(arrival) = self.ends[peer].waiting_mut(event) {
                    arrival.repeated(mark, seg.options.timestamps.map(|(value, _)| value));
                }
            } else if acceptable
                && (matches!(receiver, State::SynSent) || (simultaneous && event == Event::RcvSynAck))
                && !waits
            {
                self.ends[peer].on_its_way(Arrival::new(event, mark, Some(seg.seq.plus(1))));
            }
            return;
        }
        // A probe repeats an octet that was acknowledged. One that was not (a window probe was dropped before it) is a
        // segment like any other, and its acknowledgment counts.
        let repeats_acknowledged = place.probe && self.streams[me].una.is_none_or(|una| una.after(seg.seq));
        let acceptable = judge::sequence_acceptable(seg, &self.streams[me]) && !repeats_acknowledged;
        if let Some(ack) = seg.ack
            && acceptable
        {
            // The acknowledgment of octets that had been sent before may be that of the earlier copy.
            let proof = (place.advances && seg.seq_len() > 0).then(|| seg.seq_end());
            self.send_ack_on(
                ack,
                from,
                Arriving {
                    mark,
                    echo,
                    proof,
                    copied,
                },
            );
        }
        self.send_fin_on(seg, from, mark, copied);
    }

    fn send_ack_on(&mut self, ack: Seq, from: Role, arriving: Arriving) {
        let Arriving {
            mark,
            echo,
            proof,
            copied,
        } = arriving;
        let peer = from.other() as usize;
        let end = &mut self.ends[peer];
        if end.proven() == State::SynReceived
            && !end.waits_for(Event::RcvSynAck)
            && self.streams[peer].iss.is_none_or(|iss| ack.after(iss))
        {
            if let Some(arrival) = end.waiting_mut(Event::RcvAckOfSyn) {
                if !copied {
                    arrival.last = mark;
                    arrival.echo = arrival.echo.or(echo);
                }
            } else {
                end.on_its_way(Arrival {
                    echo,
                    ..Arrival::new(Event::RcvAckOfSyn, mark, None)
                });
            }
        }
        let Some(fin) = self.streams[peer].fin() else {
            return;
        };
        if ack.before(fin.covered_by()) {
            return;
        }
        if let Some(arrival) = end.waiting_mut(Event::RcvAckOfFin) {
            arrival.proof = arrival.proof.or(proof);
            if !copied {
                arrival.last = mark;
            }
        } else if matches!(end.presumed(), State::FinWait1 | State::Closing | State::LastAck) {
            end.on_its_way(Arrival {
                echo,
                ..Arrival::new(Event::RcvAckOfFin, mark, proof)
            });
        }
    }
}

/// What an acknowledgment on its way can be recognised by once it has arrived.
#[derive(Clone, Copy)]
struct Arriving {
    mark: Mark,
    echo: Option<u32>,
    proof: Option<Seq>,
    copied: bool,
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
        self.keep |= !matches!(
            word,
            "retransmission" | "capture duplicate" | "acknowledges what was not captured"
        );
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
