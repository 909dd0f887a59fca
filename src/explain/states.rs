//! The states of RFC 9293 section 3.3.2: what each is for, how an endpoint gets there and away, what is normal and what is
//! not. The ways in and out come from the relation itself.

use super::{Page, contract, plain};
use crate::findings::{self, Rule};
use crate::tracker::state::{Event, State, Step, step};

/// What the relation does not say.
struct Story {
    /// What the state is for, and who gets there.
    what: &'static [&'static str],
    /// Changes that no segment shows, and how long it lasts.
    time: &'static str,
    /// What a healthy system shows.
    normal: &'static str,
    /// What asks for a look.
    wrong: &'static str,
    /// What to do then.
    act: &'static [&'static str],
}

/// The page of a state.
pub fn page(state: State) -> Page {
    let story = story(state);
    let mut page = Page::new(state.name(), "state");
    if let Some(about) = contract::value("State", state.name()) {
        page.text(about);
    }
    for text in story.what {
        page.text(*text);
    }
    edges(&mut page, state);
    page.heading("How long");
    page.text(story.time);
    page.heading("Normal");
    page.text(story.normal);
    page.heading("Not normal");
    page.text(story.wrong);
    page.heading("What to do");
    for text in story.act {
        page.item(*text);
    }
    let rules: Vec<Vec<String>> = findings::rules()
        .filter(|rule| concerns(rule, state))
        .map(row)
        .collect();
    if !rules.is_empty() {
        page.heading("Findings about it");
        page.grid(&["code", "name", "severity"], rules);
    }
    page.heading("Elsewhere");
    page.text(elsewhere(state));
    page
}

fn row(rule: &Rule) -> Vec<String> {
    vec![
        rule.code.to_owned(),
        rule.name.to_owned(),
        rule.severity.name().to_owned(),
    ]
}

/// Whether a rule names the state: in its own name, or where it says what it finds and why that matters.
fn concerns(rule: &Rule, state: State) -> bool {
    let prose = rule.summary() + " " + &rule.section("Why it matters").unwrap_or_default();
    let mut words = prose.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    // CLOSED, LISTEN and the like are ordinary words in a rule's name.
    let named = state.name().contains('-') && plain(rule.name).contains(&plain(state.name()));
    named || words.any(|word| word.trim_matches('-') == state.name())
}

/// The ways in and out, as the relation has them.
fn edges(page: &mut Page, state: State) {
    let mut ways_in = Vec::new();
    let mut ways_out = Vec::new();
    for event in Event::ALL {
        // How the endpoint had opened matters to a RST in SYN-RECEIVED alone.
        let passive = event == Event::RcvRstPassive;
        let told = |from: &State, next: State| passive && step(*from, Event::RcvRst) == Step::To(next);
        let from: Vec<State> = State::ALL
            .into_iter()
            .filter(|from| step(*from, event) == Step::To(state) && !told(from, state))
            .collect();
        if !from.is_empty() {
            ways_in.push(vec![words(event).to_owned(), listed(&from)]);
        }
        if let Step::To(next) = step(state, event)
            && !told(&state, next)
        {
            ways_out.push(vec![words(event).to_owned(), next.name().to_owned()]);
        }
    }
    page.heading("How an endpoint gets here");
    if ways_in.is_empty() {
        page.text("By no segment: see above.");
    }
    page.grid(&["the endpoint", "from"], ways_in);
    page.heading("How it leaves");
    if ways_out.is_empty() {
        page.text("By no segment.");
    }
    page.grid(&["the endpoint", "to"], ways_out);
}

/// States by name; by the names of the others where they are nearly all.
fn listed(states: &[State]) -> String {
    let names = |states: &[State]| {
        states
            .iter()
            .map(|state| state.name())
            .collect::<Vec<&str>>()
            .join(", ")
    };
    let others: Vec<State> = State::ALL
        .into_iter()
        .filter(|state| !states.contains(state))
        .collect();
    if states.len() > 6 && !others.is_empty() {
        format!("every state but {}", names(&others))
    } else {
        names(states)
    }
}

/// An event, in words that follow "the endpoint".
fn words(event: Event) -> &'static str {
    match event {
        Event::SendSyn => "sends a SYN",
        Event::SendSynAck => "sends a SYN-ACK",
        Event::SendFin => "sends a FIN (its program closed)",
        Event::SendRst => "sends a RST",
        Event::RcvSyn => "receives a SYN without ACK",
        Event::RcvSynAck => "receives the SYN-ACK for its SYN",
        Event::RcvAckOfSyn => "receives the ACK of its SYN",
        Event::RcvFin => "receives the peer's FIN and all data before it",
        Event::RcvAckOfFin => "receives the ACK of its FIN",
        Event::RcvRst => "receives an acceptable RST",
        Event::RcvRstPassive => "receives an acceptable RST after a passive open",
        Event::Replaced => "meets a new connection on the same 4-tuple",
    }
}

/// What system tools call the state.
fn elsewhere(state: State) -> String {
    match state {
        State::Unknown => "Only here: other tools show a state that they guess, or none.".to_owned(),
        State::Closed => "`ss` shows such a socket as UNCONN, and only while a program holds it.".to_owned(),
        State::SynReceived => {
            "`ss state syn-recv`; `SYN_RECV` in netstat and /proc/net/tcp of Linux.".to_owned()
        }
        State::Listen
        | State::SynSent
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait => {
            let name = state.name();
            let netstat = match state {
                State::FinWait1 => "FIN_WAIT1".to_owned(),
                State::FinWait2 => "FIN_WAIT2".to_owned(),
                State::Closed
                | State::Listen
                | State::SynSent
                | State::SynReceived
                | State::Established
                | State::CloseWait
                | State::Closing
                | State::LastAck
                | State::TimeWait
                | State::Unknown => name.replace('-', "_"),
            };
            let ss = match state {
                State::Listen => "listening".to_owned(),
                State::Closed
                | State::SynSent
                | State::SynReceived
                | State::Established
                | State::FinWait1
                | State::FinWait2
                | State::CloseWait
                | State::Closing
                | State::LastAck
                | State::TimeWait
                | State::Unknown => name.to_lowercase(),
            };
            format!("`ss state {ss}`; `{netstat}` in netstat.")
        }
    }
}

fn story(state: State) -> Story {
    match state {
        State::Closed => Story {
            what: &[
                "The beginning and the end: the endpoint keeps nothing about the connection. What is sent to it is answered \
                     with a RST.",
                "A client starts here, and each side ends here: the second closer when its FIN is acknowledged, the \
                     holder of TIME-WAIT 2 MSL later, both at once after a RST.",
            ],
            time: "It has no end. `CLOSED?` means that the last ACK was sent to the endpoint, but nothing the endpoint sends can \
                   prove that it came: that is the best a capture can say, and usual.",
            normal: "Most connections of a long capture, at both ends.",
            wrong: "CLOSED by a RST in the middle of an exchange: somebody lost data, or gave up. A RST that answers a SYN means \
                    that no program listens there.",
            act: &[
                "After a reset, see who sent it (`close.reset_by`) and what the other side had just sent.",
                "After a refusal, check that the service runs, and on which address and port.",
            ],
        },
        State::Listen => Story {
            what: &[
                "A program waits for connections. Only the listening socket is in this state; each connection it accepts \
                     gets an endpoint of its own, which starts in SYN-RECEIVED.",
                "No segment announces it (the program calls listen()): a capture proves it only by the SYN-ACK that answers a SYN. A SYN without an \
                     answer may have met a listener that dropped it, a firewall, or nothing.",
            ],
            time: "As long as the program runs.",
            normal: "A server's side of a connection before the SYN-ACK, and again after a RST in SYN-RECEIVED.",
            wrong: "SYNs that get no SYN-ACK although the service runs: its backlog is full, or a filter drops them.",
            act: &[
                "On Linux, `ss -ltn`: Recv-Q is the number of connections not yet accepted, Send-Q is the backlog. If they are \
                    equal, the program accepts too slowly or the backlog is too small.",
                "Compare a capture made at the server with one made at the client: did the SYN arrive?",
            ],
        },
        State::SynSent => Story {
            what: &["A client has asked for a connection with its SYN and waits for the SYN-ACK."],
            time: "One round trip. Without an answer the SYN is sent again after about 1, 3, 7, 15 … seconds; the system gives up \
                   after one to two minutes (Linux: `tcp_syn_retries`), unless the program gives up before.",
            normal: "Gone within a round trip. A few at the end of a capture are connections that had only just begun.",
            wrong: "Many, or for more than a second: the server is down, a firewall drops packets without a word, the route is \
                    broken, or the server's backlog is full. Many to different ports or hosts from one client are a scan.",
            act: &[
                "One service: see whether it answers anybody else. If so, look at its backlog; if not, at host and route.",
                "A RST or an ICMP error would have come at once: silence means that something drops packets.",
                "Give the program a connect timeout of its own.",
            ],
        },
        State::SynReceived => Story {
            what: &[
                "A server has answered a SYN with its SYN-ACK and waits for the ACK of it: the connection is half-open. Both \
                     sides are here when two SYNs cross (simultaneous open).",
            ],
            time: "One round trip. Without the ACK the SYN-ACK is sent again, about five times on Linux \
                   (`tcp_synack_retries`), for about a minute; then the attempt is forgotten.",
            normal: "A few at any moment on a busy server.",
            wrong: "Many, from many addresses, that never complete: a SYN flood. From few addresses: SYN-ACKs or ACKs are lost \
                    on the way back, or the client's address is not where it says (asymmetric route, NAT).",
            act: &[
                "See whether the SYN-ACK leaves the server, and whether it reaches the client: one capture at each end.",
                "Against a flood: SYN cookies (Linux: `tcp_syncookies`), a larger `tcp_max_syn_backlog`, a filter upstream.",
                "A full accept queue also keeps a connection here: Linux drops the last ACK then. See LISTEN.",
            ],
        },
        State::Established => Story {
            what: &["Both SYNs are acknowledged. Data flows both ways."],
            time: "As long as the programs want. TCP sets no limit: without keepalives an idle connection lives for ever, also \
                   when its peer has gone without a word.",
            normal: "Any number, idle for hours where the programs keep connections in a pool.",
            wrong: "One side ESTABLISHED while the other has long gone (crash, NAT or firewall timeout): a half-open connection. \
                    The next segment is answered with a RST, or by nobody.",
            act: &[
                "Keepalives or heartbeats shorter than the shortest idle timeout on the path (often 5 minutes or less).",
                "If a write gets no answer, look at `owes_answer`: since when, and how often it was asked.",
            ],
        },
        State::FinWait1 => Story {
            what: &["This side closed first: its FIN is sent and not yet acknowledged. It still receives."],
            time: "One round trip. The FIN waits behind all data that was not sent before, and both are sent again until they are \
                   acknowledged; if the program has closed the socket, Linux gives up after one to two minutes \
                   (`tcp_orphan_retries`).",
            normal: "Gone within a round trip.",
            wrong: "Many or long: the peer or the path has gone, or the peer's window is zero and the last data cannot leave. The \
                    memory of that data is held all the while.",
            act: &[
                "See whether the FIN was sent again, and whether anything came back.",
                "If the window is zero: the peer's program does not read.",
            ],
        },
        State::FinWait2 => Story {
            what: &[
                "This side closed first and its FIN is acknowledged; the peer has not closed. That is a half-close: the peer \
                     is in CLOSE-WAIT and may go on sending.",
            ],
            time: "Until the peer closes. RFC 9293 sets no limit. If the program has closed the socket (not only one direction), \
                   Linux waits 60 s (`tcp_fin_timeout`) and then forgets the connection: no segment shows that.",
            normal: "Milliseconds, or as long as the peer needs to finish its answer. Longer on purpose where a program uses \
                     shutdown() to say that its request is complete.",
            wrong: "Many, or for more than a minute: the peer does not close. The mistake is at the other side; see CLOSE-WAIT. \
                    What the peer sends after the timeout is answered with a RST.",
            act: &[
                "Look at the peer: which program holds sockets in CLOSE-WAIT?",
                "Do not shorten the timeout first: it hides the leak, it does not end it.",
            ],
        },
        State::CloseWait => Story {
            what: &[
                "The peer has closed, and this side has been told: its program reads the end of the stream. Now it is the \
                     program's turn to close. Only the program can end this state in good order; no timer does.",
            ],
            time: "Until the program closes, or for ever. No timer ends it. What the program sends may still be received, if the \
                   peer closed only its sending direction; if the peer closed both, the first segment is answered with a RST.",
            normal: "Milliseconds, or as long as the program needs to finish its answer.",
            wrong: "Sockets that stay for minutes, and more of them each hour: the program forgot close(). It did not read the \
                    end of the stream, does not close on an error path, or every worker is stuck elsewhere (a lock, a slow \
                    back end). In the end it runs out of file descriptors.",
            act: &[
                "Find the program: on Linux, `ss -tnp state close-wait`. Recv-Q 1 or more: it has not read the end of the \
                    stream. Recv-Q 0: it read it and did not close.",
                "Find the code: what it was doing when the peer closed. `close.request_answered` says whether the last \
                    request had been answered; if not, the program is stuck in it.",
                "A restart frees the sockets and destroys the evidence: save `ss -tnp`, a stack dump and a capture first.",
                "Kernel settings do not help: `tcp_fin_timeout` is for the other side, and keepalives end a socket only when the peer has gone.",
            ],
        },
        State::Closing => Story {
            what: &[
                "Both sides closed at the same time: the FINs crossed on the way. Each side has the other's FIN, but not yet \
                     the ACK of its own. Both go on to TIME-WAIT.",
            ],
            time: "One round trip.",
            normal: "Rare and short: it needs two FINs in flight at once.",
            wrong: "It lasts: the ACK of this side's FIN is lost again and again, or the peer has gone.",
            act: &[
                "Nothing, if it passes. If it lasts, see whether the FIN is sent again and who does not answer.",
            ],
        },
        State::LastAck => Story {
            what: &[
                "This side closed second: the peer's FIN came first, now its own is sent and waits for the last ACK.",
            ],
            time: "One round trip. The FIN is sent again until it is acknowledged; the system gives up after one to two minutes \
                   on Linux (`tcp_orphan_retries`).",
            normal: "Gone within a round trip. The last ACK proves nothing to a capture: it may be lost behind the tap.",
            wrong: "Many, or for seconds: the first closer has forgotten the connection (FIN-WAIT-2 timed out, crash, a firewall \
                    that dropped its entry) and nobody acknowledges the FIN.",
            act: &[
                "See how long CLOSE-WAIT lasted before: if it was longer than the peer's patience, the program closed too late.",
                "See whether a firewall or NAT between drops connections that are half closed.",
            ],
        },
        State::TimeWait => Story {
            what: &[
                "The connection is over, and this side remembers it for 2 MSL (twice the time that a segment can live in the \
                     network). Who closes first gets here; after a simultaneous close both do. The second closer never does.",
                "There are two reasons for the wait. First: the last ACK may be lost. Then the peer, in LAST-ACK, sends \
                     its FIN again, and somebody must be there to acknowledge it. Without TIME-WAIT it would get a RST, and \
                     a clean close would look like a failure.",
                "Second: old segments of this connection may still be on their way. They must die before the same 4-tuple \
                     (both addresses, both ports) is used again, or the next connection could take them for its own data.",
                "A FIN that comes again starts the 2 MSL anew. A new SYN with a sequence number or timestamp beyond the \
                     old ones may take the 4-tuple over at once: it cannot be mistaken for an old one.",
            ],
            time: "2 MSL: 60 s on Linux and the BSDs, 120 s on Windows, 240 s in the RFC (`--msl`). No segment ends it: the step to \
                   CLOSED is shown with the evidence `timer`.",
            normal: "Thousands on a busy client or proxy: connections closed per second, times 60 on Linux. Each costs a few hundred \
                     octets of memory, no process and no file descriptor.",
            wrong: "A client that runs out of ports: about 28 000 on Linux for each server address and port, so more than about \
                    470 new connections a second to one service cannot last. SYNs that meet TIME-WAIT and are refused. \
                    TIME-WAIT that piles up on the server although clients should close first. TIME-WAIT left too early.",
            act: &[
                "Open fewer connections: keep-alive, a connection pool. That is nearly always the answer.",
                "Let the side close first that can afford TIME-WAIT; usually the client.",
                "A server that cannot bind its port after a restart needs SO_REUSEADDR.",
                "More ports: a wider `ip_local_port_range`, more addresses. On Linux, `tcp_tw_reuse` lets a client reuse its \
                    own 4-tuples safely, by timestamps.",
                "Do not avoid it by sending a RST (SO_LINGER 0): that throws away data and both protections.",
            ],
        },
        State::Unknown => Story {
            what: &[
                "Not a state of TCP: the capture cannot tell. It began in the middle of the connection, or shows nothing that \
                     proves a state. No guess is made.",
                "An endpoint is here before its first segment that proves something, and stays if none comes.",
            ],
            time: "Until a segment of the endpoint proves where it is; the state then carries the evidence `inferred` until the \
                   endpoint itself shows more.",
            normal: "Connections that were open when the capture began.",
            wrong: "Many in the middle of a capture: packets are missing, or only one direction was captured.",
            act: &[
                "Start the capture before the connections, or wait for new ones.",
                "See the quality line: one-sided connections need a tap that sees both directions.",
            ],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::Block;

    fn whole(state: State) -> String {
        let mut text = String::new();
        for block in page(state).blocks {
            match block {
                Block::Heading(line) | Block::Text(line) | Block::Item(line) | Block::Code(line) => {
                    text += &line
                }
                Block::Grid { rows, .. } => text += &rows.concat().join(" "),
            }
            text.push('\n');
        }
        text
    }

    #[test]
    fn time_wait_teaches_both_reasons() {
        let text = whole(State::TimeWait);
        for part in [
            "last ACK may be lost",
            "before the same 4-tuple",
            "Who closes first",
            "both do",
            "Thousands",
            "TW05",
        ] {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
        for edge in ["FIN-WAIT-2", "CLOSING"] {
            assert!(text.contains(edge), "the relation has this way in: {edge}");
        }
    }

    #[test]
    fn every_state_has_both_ways_and_every_part() {
        for state in State::ALL {
            let text = whole(state);
            assert!(text.len() > 600, "{state}: {text}");
            for heading in [
                "How an endpoint gets here",
                "How it leaves",
                "Normal",
                "Not normal",
                "What to do",
            ] {
                assert!(text.contains(heading), "{state}");
            }
        }
    }
}
