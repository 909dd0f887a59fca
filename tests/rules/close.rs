//! The closing (R30 to R40).

use super::story::check;

#[test]
fn r30_a_fin_waits_for_the_data_before_it() {
    // #4 overtook #6. The server has the FIN only when it has everything before.
    check(
        "open
         1.000 C>S FIN,ACK seq=111 ack=301
         1.010 S>C ACK     seq=301 ack=101
         1.300 C>S PSH,ACK seq=101 ack=301 len=10
         1.310 S>C ACK     seq=301 ack=112",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #7 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #6 confirmed #7
         1 withdrawn none
         1 events client fin-out-of-order #4",
    );
}

#[test]
fn r30_a_fin_behind_a_hole_that_is_never_filled_moves_nobody() {
    check(
        "open
         1.000 C>S FIN,ACK seq=111 ack=301
         1.010 S>C ACK     seq=301 ack=101
         9.000 end",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5
         1 outcome half-closed",
    );
}

#[test]
fn r30_data_that_was_not_captured_fills_the_hole_when_it_is_acknowledged() {
    check(
        "open
         1.000 C>S FIN,ACK seq=111 ack=301
         1.010 S>C ACK     seq=301 ack=112",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
         1 end client FIN-WAIT-2 server CLOSE-WAIT",
    );
}

#[test]
fn r31_only_a_number_beyond_the_fin_acknowledges_it() {
    // The ACK bit is on every segment. FIN-WAIT-1, CLOSING and LAST-ACK wait for the number.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.002 S>C PSH,ACK seq=301 ack=101 len=10
         1.004 S>C PSH,ACK seq=311 ack=101 len=10
         1.012 C>S ACK     seq=102 ack=321",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
         1 end client FIN-WAIT-1 server CLOSE-WAIT",
    );
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.001 S>C FIN,ACK seq=301 ack=101
         1.011 C>S ACK     seq=102 ack=302
         1.012 S>C ACK     seq=302 ack=101",
        "1 end client CLOSING server TIME-WAIT",
    );
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.020 S>C FIN,ACK seq=301 ack=102 len=50
         1.030 C>S ACK     seq=102 ack=301
         1.040 C>S ACK     seq=102 ack=351",
        "1 end client TIME-WAIT server LAST-ACK
         1 outcome closing",
    );
}

#[test]
fn r31_a_challenge_ack_does_not_close_last_ack() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C FIN,ACK seq=301 ack=102
         1.015 S>C RST     seq=400
         1.020 C>S ACK     seq=102 ack=301
         1.400 resent #5
         1.410 C>S ACK     seq=102 ack=302",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #5 sent > CLOSED #9 presumed
         1 end client TIME-WAIT server CLOSED",
    );
}

#[test]
fn r32_a_fin_that_acknowledges_ours_is_two_steps_at_once() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C FIN,ACK seq=301 ack=102
         1.020 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #5 confirmed #6
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #5 sent > CLOSED #6 presumed
         1 close active-passive by client, half-close 0.010 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn r33_fins_that_cross_make_both_sides_active_closers() {
    // Seen in the middle of the path: neither FIN acknowledges the other, whatever their order here.
    check(
        "open
         1.000 S>C FIN,ACK seq=301 ack=101
         1.001 C>S FIN,ACK seq=101 ack=301
         1.010 C>S ACK     seq=102 ack=302
         1.011 S>C ACK     seq=302 ack=102",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > CLOSING #4 confirmed #6 > TIME-WAIT #7 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > FIN-WAIT-1 #4 sent
                  > CLOSING #5 confirmed #7 > TIME-WAIT #6 presumed
         1 close simultaneous, TIME-WAIT both
         1 outcome closed",
    );
}

#[test]
fn r33_a_fin_that_comes_again_is_too_old_to_acknowledge_the_one_it_crossed() {
    // Both FINs are sent again, and now each covers the other. But #7 begins below what the client has: it is dropped
    // before its acknowledgment is looked at (section 3.10.7.4, first check), and #9 does what it would have done.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.001 S>C FIN,ACK seq=301 ack=101
         1.200 C>S FIN,ACK seq=101 ack=302
         1.201 S>C FIN,ACK seq=301 ack=102
         1.210 C>S ACK     seq=102 ack=302
         1.211 S>C ACK     seq=302 ack=102",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > CLOSING #5 confirmed #6 > TIME-WAIT #9 presumed
         1 close simultaneous, TIME-WAIT both
         1 outcome closed",
    );
}

#[test]
fn r34_a_fin_that_comes_again_is_no_second_fin() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.200 resent #4
         1.600 resent #4
         2.400 resent #4
         2.410 S>C ACK     seq=301 ack=102",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #8 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #8 > CLOSE-WAIT #7 confirmed #8
         1 outcome half-closed
         1 packets 6 2 retransmitted 3 0",
    );
}

#[test]
fn r34_data_that_comes_again_with_the_fin_joined_to_it_is_the_same_fin() {
    check(
        "open
         1.000 C>S PSH,ACK     seq=101 ack=301 len=10
         1.001 C>S FIN,ACK     seq=111 ack=301
         1.300 C>S PSH,FIN,ACK seq=101 ack=301 len=10
         1.310 S>C ACK         seq=301 ack=112",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #7 presumed
         1 events client fin-retransmitted #6
         1 packets 5 2 retransmitted 1 0",
    );
}

#[test]
fn r35_a_fin_in_syn_sent_is_dropped() {
    // An old FIN of a life before the capture meets the client in SYN-SENT.
    check(
        "0.000 C>S SYN     seq=100
         0.010 S>C FIN,ACK seq=70000 ack=4000
         0.020 C>S RST     seq=4000
         0.030 S>C SYN,ACK seq=300 ack=101
         0.040 C>S ACK     seq=101 ack=301
         1.000 S>C PSH,ACK seq=301 ack=101 len=10",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #4 confirmed #5
         1 server LISTEN > SYN-RECEIVED #4 sent > ESTABLISHED #5 confirmed #6
         1 outcome open",
    );
}

#[test]
fn r35_a_fin_may_leave_from_syn_received() {
    // Both opened; the server closes before the client's SYN-ACK reaches it.
    check(
        "0.000 C>S SYN         seq=100
         0.001 S>C SYN         seq=300
         0.002 S>C SYN,FIN,ACK seq=300 ack=101
         0.003 C>S SYN,ACK     seq=100 ack=301",
        "1 packets 2 2",
    );
}

#[test]
fn r36_close_wait_and_fin_wait_2_last_from_fin_to_fin() {
    check(
        "open
         1.000 S>C FIN,ACK seq=301 ack=101
         1.010 C>S ACK     seq=101 ack=302
         5.000 C>S PSH,ACK seq=101 ack=302 len=1000
         5.010 S>C ACK     seq=302 ack=1101
         9.000 C>S PSH,ACK seq=1101 ack=302 len=500
         9.010 S>C ACK     seq=302 ack=1601
         31.00 C>S FIN,ACK seq=1601 ack=302 len=10
         31.01 S>C ACK     seq=302 ack=1612",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #7 > TIME-WAIT #10 confirmed #11
         1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #10 sent > CLOSED #11 presumed
         1 close active-passive by server, half-close 30.000 s 1510 octets, TIME-WAIT server
         1 outcome closed",
    );
}

#[test]
fn r36_octets_sent_twice_count_once_in_a_half_close() {
    check(
        "open
         1.000 S>C FIN,ACK seq=301 ack=101
         1.010 C>S ACK     seq=101 ack=302
         5.000 C>S PSH,ACK seq=101 ack=302 len=1000
         5.300 resent #6
         5.310 S>C ACK     seq=302 ack=1101
         11.00 end",
        "1 close active-passive by server, half-close at least 10.000 s 1000 octets",
    );
}

#[test]
fn r37_an_orphan_in_fin_wait_2_answers_data_with_a_reset() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         90.00 S>C PSH,ACK seq=301 ack=102 len=10
         90.01 C>S RST     seq=102",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 presumed > CLOSED #7 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > CLOSED #7 presumed
         1 outcome reset
         1 close reset by client, reset by client, half-close 89.010 s 10 octets",
    );
}

#[test]
fn r37_the_port_of_an_orphan_comes_back_against_close_wait() {
    // The client's FIN-WAIT-2 timed out unseen and its port is used again; the server never closed.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         90.00 C>S SYN     seq=5000000
         90.01 S>C ACK     seq=301 ack=102
         90.02 C>S RST     seq=102
         91.00 resent #6
         91.01 S>C SYN,ACK seq=8000000 ack=5000001
         91.02 C>S ACK     seq=5000001 ack=8000001",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > CLOSED #6 inferred
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > CLOSED #8 confirmed #10
         1 packets 4 3
         2 client CLOSED > SYN-SENT #6 sent > ESTABLISHED #10 confirmed #11
         2 server LISTEN > SYN-RECEIVED #10 sent > ESTABLISHED #11 presumed
         2 packets 3 1 retransmitted 1 0",
    );
}

#[test]
fn r38_data_beyond_the_own_fin_is_a_breach_and_moves_nothing() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         2.000 C>S PSH,ACK seq=102 ack=301 len=10",
        "1 end client FIN-WAIT-2 server CLOSE-WAIT
         1 events client data-after-fin #6",
    );
}

#[test]
fn r38_data_below_the_own_fin_is_only_sent_again() {
    // Spurious retransmission in FIN-WAIT-2.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.001 C>S FIN,ACK seq=111 ack=301
         1.010 S>C ACK     seq=301 ack=112
         1.011 C>S PSH,ACK seq=101 ack=301 len=10
         1.021 S>C ACK     seq=301 ack=112 sack=101-111
         2.000 S>C FIN,ACK seq=301 ack=112
         2.010 C>S ACK     seq=112 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #6 confirmed #10 > TIME-WAIT #9 confirmed #10
         1 outcome closed
         1 packets 6 4 retransmitted 1 0
         1 events none",
    );
}

#[test]
fn r39_a_reset_after_the_own_fin_is_no_orderly_close() {
    // The client closed, then data came that it will never read.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.005 S>C PSH,ACK seq=301 ack=101 len=1000
         1.015 C>S RST     seq=102",
        "1 end client CLOSED server CLOSED
         1 outcome reset
         1 close reset by client, reset by client, half-close 0.015 s ? octets",
    );
}

#[test]
fn r40_acknowledgment_numbers_tell_who_closed_first_not_the_order_at_the_tap() {
    // #4 acknowledges the FIN that is captured after it.
    check(
        "open
         1.0000 S>C FIN,ACK seq=301 ack=102
         1.0001 C>S FIN,ACK seq=101 ack=301
         1.0100 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #5 sent
                  > FIN-WAIT-2 #4 confirmed #6 > TIME-WAIT #4 confirmed #6
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #4 inferred
                  > LAST-ACK #4 sent > CLOSED #6 presumed
         1 outcome closed
         1 close active-passive by client, half-close 0.000 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn r40_an_acknowledgment_that_waits_for_its_fin_at_the_tap() {
    // The ACK of the client's FIN overtook it in the capture, the rest is in order.
    check(
        "open
         1.0000 S>C ACK     seq=301 ack=102
         1.0001 C>S FIN,ACK seq=101 ack=301
         2.0000 S>C FIN,ACK seq=301 ack=102
         2.0100 C>S ACK     seq=102 ack=302",
        "1 end client TIME-WAIT server CLOSED
         1 outcome closed
         1 packets 4 3
         1 close active-passive by client, half-close 1.000 s 0 octets, TIME-WAIT client",
    );
}
