//! What other tools call the same things: every event name of Suricata, Zeek, Wireshark and Snort that concerns the state of
//! a connection. The rules say in their documentation which of them they express; here stands why none expresses the others.

use super::rules;

/// A name that another tool gives to an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The tool.
    pub tool: String,
    /// Its name for it.
    pub name: String,
    /// What it is here.
    pub here: Here,
}

/// What a name of another tool is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Here {
    /// These rules express it.
    Rules(Vec<&'static str>),
    /// No rule does, for this reason.
    NoRule(&'static str),
}

/// The entries of a name, with or without Suricata's `stream.`, whatever the case: one for each tool that uses it.
pub fn lookup(name: &str) -> Vec<Name> {
    let prefix = name
        .get(..7)
        .filter(|prefix| prefix.eq_ignore_ascii_case("stream."));
    let bare = prefix.and(name.get(7..)).unwrap_or(name);
    let mut known = names();
    known.retain(|known| known.name.eq_ignore_ascii_case(bare));
    known
}

/// All names: those that the rules say of themselves, and those without a rule.
pub fn names() -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for rule in rules() {
        for (tool, name) in rule.elsewhere() {
            let known = names
                .iter_mut()
                .find(|known| (&known.tool, &known.name) == (&tool, &name));
            match known.map(|known| &mut known.here) {
                Some(Here::Rules(codes)) => codes.push(rule.code),
                Some(Here::NoRule(_)) | None => names.push(Name {
                    tool,
                    name,
                    here: Here::Rules(vec![rule.code]),
                }),
            }
        }
    }
    let none = NO_RULE.iter().copied().flatten();
    names.extend(none.map(|(tool, name, why)| Name {
        tool: (*tool).to_owned(),
        name: (*name).to_owned(),
        here: Here::NoRule(why),
    }));
    names
}

/// Tool, its name, and why no rule expresses it.
type Unexpressed = (&'static str, &'static str, &'static str);

const NO_RULE: [&[Unexpressed]; 4] = [SURICATA, ZEEK, WIRESHARK, SNORT];

const TRANSFER: &str = "data transfer, not connection state: counted as retransmitted_segments";
const PROBES: &str = "data transfer, not connection state: counted as probes, marked in the ladder";
const WINDOW: &str = "flow control, not connection state";
const ENGINE: &str = "a limit of that engine; there is no such limit here";
const OPTIONS: &str = "an option with a wrong length is skipped; it is counted nowhere";
const PAYLOAD: &str = "payload is not kept: two copies of an octet cannot be compared";
const FACT: &str = "not remarkable by itself: a transition of the connection, or its outcome";
const NO_ACK_BIT: &str = "a number in a field that its bit makes void: no receiver reads it";

/// Without the `stream.` that stands before each of them.
const SURICATA: &[Unexpressed] = {
    const T: &str = "Suricata";
    &[
        (T, "est_pkt_before_last_ack", TRANSFER),
        (T, "pkt_retransmission", TRANSFER),
        (T, "pkt_spurious_retransmission", TRANSFER),
        (T, "est_ack_zwp_data", PROBES),
        (
            T,
            "rst_but_no_session",
            "a lone RST is a connection of its own, with outcome open and CP01",
        ),
        (T, "closewait_pkt_before_last_ack", TRANSFER),
        (T, "pkt_broken_ack", NO_ACK_BIT),
        (T, "pkt_bad_window_update", WINDOW),
        (T, "reassembly_overlap_different_data", PAYLOAD),
        (T, "reassembly_segment_before_base_seq", ENGINE),
        (T, "reassembly_no_segment", ENGINE),
        (T, "reassembly_depth_reached", ENGINE),
        (T, "reassembly_insert_memcap", ENGINE),
        (T, "reassembly_insert_limit", ENGINE),
        (T, "reassembly_insert_invalid", ENGINE),
        (T, "reassembly_urgent_oob_limit_reached", ENGINE),
        (T, "wrong_thread", ENGINE),
    ]
};

/// Weirds, then the values of `conn_state`.
const ZEEK: &[Unexpressed] = {
    const T: &str = "Zeek";
    &[
        (
            T,
            "spontaneous_RST",
            "a lone RST is a connection of its own, with outcome open and CP01",
        ),
        (
            T,
            "TCP_ack_underflow_or_misorder",
            "an old acknowledgment moves nothing (RFC 9293, 3.10.7.4)",
        ),
        (T, "window_recision", WINDOW),
        (
            T,
            "TCP_scale_range",
            "a shift above 14 counts as 14 (RFC 7323, 2.3)",
        ),
        (T, "tcp_option_mss_invalid_len", OPTIONS),
        (T, "tcp_option_window_scale_invalid_len", OPTIONS),
        (T, "tcp_option_sack_invalid_len", OPTIONS),
        (T, "tcp_option_sack_blocks_invalid_len", OPTIONS),
        (T, "tcp_option_timestamps_invalid_len", OPTIONS),
        (T, "tcp_option_qsresponse_invalid_len", OPTIONS),
        (T, "tcp_option_uto_invalid_len", OPTIONS),
        (T, "tcp_option_ao_invalid_len", OPTIONS),
        (T, "tcp_option_tfo_invalid_len", OPTIONS),
        (T, "SF", FACT),
    ]
};

const WIRESHARK: &[Unexpressed] = {
    const T: &str = "Wireshark";
    &[
        (T, "tcp.connection.syn", FACT),
        (T, "tcp.connection.synack", FACT),
        (T, "tcp.connection.fin", FACT),
        (T, "tcp.analysis.retransmission", TRANSFER),
        (T, "tcp.analysis.fast_retransmission", TRANSFER),
        (T, "tcp.analysis.spurious_retransmission", TRANSFER),
        (T, "tcp.analysis.out_of_order", TRANSFER),
        (T, "tcp.analysis.duplicate_ack", TRANSFER),
        (T, "tcp.analysis.keep_alive", PROBES),
        (T, "tcp.analysis.keep_alive_ack", PROBES),
        (T, "tcp.analysis.zero_window_probe", PROBES),
        (T, "tcp.analysis.zero_window_probe_ack", PROBES),
        (T, "tcp.analysis.zero_window", WINDOW),
        (T, "tcp.analysis.window_full", WINDOW),
        (T, "tcp.analysis.window_update", WINDOW),
        (T, "tcp.options.sack.dsack", TRANSFER),
        (T, "tcp.options.snack.sequence", TRANSFER),
        (
            T,
            "tcp.options.wscale.shift.invalid",
            "a shift above 14 counts as 14 (RFC 7323, 2.3)",
        ),
        (
            T,
            "tcp.options.mss.absent",
            "without the option 536 octets hold (RFC 9293, 3.7.1): no fault",
        ),
        (
            T,
            "tcp.options.mss.present",
            "read on SYNs only; elsewhere nobody heeds it",
        ),
        (T, "tcp.option.len.invalid", OPTIONS),
        (T, "tcp.suboption_malformed", OPTIONS),
        (T, "tcp.nop", "padding of options means nothing"),
        (
            T,
            "tcp.non_zero_bytes_after_eol",
            "padding of options means nothing",
        ),
        (T, "tcp.ack.nonzero", NO_ACK_BIT),
        (T, "tcp.urgent_pointer.non_zero", NO_ACK_BIT),
        (
            T,
            "tcp.checksum.ffff",
            "in one's complement 0xffff and 0 are the same sum: it is right if 0 is",
        ),
        (T, "tcp.segment.overlap.conflict", PAYLOAD),
        (T, "tcp.completeness", FACT),
    ]
};

/// Generator and signature of stream_tcp, then a counter.
const SNORT: &[Unexpressed] = {
    const T: &str = "Snort";
    &[
        (T, "129:6", WINDOW),
        (T, "129:8", "link addresses are not looked at"),
        (T, "129:9", "link addresses are not looked at"),
        (T, "129:10", ENGINE),
        (T, "129:12", ENGINE),
        (T, "129:19", WINDOW),
        (T, "129:21", ENGINE),
        (T, "129:22", ENGINE),
        (T, "rsts_ok_rfc793", FACT),
        (T, "rsts_ok_rfc5961", FACT),
        (
            T,
            "rsts_bad_seq",
            "a counter; here each one is an event, reset-outside-window",
        ),
        (T, "rsts_ack_ok", FACT),
        (
            T,
            "rsts_ack_bad",
            "a counter; here each one is an event, reset-bad-ack",
        ),
        (
            T,
            "bad_syn_seq",
            "a counter; a SYN with another number begins an attempt of its own",
        ),
        (T, "invalid_seq_left", TRANSFER),
        (
            T,
            "invalid_seq_right",
            "a counter; here each one is an event, segment-outside-window",
        ),
        (T, "keep_alive_probes", PROBES),
        (T, "zero_win_probes", PROBES),
        (
            T,
            "asymmetric_flows",
            "a counter; here one_sided_connections of the capture",
        ),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_found_as_people_write_it() {
        let here = |word| -> Vec<Here> { lookup(word).into_iter().map(|name| name.here).collect() };
        assert_eq!(
            here("stream.3whs_synack_with_wrong_ack"),
            [Here::Rules(vec!["HS05"])]
        );
        assert_eq!(here("bad_syn_ack"), [Here::Rules(vec!["HS05"])]);
        assert_eq!(here("129:4"), [Here::Rules(vec!["SQ04"])]);
        assert_eq!(here("stream.wrong_thread"), [Here::NoRule(ENGINE)]);
        assert_eq!(here("rst_with_data").len(), 2);
        assert_eq!(here("stream."), []);
        assert_eq!(here("str\u{f6}me"), []);
    }

    #[test]
    fn every_tool_has_a_name_once() {
        let mut seen = BTreeSet::new();
        for name in names() {
            assert!(
                seen.insert((name.tool.clone(), name.name.clone())),
                "{} twice",
                name.name
            );
        }
    }

    /// Taken once from the sources and the documentation of the five tools: none may get lost with a rule.
    #[test]
    fn no_name_is_forgotten() {
        let count = |tool: &str| names().iter().filter(|name| name.tool == tool).count();
        let counts = ["Suricata", "Zeek", "Wireshark", "Snort", "Linux"].map(count);
        assert_eq!(counts, [71, 60, 42, 33, 2]);
    }
}
