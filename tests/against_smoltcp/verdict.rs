//! What the tracker says about a run, held against what truly happened.

use std::fmt::Write;

use tcptrace_states::findings;
use tcptrace_states::flow::{Flows, Ladders};
use tcptrace_states::model::{self, Confidence, Connection, Severity};
use tcptrace_states::segment::Flags;
use tcptrace_states::tracker::evidence::{Evidence, Transition};
use tcptrace_states::tracker::state::State;

use crate::world::{Captured, Outcome, Step, clock};

/// smoltcp stays in TIME-WAIT for so long.
const TIME_WAIT_NS: i64 = 10_000_000_000;

/// How much a run has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing proven is false, and intervals hold the truth.
    Proofs,
    /// Besides, every state is told, presumed ones included.
    Everything,
}

/// A run that the tracker need not have got right, and why nobody could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Excuse(pub &'static str);

/// Judges a run. An error is the story of the run.
pub fn judge(run: &Outcome, demand: Demand) -> Result<Option<Excuse>, String> {
    let connections = tell(run);
    check(run, &connections, demand).map_err(|why| story(run, &connections, &why))
}

/// Codes of rules that say that somebody breaks the protocol, attacks, or that the 4-tuple is misused. Two stacks that follow
/// the RFC give no reason for any of them, whatever the link between them does. (smoltcp does leave timestamps out of some
/// ACKs, OP05, and may listen again after a RST, HS04.)
const ACCUSATIONS: &[&str] = &[
    "HS05", "HS06", "HS08", "HS16", "FN05", "FN06", "FN07", "FN08", "FN10", "FN15", "SQ01", "SQ02", "SQ04",
    "RS02", "RS06", "RS10", "ML02", "TW04", "TW10", "RU02", "RU04", "HS02",
];

/// What the rules accuse these two stacks of, and the story; warnings and errors only.
pub fn accusations(run: &Outcome) -> Option<String> {
    let mut connections = tell(run);
    let end = connections.iter().map(|connection| connection.last_time).max();
    let settings = findings::Settings::default();
    for connection in &mut connections {
        findings::judge(connection, end.unwrap_or_default(), TIME_WAIT_NS, &settings);
    }
    let all = connections.iter().flat_map(|connection| &connection.findings);
    let accused: Vec<String> = all
        .filter(|finding| finding.severity >= Severity::Warning && ACCUSATIONS.contains(&finding.code))
        .filter(|finding| finding.confidence > Confidence::Possible)
        .map(|finding| format!("{} at {:?}: {}", finding.code, finding.packets, finding.message))
        .collect();
    (!accused.is_empty()).then(|| story(run, &connections, &format!("accused without reason: {accused:?}")))
}

fn tell(run: &Outcome) -> Vec<Connection> {
    let mut flows = Flows::new(Ladders::None);
    let mut end = None;
    for (packet, passed) in (1..).zip(run.passed.iter().filter(|passed| !passed.missed)) {
        let mut segment = passed.segment;
        segment.packet = packet;
        end = Some(segment.time);
        flows.on_segment(&segment);
    }
    let end = end.unwrap_or_default();
    let trackers = flows.finish(end);
    (1..)
        .zip(trackers)
        .map(|(id, tracker)| model::connection(id, tracker, end, TIME_WAIT_NS))
        .collect()
}

fn check(run: &Outcome, connections: &[Connection], demand: Demand) -> Result<Option<Excuse>, String> {
    let captured = run.passed.iter().any(|passed| !passed.missed);
    if connections.len() != usize::from(captured) {
        return Err(format!("{} connections for one", connections.len()));
    }
    let Some(connection) = connections.first() else {
        return Ok(None);
    };
    let mut excuse = None;
    for side in 0..2 {
        let swapped = connection.client.ip != run.addresses[0].ip;
        let (report, iss) = if (side == 0) ^ swapped {
            (&connection.endpoints.client, connection.handshake.client_iss)
        } else {
            (&connection.endpoints.server, connection.handshake.server_iss)
        };
        let whose = ["client", "server"][side];
        let (told, truth) = (&report.transitions, &run.truth[side]);
        let blame = |why: String| format!("{whose}: {why}");
        intervals_are_sound(told).map_err(blame)?;
        // Without the segment that did it, nobody can know that a later copy was not the first, or what lay between.
        let mut leaning = |told: &Transition, step: &Step| {
            let misled = demand == Demand::Proofs && outside(told.to) == outside(step.to) && {
                // What a segment acknowledges may have arrived by a copy that was not captured, or waited for data
                // before it that was captured only when it came again.
                let gap = run.passed.iter().any(|passed| {
                    passed.missed
                        && passed.segment.seq_len() > 0
                        && passed.arrivals.iter().any(|at| clock(*at) <= step.at)
                });
                let before = truth.iter().rfind(|before| before.at < step.at);
                (told.from == State::Unknown
                    || same(told, step)
                    || before.is_some_and(|before| unseen(run, side, before)))
                    && (holds(told, step) || gap || unseen(run, side, step))
            };
            if misled {
                excuse = Some(Excuse("made by a segment that was not captured"));
            }
            misled
        };
        let held = proofs_hold(told, truth, &mut leaning);
        if let Err(why) = held {
            let mislead = match demand {
                Demand::Everything => excuse_for(run, side, true),
                Demand::Proofs => excuse_for(run, side, true).or_else(|| close_unseen(run, side)),
            };
            excuse = Some(mislead.ok_or_else(|| blame(why))?);
            continue;
        }
        if demand == Demand::Everything {
            if iss != run.iss[side].last().copied() {
                return Err(format!("{whose}: ISS {iss:?} for {:?}", run.iss[side].last()));
            }
            if run.at_rest
                && let Err(why) = all_is_told(told, truth)
            {
                excuse = Some(excuse_for(run, side, false).ok_or_else(|| blame(why))?);
            }
        }
    }
    Ok(excuse)
}

/// CLOSED and LISTEN look alike from outside.
fn outside(state: State) -> State {
    if state == State::Listen {
        State::Closed
    } else {
        state
    }
}

fn same(told: &Transition, truth: &Step) -> bool {
    (outside(told.from), outside(told.to)) == (outside(truth.from), outside(truth.to))
}

fn holds(told: &Transition, truth: &Step) -> bool {
    told.earliest.is_none_or(|earliest| earliest <= truth.at)
        && told.latest.is_none_or(|latest| truth.at <= latest)
}

fn intervals_are_sound(told: &[Transition]) -> Result<(), String> {
    let odd = |t: &&Transition| {
        t.earliest.is_some_and(|earliest| earliest > t.at) || t.latest.is_some_and(|latest| latest < t.at)
    };
    match told.iter().find(odd) {
        Some(t) => Err(format!("best estimate outside its interval: {}", line(t))),
        None => Ok(()),
    }
}

/// What is proven happened, in this order and within the intervals.
fn proofs_hold(
    told: &[Transition],
    truth: &[Step],
    leaning: &mut dyn FnMut(&Transition, &Step) -> bool,
) -> Result<(), String> {
    let mut rest = truth.iter();
    for (index, proven) in told.iter().enumerate().filter(|(_, t)| t.evidence.is_proof()) {
        // The segment proves that the new state was reached. The old one is known as well as the transition before.
        let from_known = proven.from != State::Unknown
            && index
                .checked_sub(1)
                .is_none_or(|before| told[before].evidence.is_proof());
        let fits = |step: &Step| {
            if from_known {
                same(proven, step)
            } else {
                outside(proven.to) == outside(step.to)
            }
        };
        let mut before = rest.clone();
        if rest.any(|step| (fits(step) && holds(proven, step)) || leaning(proven, step)) {
            continue;
        }
        let why = if before.any(fits) {
            "interval misses the truth"
        } else {
            "proven but false"
        };
        return Err(format!("{why}: {}", line(proven)));
    }
    Ok(())
}

/// Whether the segment that made a true transition, going or coming, is missing in the capture.
fn unseen(run: &Outcome, side: usize, step: &Step) -> bool {
    let at = |us: i64| clock(us) == step.at;
    let missed = |passed: &Captured| {
        passed.missed
            && if passed.from == side {
                at(passed.sent_at)
            } else {
                passed.arrivals.iter().any(|arrival| at(*arrival))
            }
    };
    run.passed.iter().any(missed) || run.never_passed[side].iter().any(|sent| at(*sent))
}

/// Whether a segment that took part in the close of `side` is missing in the capture: then the order of the two FINs,
/// and so the way from ESTABLISHED to CLOSED, can look like another one.
fn close_unseen(run: &Outcome, side: usize) -> Option<Excuse> {
    let closing = |step: &&Step| {
        !matches!(
            outside(step.from),
            State::Closed | State::SynSent | State::SynReceived
        )
    };
    let own = run.truth[side]
        .iter()
        .filter(closing)
        .any(|step| unseen(run, side, step));
    own.then_some(Excuse("a segment of the close was not captured"))
}

/// The whole sequence is right, up to timers, and so is every interval.
fn all_is_told(told: &[Transition], truth: &[Step]) -> Result<(), String> {
    let told: Vec<&Transition> = told.iter().filter(|t| t.evidence != Evidence::Timer).collect();
    // No segment shows the end of TIME-WAIT by itself, but one that meets no connection any more does.
    let expired = told
        .iter()
        .any(|t| (t.from, t.to) == (State::TimeWait, State::Closed));
    let truth: Vec<&Step> = truth
        .iter()
        .filter(|step| (expired || !step.timer) && outside(step.from) != outside(step.to))
        .collect();
    for (told, truth) in told.iter().zip(&truth) {
        if !same(told, truth) {
            return Err(format!("told wrongly: {}", line(told)));
        }
        if !holds(told, truth) {
            return Err(format!(
                "{} interval misses the truth: {}",
                told.evidence.name(),
                line(told)
            ));
        }
    }
    match (told.get(truth.len()), truth.get(told.len())) {
        (Some(extra), _) => Err(format!("told too much: {}", line(extra))),
        (_, Some(missing)) => Err(format!("not told: {} -> {}", missing.from, missing.to)),
        (None, None) => Ok(()),
    }
}

/// Why nobody who sees only the tap could have told the states of `side` right, or nothing. `proven`: the tracker was
/// sure of what it said, so only what looks like a proof from the tap excuses it.
fn excuse_for(run: &Outcome, side: usize, proven: bool) -> Option<Excuse> {
    let control = |passed: &&Captured| passed.segment.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0;
    let pairs = |from: usize| {
        let one_way: Vec<&Captured> = run.passed.iter().filter(|passed| passed.from == from).collect();
        (1..one_way.len())
            .flat_map(|later| (0..later).map(move |earlier| (earlier, later)))
            .map(move |(a, b)| (one_way[a], one_way[b]))
            .collect::<Vec<_>>()
    };
    let first = |passed: &Captured| passed.arrivals.iter().min().copied();
    let towards = || run.passed.iter().filter(|passed| passed.from != side);
    let own = || run.passed.iter().filter(|passed| passed.from == side);
    // A segment that it sent later passed the tap before its SYN, FIN or RST.
    let overtaken = pairs(side).into_iter().any(|(a, b)| control(&b) && a.nth > b.nth);
    // Two segments changed their order beyond the tap, and one of them was a SYN, FIN or RST.
    let swapped = pairs(1 - side).into_iter().any(|(a, b)| {
        (control(&a) || control(&b)) && matches!((first(a), first(b)), (Some(a), Some(b)) if a > b)
    });
    // A FIN came again before it was acknowledged: without D-SACK or timestamps the acknowledgment may be that of either.
    let fins: Vec<&Captured> = towards().filter(|passed| passed.segment.flags.fin()).collect();
    let acknowledged = fins.first().and_then(|fin| {
        let covered = fin.segment.seq_end();
        own().find(|passed| passed.segment.ack.is_some_and(|ack| ack.at_or_after(covered)))
    });
    let copied = fins
        .get(1)
        .is_some_and(|again| acknowledged.is_none_or(|ack| again.segment.time <= ack.segment.time));
    // Its RST left before what had passed the tap towards it arrived.
    let crossed = own().filter(|passed| passed.segment.flags.rst()).any(|reset| {
        towards().any(|passed| {
            passed.segment.time <= reset.segment.time
                && first(passed).is_none_or(|arrival| arrival > reset.sent_at)
        })
    });
    // A SYN, FIN or RST was lost beyond the tap, or a FIN came before data and was forgotten (smoltcp keeps no FIN that
    // comes early, as section 3.10.7.4 allows), and the connection was reset before it was asked for again.
    let reset = run.passed.iter().any(|passed| passed.segment.flags.rst());
    let never_taken = towards()
        .filter(control)
        .any(|passed| passed.arrivals.is_empty() || (passed.segment.flags.fin() && reset));
    // A copy of its SYN or FIN made before the tap looks like a retransmission, where neither the IP identification nor
    // timestamps tell.
    let doubled = pairs(side)
        .into_iter()
        .any(|(a, b)| control(&b) && a.nth == b.nth);
    // In SYN-RECEIVED it answered an unacceptable segment with a bare ACK (section 3.10.7.4, first), as one in
    // ESTABLISHED acknowledges the handshake.
    let entered = |state: State| run.truth[side].iter().filter(move |step| step.to == state);
    let challenged = entered(State::SynReceived).any(|opened| {
        let opening = |passed: &&Captured| {
            let at = clock(passed.sent_at);
            let over = entered(State::Established).any(|step| opened.at <= step.at && step.at <= at);
            !control(passed) && opened.at <= at && !over
        };
        own().any(|passed| opening(&passed))
    });
    // A FIN passed the tap behind a later segment of its sender, which acknowledged more and never arrived.
    let misordered = pairs(1 - side)
        .into_iter()
        .any(|(a, b)| control(&b) && a.nth > b.nth && a.arrivals.is_empty());
    // The acknowledgment of its FIN was lost, or outside its window and so dropped, before a RST ended the matter.
    let closed = |passed: &&Captured| passed.segment.flags.fin();
    let fin_covered = own().find(closed).map(|passed| passed.segment.seq_end());
    let answered = towards().any(|passed| {
        matches!((passed.segment.ack, fin_covered), (Some(ack), Some(covered)) if ack.at_or_after(covered))
    });
    let not_taken = reset && answered && !entered(State::FinWait2).any(|_| true);
    // smoltcp answers one unacceptable segment a second (RFC 5961 section 7), which looks like a dead path.
    let silent = towards()
        .filter(|passed| passed.segment.flags.rst())
        .any(|reset| {
            let asked = towards().filter(|passed| passed.segment.seq_len() > 0 && passed.nth < reset.nth);
            let last = own().map(|passed| passed.segment.time).max();
            asked
                .filter(|passed| last.is_none_or(|last| passed.segment.time > last))
                .count()
                > 1
        });
    // Nothing tells whether the ACK of its SYN came before a RST, which acknowledges no more than the SYN-ACK did.
    let opened = own()
        .find(|passed| passed.segment.flags.syn())
        .and_then(|passed| passed.segment.ack);
    let tells_nothing = own().any(|passed| passed.segment.flags.rst() && passed.segment.ack == opened)
        || (reset && !entered(State::Established).any(|_| true));
    // What it sent before the RST arrived was held up before the tap for longer than any crossing lasts.
    let held_up = towards()
        .filter(|passed| passed.segment.flags.rst())
        .any(|reset| {
            own().any(|passed| {
                first(reset).is_some_and(|arrival| passed.sent_at <= arrival)
                    && passed.segment.time.since(reset.segment.time) > 190_000_000
            })
        });
    let reasons = [
        (
            overtaken,
            "overtaken by its sender's later segment before the tap",
        ),
        (swapped, "order changed beyond the tap"),
        (copied, "either of two FINs may be the one acknowledged"),
        (doubled, "a copy made before the tap looks like a retransmission"),
        (challenged, "a bare ACK from SYN-RECEIVED"),
        (
            tells_nothing,
            "a RST that does not tell whether the handshake's ACK had come",
        ),
        (held_up && !proven, "held up before the tap beyond a RST"),
        (misordered, "a FIN passed behind a later segment that was lost"),
        (
            not_taken && !proven,
            "the acknowledgment of its FIN did not count",
        ),
        (silent && !proven, "silent before a RST, as on a dead path"),
        (crossed && !proven, "its RST crossed what was on its way"),
        (
            never_taken && !proven,
            "lost beyond the tap, and reset before it came again",
        ),
    ];
    reasons
        .into_iter()
        .find(|(holds, _)| *holds)
        .map(|(_, why)| Excuse(why))
}

fn line(t: &Transition) -> String {
    let seconds = |at: tcptrace_states::time::Timestamp| {
        format!("{:.6}", (at.ns() % 1_000_000_000_000_000) as f64 / 1e9)
    };
    let bound = |at: Option<_>| at.map_or("-".to_owned(), seconds);
    format!(
        "{} -> {} ({:?}) packet {:?} at {} in {}..{} {} by {:?}",
        t.from,
        t.to,
        t.cause,
        t.packet,
        seconds(t.at),
        bound(t.earliest),
        bound(t.latest),
        t.evidence.name(),
        t.proven_by
    )
}

/// Everything one needs to see what happened.
fn story(run: &Outcome, connections: &[Connection], why: &str) -> String {
    let seconds = |ns: i64| (ns % 1_000_000_000_000_000) as f64 / 1e9;
    let mut text = format!("{why}\n  ladder (time, sent, passed, arrived):\n");
    let mut packet = 0;
    for passed in &run.passed {
        let seg = &passed.segment;
        packet += usize::from(!passed.missed);
        let number = if passed.missed {
            "missed".to_owned()
        } else {
            packet.to_string()
        };
        let arrivals: Vec<String> = passed
            .arrivals
            .iter()
            .map(|at| format!("{:.6}", *at as f64 / 1e6))
            .collect();
        let _ = writeln!(
            text,
            "  {number:>6} {:.6} {:.6} {:21} {} {:14} seq {} ack {} len {} win {} ts {:?}",
            passed.sent_at as f64 / 1e6,
            seconds(seg.time.ns()),
            if arrivals.is_empty() {
                "lost".to_owned()
            } else {
                arrivals.join(" ")
            },
            ["-->", "<--"][passed.from],
            seg.flags.to_string(),
            seg.seq,
            seg.raw_ack,
            seg.payload_len,
            seg.window,
            seg.options.timestamps,
        );
    }
    for (side, truth) in run.truth.iter().enumerate() {
        let _ = writeln!(
            text,
            "  {} truly (ISS {:?}):",
            ["client", "server"][side],
            run.iss[side]
        );
        for step in truth {
            let _ = writeln!(
                text,
                "    {:.6} {} -> {}{}",
                seconds(step.at.ns()),
                step.from,
                step.to,
                if step.timer { " (timer)" } else { "" }
            );
        }
    }
    for connection in connections {
        for (name, report, address) in [
            ("client", &connection.endpoints.client, &connection.client),
            ("server", &connection.endpoints.server, &connection.server),
        ] {
            let _ = writeln!(
                text,
                "  {name} {address} as told (tap round trip {:?}):",
                report.tap_rtt_ns
            );
            for t in &report.transitions {
                let _ = writeln!(text, "    {}", line(t));
            }
            for w in &report.withdrawn {
                let _ = writeln!(
                    text,
                    "    withdrawn {} -> {} packet {} by {:?}",
                    w.from, w.to, w.packet, w.refuted_by
                );
            }
        }
    }
    text
}
