//! What a tap can know, and how it knows it (R1 to R12).

use super::story::{self, CLIENT_CLOSED_FIRST, SERVER_CLOSED_SECOND, check};

#[test]
fn r01_a_fin_that_only_passed_the_tap_is_presumed() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 presumed > CLOSE-WAIT #4 presumed",
    );
}

#[test]
fn r01_a_fin_that_nobody_answers_never_got_there() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.300 resent #4
         1.900 resent #4
         9.000 end",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 presumed
         1 withdrawn server CLOSE-WAIT #6 by silence",
    );
}

#[test]
fn r01_the_ack_of_a_syn_ack_that_comes_again_was_lost() {
    check(
        "open
         1.010 resent #2
         1.020 C>S ACK     seq=101 ack=301
         1.500 C>S PSH,ACK seq=101 ack=301 len=10
         1.510 S>C ACK     seq=301 ack=111",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #5 confirmed #7
         1 withdrawn server ESTABLISHED #3 by #4",
    );
}

#[test]
fn r01_the_ack_of_a_fin_that_comes_again_was_lost() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.300 resent #4
         1.310 S>C ACK     seq=301 ack=102
         2.000 S>C FIN,ACK seq=301 ack=102
         2.010 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #7 confirmed #9 > TIME-WAIT #8 confirmed #9
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #8 sent > CLOSED #9 presumed
         1 withdrawn client FIN-WAIT-2 #5 by #6",
    );
}

#[test]
fn r01_the_last_ack_before_a_fin_that_comes_again_was_lost() {
    check(
        "closed
         1.400 resent #6
         1.410 C>S ACK seq=102 ack=302",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #6 sent > CLOSED #9 presumed
         1 withdrawn server CLOSED #7 by #8
         1 close active-passive by client, half-close 0.020 s 0 octets, TIME-WAIT client restarted 1",
    );
}

#[test]
fn r01_a_fin_that_passed_the_tap_but_is_not_acknowledged_did_not_arrive_yet() {
    // Half a second after the FIN passed, the server still acknowledges only what came before it.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.500 S>C PSH,ACK seq=301 ack=101 len=10
         1.510 C>S ACK     seq=102 ack=311
         2.000 resent #4
         2.010 S>C ACK     seq=311 ack=102",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #7 confirmed #8
         1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #8 presumed
         1 withdrawn server CLOSE-WAIT #4 by #5",
    );
}

#[test]
fn r02_times_at_the_far_end_are_intervals() {
    check(
        "closed",
        "1 when client SYN-SENT 0.000 in ?..0.000, ESTABLISHED 0.010 in 0.010..0.020,
                       FIN-WAIT-1 1.000 in 0.010..1.000, FIN-WAIT-2 1.010 in 1.010..1.030,
                       TIME-WAIT 1.020 in 1.020..1.030
         1 when server SYN-RECEIVED 0.000 in 0.000..0.010, ESTABLISHED 0.020 in 0.020..1.010,
                       CLOSE-WAIT 1.000 in 1.000..1.010, LAST-ACK 1.020 in 1.000..1.020,
                       CLOSED 1.030 in 1.030..?",
    );
}

#[test]
fn r03_padding_of_a_short_frame_is_no_data() {
    // A naive tracker takes the six octets behind a 40 octet packet for payload and every number is off.
    let (segments, _) = story::read("closed");
    let frames: Vec<_> = segments.iter().map(|seg| (seg.time, story::frame(seg))).collect();
    assert!(frames.iter().all(|(_, frame)| frame.len() == 60));
    let analysis = story::analyze_bytes(&[story::pcap(&frames)]);
    let expected = format!(
        "1 client {CLIENT_CLOSED_FIRST}
         1 server {SERVER_CLOSED_SECOND}
         1 packets 4 3"
    );
    story::compare(&analysis.connections, &expected, &[]);
    assert_eq!(analysis.connections[0].endpoints.client.payload_bytes, 0);
}

#[test]
fn r03_a_packet_without_a_length_is_as_long_as_its_frame() {
    // Captured before the network card cut it: the IP length is zero, the frame tells.
    let (segments, _) = story::read(
        "open
         1.000 C>S PSH,ACK seq=101  ack=301 len=5000
         1.010 S>C ACK     seq=301  ack=5101
         1.020 C>S FIN,ACK seq=5101 ack=301",
    );
    let mut frames: Vec<_> = segments.iter().map(|seg| (seg.time, story::frame(seg))).collect();
    frames[3].1[16..18].fill(0);
    let analysis = story::analyze_bytes(&[story::pcap(&frames)]);
    story::compare(&analysis.connections, "1 packets 4 2", &[]);
    assert_eq!(analysis.connections[0].endpoints.client.payload_bytes, 5000);
}

#[test]
fn r04_numbers_wrap_anywhere() {
    // The client's FIN is octet 2^32 - 1, the server's is octet 0.
    check(
        "0.000 C>S SYN     seq=4294967284
         0.010 S>C SYN,ACK seq=4294967285 ack=4294967285
         0.020 C>S PSH,ACK seq=4294967285 ack=4294967286 len=10
         0.030 S>C PSH,ACK seq=4294967286 ack=4294967295 len=10
         0.040 C>S FIN,ACK seq=4294967295 ack=0
         0.050 S>C FIN,ACK seq=0          ack=0
         0.060 C>S ACK     seq=0          ack=1",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #6 confirmed #7 > TIME-WAIT #6 confirmed #7
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #5 confirmed #6
                  > LAST-ACK #6 sent > CLOSED #7 presumed
         1 packets 4 3
         1 events none",
    );
}

#[test]
fn r05_a_fin_behind_data_takes_its_own_number() {
    // ack=121 covers the data of #4, not its FIN.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301 len=20
         1.010 S>C ACK     seq=301 ack=121",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
         1 end client FIN-WAIT-1 server CLOSE-WAIT",
    );
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301 len=20
         1.010 S>C ACK     seq=301 ack=122",
        "1 end client FIN-WAIT-2 server CLOSE-WAIT",
    );
}

#[test]
fn r05_the_text_on_a_reset_takes_no_numbers() {
    check(
        "open
         1.000 C>S RST,ACK seq=101 ack=301 len=20
         1.300 resent #4
         2.000 end",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #4 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 presumed > CLOSED #4 presumed
         1 packets 4 1",
    );
}

#[test]
fn r06_a_syn_with_ecn_bits_is_a_syn() {
    check(
        "closed
         6.000 C>S SYN,ECE,CWR,AE  seq=900000
         6.010 S>C SYN,ACK,ECE     seq=700000 ack=900001
         6.020 C>S ACK             seq=900001 ack=700001",
        "1 end client CLOSED server CLOSED
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #9 confirmed #10
         2 server LISTEN > SYN-RECEIVED #9 sent > ESTABLISHED #10 presumed
         2 life 1",
    );
}

#[test]
fn r07_a_checksum_that_offload_left_empty_is_no_reason_to_drop() {
    let (segments, _) = story::read("closed");
    let frames: Vec<_> = segments
        .iter()
        .map(|seg| {
            let checksum = Some(if seg.source == story::host('C') { 0xdead } else { 0 });
            (
                seg.time,
                story::frame(&tcptrace_states::segment::Segment { checksum, ..*seg }),
            )
        })
        .collect();
    let analysis = story::analyze_bytes(&[story::pcap(&frames)]);
    let expected = format!("1 client {CLIENT_CLOSED_FIRST}\n1 server {SERVER_CLOSED_SECOND}");
    story::compare(&analysis.connections, &expected, &[]);
}

#[test]
fn r08_what_a_mirror_port_doubled_is_not_sent_again() {
    check(
        "0.000000 C>S SYN     seq=100
         0.000010 again #1
         0.010000 S>C SYN,ACK seq=300 ack=101
         0.010010 again #3
         0.020000 C>S ACK     seq=101 ack=301
         0.020010 again #5
         1.000000 C>S FIN,ACK seq=101 ack=301
         1.000010 again #7
         1.010000 S>C FIN,ACK seq=301 ack=102
         1.010010 again #9
         1.020000 C>S ACK     seq=102 ack=302
         1.020010 again #11",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 confirmed #5 > FIN-WAIT-1 #7 sent
                  > FIN-WAIT-2 #9 confirmed #11 > TIME-WAIT #9 confirmed #11
         1 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #5 confirmed #9 > CLOSE-WAIT #7 confirmed #9
                  > LAST-ACK #9 sent > CLOSED #11 presumed
         1 withdrawn none
         1 packets 8 4 copies 6
         1 events none",
    );
}

#[test]
fn r08_a_copy_taken_behind_a_router_has_a_smaller_time_to_live() {
    check(
        "open
         1.000000 C>S FIN,ACK seq=101 ack=301
         1.000200 again #4 ttl=63
         1.010000 S>C ACK     seq=301 ack=102 ttl=63
         1.010200 again #6 ttl=62",
        "1 end client FIN-WAIT-2 server CLOSE-WAIT
         1 withdrawn none
         1 packets 4 3 copies 2",
    );
}

#[test]
fn r08_what_its_sender_sent_again_is_no_copy() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.300 resent #4
         1.310 S>C ACK     seq=301 ack=102",
        "1 end client FIN-WAIT-2 server CLOSE-WAIT
         1 packets 4 2 retransmitted 1 0
         1 events client fin-retransmitted #5",
    );
}

#[test]
fn r09_a_syn_captured_after_its_syn_ack() {
    check(
        "0.000010 S>C SYN,ACK seq=300 ack=101
         0.000020 C>S SYN     seq=100
         0.000100 C>S ACK     seq=101 ack=301
         1.000000 C>S FIN,ACK seq=101 ack=301
         1.010000 S>C FIN,ACK seq=301 ack=102
         1.020000 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #2 sent > ESTABLISHED #1 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #1 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #5 sent > CLOSED #6 presumed
         1 roles 10.0.0.1:40000 > 10.0.0.2:80 by syn-ack
         1 numbers 100 300
         1 outcome closed",
    );
}

#[test]
fn r09_a_handshake_captured_backwards_is_one_connection() {
    check(
        "0.000010 C>S ACK     seq=101 ack=301
         0.000020 S>C SYN,ACK seq=300 ack=101
         0.000030 C>S SYN     seq=100
         1.000000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010000 S>C PSH,ACK seq=301 ack=111 len=10",
        "1 end client ESTABLISHED server ESTABLISHED
         1 numbers 100 300
         1 outcome open
         1 packets 3 2",
    );
}

#[test]
fn r09_data_captured_after_its_acknowledgment_is_neither_lost_nor_sent_again() {
    check(
        "open
         1.0000 S>C ACK     seq=301 ack=121
         1.0001 C>S PSH,ACK seq=101 ack=301 len=10
         1.0002 C>S PSH,ACK seq=111 ack=301 len=10
         2.0000 C>S PSH,ACK seq=121 ack=301 len=10
         2.0100 S>C ACK     seq=301 ack=131",
        "1 end client ESTABLISHED server ESTABLISHED
         1 packets 5 3",
    );
}

#[test]
fn r10_a_lost_fin_is_seen_in_its_acknowledgment() {
    check(
        "open
         1.010 S>C ACK     seq=301 ack=102
         1.020 S>C FIN,ACK seq=301 ack=102
         1.030 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 inferred
                  > FIN-WAIT-2 #4 confirmed #6 > TIME-WAIT #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #4 inferred
                  > LAST-ACK #5 sent > CLOSED #6 presumed
         1 outcome closed
         1 packets 3 3
         1 events client fin-missing #4",
    );
}

#[test]
fn r10_the_second_fin_can_be_the_lost_one() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.030 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #6 inferred
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #6 inferred > CLOSED #6 presumed
         1 outcome closed",
    );
}

#[test]
fn r10_one_octet_that_was_not_captured_is_data_if_more_follows() {
    // A terminal session: one key stroke is missing in the capture. A naive observer would see a FIN in it.
    check(
        "open
         1.010 S>C PSH,ACK seq=301 ack=102 len=1
         1.020 C>S ACK     seq=102 ack=302
         2.000 C>S PSH,ACK seq=102 ack=302 len=1
         2.010 S>C PSH,ACK seq=302 ack=103 len=1",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 end client ESTABLISHED server ESTABLISHED
         1 outcome open
         1 packets 4 3 missed 1",
    );
}

#[test]
fn r10_an_acknowledgment_of_more_than_was_captured_is_loss_not_a_breach() {
    check(
        "open
         1.010 S>C ACK     seq=301  ack=5101
         1.020 C>S FIN,ACK seq=5101 ack=301
         1.030 S>C FIN,ACK seq=301  ack=5102
         1.040 C>S ACK     seq=5102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #6 confirmed #7 > TIME-WAIT #6 confirmed #7
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #5 confirmed #6
                  > LAST-ACK #6 sent > CLOSED #7 presumed
         1 packets 4 3 missed 5000
         1 events server capture-loss #4",
    );
}

#[test]
fn r10_a_capture_that_lost_megabytes_goes_on_where_both_sides_agree() {
    // One side alone would be a stray: it takes the data and its acknowledgment, whichever is captured first.
    let close = "
         3.000 C>S FIN,ACK seq=50001101 ack=301
         3.010 S>C FIN,ACK seq=301      ack=50001102
         3.020 C>S ACK     seq=50001102 ack=302";
    let data = "2.000 C>S PSH,ACK seq=50000101 ack=301 len=1000";
    let acknowledgment = "2.001 S>C ACK     seq=301      ack=50001101";
    for (first, second) in [(data, acknowledgment), (acknowledgment, data)] {
        check(
            &format!(
                "open
                 1.000 C>S PSH,ACK seq=101 ack=301 len=1000
                 1.010 S>C ACK     seq=301 ack=1101
                 {first}
                 {second}{close}"
            ),
            "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #8 sent
                      > FIN-WAIT-2 #9 confirmed #10 > TIME-WAIT #9 confirmed #10
             1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #8 confirmed #9
                      > LAST-ACK #9 sent > CLOSED #10 presumed
             1 outcome closed",
        );
    }
}

#[test]
fn r11_silence_never_ends_a_connection() {
    // Six hours of nothing, far beyond any flow timeout.
    check(
        "open
         21600.000 C>S PSH,ACK seq=101 ack=301 len=10
         21600.010 S>C ACK     seq=301 ack=111
         43200.000 C>S FIN,ACK seq=111 ack=301
         43200.010 S>C FIN,ACK seq=301 ack=112
         43200.020 C>S ACK     seq=112 ack=302",
        "1 end client TIME-WAIT server CLOSED
         1 outcome closed
         1 packets 5 3",
    );
}

#[test]
fn r11_what_is_still_open_at_the_end_lasts_at_least_that_long() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         7201.000 end",
        "1 end client FIN-WAIT-2 server CLOSE-WAIT
         1 outcome half-closed
         1 close active-passive by client, half-close at least 7200.000 s 0 octets",
    );
}

#[test]
fn r12_a_clock_that_steps_back_leaves_the_order_of_packets() {
    // Twenty seconds back in the middle of the close: no negative duration, no other order.
    check(
        "20.000 C>S SYN     seq=100
         20.010 S>C SYN,ACK seq=300 ack=101
         20.020 C>S ACK     seq=101 ack=301
         21.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C FIN,ACK seq=301 ack=102
         1.020 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #5 sent > CLOSED #6 presumed
         1 close active-passive by client, half-close 0.000 s 0 octets, TIME-WAIT client",
    );
}
