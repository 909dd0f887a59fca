//! TIME-WAIT and the reuse of a 4-tuple, told in stories: which finding, how bad, at which packet. The comment of each says
//! why, by RFC 9293 section 3.6.1 (MUST-13, MAY-2), RFC 1122 section 4.2.2.13, RFC 6191 section 2 and RFC 1337.

mod story;

use tcptrace_states::findings::{self, Settings};
use tcptrace_states::model::{Connection, Finding, Severity};

/// Facts of any connection, which these stories are not about.
const FACTS: [&str; 7] = ["CP10", "FN01", "FN02", "HC01", "OP01", "RU01", "TW01"];

/// The server closes first and holds TIME-WAIT from 1.010 on; #1 to #6. Client's SND.NXT 102, server's 302.
const SERVER_HOLDS: &str = "open
    1.000 S>C FIN,ACK seq=301 ack=101
    1.010 C>S FIN,ACK seq=101 ack=302
    1.020 S>C ACK     seq=302 ack=102";

/// The same with timestamps; the client's newest is 1100.
const SERVER_HOLDS_STAMPED: &str = "0.000 C>S SYN     seq=100 ts=100/0
    0.010 S>C SYN,ACK seq=300 ack=101 ts=5000/100
    0.020 C>S ACK     seq=101 ack=301 ts=120/5000
    1.000 S>C FIN,ACK seq=301 ack=101 ts=6000/120
    1.010 C>S FIN,ACK seq=101 ack=302 ts=1100/6000
    1.020 S>C ACK     seq=302 ack=102 ts=6020/1100";

fn judged(story: &str) -> Vec<Connection> {
    let settings = Settings {
        least: Severity::Info,
        ..Settings::default()
    };
    let (segments, end) = story::read(story);
    let mut connections = story::observe(&segments, end);
    for connection in &mut connections {
        findings::judge(connection, end, story::TIME_WAIT, &settings);
    }
    connections
}

fn found(connections: &[Connection]) -> Vec<&Finding> {
    let all = connections.iter().flat_map(|connection| &connection.findings);
    all.filter(|finding| !FACTS.contains(&finding.code)).collect()
}

/// The story yields these findings and no others but facts: `TW05 warning 7, …`.
#[track_caller]
fn check(before: &str, after: &str, expected: &str) {
    let connections = judged(&format!("{before}\n{after}"));
    let all = found(&connections);
    let mut got: Vec<String> = all
        .iter()
        .map(|finding| {
            format!(
                "{} {} {}",
                finding.code,
                finding.severity.name(),
                finding.packet.unwrap_or(0)
            )
        })
        .collect();
    got.sort();
    let messages: Vec<&String> = all.iter().map(|finding| &finding.message).collect();
    assert_eq!(got.join(", "), expected, "{messages:#?}");
}

/// The message of the one finding with this code.
#[track_caller]
fn message(before: &str, after: &str, code: &str) -> String {
    let connections = judged(&format!("{before}\n{after}"));
    let messages: Vec<String> = (found(&connections).iter())
        .filter(|finding| finding.code == code)
        .map(|finding| finding.message.clone())
        .collect();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.concat()
}

// The holder and who opens.

#[test]
fn a_peer_that_becomes_the_client_may_reopen() {
    // The client holds TIME-WAIT and gets a SYN from the former server: MAY-2 speaks of the remote side, whatever its role was.
    check(
        "closed",
        "5.000 S>C SYN     seq=70000
         5.010 C>S SYN,ACK seq=80000 ack=70001
         5.020 S>C ACK     seq=70001 ack=80001",
        "TW02 info 8",
    );
}

#[test]
fn a_server_that_opens_out_of_its_own_time_wait_is_the_holder() {
    // MUST-13 has it linger; MAY-2 allows SYNs from the other side only.
    check(
        SERVER_HOLDS,
        "5.000 S>C SYN     seq=70000
         5.010 C>S SYN,ACK seq=80000 ack=70001
         5.020 S>C ACK     seq=70001 ack=80001",
        "TW06 warning 7",
    );
}

#[test]
fn after_a_simultaneous_close_whoever_opens_is_a_holder_too() {
    // Both hold TIME-WAIT: the accepting side may (MAY-2), the opening side ought to have lingered (MUST-13).
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.001 S>C FIN,ACK seq=301 ack=101
         1.010 C>S ACK     seq=102 ack=302
         1.011 S>C ACK     seq=302 ack=102",
        "5.000 C>S SYN     seq=70000
         5.010 S>C SYN,ACK seq=80000 ack=70001
         5.020 C>S ACK     seq=70001 ack=80001",
        "FN03 note 4, TW02 info 8, TW06 warning 8",
    );
}

#[test]
fn a_holder_with_timestamps_that_does_not_wait_a_second_is_told_why() {
    // Linux's tcp_tw_reuse waits until its clock of seconds has ticked; this one had the timestamps, but not the patience.
    let story = "0.000 C>S SYN     seq=100 ts=100/0
        0.010 S>C SYN,ACK seq=300 ack=101 ts=5000/100
        0.020 C>S ACK     seq=101 ack=301 ts=120/5000
        1.000 C>S FIN,ACK seq=101 ack=301 ts=1100/5000
        1.010 S>C FIN,ACK seq=301 ack=102 ts=6010/1100
        1.020 C>S ACK     seq=102 ack=302 ts=1120/6010";
    let again = "1.500 C>S SYN     seq=70000 ts=1600/0
        1.510 S>C SYN,ACK seq=80000 ack=70001 ts=6500/1600
        1.520 C>S ACK     seq=70001 ack=80001 ts=1620/6500";
    check(story, again, "TW06 warning 7");
    let said = message(story, again, "TW06");
    assert!(!said.contains("without the timestamps"), "{said}");
}

#[test]
fn a_simultaneous_close_that_a_reset_ends_leaves_no_time_wait() {
    // Section 3.10.7.4, second check, CLOSING: enter CLOSED.
    let story = "open
        1.000 C>S FIN,ACK seq=101 ack=301
        1.001 S>C FIN,ACK seq=301 ack=101
        1.010 C>S ACK     seq=102 ack=302
        1.011 S>C RST,ACK seq=302 ack=101";
    let said = message(story, "", "FN03");
    assert_eq!(said, "both sides closed at the same time");
}

// The clock of 2 MSL.

#[test]
fn at_two_msl_to_the_nanosecond_the_tuple_is_free() {
    // MUST-13: "linger for a time 2xMSL". TIME-WAIT began at 1.010 with the client's FIN.
    check(
        SERVER_HOLDS,
        "61.010 C>S SYN     seq=50
         61.020 S>C SYN,ACK seq=9000 ack=51
         61.030 C>S ACK     seq=51 ack=9001",
        "",
    );
    check(
        SERVER_HOLDS,
        "61.009 C>S SYN     seq=50
         61.020 S>C SYN,ACK seq=9000 ack=51
         61.030 C>S ACK     seq=51 ack=9001",
        "TW04 error 7",
    );
}

#[test]
fn a_fin_that_comes_again_starts_2_msl_anew_for_the_reuse() {
    // Section 3.10.7.4: "acknowledge it, and restart the 2 MSL timeout". 62 s after the close, 41 s after the restart.
    check(
        SERVER_HOLDS,
        "21.00 resent #5
         21.01 S>C ACK     seq=302 ack=102
         62.00 C>S SYN     seq=50
         62.01 S>C SYN,ACK seq=9000 ack=51
         62.02 C>S ACK     seq=51 ack=9001",
        "FN04 note 7, TW04 error 9, TW08 note 7",
    );
}

// Numbers.

#[test]
fn higher_is_meant_modulo_2_to_the_32_both_ways() {
    // The client's numbers wrap in the old connection: 4294967290 + SYN + 10 octets + FIN = 6.
    let wrapped = "0.000 C>S SYN     seq=4294967290
        0.010 S>C SYN,ACK seq=300 ack=4294967291
        0.020 C>S PSH,ACK seq=4294967291 ack=301 len=10
        0.030 S>C ACK     seq=301 ack=5
        1.000 S>C FIN,ACK seq=301 ack=5
        1.010 C>S FIN,ACK seq=5 ack=302
        1.020 S>C ACK     seq=302 ack=6";
    check(
        wrapped,
        "7.000 C>S SYN     seq=100
         7.010 S>C SYN,ACK seq=65839 ack=101
         7.020 C>S ACK     seq=101 ack=65840",
        "TW02 info 8",
    );
    check(
        wrapped,
        "7.000 C>S SYN     seq=4294967295
         7.010 S>C SYN,ACK seq=65839 ack=0
         7.020 C>S ACK     seq=0 ack=65840",
        "TW04 error 8",
    );
}

#[test]
fn an_iss_that_is_the_next_number_is_beyond() {
    // All octets up to 101 were used: 102 is larger than the largest one.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=102
         7.010 S>C SYN,ACK seq=9000 ack=103
         7.020 C>S ACK     seq=103 ack=9001",
        "TW02 info 7",
    );
}

#[test]
fn the_holders_own_iss_has_to_be_larger_too() {
    // MAY-2, condition (1): the holder "assigns its initial sequence number for the new connection to be larger than the
    // largest sequence number it used on the previous connection incarnation". 250 is not.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=70000
         7.010 S>C SYN,ACK seq=250 ack=70001
         7.020 C>S ACK     seq=70001 ack=251",
        "TW04 error 7",
    );
    let said = message(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=70000
         7.010 S>C SYN,ACK seq=250 ack=70001
         7.020 C>S ACK     seq=70001 ack=251",
        "TW04",
    );
    assert!(said.contains("the SYN-ACK's ISS is not beyond"), "{said}");
}

// Timestamps.

#[test]
fn a_newer_timestamp_is_meant_modulo_2_to_the_32() {
    // RFC 7323 section 5.2 compares timestamps like sequence numbers: 700 is newer than 4294967000.
    check(
        "0.000 C>S SYN     seq=100 ts=4294966000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=5000/4294966000
         0.020 C>S ACK     seq=101 ack=301 ts=4294966020/5000
         1.000 S>C FIN,ACK seq=301 ack=101 ts=6000/4294966020
         1.010 C>S FIN,ACK seq=101 ack=302 ts=4294967000/6000
         1.020 S>C ACK     seq=302 ack=102 ts=6020/4294967000",
        "2.000 C>S SYN     seq=50 ts=700/0
         2.010 S>C SYN,ACK seq=9000 ack=51 ts=7000/700
         2.020 C>S ACK     seq=51 ack=9001 ts=720/7000",
        "TW03 info 7",
    );
}

#[test]
fn an_older_or_equal_timestamp_with_a_lower_iss_is_no_permission() {
    // RFC 6191 section 2: an equal timestamp needs a greater sequence number, and an older one is to be dropped.
    for value in [1100, 1099] {
        check(
            SERVER_HOLDS_STAMPED,
            &format!(
                "7.000 C>S SYN     seq=50 ts={value}/0
                 7.010 S>C SYN,ACK seq=9000 ack=51 ts=12000/{value}
                 7.020 C>S ACK     seq=51 ack=9001 ts={value}/12000"
            ),
            "TW04 error 7",
        );
    }
}

#[test]
fn timestamps_that_only_the_new_connection_has_are_a_permission() {
    // RFC 6191 section 2: the previous incarnation used none, the new one would: honour the request. They are not "newer".
    let again = "7.000 C>S SYN     seq=50 ts=7000/0
        7.010 S>C SYN,ACK seq=9000 ack=51 ts=12000/7000
        7.020 C>S ACK     seq=51 ack=9001 ts=7020/12000";
    check(SERVER_HOLDS, again, "TW03 info 7");
    let said = message(SERVER_HOLDS, again, "TW03");
    assert!(said.contains("the old connection had none"), "{said}");
}

#[test]
fn timestamps_that_the_answer_does_not_take_are_no_permission() {
    // RFC 6191 section 2: "if TCP timestamps would be enabled for the new incarnation". The SYN-ACK has none.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=50 ts=7000/0
         7.010 S>C SYN,ACK seq=9000 ack=51
         7.020 C>S ACK     seq=51 ack=9001",
        "TW04 error 7",
    );
}

#[test]
fn options_cut_by_the_snap_length_leave_it_open() {
    // Whether the SYNs had timestamps cannot be known: neither legal nor illegal.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=50 headcut
         7.010 S>C SYN,ACK seq=9000 ack=51 headcut
         7.020 C>S ACK     seq=51 ack=9001 headcut",
        "CP06 note 7",
    );
}

// Refused.

#[test]
fn a_syn_that_time_wait_met_silently_and_that_came_again_is_accepted() {
    // RFC 6191 section 2 drops what it does not honour; nothing tells that from a lost SYN-ACK. The SYN is beyond: legal.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=70000
         8.000 resent #7
         8.010 S>C SYN,ACK seq=65839 ack=70001
         8.020 C>S ACK     seq=70001 ack=65840",
        "HS01 note 8, TW02 info 7",
    );
}

#[test]
fn a_syn_ack_that_was_lost_is_no_second_reuse() {
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=70000
         7.010 S>C SYN,ACK seq=65839 ack=70001   <-- lost behind the tap
         8.000 resent #7
         8.010 resent #8
         8.020 C>S ACK     seq=70001 ack=65840",
        "HS01 note 9, HS03 note 10, TW02 info 7",
    );
}

#[test]
fn a_refused_reuse_is_told_once_and_with_its_price() {
    // Figure 8 against TIME-WAIT: old numbers, a RST, the SYN again. The RST is part of this story, no TW07 of its own.
    let again = "7.000 C>S SYN     seq=50
        7.010 S>C ACK     seq=302 ack=102
        7.020 C>S RST     seq=102
        8.000 resent #7
        8.010 S>C SYN,ACK seq=9000 ack=51
        8.020 C>S ACK     seq=51 ack=9001";
    check(SERVER_HOLDS, again, "HS01 note 10, TW05 warning 7");
    assert!(message(SERVER_HOLDS, again, "TW05").ends_with("it cost 1.00 s"));
}

#[test]
fn a_refused_reuse_whose_second_syn_is_missing_has_no_price_of_nothing() {
    let again = "7.000 C>S SYN     seq=50
        7.010 S>C ACK     seq=302 ack=102
        7.020 C>S RST     seq=102
        8.010 S>C SYN,ACK seq=9000 ack=51
        8.020 C>S ACK     seq=51 ack=9001";
    check(SERVER_HOLDS, again, "TW05 warning 7");
    let said = message(SERVER_HOLDS, again, "TW05");
    assert!(!said.contains("cost 0"), "{said}");
}

#[test]
fn a_refused_syn_whose_sender_never_tries_again_is_an_old_duplicate() {
    // MAY-2 (2): nobody stands behind it. Its RST took TIME-WAIT away all the same (RFC 1337).
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=50
         7.010 S>C ACK     seq=302 ack=102
         7.020 C>S RST     seq=102
         30.00 end",
        "RU05 note 7, TW07 warning 9",
    );
}

#[test]
fn a_refused_syn_and_then_one_with_another_iss() {
    // The first SYN is as above. Its RST ended TIME-WAIT, so the next one meets none: no judgement on it.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=50
         7.010 S>C ACK     seq=302 ack=102
         7.020 C>S RST     seq=102
         9.000 C>S SYN     seq=40
         9.010 S>C SYN,ACK seq=9000 ack=41
         9.020 C>S ACK     seq=41 ack=9001",
        "RU05 note 7, TW07 warning 9",
    );
}

#[test]
fn a_syn_that_a_closed_port_refuses_did_not_meet_time_wait() {
    // A RST that acknowledges the SYN is the answer of CLOSED (section 3.10.7.1): TIME-WAIT would have sent old numbers.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=70000
         7.010 S>C RST,ACK seq=0 ack=70001
         20.00 end",
        "HS12 note 8",
    );
}

#[test]
fn a_syn_shortly_before_the_end_is_not_unanswered_yet() {
    check(SERVER_HOLDS, "7.000 C>S SYN     seq=70000\n 7.006 end", "");
    check("open", "7.000 C>S SYN     seq=70000\n 7.006 end", "RU02 note 4");
}

#[test]
fn a_syn_that_time_wait_drops_is_told_once() {
    // RFC 6191 section 2: what is not honoured is dropped silently. The silence is a matter of TW05, not of HS13, too.
    check(
        SERVER_HOLDS,
        "7.000 C>S SYN     seq=50
         8.000 resent #7
         10.00 resent #7
         20.00 end",
        "HS01 note 8, TW05 warning 7",
    );
}

// What was before was no orderly close.

#[test]
fn after_a_reset_nobody_holds_time_wait() {
    check(
        "open
         1.000 S>C RST,ACK seq=301 ack=101",
        "2.000 C>S SYN     seq=50
         2.010 S>C SYN,ACK seq=9000 ack=51
         2.020 C>S ACK     seq=51 ack=9001",
        "RS01 note 4",
    );
}

#[test]
fn a_life_that_was_picked_up_midstream_holds_time_wait_all_the_same() {
    // Its numbers and FINs are in the capture: the judgement needs no handshake.
    check(
        "0.000 C>S PSH,ACK seq=101 ack=301 len=10
         0.010 S>C ACK     seq=301 ack=111
         1.000 S>C FIN,ACK seq=301 ack=111
         1.010 C>S FIN,ACK seq=111 ack=302
         1.020 S>C ACK     seq=302 ack=112",
        "7.000 C>S SYN     seq=70000
         7.010 S>C SYN,ACK seq=65839 ack=70001
         7.020 C>S ACK     seq=70001 ack=65840",
        "CP01 note 1, TW02 info 6",
    );
}

#[test]
fn of_one_side_alone_it_cannot_be_told_who_accepted() {
    // Only the client's segments: no SYN-ACK can be seen, so "not answered" would be a word about the tap.
    check(
        "0.000 C>S SYN     seq=100
         0.020 C>S ACK     seq=101 ack=301
         1.010 C>S FIN,ACK seq=101 ack=302
         1.030 C>S ACK     seq=102 ack=302",
        "7.000 C>S SYN     seq=70000
         7.020 C>S ACK     seq=70001 ack=65840
         7.500 C>S PSH,ACK seq=70001 ack=65840 len=10",
        "CP05 note 0, CP05 note 0, CP09 note 3, FN12 note 3",
    );
}

// Assassination and early ends.

#[test]
fn a_reset_beside_the_window_ends_no_time_wait() {
    check(SERVER_HOLDS, "2.000 C>S RST     seq=90000102", "RS02 warning 7");
}

#[test]
fn a_holder_that_answers_with_a_reset_left_early() {
    check(
        "closed",
        "5.000 resent #6
         5.010 C>S RST     seq=102",
        "FN04 note 8, TW12 warning 9",
    );
}

#[test]
fn after_2_msl_a_holder_may_answer_with_a_reset() {
    // The peer's FIN came too late: CLOSED answers everything with a RST (section 3.10.7.1).
    check(
        "closed",
        "62.00 resent #6
         62.01 C>S RST     seq=102",
        "FN04 note 8",
    );
}

#[test]
fn a_copy_of_the_last_fin_made_by_the_capture_asks_for_nothing() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.020 S>C FIN,ACK seq=301 ack=102
         1.0201 again #6
         1.030 C>S ACK     seq=102 ack=302",
        "9.000 end",
        "CP03 note 0",
    );
}

// A SYN that meets a connection that is not over.

#[test]
fn a_syn_against_established_that_is_challenged_and_given_up() {
    // Section 3.10.7.4, fourth check: challenge ACK. The SYN comes again, so somebody stands behind it.
    check(
        "open",
        "1.000 C>S SYN     seq=90000
         1.010 S>C ACK     seq=301 ack=101
         2.000 resent #4
         2.010 S>C ACK     seq=301 ack=101
         9.000 end",
        "HS01 note 6, RU02 warning 4",
    );
}

#[test]
fn a_syn_from_the_other_side_of_an_open_connection_is_the_same_matter() {
    check(
        "open",
        "1.000 S>C SYN     seq=90000
         1.010 C>S ACK     seq=101 ack=301
         2.000 resent #4
         2.010 C>S ACK     seq=101 ack=301
         9.000 end",
        "HS01 note 6, RU02 warning 4",
    );
}

#[test]
fn a_half_open_connection_is_discovered_once() {
    // Figure 9. The RST is that of the new SYN-SENT: the old connection was not reset by its client.
    check(
        "open",
        "60.00 C>S SYN     seq=90000
         60.01 S>C ACK     seq=301 ack=101
         60.02 C>S RST     seq=101
         61.00 resent #4
         61.01 S>C SYN,ACK seq=9000 ack=90001
         61.02 C>S ACK     seq=90001 ack=9001",
        "HS01 note 7, RU03 warning 4",
    );
}

#[test]
fn a_syn_against_last_ack_is_not_taken_either() {
    // The server's FIN was never acknowledged, as far as it knows: its last ACK was lost, and the client's TIME-WAIT is short.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.020 S>C FIN,ACK seq=301 ack=102",
        "2.000 C>S SYN     seq=90000
         2.010 S>C ACK     seq=302 ack=102
         3.000 resent #7
         3.010 S>C ACK     seq=302 ack=102
         4.000 end",
        "HS01 note 9, RU04 error 7",
    );
}

#[test]
fn a_syn_against_close_wait_that_reset_frees_is_one_error() {
    // The RST is that of the new SYN-SENT, not an abort of the old connection (RS09).
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102",
        "90.00 C>S SYN     seq=90000
         90.01 S>C ACK     seq=301 ack=102
         90.02 C>S RST     seq=102
         91.00 resent #6
         91.01 S>C SYN,ACK seq=9000 ack=90001
         91.02 C>S ACK     seq=90001 ack=9001",
        "HC02 warning 4, HC04 warning 5, HS01 note 9, RU04 error 6",
    );
}

// Old segments in the new connection.

#[test]
fn an_old_segment_in_the_window_of_the_new_connection_is_told_by_its_timestamp() {
    let data = "0.000 C>S SYN     seq=100 ts=10/0
        0.010 S>C SYN,ACK seq=300 ack=101 ts=20/10
        0.020 C>S ACK     seq=101 ack=301 ts=11/20
        0.100 C>S PSH,ACK seq=101 ack=301 len=1000 ts=12/20
        0.110 S>C ACK     seq=301 ack=1101 ts=21/12
        1.000 S>C FIN,ACK seq=301 ack=1101 ts=22/12
        1.010 C>S FIN,ACK seq=1101 ack=302 ts=13/22
        1.020 S>C ACK     seq=302 ack=1102 ts=23/13";
    // RFC 7323 section 5: PAWS. The reuse itself was legal by its timestamp.
    check(
        data,
        "7.000 C>S SYN     seq=500 ts=6010/0
         7.010 S>C SYN,ACK seq=65839 ack=501 ts=6020/6010
         7.020 C>S ACK     seq=501 ack=65840 ts=6030/6020
         7.100 resent #4 seq=601 len=500",
        "TW03 info 9, TW10 warning 12",
    );
}
