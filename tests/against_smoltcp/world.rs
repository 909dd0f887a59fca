//! Two smoltcp stacks on a link with a tap, in simulated time: what is captured, and what truly happened.
//!
//! Nothing here knows the tracker but for its vocabulary (`Segment`, `State`).

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use tcptrace_states::segment::{Endpoint, Segment};
use tcptrace_states::time::Timestamp;
use tcptrace_states::tracker::state::State;

use crate::random::Random;
use crate::wire;

/// Simulated time begins here on the capture's clock, so that no capture time is zero.
const EPOCH_NS: i64 = 1_700_000_000_000_000_000;
/// A run that did not come to rest by then is cut off, in µs.
const HORIZON: i64 = 300_000_000;
/// And so is one with more events than this.
const EVENTS: usize = 20_000;

/// Microseconds of simulated time to the capture's clock.
pub fn clock(at: i64) -> Timestamp {
    Timestamp::from_ns(EPOCH_NS + at * 1000)
}

thread_local! {
    /// smoltcp asks a plain function for TSval; this is where that function finds the time.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// How a host opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    Connect,
    Listen,
    /// No socket: a SYN is refused.
    Not,
}

/// When a host closes its direction.
#[derive(Clone, Copy, Debug)]
pub enum Close {
    Never,
    /// So long after it was open, in µs.
    After(i64),
    /// So long after the peer's FIN.
    AfterPeer(i64),
}

/// What the application on one host does with one connection. All times in µs.
#[derive(Clone, Debug)]
pub struct Script {
    pub open: Open,
    /// Counted from the start, or from the end of the connection before.
    pub open_at: i64,
    /// Octets, so long after it was open.
    pub writes: Vec<(i64, usize)>,
    pub close: Close,
    /// So long after it left CLOSED or LISTEN, but not in SYN-SENT.
    pub abort: Option<i64>,
    /// It reads nothing until so long after it was open: the window closes.
    pub reads_from: i64,
}

/// One stretch of the path in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leg {
    pub delay: i64,
    pub jitter: i64,
    /// Packets keep their order.
    pub fifo: bool,
    /// In percent.
    pub loss: i64,
    pub duplication: i64,
    /// Share of packets that are held up, and for how long at most.
    pub held_up: (i64, i64),
}

/// One host's settings.
#[derive(Clone, Debug)]
pub struct Setup {
    pub scripts: Vec<Script>,
    pub timestamps: bool,
    /// Where its sequence numbers start, relative to what smoltcp draws.
    pub shift: u32,
    pub rx_buffer: usize,
    pub nagle: bool,
    pub ack_delay: Option<i64>,
    /// The IP identification counts up (else it is always zero, as smoltcp has it).
    pub counts_ip_id: bool,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub seed: u64,
    pub hosts: [Setup; 2],
    /// `legs[from]`: from the sender to the tap, from the tap to the receiver.
    pub legs: [[Leg; 2]; 2],
    /// Percent of packets that pass the tap without being captured.
    pub capture_loss: i64,
    /// The path clamps the MSS of both sides to this. (smoltcp forgets the timestamp option when it fills a packet up to
    /// its own MTU, and then drops the packet: the MSS has to come from the other side.)
    pub mss: u16,
}

/// One true transition.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub from: State,
    pub to: State,
    pub at: Timestamp,
    /// TIME-WAIT ran out.
    pub timer: bool,
}

/// A packet that passed the tap.
#[derive(Clone, Debug)]
pub struct Captured {
    pub segment: Segment,
    pub from: usize,
    pub sent_at: i64,
    /// Which of all packets sent; copies made on the way share it.
    pub nth: u64,
    /// Arrivals of its copies at the receiver, in µs.
    pub arrivals: Vec<i64>,
    /// The capture missed it.
    pub missed: bool,
}

/// What came out.
pub struct Outcome {
    pub passed: Vec<Captured>,
    pub addresses: [Endpoint; 2],
    pub truth: [Vec<Step>; 2],
    /// When each host sent packets that never came to the tap, in µs.
    pub never_passed: [Vec<i64>; 2],
    /// ISS of each connection of each host, as captured.
    pub iss: [Vec<u32>; 2],
    /// Nothing was left to happen.
    pub at_rest: bool,
    /// It had called CLOSE, but its FIN had to wait for the window and left after the peer's FIN had come.
    pub fin_delayed_past_peer: [bool; 2],
}

/// Runs it.
pub fn run(scenario: &Scenario) -> Outcome {
    let mut world = World {
        random: Random::new(scenario.seed ^ 0x5eed),
        hosts: [Host::new(0, scenario), Host::new(1, scenario)],
        events: BinaryHeap::new(),
        scheduled: 0,
        sent: 0,
        in_flight: BTreeMap::new(),
        passed: Vec::new(),
        never_passed: Default::default(),
        last: [[0; 2]; 2],
        scenario,
    };
    let at_rest = world.run();
    let [client, server] = world.hosts;
    Outcome {
        passed: world.passed,
        never_passed: world.never_passed,
        addresses: [client.address, server.address],
        fin_delayed_past_peer: [client.fin_delayed_past_peer, server.fin_delayed_past_peer],
        iss: [client.iss, server.iss],
        truth: [client.truth, server.truth],
        at_rest,
    }
}

struct World<'a> {
    scenario: &'a Scenario,
    random: Random,
    hosts: [Host; 2],
    events: BinaryHeap<Reverse<(i64, u64)>>,
    scheduled: u64,
    sent: u64,
    in_flight: BTreeMap<u64, Event>,
    passed: Vec<Captured>,
    never_passed: [Vec<i64>; 2],
    last: [[i64; 2]; 2],
}

enum Event {
    AtTap {
        from: usize,
        bytes: Vec<u8>,
        segment: Segment,
        sent_at: i64,
        nth: u64,
    },
    AtReceiver {
        to: usize,
        bytes: Vec<u8>,
        passed: usize,
    },
}

impl World<'_> {
    /// True if it ended because nothing was left to do.
    fn run(&mut self) -> bool {
        for _ in 0..EVENTS {
            let wake = self
                .hosts
                .iter()
                .map(|host| host.wake)
                .min()
                .filter(|at| *at < i64::MAX);
            let next = self.events.peek().map(|Reverse((at, _))| *at);
            let Some(now) = [wake, next].into_iter().flatten().min() else {
                return true;
            };
            if now > HORIZON {
                return false;
            }
            if next == Some(now)
                && let Some(Reverse((_, id))) = self.events.pop()
                && let Some(event) = self.in_flight.remove(&id)
            {
                self.handle(event, now);
                continue;
            }
            for index in 0..2 {
                if self.hosts[index].wake <= now {
                    let sent = self.hosts[index].work(now);
                    self.emit(index, sent, now);
                }
            }
        }
        false
    }

    fn handle(&mut self, event: Event, now: i64) {
        match event {
            Event::AtTap {
                from,
                bytes,
                mut segment,
                sent_at,
                nth,
            } => {
                let missed = self.random.chance(self.scenario.capture_loss);
                segment.time = clock(now);
                let passed = self.passed.len();
                self.passed.push(Captured {
                    segment,
                    from,
                    sent_at,
                    nth,
                    arrivals: Vec::new(),
                    missed,
                });
                for at in self.transit(from, 1, now) {
                    self.schedule(
                        at,
                        Event::AtReceiver {
                            to: 1 - from,
                            bytes: bytes.clone(),
                            passed,
                        },
                    );
                }
            }
            Event::AtReceiver { to, bytes, passed } => {
                self.passed[passed].arrivals.push(now);
                let sent = self.hosts[to].receive(bytes, now);
                self.emit(to, sent, now);
            }
        }
    }

    fn emit(&mut self, from: usize, packets: Vec<Vec<u8>>, now: i64) {
        for mut bytes in packets {
            self.sent += 1;
            wire::clamp_mss(&mut bytes, self.scenario.mss);
            let shifts = [
                self.scenario.hosts[from].shift,
                self.scenario.hosts[1 - from].shift,
            ];
            let mut segment = wire::shifted(wire::parse(&bytes), shifts[0], shifts[1]);
            let host = &mut self.hosts[from];
            if self.scenario.hosts[from].counts_ip_id {
                host.ip_id = host.ip_id.wrapping_add(1);
                segment.ip_id = Some(host.ip_id);
            }
            if segment.flags.syn() && host.iss.last() != Some(&segment.seq.0) {
                host.iss.push(segment.seq.0);
            }
            let passes = self.transit(from, 0, now);
            if passes.is_empty() {
                self.never_passed[from].push(now);
            }
            for at in passes {
                self.schedule(
                    at,
                    Event::AtTap {
                        from,
                        bytes: bytes.clone(),
                        segment,
                        sent_at: now,
                        nth: self.sent,
                    },
                );
            }
        }
    }

    fn schedule(&mut self, at: i64, event: Event) {
        self.scheduled += 1;
        self.events.push(Reverse((at, self.scheduled)));
        self.in_flight.insert(self.scheduled, event);
    }

    /// When the copies of a packet come out of a stretch of the path.
    fn transit(&mut self, from: usize, leg: usize, now: i64) -> Vec<i64> {
        let path = self.scenario.legs[from][leg];
        let random = &mut self.random;
        if random.chance(path.loss) {
            return Vec::new();
        }
        let copies = 1 + usize::from(random.chance(path.duplication));
        let mut arrivals = Vec::new();
        for _ in 0..copies {
            let mut at = now + path.delay + random.below(path.jitter + 1);
            if random.chance(path.held_up.0) {
                at += random.below(path.held_up.1);
            }
            if path.fifo {
                at = at.max(self.last[from][leg]);
                self.last[from][leg] = at;
            }
            arrivals.push(at);
        }
        arrivals
    }
}

/// A stack with one socket and its application.
struct Host {
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
    card: Card,
    address: Endpoint,
    peer: Endpoint,
    scripts: VecDeque<Script>,
    script: Option<Script>,
    /// When it may open next, left CLOSED or LISTEN, became open, got the peer's FIN.
    opens_at: i64,
    active_at: Option<i64>,
    ready_at: Option<i64>,
    peer_closed_at: Option<i64>,
    closed: bool,
    ip_id: u16,
    /// The timestamp that it echoed last.
    ts_recent: u32,
    wake: i64,
    // From here on: the truth.
    raw: tcp::State,
    state: State,
    truth: Vec<Step>,
    iss: Vec<u32>,
    active_open: bool,
    syn_acknowledged: bool,
    fin_sent: bool,
    fin_delayed_past_peer: bool,
    passed_peers_fin: bool,
}

impl Host {
    fn new(index: usize, scenario: &Scenario) -> Host {
        let setup = &scenario.hosts[index];
        let mut card = Card {
            received: VecDeque::new(),
            sent: Vec::new(),
        };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = Random::new(scenario.seed ^ index as u64).bits();
        let mut interface = Interface::new(config, &mut card, Instant::from_micros(0));
        interface.update_ip_addrs(|addresses| {
            let own = IpCidr::new(IpAddress::v4(10, 0, 0, 1 + index as u8), 24);
            addresses.push(own).expect("room for one address");
        });
        let buffer = |size: usize| tcp::SocketBuffer::new(vec![0; size]);
        let mut socket = tcp::Socket::new(buffer(setup.rx_buffer), buffer(65_535));
        socket.set_nagle_enabled(setup.nagle);
        socket.set_ack_delay(setup.ack_delay.map(|delay| Duration::from_micros(delay as u64)));
        if setup.timestamps {
            // One clock near its wrap, one not.
            let clocks: [fn() -> u32; 2] = [
                || (NOW.get() / 1000) as u32,
                || 0xffff_f000u32.wrapping_add((NOW.get() / 1000) as u32),
            ];
            socket.set_tsval_generator(Some(clocks[index]));
        }
        let mut sockets = SocketSet::new(Vec::new());
        let handle = sockets.add(socket);
        let endpoints = [endpoint(1, 49_152), endpoint(2, 80)];
        let mut scripts: VecDeque<Script> = setup.scripts.clone().into();
        let script = scripts.pop_front();
        let opens_at = script.as_ref().map_or(i64::MAX, |script| script.open_at);
        Host {
            interface,
            sockets,
            handle,
            card,
            address: endpoints[index],
            peer: endpoints[1 - index],
            scripts,
            script,
            opens_at,
            active_at: None,
            ready_at: None,
            peer_closed_at: None,
            closed: false,
            ip_id: 0x4000,
            ts_recent: 0,
            wake: opens_at,
            raw: tcp::State::Closed,
            state: State::Closed,
            truth: Vec::new(),
            iss: Vec::new(),
            active_open: false,
            syn_acknowledged: false,
            fin_sent: false,
            fin_delayed_past_peer: false,
            passed_peers_fin: false,
        }
    }

    /// One packet comes in.
    fn receive(&mut self, bytes: Vec<u8>, now: i64) -> Vec<Vec<u8>> {
        NOW.set(now);
        let seg = wire::parse(&bytes);
        let answers_crossing_syn = self.active_open
            && self.socket().state() == tcp::State::SynReceived
            && seg.flags.syn()
            && seg.flags.ack();
        self.card.received.push_back(bytes);
        self.interface
            .poll_ingress_single(Instant::from_micros(now), &mut self.card, &mut self.sockets);
        // Quirk: in a simultaneous open smoltcp holds the peer's SYN-ACK for unacceptable (its SYN was there before),
        // answers with a bare ACK, and stays in SYN-RECEIVED until such an ACK reaches it in turn. Figure 7 of
        // RFC 9293, and every other stack, goes to ESTABLISHED by the SYN-ACK: so does the truth here.
        self.syn_acknowledged |= answers_crossing_syn;
        self.observe(now, false);
        // Quirk: an answer given at once (a duplicate or challenge ACK) echoes the timestamp of the segment that it
        // rejects. RFC 7323 section 4.3 wants TS.Recent there, which such a segment does not change.
        let mut sent = self.sent();
        for bytes in &mut sent {
            wire::set_echo(bytes, self.ts_recent);
        }
        sent.extend(self.work(now));
        sent
    }

    /// Does what is due: the application first, then whatever the stack has to send.
    fn work(&mut self, now: i64) -> Vec<Vec<u8>> {
        NOW.set(now);
        let mut sent = Vec::new();
        for _ in 0..200 {
            let acted = self.act(now);
            self.observe(now, false);
            self.interface
                .poll_egress(Instant::from_micros(now), &mut self.card, &mut self.sockets);
            let packets = self.sent();
            if let Some((_, echo)) = packets
                .last()
                .and_then(|bytes| wire::parse(bytes).options.timestamps)
            {
                self.ts_recent = echo;
            }
            self.fin_sent |= packets.iter().any(|bytes| wire::parse(bytes).flags.fin());
            self.observe(now, packets.is_empty());
            if !acted && packets.is_empty() {
                break;
            }
            sent.extend(packets);
        }
        let due = self.interface.poll_at(Instant::from_micros(now), &self.sockets);
        // The stack has nothing more to do now, whatever it says.
        let due = due.map_or(i64::MAX, |at| at.total_micros().max(now + 1000));
        self.wake = due.min(self.next_act(now));
        sent
    }

    /// Collects what the stack sent.
    fn sent(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.card.sent)
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    /// What the application does at this moment; true if anything.
    fn act(&mut self, now: i64) -> bool {
        let state = self.socket().state();
        let Some(script) = &mut self.script else {
            return false;
        };
        if self.opens_at <= now {
            self.opens_at = i64::MAX;
            let (open, local, remote) = (script.open, self.address.port, self.peer.port);
            let peer = IpEndpoint::new(IpAddress::v4(10, 0, 0, if local == 80 { 1 } else { 2 }), remote);
            let socket = self.sockets.get_mut::<tcp::Socket<'static>>(self.handle);
            match open {
                Open::Connect => {
                    self.active_open = true;
                    socket
                        .connect(self.interface.context(), peer, local)
                        .expect("a free socket connects");
                }
                Open::Listen => socket.listen(local).expect("a free socket listens"),
                Open::Not => {}
            }
            return open != Open::Not;
        }
        let since = |start: Option<i64>, delay: i64| start.is_some_and(|start| start + delay <= now);
        if aborts(script, state) && script.abort.is_some_and(|delay| since(self.active_at, delay)) {
            script.abort = None;
            script.writes.clear();
            self.socket().abort();
            return true;
        }
        let ready = matches!(state, tcp::State::Established | tcp::State::CloseWait);
        if ready
            && script
                .writes
                .first()
                .is_some_and(|(delay, _)| since(self.ready_at, *delay))
        {
            let (_, octets) = script.writes.remove(0);
            let data = vec![b'x'; octets];
            self.socket()
                .send_slice(&data)
                .expect("an open socket takes data");
            return true;
        }
        let reads = since(self.ready_at, script.reads_from);
        let closes = match script.close {
            Close::Never => false,
            Close::After(delay) => since(self.ready_at, delay),
            Close::AfterPeer(delay) => since(self.peer_closed_at, delay),
        };
        if reads && self.socket().can_recv() {
            return self
                .socket()
                .recv(|data| (data.len(), data.len()))
                .is_ok_and(|octets| octets > 0);
        }
        if ready && closes && !self.closed {
            self.closed = true;
            if let Some(script) = &mut self.script {
                script.writes.clear();
            }
            self.socket().close();
            return true;
        }
        false
    }

    /// When the application wants to act next.
    fn next_act(&mut self, now: i64) -> i64 {
        let state = self.socket().state();
        let Some(script) = &self.script else {
            return i64::MAX;
        };
        let ready = matches!(state, tcp::State::Established | tcp::State::CloseWait);
        let after = |start: Option<i64>, delay: i64| start.map(|start| start + delay);
        let close = match script.close {
            Close::Never => None,
            Close::After(delay) => after(self.ready_at, delay),
            Close::AfterPeer(delay) => after(self.peer_closed_at, delay),
        };
        let choices = [
            Some(self.opens_at),
            script
                .abort
                .filter(|_| aborts(script, state))
                .and_then(|delay| after(self.active_at, delay)),
            script
                .writes
                .first()
                .filter(|_| ready)
                .and_then(|(delay, _)| after(self.ready_at, *delay)),
            close.filter(|_| ready && !self.closed),
            after(self.ready_at, script.reads_from).filter(|at| *at > now),
        ];
        choices.into_iter().flatten().min().unwrap_or(i64::MAX)
    }

    /// Records the true state if it changed. `idle`: the stack was asked for packets and had none.
    fn observe(&mut self, now: i64, idle: bool) {
        let raw = self.socket().state();
        if !matches!(raw, tcp::State::Closed | tcp::State::Listen) {
            self.active_at.get_or_insert(now);
        }
        if matches!(raw, tcp::State::Established | tcp::State::CloseWait) {
            self.ready_at.get_or_insert(now);
        }
        if raw == tcp::State::CloseWait {
            self.peer_closed_at.get_or_insert(now);
        }
        let before = std::mem::replace(&mut self.raw, raw);
        let to = self.on_the_wire(raw);
        self.record(to, now, idle);
        if raw == tcp::State::Closed && before != raw {
            self.begin_next(now);
        } else if raw == tcp::State::Listen {
            self.forget();
        }
    }

    fn record(&mut self, to: State, now: i64, idle: bool) {
        if to == self.state {
            return;
        }
        // Quirks: smoltcp makes in one step what RFC 9293 makes in two, for one segment: the ACK first, then the FIN
        // (section 3.10.7.4, fifth and eighth).
        let between = match (self.state, to) {
            (State::FinWait1, State::TimeWait) => Some(State::FinWait2),
            (State::SynReceived, State::CloseWait) => Some(State::Established),
            _ => None,
        };
        for next in between.into_iter().chain([to]) {
            let timer = idle && self.state == State::TimeWait && next == State::Closed;
            self.truth.push(Step {
                from: self.state,
                to: next,
                at: clock(now),
                timer,
            });
            self.state = next;
        }
    }

    /// The state as segments show it. RFC 9293 section 3.10.4 lets CLOSE enter FIN-WAIT-1 at once, while the FIN may wait
    /// for the window behind queued data. No observer can see the call; the product's states begin with the FIN.
    fn on_the_wire(&mut self, raw: tcp::State) -> State {
        use tcp::State as Raw;
        let fin_waits = !self.fin_sent;
        match raw {
            Raw::Closed => State::Closed,
            Raw::Listen => State::Listen,
            Raw::SynSent => State::SynSent,
            Raw::SynReceived if self.syn_acknowledged => State::Established,
            Raw::SynReceived => State::SynReceived,
            Raw::Established => State::Established,
            Raw::CloseWait => State::CloseWait,
            Raw::FinWait1 if fin_waits => State::Established,
            Raw::FinWait1 => State::FinWait1,
            Raw::FinWait2 => State::FinWait2,
            // The peer's FIN came while the own one waited: on the wire that is a passive close, to the last segment.
            Raw::Closing if fin_waits => {
                self.passed_peers_fin = true;
                self.fin_delayed_past_peer = true;
                State::CloseWait
            }
            Raw::Closing if self.passed_peers_fin => State::LastAck,
            Raw::TimeWait if self.passed_peers_fin => State::Closed,
            Raw::LastAck if fin_waits => State::CloseWait,
            Raw::Closing => State::Closing,
            Raw::LastAck => State::LastAck,
            Raw::TimeWait => State::TimeWait,
        }
    }

    fn forget(&mut self) {
        self.active_at = None;
        self.ready_at = None;
        self.peer_closed_at = None;
        self.closed = false;
        self.active_open = false;
        self.syn_acknowledged = false;
        self.fin_sent = false;
        self.passed_peers_fin = false;
    }

    fn begin_next(&mut self, now: i64) {
        self.forget();
        self.script = self.scripts.pop_front();
        self.opens_at = self
            .script
            .as_ref()
            .map_or(i64::MAX, |script| now + script.open_at);
    }
}

/// Quirk: smoltcp sends a RST, with an acknowledgment number of nothing, when it aborts in SYN-SENT. RFC 9293 section
/// 3.10.5 sends none; so here the application waits.
fn aborts(script: &Script, state: tcp::State) -> bool {
    script.abort.is_some() && state != tcp::State::SynSent
}

fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint {
        ip: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
        port,
    }
}

/// A network card: packets in, packets out.
struct Card {
    received: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Frame(Vec<u8>);

struct Slot<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Slot<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut bytes = vec![0; len];
        let result = f(&mut bytes);
        self.0.push(bytes);
        result
    }
}

impl Device for Card {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Slot<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Frame, Slot<'_>)> {
        let bytes = self.received.pop_front()?;
        Some((Frame(bytes), Slot(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Slot<'_>> {
        Some(Slot(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities.checksum.tcp = Checksum::Tx; // the MSS is clamped on the way
        capabilities
    }
}
