//! The opening (R13 to R24).

use super::story::check;

#[test]
fn r13_a_syn_alone_proves_no_listener() {
    check(
        "0.000 C>S SYN seq=100
         1.000 resent #1
         3.000 resent #1
         9.000 end",
        "1 client CLOSED > SYN-SENT #1 sent
         1 server stays CLOSED
         1 outcome unanswered
         1 handshake #1 ? ? incomplete SYN 2 again
         1 packets 3 0 retransmitted 2 0",
    );
}

#[test]
fn r13_the_syn_ack_shows_that_the_syn_was_received_by_a_listener() {
    check(
        "0.000 C>S SYN     seq=100
         1.000 resent #1
         1.010 S>C SYN,ACK seq=300 ack=101",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 presumed
         1 server LISTEN > SYN-RECEIVED #3 sent
         1 when server SYN-RECEIVED 1.000 in 0.000..1.010",
    );
}

#[test]
fn r14_a_syn_ack_makes_only_its_receiver_established() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=101",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent
         1 outcome half-open",
    );
}

#[test]
fn r14_a_syn_ack_that_comes_again_and_again_is_not_received() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=101
         1.010 resent #2
         3.010 resent #2
         9.000 end",
        "1 client CLOSED > SYN-SENT #1 sent
         1 server LISTEN > SYN-RECEIVED #2 sent
         1 outcome half-open
         1 handshake #1 #2 ? incomplete SYN-ACK 2 again",
    );
}

#[test]
fn r14_a_syn_that_comes_again_had_no_syn_ack() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=101
         1.000 resent #1
         1.010 resent #2
         1.020 C>S ACK     seq=101 ack=301",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #4 confirmed #5
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #5 presumed
         1 withdrawn client ESTABLISHED #2 by #3",
    );
}

#[test]
fn r14_a_syn_ack_for_another_number_establishes_nothing() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=555
         0.020 C>S RST     seq=555
         1.000 resent #1
         1.010 S>C SYN,ACK seq=400 ack=101
         1.020 C>S ACK     seq=101 ack=401",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #5 confirmed #6
         1 end client ESTABLISHED server ESTABLISHED
         1 numbers 100 400",
    );
}

#[test]
fn r15_the_last_segment_of_the_handshake_may_carry_data_and_fin() {
    check(
        "0.000 C>S SYN         seq=100
         0.010 S>C SYN,ACK     seq=300 ack=101
         0.020 C>S PSH,FIN,ACK seq=101 ack=301 len=10
         0.030 S>C ACK         seq=301 ack=112",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #3 sent
                  > FIN-WAIT-2 #4 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #3 confirmed #4",
    );
}

#[test]
fn r15_a_lost_handshake_ack_leaves_the_fin_to_complete_it() {
    check(
        "open
         1.010 resent #2
         1.500 C>S FIN,ACK seq=101 ack=301
         1.510 S>C ACK     seq=301 ack=102",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #5 confirmed #6 > CLOSE-WAIT #5 confirmed #6
         1 withdrawn server ESTABLISHED #3 by #4",
    );
}

#[test]
fn r16_two_syns_that_cross_open_one_connection() {
    // Figure 7. The SYN-ACKs carry the ISS again, below RCV.NXT: no retransmission, and not out of the window.
    check(
        "0.000 C>S SYN     seq=100
         0.001 S>C SYN     seq=300
         0.020 C>S SYN,ACK seq=100 ack=301
         0.021 S>C SYN,ACK seq=300 ack=101
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111",
        "1 client CLOSED > SYN-SENT #1 sent > SYN-RECEIVED #2 confirmed #3 > ESTABLISHED #4 confirmed #5
         1 server CLOSED > SYN-SENT #2 sent > SYN-RECEIVED #1 confirmed #4 > ESTABLISHED #3 confirmed #6
         1 packets 3 3
         1 events server simultaneous-open #2",
    );
}

#[test]
fn r16_a_lost_syn_ack_of_a_simultaneous_open_comes_again() {
    check(
        "0.000 C>S SYN     seq=100
         0.001 S>C SYN     seq=300
         0.020 C>S SYN,ACK seq=100 ack=301
         0.021 S>C SYN,ACK seq=300 ack=101
         1.021 resent #4
         1.042 C>S ACK     seq=101 ack=301
         2.000 S>C PSH,ACK seq=301 ack=101 len=5",
        "1 client CLOSED > SYN-SENT #1 sent > SYN-RECEIVED #2 confirmed #3 > ESTABLISHED #5 confirmed #6
         1 end client ESTABLISHED server ESTABLISHED
         1 outcome open",
    );
}

#[test]
fn r17_a_reset_returns_a_passive_opener_to_listen() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=101
         0.020 C>S RST     seq=101",
        "1 server LISTEN > SYN-RECEIVED #2 sent > LISTEN #3 presumed
         1 end client CLOSED server LISTEN",
    );
}

#[test]
fn r17_a_reset_returns_an_active_opener_to_closed() {
    check(
        "0.000 C>S SYN     seq=100
         0.001 S>C SYN     seq=300
         0.020 C>S SYN,ACK seq=100 ack=301
         0.021 S>C SYN,ACK seq=300 ack=101
         0.030 C>S RST     seq=101",
        "1 server CLOSED > SYN-SENT #2 sent > SYN-RECEIVED #1 confirmed #4 > ESTABLISHED #3 presumed
                  > CLOSED #5 presumed
         1 end client CLOSED server CLOSED",
    );
    check(
        "0.000 C>S SYN     seq=100
         0.001 S>C SYN     seq=300
         0.021 S>C SYN,ACK seq=300 ack=101
         0.030 C>S RST,ACK seq=101 ack=301",
        "1 end client CLOSED server CLOSED",
    );
}

#[test]
fn an_answer_to_a_syn_has_to_echo_its_timestamp() {
    // Somebody who has not seen the SYN guesses: neither RST nor FIN is taken, and the real answer is.
    check(
        "0.000 C>S SYN     seq=100 ts=1500005000/0
         0.001 S>C RST,ACK seq=0 ack=101 ts=7/7
         0.002 S>C FIN,ACK seq=0 ack=101 ts=7/7
         0.010 S>C SYN,ACK seq=300 ack=101 ts=70/1500005000
         0.020 C>S ACK     seq=101 ack=301 ts=1500005020/70
         0.030 S>C PSH,ACK seq=301 ack=101 len=10 ts=90/1500005020",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #4 confirmed #5
         1 server LISTEN > SYN-RECEIVED #4 sent > ESTABLISHED #5 confirmed #6
         1 events server echo-never-sent #2, server echo-never-sent #3",
    );
}

#[test]
fn in_syn_sent_a_segment_without_syn_is_dropped_whatever_it_acknowledges() {
    // A FIN that acknowledges the SYN, from somebody who does not know the server's ISS; then the real SYN-ACK.
    check(
        "0.000 C>S SYN     seq=100
         0.002 S>C FIN,ACK seq=7 ack=101
         0.010 S>C SYN,ACK seq=90000000 ack=101
         0.020 C>S ACK     seq=101 ack=90000001
         0.030 S>C PSH,ACK seq=90000001 ack=101 len=10
         0.040 C>S ACK     seq=101 ack=90000011",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 confirmed #4
         1 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #4 confirmed #5
         1 outcome open",
    );
}

#[test]
fn r18_a_syn_with_the_same_iss_is_the_same_attempt() {
    check(
        "0.000 C>S SYN     seq=100 ts=1000/0
         1.000 resent #1   ts=2000/0
         3.000 resent #1   ts=4000/0
         3.010 S>C SYN,ACK seq=300 ack=101 ts=77/4000
         3.020 C>S ACK     seq=101 ack=301 ts=4020/77",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #4 confirmed #5
         1 server LISTEN > SYN-RECEIVED #4 sent > ESTABLISHED #5 presumed
         1 when server SYN-RECEIVED 3.000 in 0.000..3.010, ESTABLISHED 3.020 in 3.020..?
         1 handshake #1 #4 #5 SYN 2 again",
    );
}

#[test]
fn r18_another_iss_before_any_reply_lets_the_syn_ack_choose() {
    check(
        "0.000 C>S SYN     seq=100
         1.000 C>S SYN     seq=9000
         1.010 S>C SYN,ACK seq=300 ack=9001
         1.020 C>S ACK     seq=9001 ack=301",
        "1 client CLOSED > SYN-SENT #1 sent > CLOSED #2 inferred
         1 server stays CLOSED
         2 client CLOSED > SYN-SENT #2 sent > ESTABLISHED #3 confirmed #4
         2 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #4 presumed
         2 life 1
         1 outcome unanswered",
    );
}

#[test]
fn r18_the_syn_ack_may_choose_the_older_attempt() {
    // The second SYN is an old duplicate that the network held back: nobody stands behind it.
    check(
        "0.000 C>S SYN     seq=100
         0.005 C>S SYN     seq=9000
         0.010 S>C SYN,ACK seq=300 ack=101
         0.020 C>S ACK     seq=101 ack=301
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 confirmed #4
         1 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #4 confirmed #6
         1 numbers 100 300
         1 packets 4 2",
    );
}

#[test]
fn r18_the_syn_of_this_connection_long_after_is_an_old_duplicate() {
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         2.000 resent #1
         2.010 S>C ACK     seq=301 ack=111
         3.000 C>S PSH,ACK seq=111 ack=301 len=10
         3.010 S>C ACK     seq=301 ack=121",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5
         1 outcome open",
    );
}

#[test]
fn r18_an_old_duplicate_syn_seen_at_the_server() {
    // Figure 9: the RST proves that nobody stands behind #1, and the real SYN comes next.
    check(
        "0.000 C>S SYN     seq=90
         0.001 S>C SYN,ACK seq=300 ack=91
         0.020 C>S RST     seq=91
         0.030 C>S SYN     seq=100
         0.031 S>C SYN,ACK seq=400 ack=101
         0.050 C>S ACK     seq=101 ack=401",
        "1 client CLOSED > SYN-SENT #4 sent > ESTABLISHED #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #2 sent > LISTEN #3 confirmed #5 > SYN-RECEIVED #5 sent
                  > ESTABLISHED #6 presumed
         1 numbers 100 400
         1 packets 4 2",
    );
}

#[test]
fn r18_an_old_duplicate_syn_seen_at_the_client() {
    // Figure 9 from the other end: the old duplicate never passes here, only what it did.
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=91
         0.011 C>S RST     seq=91
         0.040 S>C SYN,ACK seq=400 ack=101
         0.041 C>S ACK     seq=101 ack=401",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #4 confirmed #5
         1 server LISTEN > SYN-RECEIVED #2 sent > LISTEN #3 confirmed #4 > SYN-RECEIVED #4 sent
                  > ESTABLISHED #5 presumed
         1 numbers 100 400",
    );
}

#[test]
fn r18_an_old_duplicate_syn_seen_together_with_the_real_one() {
    check(
        "0.000 C>S SYN     seq=90
         0.005 C>S SYN     seq=100
         0.010 S>C SYN,ACK seq=300 ack=91
         0.020 C>S RST     seq=91
         1.005 resent #2
         1.010 S>C SYN,ACK seq=400 ack=101
         1.020 C>S ACK     seq=101 ack=401",
        "1 client CLOSED > SYN-SENT #2 sent > ESTABLISHED #6 confirmed #7
         1 end client ESTABLISHED server ESTABLISHED
         1 numbers 100 400
         1 packets 5 2 retransmitted 1 0",
    );
}

#[test]
fn r19_the_clients_ack_decides_between_two_syn_acks() {
    // The server was restarted, or there are two behind one address.
    for (iss, syn_ack) in [(300_u32, 2), (3_000_000_000, 3)] {
        let next = iss + 1;
        let story = format!(
            "0.000 C>S SYN     seq=100
             1.010 S>C SYN,ACK seq=300        ack=101
             1.500 S>C SYN,ACK seq=3000000000 ack=101
             1.520 C>S ACK     seq=101        ack={next}
             2.000 C>S PSH,ACK seq=101        ack={next} len=5
             2.010 S>C PSH,ACK seq={next}     ack=106 len=5"
        );
        let expected = format!(
            "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #{syn_ack} confirmed #4
             1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #4 confirmed #6
             1 numbers 100 {iss}
             1 outcome open
             1 events server syn-ack-changed-iss #3"
        );
        check(&story, &expected);
    }
}

#[test]
fn r20_a_reset_that_acknowledges_the_syn_refuses_it() {
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C RST,ACK seq=0 ack=101",
        "1 client CLOSED > SYN-SENT #1 sent > CLOSED #2 presumed
         1 server stays CLOSED
         1 outcome refused
         1 close reset by server, reset by server",
    );
}

#[test]
fn r20_other_resets_in_syn_sent_are_dropped() {
    for reset in [
        "RST,ACK seq=0 ack=555",
        "RST seq=0",
        "RST seq=101",
        "RST,ACK seq=0 ack=100",
    ] {
        check(
            &format!(
                "0.000 C>S SYN     seq=100
                 0.010 S>C {reset}
                 0.030 S>C SYN,ACK seq=300 ack=101
                 0.040 C>S ACK     seq=101 ack=301"
            ),
            "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #3 confirmed #4
             1 server LISTEN > SYN-RECEIVED #3 sent > ESTABLISHED #4 presumed
             1 events server reset-bad-ack #2",
        );
    }
}

#[test]
fn r21_an_ack_without_syn_does_not_establish() {
    // The server still has a life that the capture does not show.
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C ACK     seq=70000 ack=4000
         0.020 C>S RST     seq=4000
         1.000 resent #1
         1.010 S>C SYN,ACK seq=300 ack=101
         1.020 C>S ACK     seq=101 ack=301",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #5 sent > ESTABLISHED #6 presumed
         1 packets 4 2 retransmitted 1 0",
    );
}

#[test]
fn r21_an_ack_that_acknowledges_the_syn_shows_a_syn_ack_that_was_not_captured() {
    check(
        "0.000 C>S SYN     seq=100
         0.020 C>S ACK     seq=101 ack=301
         0.030 S>C PSH,ACK seq=301 ack=101 len=10
         0.040 C>S ACK     seq=101 ack=311",
        "1 end client ESTABLISHED server ESTABLISHED
         1 handshake #1 ? ? incomplete
         1 outcome open",
    );
}

#[test]
fn r22_windows_are_scaled_only_if_both_syns_say_so() {
    let story = |server: &str| {
        format!(
            "0.000 C>S SYN     seq=100 ws=7
             0.010 S>C SYN,ACK seq=300 ack=101 {server}
             0.020 C>S ACK     seq=101 ack=301 win=500
             1.000 C>S PSH,ACK seq=101 ack=301 win=500 len=10
             1.010 S>C ACK     seq=301 ack=111
             2.000 S>C RST     seq=70301
             2.010 C>S PSH,ACK seq=111 ack=301 win=500 len=10"
        )
    };
    // The SYN's own window is never scaled: 65535 from RCV.NXT, which 70301 is beyond.
    check(&story(""), "1 events server reset-outside-window #6");
    check(&story("ws=2"), "1 events server reset-outside-window #6");
    let scaled = story("ws=2").replace("win=500", "win=600");
    check(&scaled, "1 events server reset-in-window #6");
}

#[test]
fn r22_a_shift_above_14_counts_as_14() {
    // 3 * 2^14 = 49152: below the 65535 of the SYN. 5 * 2^14 = 81920. With 2^20 both would be megabytes.
    let story = |window: u32| {
        format!(
            "0.000 C>S SYN     seq=100 ws=20
             0.010 S>C SYN,ACK seq=300 ack=101 ws=0
             0.020 C>S ACK     seq=101 ack=301 win={window}
             2.000 S>C RST     seq=70301"
        )
    };
    check(&story(3), "1 events server reset-outside-window #4");
    check(&story(5), "1 events server reset-in-window #4");
}

#[test]
fn r23_a_fast_open_server_may_talk_in_syn_received() {
    check(
        "0.000 C>S SYN     seq=100 tfo=8 len=50
         0.001 S>C SYN,ACK seq=300 ack=151
         0.002 S>C PSH,ACK seq=301 ack=151 len=20
         0.050 C>S ACK     seq=151 ack=321",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #4
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #4 presumed
         1 handshake #1 #2 #4 data taken",
    );
}

#[test]
fn r23_a_fast_open_server_may_close_in_syn_received() {
    check(
        "0.000 C>S SYN         seq=100 tfo=8 len=50
         0.001 S>C SYN,ACK     seq=300 ack=151
         0.002 S>C PSH,FIN,ACK seq=301 ack=151 len=20
         0.050 C>S FIN,ACK     seq=151 ack=322
         0.051 S>C ACK         seq=322 ack=152",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #4 > CLOSE-WAIT #3 confirmed #4
                  > LAST-ACK #4 sent > CLOSED #5 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > FIN-WAIT-1 #3 sent > FIN-WAIT-2 #4 confirmed #5
                  > TIME-WAIT #4 confirmed #5
         1 outcome closed",
    );
}

#[test]
fn r23_data_on_a_syn_that_is_not_taken_comes_again() {
    check(
        "0.000 C>S SYN     seq=100 tfo=8 len=50
         0.010 S>C SYN,ACK seq=300 ack=101
         0.020 C>S PSH,ACK seq=101 ack=301 len=50
         0.030 S>C ACK     seq=301 ack=151
         1.000 C>S FIN,ACK seq=151 ack=301
         1.010 S>C FIN,ACK seq=301 ack=152
         1.020 C>S ACK     seq=152 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #6 confirmed #7 > TIME-WAIT #6 confirmed #7
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #5 confirmed #6
                  > LAST-ACK #6 sent > CLOSED #7 presumed
         1 handshake #1 #2 #3 data ignored
         1 packets 4 3",
    );
}

#[test]
fn r24_without_a_handshake_two_silent_ends_stay_unknown() {
    check(
        "0.000 C>S ACK seq=101 ack=301
         0.010 S>C ACK seq=301 ack=101
         45.00 C>S ACK seq=101 ack=301",
        "1 client stays UNKNOWN
         1 server stays UNKNOWN
         1 roles 10.0.0.1:40000 > 10.0.0.2:80 by guess",
    );
}

#[test]
fn r24_data_of_one_side_does_not_tell_whether_the_other_had_closed() {
    // A download: the client may have closed before the capture began, and then the server is in CLOSE-WAIT.
    check(
        "0.000 S>C PSH,ACK seq=301  ack=101 len=1000
         0.010 C>S ACK     seq=101  ack=1301
         0.020 S>C PSH,ACK seq=1301 ack=101 len=1000
         0.030 C>S ACK     seq=101  ack=2301",
        "1 client stays UNKNOWN
         1 server stays UNKNOWN",
    );
}

#[test]
fn r24_data_of_both_sides_shows_that_both_were_open() {
    check(
        "0.000 C>S PSH,ACK seq=101 ack=301 len=10
         0.010 S>C PSH,ACK seq=301 ack=111 len=10",
        "1 client UNKNOWN > ESTABLISHED #2 inferred
         1 server UNKNOWN > ESTABLISHED #2 inferred",
    );
}

#[test]
fn r24_a_lone_fin_of_an_unknown_connection_does_not_tell_who_closed_first() {
    check(
        "0.000 S>C FIN,ACK seq=301 ack=101
         0.010 C>S ACK     seq=101 ack=302",
        "1 client stays UNKNOWN
         1 server stays UNKNOWN",
    );
}

#[test]
fn r24_a_keepalive_at_the_beginning_of_the_capture_is_no_lost_fin() {
    check(
        "0.000 C>S ACK seq=100 ack=301
         0.010 S>C ACK seq=301 ack=101
         45.00 C>S ACK seq=100 ack=301
         45.01 S>C ACK seq=301 ack=101",
        "1 client stays UNKNOWN
         1 server stays UNKNOWN
         1 outcome open
         1 events none",
    );
}
