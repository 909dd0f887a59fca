//! What other tools call the same things: every event name of Suricata, Zeek, Wireshark and Snort that concerns the state of
//! a connection, and the rules that express it here, or why none does.

/// A name that another tool gives to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The tool.
    pub tool: &'static str,
    /// Its name for it.
    pub name: &'static str,
    /// What it is here.
    pub here: Here,
}

/// What a name of another tool is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Here {
    /// These rules express it.
    Rules(&'static [&'static str]),
    /// No rule does, for this reason.
    NoRule(&'static str),
}

/// The entries of a name, with or without Suricata's `stream.`, whatever the case: one for each tool that uses it.
pub fn lookup(name: &str) -> Vec<&'static Name> {
    let prefix = name
        .get(..7)
        .filter(|prefix| prefix.eq_ignore_ascii_case("stream."));
    let bare = prefix.and(name.get(7..)).unwrap_or(name);
    let known = names().filter(|known| known.name.eq_ignore_ascii_case(bare));
    known.collect()
}

/// All names, tool by tool.
pub fn names() -> impl Iterator<Item = &'static Name> {
    TABLES.iter().copied().flatten()
}

const TABLES: [&[Name]; 5] = [SURICATA, ZEEK, WIRESHARK, SNORT, LINUX];

const fn rules(tool: &'static str, name: &'static str, codes: &'static [&'static str]) -> Name {
    Name {
        tool,
        name,
        here: Here::Rules(codes),
    }
}

const fn none(tool: &'static str, name: &'static str, why: &'static str) -> Name {
    Name {
        tool,
        name,
        here: Here::NoRule(why),
    }
}

const TRANSFER: &str = "data transfer, not connection state: counted as retransmitted_segments";
const PROBES: &str = "data transfer, not connection state: counted as probes, marked in the ladder";
const WINDOW: &str = "flow control, not connection state";
const ENGINE: &str = "a limit of that engine; there is no such limit here";
const OPTIONS: &str = "an option with a wrong length is skipped; it is counted nowhere";
const CHECKSUM: &str = "checksums are not verified";
const PAYLOAD: &str = "payload is not kept: two copies of an octet cannot be compared";
const FACT: &str = "not remarkable by itself: a transition of the connection, or its outcome";
const NO_ACK_BIT: &str = "a number in a field that its bit makes void: no receiver reads it";

/// Without the `stream.` that stands before each of them.
const SURICATA: &[Name] = {
    const T: &str = "Suricata";
    &[
        rules(T, "3whs_ack_in_wrong_dir", &["HS08"]),
        rules(T, "3whs_async_wrong_seq", &["HS08"]),
        rules(T, "3whs_right_seq_wrong_ack_evasion", &["HS08"]),
        rules(T, "3whs_synack_in_wrong_direction", &["HS06"]),
        rules(T, "3whs_synack_resend_with_diff_ack", &["HS05"]),
        rules(T, "3whs_synack_resend_with_diff_seq", &["HS04"]),
        rules(T, "3whs_synack_toserver_on_syn_recv", &["HS06"]),
        rules(T, "3whs_synack_with_wrong_ack", &["HS05"]),
        rules(T, "3whs_synack_flood", &["HS15"]),
        rules(T, "3whs_syn_flood", &["HS15"]),
        rules(T, "3whs_synack_tfo_data_ignored", &["HS11"]),
        rules(T, "3whs_syn_resend_diff_seq_on_syn_recv", &["HS02"]),
        rules(T, "3whs_syn_toclient_on_syn_recv", &["HS07"]),
        rules(T, "3whs_wrong_seq_wrong_ack", &["HS08"]),
        rules(T, "3whs_ack_data_inject", &["HS09"]),
        rules(T, "4whs_synack_with_wrong_ack", &["HS05"]),
        rules(T, "4whs_synack_with_wrong_syn", &["HS05"]),
        rules(T, "4whs_wrong_seq", &["HS08"]),
        rules(T, "4whs_invalid_ack", &["HS08"]),
        rules(T, "est_packet_out_of_window", &["SQ01"]),
        none(T, "est_pkt_before_last_ack", TRANSFER),
        none(T, "pkt_retransmission", TRANSFER),
        none(T, "pkt_spurious_retransmission", TRANSFER),
        rules(T, "est_synack_resend", &["HS03"]),
        rules(T, "est_synack_resend_with_diff_ack", &["HS05"]),
        rules(T, "est_synack_resend_with_diff_seq", &["HS04"]),
        rules(T, "est_synack_toserver", &["HS06"]),
        rules(T, "est_syn_toclient", &["RU02"]),
        rules(T, "est_syn_resend", &["HS01", "RU05"]),
        rules(T, "est_syn_resend_diff_seq", &["RU02"]),
        rules(T, "est_invalid_ack", &["SQ02"]),
        rules(T, "pkt_invalid_ack", &["SQ02"]),
        none(T, "est_ack_zwp_data", PROBES),
        rules(T, "fin_but_no_session", &["FN11"]),
        none(
            T,
            "rst_but_no_session",
            "a lone RST is a connection of its own, with outcome open and CP01",
        ),
        rules(T, "fin_invalid_ack", &["FN07"]),
        rules(T, "fin_out_of_window", &["FN06"]),
        rules(T, "fin_syn", &["ML02"]),
        rules(T, "fin1_ack_wrong_seq", &["SQ01"]),
        rules(T, "fin2_ack_wrong_seq", &["SQ01"]),
        rules(T, "closing_ack_wrong_seq", &["SQ01"]),
        rules(T, "lastack_ack_wrong_seq", &["SQ01"]),
        rules(T, "fin1_fin_wrong_seq", &["FN06"]),
        rules(T, "fin2_fin_wrong_seq", &["FN06"]),
        rules(T, "fin1_invalid_ack", &["SQ02"]),
        rules(T, "fin2_invalid_ack", &["SQ02"]),
        rules(T, "closing_invalid_ack", &["SQ02"]),
        rules(T, "lastack_invalid_ack", &["SQ02"]),
        rules(T, "closewait_ack_out_of_window", &["SQ01"]),
        rules(T, "closewait_fin_out_of_window", &["FN06"]),
        none(T, "closewait_pkt_before_last_ack", TRANSFER),
        rules(T, "closewait_invalid_ack", &["SQ02"]),
        rules(T, "timewait_ack_wrong_seq", &["TW09"]),
        rules(T, "timewait_invalid_ack", &["TW09"]),
        rules(
            T,
            "shutdown_syn_resend",
            &["RU02", "RU04", "TW02", "TW03", "TW04", "TW05"],
        ),
        rules(T, "pkt_invalid_timestamp", &["SQ04"]),
        none(T, "pkt_broken_ack", NO_ACK_BIT),
        rules(T, "rst_invalid_ack", &["RS06"]),
        rules(T, "rst_with_data", &["RS07"]),
        rules(T, "suspected_rst_inject", &["RS04"]),
        none(T, "pkt_bad_window_update", WINDOW),
        rules(T, "reassembly_seq_gap", &["CP02"]),
        none(T, "reassembly_overlap_different_data", PAYLOAD),
        none(T, "reassembly_segment_before_base_seq", ENGINE),
        none(T, "reassembly_no_segment", ENGINE),
        none(T, "reassembly_depth_reached", ENGINE),
        none(T, "reassembly_insert_memcap", ENGINE),
        none(T, "reassembly_insert_limit", ENGINE),
        none(T, "reassembly_insert_invalid", ENGINE),
        none(T, "reassembly_urgent_oob_limit_reached", ENGINE),
        none(T, "wrong_thread", ENGINE),
    ]
};

/// Weirds, then the values of `conn_state`.
const ZEEK: &[Name] = {
    const T: &str = "Zeek";
    &[
        rules(T, "SYN_seq_jump", &["HS02", "RU02"]),
        rules(T, "SYN_inside_connection", &["RU02"]),
        rules(T, "SYN_after_partial", &["CP01", "RU01"]),
        rules(T, "SYN_after_close", &["RU01", "TW02", "TW03", "TW04"]),
        rules(T, "SYN_after_reset", &["RU01"]),
        rules(T, "SYN_with_data", &["HS10"]),
        rules(T, "repeated_SYN_with_ack", &["HS07"]),
        rules(T, "repeated_SYN_reply_wo_ack", &["HS07"]),
        rules(T, "connection_originator_SYN_ack", &["CP01", "HS16"]),
        rules(T, "unsolicited_SYN_response", &["HS16"]),
        rules(T, "bad_SYN_ack", &["HS05"]),
        rules(T, "simultaneous_open", &["HS07"]),
        rules(T, "data_before_established", &["HS09"]),
        rules(T, "inappropriate_FIN", &["FN15"]),
        rules(T, "spontaneous_FIN", &["FN11"]),
        none(
            T,
            "spontaneous_RST",
            "a lone RST is a connection of its own, with outcome open and CP01",
        ),
        rules(T, "FIN_advanced_last_seq", &["FN05", "FN08"]),
        rules(T, "FIN_after_reset", &["RS05"]),
        rules(T, "data_after_reset", &["RS05"]),
        rules(T, "FIN_storm", &["FN14"]),
        rules(T, "RST_storm", &["RS10"]),
        rules(T, "RST_with_data", &["RS07"]),
        rules(T, "active_connection_reuse", &["RU02", "RU03"]),
        rules(T, "premature_connection_reuse", &["TW02", "TW03", "TW04", "TW05"]),
        rules(T, "pending_data_when_closed", &["CP02", "FN09"]),
        rules(T, "possible_split_routing", &["CP05"]),
        rules(T, "TCP_seq_underflow_or_misorder", &["CP04", "SQ01"]),
        none(
            T,
            "TCP_ack_underflow_or_misorder",
            "an old acknowledgment moves nothing (RFC 9293, 3.10.7.4)",
        ),
        none(T, "window_recision", WINDOW),
        none(
            T,
            "TCP_scale_range",
            "a shift above 14 counts as 14 (RFC 7323, 2.3)",
        ),
        rules(T, "TCP_christmas", &["ML02"]),
        rules(T, "baroque_SYN", &["ML02"]),
        none(T, "tcp_option_mss_invalid_len", OPTIONS),
        none(T, "tcp_option_window_scale_invalid_len", OPTIONS),
        none(T, "tcp_option_sack_invalid_len", OPTIONS),
        none(T, "tcp_option_sack_blocks_invalid_len", OPTIONS),
        none(T, "tcp_option_timestamps_invalid_len", OPTIONS),
        none(T, "tcp_option_qsresponse_invalid_len", OPTIONS),
        none(T, "tcp_option_uto_invalid_len", OPTIONS),
        none(T, "tcp_option_ao_invalid_len", OPTIONS),
        none(T, "tcp_option_tfo_invalid_len", OPTIONS),
        none(T, "bad_TCP_checksum", CHECKSUM),
        rules(T, "bad_TCP_header_len", &["ML01"]),
        rules(T, "truncated_header", &["CP06"]),
        rules(T, "truncated_tcp_payload", &["CP06"]),
        rules(T, "above_hole_data_without_any_acks", &["CP02", "CP05"]),
        rules(T, "excessive_data_without_further_acks", &["CP02", "CP05"]),
        rules(T, "S0", &["HS13"]),
        rules(T, "S1", &["CP10"]),
        none(T, "SF", FACT),
        rules(T, "REJ", &["HS12"]),
        rules(T, "S2", &["HC03"]),
        rules(T, "S3", &["HC03"]),
        rules(T, "RSTO", &["RS01"]),
        rules(T, "RSTR", &["RS01"]),
        rules(T, "RSTOS0", &["HS14"]),
        rules(T, "RSTRH", &["HS14"]),
        rules(T, "SH", &["FN15"]),
        rules(T, "SHR", &["FN15"]),
        rules(T, "OTH", &["CP01"]),
    ]
};

const WIRESHARK: &[Name] = {
    const T: &str = "Wireshark";
    &[
        none(T, "tcp.connection.syn", FACT),
        none(T, "tcp.connection.synack", FACT),
        none(T, "tcp.connection.fin", FACT),
        rules(T, "tcp.connection.rst", &["RS01"]),
        rules(T, "tcp.connection.fin_active", &["FN01"]),
        rules(T, "tcp.connection.fin_passive", &["FN02"]),
        rules(T, "tcp.fin_retransmission", &["FN04"]),
        rules(T, "tcp.analysis.reused_ports", &["HS04", "RU01"]),
        none(T, "tcp.analysis.retransmission", TRANSFER),
        none(T, "tcp.analysis.fast_retransmission", TRANSFER),
        none(T, "tcp.analysis.spurious_retransmission", TRANSFER),
        none(T, "tcp.analysis.out_of_order", TRANSFER),
        rules(T, "tcp.analysis.lost_segment", &["CP02"]),
        rules(T, "tcp.analysis.ack_lost_segment", &["CP02"]),
        none(T, "tcp.analysis.duplicate_ack", TRANSFER),
        none(T, "tcp.analysis.keep_alive", PROBES),
        none(T, "tcp.analysis.keep_alive_ack", PROBES),
        none(T, "tcp.analysis.zero_window_probe", PROBES),
        none(T, "tcp.analysis.zero_window_probe_ack", PROBES),
        none(T, "tcp.analysis.zero_window", WINDOW),
        none(T, "tcp.analysis.window_full", WINDOW),
        none(T, "tcp.analysis.window_update", WINDOW),
        rules(T, "tcp.analysis.tfo_syn", &["HS10"]),
        rules(T, "tcp.analysis.tfo_ack", &["HS10"]),
        rules(T, "tcp.analysis.tfo_ignored", &["HS11"]),
        none(T, "tcp.options.sack.dsack", TRANSFER),
        none(T, "tcp.options.snack.sequence", TRANSFER),
        none(
            T,
            "tcp.options.wscale.shift.invalid",
            "a shift above 14 counts as 14 (RFC 7323, 2.3)",
        ),
        none(
            T,
            "tcp.options.mss.absent",
            "without the option 536 octets hold (RFC 9293, 3.7.1): no fault",
        ),
        none(
            T,
            "tcp.options.mss.present",
            "read on SYNs only; elsewhere nobody heeds it",
        ),
        none(T, "tcp.option.len.invalid", OPTIONS),
        none(T, "tcp.suboption_malformed", OPTIONS),
        none(T, "tcp.nop", "padding of options means nothing"),
        none(
            T,
            "tcp.non_zero_bytes_after_eol",
            "padding of options means nothing",
        ),
        none(T, "tcp.ack.nonzero", NO_ACK_BIT),
        none(T, "tcp.urgent_pointer.non_zero", NO_ACK_BIT),
        rules(T, "tcp.short_segment", &["ML01"]),
        rules(T, "tcp.bogus_header_length", &["ML01"]),
        none(T, "tcp.checksum_bad.expert", CHECKSUM),
        none(T, "tcp.checksum.ffff", CHECKSUM),
        none(T, "tcp.segment.overlap.conflict", PAYLOAD),
        none(T, "tcp.completeness", FACT),
    ]
};

/// Generator and signature of stream_tcp, then a counter.
const SNORT: &[Name] = {
    const T: &str = "Snort";
    &[
        rules(T, "129:1", &["RU02"]),
        rules(T, "129:2", &["HS10"]),
        rules(T, "129:3", &["FN08"]),
        rules(T, "129:4", &["SQ04"]),
        none(T, "129:6", WINDOW),
        rules(T, "129:7", &["RS05"]),
        none(T, "129:8", "link addresses are not looked at"),
        none(T, "129:9", "link addresses are not looked at"),
        none(T, "129:10", ENGINE),
        rules(T, "129:11", &["ML02"]),
        none(T, "129:12", ENGINE),
        rules(T, "129:13", &["HS07"]),
        rules(T, "129:14", &["OP05"]),
        rules(T, "129:15", &["RS02"]),
        rules(T, "129:16", &["FN05"]),
        rules(T, "129:17", &["SQ02"]),
        rules(T, "129:18", &["RS05"]),
        none(T, "129:19", WINDOW),
        rules(T, "129:20", &["CP01"]),
        none(T, "129:21", ENGINE),
        none(T, "129:22", ENGINE),
        rules(T, "rsts_in_window", &["RS03"]),
        none(T, "rsts_ok_rfc793", FACT),
        none(T, "rsts_ok_rfc5961", FACT),
        none(
            T,
            "rsts_bad_seq",
            "a counter; here each one is an event, reset-outside-window",
        ),
        none(T, "rsts_ack_ok", FACT),
        none(
            T,
            "rsts_ack_bad",
            "a counter; here each one is an event, reset-bad-ack",
        ),
        none(
            T,
            "bad_syn_seq",
            "a counter; a SYN with another number begins an attempt of its own",
        ),
        none(T, "invalid_seq_left", TRANSFER),
        none(
            T,
            "invalid_seq_right",
            "a counter; here each one is an event, segment-outside-window",
        ),
        none(T, "keep_alive_probes", PROBES),
        none(T, "zero_win_probes", PROBES),
        none(
            T,
            "asymmetric_flows",
            "a counter; here one_sided_connections of the capture",
        ),
    ]
};

/// Counters of the kernel.
const LINUX: &[Name] = {
    const T: &str = "Linux";
    &[
        rules(T, "TcpExtListenOverflows", &["HS18"]),
        rules(T, "TcpExtListenDrops", &["HS18"]),
    ]
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::findings;

    #[test]
    fn a_name_is_found_as_people_write_it() {
        let here = |word| -> Vec<Here> { lookup(word).iter().map(|name| name.here).collect() };
        assert_eq!(
            here("stream.3whs_synack_with_wrong_ack"),
            [Here::Rules(&["HS05"])]
        );
        assert_eq!(here("bad_syn_ack"), [Here::Rules(&["HS05"])]);
        assert_eq!(here("129:4"), [Here::Rules(&["SQ04"])]);
        assert_eq!(here("stream.wrong_thread"), [Here::NoRule(ENGINE)]);
        assert_eq!(here("rst_with_data").len(), 2);
        assert_eq!(here("stream."), []);
        assert_eq!(here("str\u{f6}me"), []);
    }

    #[test]
    fn every_tool_has_a_name_once() {
        let mut seen = BTreeSet::new();
        for name in names() {
            assert!(seen.insert((name.tool, name.name)), "{} twice", name.name);
        }
    }

    /// Tool, name and code of what the table says and of what the rules say.
    fn both_sides() -> (BTreeSet<[String; 3]>, BTreeSet<[String; 3]>) {
        let mut table = BTreeSet::new();
        for name in names() {
            if let Here::Rules(codes) = name.here {
                table.extend(
                    codes
                        .iter()
                        .map(|code| [name.tool, name.name, code].map(str::to_owned)),
                );
            }
        }
        let rules = findings::rules()
            .flat_map(|rule| {
                let named = rule.elsewhere().into_iter();
                named.map(|(tool, name)| [tool, name, rule.code.to_owned()])
            })
            .collect();
        (table, rules)
    }

    #[test]
    fn the_table_and_the_rules_say_the_same() {
        let (table, rules) = both_sides();
        let wrong: Vec<_> = table.symmetric_difference(&rules).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_code_of_the_table_is_a_rule() {
        let (table, _) = both_sides();
        let codes: BTreeSet<&str> = table.iter().map(|entry| entry[2].as_str()).collect();
        let missing: Vec<&str> = codes
            .into_iter()
            .filter(|code| findings::find(code).is_none())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
