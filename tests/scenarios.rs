//! The hand-made captures of `testdata/scenarios`, from file to model: each with its right answer spelled out.
//!
//! Packet 1 is at 1700000000 s; the capture's clock has microseconds, and most answers come 9.999 ms after what they
//! answer.

mod story;

use std::path::Path;

use story::{analyze_files, compare};

#[track_caller]
fn check(file: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata/scenarios")
        .join(file);
    let analysis = analyze_files(&[path]);
    compare(
        &analysis.connections,
        expected,
        &[format!("testdata/scenarios/{file}")],
    );
    assert!(analysis.capture.complete && analysis.capture.skipped.is_empty());
}

const BY_THE_BOOK: &str = "
    1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
             > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #10 confirmed #11
    1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
             > LAST-ACK #10 sent > CLOSED #11 presumed
    1 outcome closed
    1 close active-passive by client, half-close 0.019999 s 0 octets, TIME-WAIT client
    1 packets 6 5
    1 events none";

#[test]
fn s01_a_close_by_the_book() {
    check("01normal.pcap", BY_THE_BOOK);
}

#[test]
fn s01_the_same_answer_in_every_wrapping() {
    for file in [
        "null.pcap",
        "raw.pcap",
        "sll.pcap",
        "sll2.pcap",
        "vlan.pcap",
        "01.pcapng",
    ] {
        check(file, BY_THE_BOOK);
    }
}

#[test]
fn s02_fins_that_cross() {
    check(
        "02simclose.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > CLOSING #9 confirmed #11 > TIME-WAIT #10 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > FIN-WAIT-1 #9 sent
                  > CLOSING #8 confirmed #10 > TIME-WAIT #11 presumed
         1 outcome closed
         1 close simultaneous, TIME-WAIT both",
    );
}

#[test]
fn s03_a_fin_three_times_is_one_fin() {
    check(
        "03finrexmit.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #11 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #10 confirmed #11
         1 outcome half-closed
         1 close active-passive by client, half-close at least 0.100 s 0 octets
         1 packets 7 4 retransmitted 2 0",
    );
}

#[test]
fn s04_a_half_close_of_38_seconds() {
    check(
        "04halfclose.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #20 confirmed #21
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
                  > LAST-ACK #20 sent > CLOSED #21 presumed
         1 outcome closed
         1 close active-passive by client, half-close 38.000 s 20 octets, TIME-WAIT client",
    );
}

#[test]
fn s05_reuse_in_time_wait_by_a_higher_iss() {
    check(
        "05twreuse_ok.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #10 confirmed #11 > CLOSED #12 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
                  > LAST-ACK #10 sent > CLOSED #11 confirmed #13
         1 outcome closed
         1 packets 6 5
         2 life 1
         2 client CLOSED > SYN-SENT #12 sent > ESTABLISHED #13 confirmed #14 > FIN-WAIT-1 #19 sent
                  > FIN-WAIT-2 #20 confirmed #22 > TIME-WAIT #21 confirmed #22
         2 server LISTEN > SYN-RECEIVED #13 sent > ESTABLISHED #14 confirmed #16 > CLOSE-WAIT #19 confirmed #20
                  > LAST-ACK #21 sent > CLOSED #22 presumed
         2 outcome closed
         2 packets 6 5",
    );
}

#[test]
fn s06_reuse_that_is_refused_once() {
    // #13 and #14, the old numbers and the RST that they get, belong to the old life, which survives them: a RST at
    // RCV.NXT in TIME-WAIT ends it (section 3.10.7.4), and nothing after it says otherwise.
    check(
        "06twreuse_bad.pcap",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #10 confirmed #11 > CLOSED #14 confirmed #16
         1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSE-WAIT #8 confirmed #9
                  > LAST-ACK #10 sent > CLOSED #11 confirmed #14
         1 outcome closed
         1 packets 7 6
         2 life 1
         2 client CLOSED > SYN-SENT #12 sent > ESTABLISHED #16 confirmed #17
         2 server LISTEN > SYN-RECEIVED #16 sent > ESTABLISHED #17 presumed
         2 outcome open
         2 packets 3 1 retransmitted 1 0
         2 numbers 2999999000 9000000",
    );
}

#[test]
fn s07_a_reset_with_a_number_of_the_other_direction_does_not_end_time_wait() {
    // The RST carries seq=1006, which is what the client acknowledged with, not what the server would answer to
    // ack=5012. It is far outside the client's window. `r54` in tests/rules.rs tells the story with the right number.
    check(
        "07assassin.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #10 confirmed #11
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
                  > LAST-ACK #10 sent > CLOSED #11 presumed
         1 outcome closed
         1 events server segment-in-time-wait #12, server reset-outside-window #14",
    );
}

#[test]
fn s08_syns_that_cross() {
    check(
        "08simopen.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > SYN-RECEIVED #2 confirmed #3 > ESTABLISHED #4 confirmed #5
                  > FIN-WAIT-1 #9 sent > FIN-WAIT-2 #10 confirmed #12 > TIME-WAIT #11 confirmed #12
         1 server CLOSED > SYN-SENT #2 sent > SYN-RECEIVED #1 confirmed #4 > ESTABLISHED #3 confirmed #6
                  > CLOSE-WAIT #9 confirmed #10 > LAST-ACK #11 sent > CLOSED #12 presumed
         1 outcome closed
         1 packets 6 6
         1 handshake #1 #4 #5 simultaneous",
    );
}

#[test]
fn s09_a_reset_far_outside_the_window_is_nothing() {
    check(
        "09badrst.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #11 sent
                  > FIN-WAIT-2 #12 confirmed #14 > TIME-WAIT #13 confirmed #14
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #11 confirmed #12
                  > LAST-ACK #13 sent > CLOSED #14 presumed
         1 outcome closed
         1 close active-passive by client, half-close 0.019999 s 0 octets, TIME-WAIT client
         1 events server reset-outside-window #8",
    );
}

#[test]
fn s10_a_reset_in_the_window_is_challenged() {
    check(
        "10challenge.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #12 sent
                  > FIN-WAIT-2 #13 confirmed #15 > TIME-WAIT #14 confirmed #15
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #12 confirmed #13
                  > LAST-ACK #14 sent > CLOSED #15 presumed
         1 outcome closed
         1 close active-passive by client, half-close 0.019999 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn s11_every_frame_twice() {
    check(
        "11dups.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 confirmed #5 > FIN-WAIT-1 #11 sent
                  > FIN-WAIT-2 #13 confirmed #15 > TIME-WAIT #13 confirmed #15
         1 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #5 confirmed #9 > CLOSE-WAIT #11 confirmed #13
                  > LAST-ACK #13 sent > CLOSED #15 presumed
         1 outcome closed
         1 packets 10 6 copies 8
         1 events none",
    );
}

#[test]
fn s12_a_capture_that_begins_in_the_middle() {
    check(
        "12mid.pcap",
        "1 client UNKNOWN > ESTABLISHED #3 inferred > FIN-WAIT-1 #5 sent > FIN-WAIT-2 #6 confirmed #8
                  > TIME-WAIT #7 confirmed #8
         1 server UNKNOWN > ESTABLISHED #3 inferred > CLOSE-WAIT #5 confirmed #6 > LAST-ACK #7 sent
                  > CLOSED #8 presumed
         1 outcome closed
         1 close active-passive by client, half-close 0.019999 s 0 octets, TIME-WAIT client
         1 roles 10.0.0.1:40000 > 10.0.0.2:80 by guess",
    );
}

#[test]
fn s13_a_fin_that_the_capture_lacks() {
    check(
        "13finlost.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 inferred
                  > FIN-WAIT-2 #8 confirmed #10 > TIME-WAIT #9 confirmed #10
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 inferred
                  > LAST-ACK #9 sent > CLOSED #10 presumed
         1 outcome closed
         1 close active-passive by client, half-close 0.010 s 0 octets, TIME-WAIT client
         1 events client fin-missing #8",
    );
}

#[test]
fn s14_a_server_that_never_closes() {
    check(
        "14cwleak.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
         1 outcome half-closed
         1 close active-passive by client, half-close at least 118.009999 s 0 octets
         1 packets 9 8 probes 0 4",
    );
}

#[test]
fn s15_numbers_that_wrap() {
    check("15wrap.pcap", BY_THE_BOOK);
}

#[test]
fn s16_a_half_open_connection_is_discovered() {
    // #9 and #10 belong to the connection that the server still had.
    check(
        "16synest.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #8 inferred
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSED #10 confirmed #12
         1 outcome reset
         1 packets 5 4
         2 life 1
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #12 confirmed #13
         2 server LISTEN > SYN-RECEIVED #12 sent > ESTABLISHED #13 presumed
         2 outcome open
         2 packets 3 1 retransmitted 1 0",
    );
}

#[test]
fn s17_the_last_acknowledgment_is_lost() {
    check(
        "17finrexmit_tw.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #10 confirmed #11
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
                  > LAST-ACK #10 sent > CLOSED #13 presumed
         1 withdrawn server CLOSED #11 by #12
         1 outcome closed
         1 close active-passive by client, half-close 0.019999 s 0 octets, TIME-WAIT client restarted 1",
    );
}

#[test]
fn s18_a_connection_that_is_refused() {
    check(
        "18rej.pcap",
        "1 client CLOSED > SYN-SENT #1 sent > CLOSED #2 presumed
         1 server stays CLOSED
         1 outcome refused
         1 close reset by server, reset by server",
    );
}
