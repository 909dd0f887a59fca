//! Open connections: what may pass without moving any state (R25 to R29).

use super::story::check;

#[test]
fn r25_an_old_segment_brings_no_acknowledgment() {
    // #7 repeats what the client has already acknowledged. Its receiver drops it unread (section 3.10.7.4, first
    // check), with the acknowledgment of the FIN that it carries; #9 brings that.
    check(
        "open
         1.000 S>C PSH,ACK seq=301 ack=101 len=10
         1.010 C>S ACK     seq=101 ack=311
         1.020 C>S FIN,ACK seq=101 ack=311
         1.300 S>C PSH,ACK seq=301 ack=102 len=10
         1.310 C>S ACK     seq=102 ack=311
         1.320 S>C ACK     seq=311 ack=102",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #6 sent
                  > FIN-WAIT-2 #9 presumed
         1 end client FIN-WAIT-2 server CLOSE-WAIT",
    );
}

#[test]
fn r25_a_window_once_offered_is_never_taken_back() {
    // #6 closes the window, but the server may have sent by what #3 offered.
    check(
        "open
         1.000 S>C PSH,ACK seq=301 ack=101 len=10
         1.010 C>S ACK     seq=101 ack=311
         1.020 C>S ACK     seq=101 ack=311 win=0
         1.500 S>C RST     seq=1311
         1.510 C>S ACK     seq=101 ack=311 win=0
         1.800 C>S ACK     seq=101 ack=311
         1.810 S>C PSH,ACK seq=311 ack=101 len=10",
        "1 events server reset-in-window #7, client reset-challenged #8, server activity-after-reset #10
         1 end client ESTABLISHED server ESTABLISHED",
    );
}

#[test]
fn r26_an_acknowledgment_of_what_was_never_sent_settles_nothing() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=50000102",
        "1 end client FIN-WAIT-1 server CLOSE-WAIT
         1 events server ack-beyond-sent #5",
    );
}

#[test]
fn r26_an_old_acknowledgment_settles_nothing() {
    // Delayed in the network: it acknowledges less than the ones before it.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         2.000 C>S FIN,ACK seq=111 ack=301
         2.005 S>C ACK     seq=301 ack=101",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #6 sent
         1 packets 4 3",
    );
}

#[test]
fn r27_keepalives_are_no_retransmissions() {
    // With and without an octet of garbage; both are one below SND.NXT.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         75.00 C>S ACK     seq=110 ack=301
         75.01 S>C ACK     seq=301 ack=111
         150.0 C>S ACK     seq=110 ack=301 len=1
         150.1 S>C ACK     seq=301 ack=111",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5
         1 packets 5 4 probes 2 0",
    );
}

#[test]
fn r27_a_keepalive_after_the_own_fin_is_no_second_fin() {
    // Its number is that of the FIN. It also does not withdraw the FIN's acknowledgment.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         75.00 C>S ACK     seq=101 ack=301
         75.01 S>C ACK     seq=301 ack=102
         90.00 S>C PSH,ACK seq=301 ack=102 len=5
         90.01 C>S ACK     seq=102 ack=306",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #9
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
         1 withdrawn none
         1 packets 5 4 probes 1 0
         1 events none",
    );
}

#[test]
fn r28_a_fin_waits_behind_a_closed_window() {
    // The probes' octet is sent again and again, and at last taken with the rest.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111 win=0
         2.000 C>S PSH,ACK seq=111 ack=301 len=1
         2.010 S>C ACK     seq=301 ack=111 win=0
         4.000 C>S PSH,ACK seq=111 ack=301 len=1
         4.010 S>C ACK     seq=301 ack=111 win=0
         6.000 S>C ACK     seq=301 ack=111 win=1000
         6.010 C>S FIN,ACK seq=111 ack=301 len=20
         6.020 S>C ACK     seq=301 ack=132 win=980",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #11 sent
                  > FIN-WAIT-2 #12 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #11 confirmed #12
         1 withdrawn none",
    );
}

#[test]
fn r28_window_probes_without_data_look_like_keepalives() {
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111 win=0
         2.000 C>S ACK     seq=110 ack=301
         2.010 S>C ACK     seq=301 ack=111 win=0
         4.000 C>S ACK     seq=110 ack=301
         4.010 S>C ACK     seq=301 ack=111 win=1000
         4.020 C>S FIN,ACK seq=111 ack=301
         4.030 S>C FIN,ACK seq=301 ack=112 win=1000
         4.040 C>S ACK     seq=112 ack=302",
        "1 end client TIME-WAIT server CLOSED
         1 outcome closed
         1 packets 7 5 probes 2 0",
    );
}

#[test]
fn r29_a_reset_needs_no_timestamp() {
    check(
        "0.000 C>S SYN     seq=100 ts=1000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=77/1000
         0.020 C>S ACK     seq=101 ack=301 ts=1020/77
         1.000 S>C PSH,ACK seq=301 ack=101 ts=1067/1020 len=10
         1.010 C>S RST     seq=101",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #5 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSED #5 presumed
         1 outcome reset",
    );
}

#[test]
fn r29_a_segment_older_than_the_syn_is_dropped_whatever_its_number() {
    // An old duplicate with a FIN at just the right number: its timestamp says that it is of another life.
    check(
        "0.000 C>S SYN     seq=100 ts=90000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=77/90000
         0.020 C>S ACK     seq=101 ack=301 ts=90020/77
         0.500 C>S FIN,ACK seq=101 ack=301 ts=500/77
         1.000 S>C PSH,ACK seq=301 ack=101 ts=1067/90020 len=10
         1.010 C>S PSH,ACK seq=101 ack=311 ts=91010/1067 len=10",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5
         1 outcome open",
    );
}

#[test]
fn r29_a_copy_with_an_old_timestamp_is_not_sent_again() {
    // The network delivers the FIN twice, half a second apart: the acknowledgment of the first copy was not lost.
    check(
        "0.000 C>S SYN     seq=100 ts=1000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=77/1000
         0.020 C>S ACK     seq=101 ack=301 ts=1020/77
         1.000 C>S FIN,ACK seq=101 ack=301 ts=2000/77
         1.010 S>C ACK     seq=301 ack=102 ts=1077/2000
         1.500 again #4
         1.510 S>C ACK     seq=301 ack=102 ts=1577/2000",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 presumed
         1 withdrawn none
         1 events none",
    );
}
