//! Resets (R41 to R46).

use super::story::check;

#[test]
fn r41_a_reset_is_judged_by_its_number() {
    // Offered: 65535 octets from 301, the window of #3 and #5.
    let story = |number: u32| {
        format!(
            "open
             1.000 C>S PSH,ACK seq=101 ack=301 len=10
             2.000 S>C RST     seq={number}"
        )
    };
    for number in [300, 1, 65837, 2_000_000_000, 4_000_000_000] {
        check(
            &story(number),
            "1 end client ESTABLISHED server ESTABLISHED
             1 events server reset-outside-window #5",
        );
    }
    check(
        &story(301),
        "1 end client CLOSED server CLOSED\n1 events none\n1 outcome reset",
    );
    for number in [302, 65836] {
        check(&story(number), "1 events server reset-in-window #5");
    }
}

#[test]
fn r41_a_reset_may_fit_any_number_that_its_receiver_can_have_reached() {
    // The tap cannot know whether #4 had arrived: RCV.NXT is 301 or 311, and both numbers are exact for one of them.
    for number in [301, 311] {
        check(
            &format!(
                "open
                 1.000 S>C PSH,ACK seq=301 ack=101 len=10
                 1.001 S>C RST     seq={number}"
            ),
            "1 end client CLOSED server CLOSED
             1 events none",
        );
    }
}

#[test]
fn r42_a_receiver_that_goes_on_has_not_taken_the_reset() {
    // An exact number, but lost behind the tap, or filtered there; the server itself is gone.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C RST     seq=301
         1.500 C>S PSH,ACK seq=101 ack=301 len=10
         1.510 S>C RST     seq=301",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #7 presumed
         1 withdrawn client CLOSED #5 by #6
         1 end client CLOSED server CLOSED",
    );
}

#[test]
fn r42_a_sender_that_goes_on_has_not_sent_the_reset() {
    // A middlebox resets both ends in their names; neither takes it.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.005 S>C RST     seq=302
         1.006 C>S RST     seq=112
         1.010 S>C ACK     seq=301 ack=111
         1.016 C>S ACK     seq=111 ack=301
         2.000 C>S FIN,ACK seq=111 ack=301
         2.010 S>C FIN,ACK seq=301 ack=112
         2.020 C>S ACK     seq=112 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #9 sent
                  > FIN-WAIT-2 #10 confirmed #11 > TIME-WAIT #10 confirmed #11
         1 end client TIME-WAIT server CLOSED
         1 outcome closed
         1 close active-passive by client, half-close 0.010 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn r42_the_state_after_a_challenged_reset_is_the_state_before_it() {
    // In CLOSE-WAIT: not back to ESTABLISHED, and the half-close has no hole.
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         5.000 C>S RST     seq=150
         5.010 S>C ACK     seq=301 ack=102
         9.000 S>C FIN,ACK seq=301 ack=102
         9.010 C>S ACK     seq=102 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #9 > TIME-WAIT #8 confirmed #9
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #8 sent > CLOSED #9 presumed
         1 close active-passive by client, half-close 8.000 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn r43_a_reset_closes_its_sender_at_once_and_its_receiver_if_it_gets_there() {
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         2.000 C>S RST,ACK seq=111 ack=301",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #6 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSED #6 presumed
         1 outcome reset
         1 close reset by client, reset by client",
    );
}

#[test]
fn r43_a_reset_lost_behind_the_tap_leaves_its_receiver_open() {
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         2.000 C>S RST,ACK seq=111 ack=301
         9.000 S>C PSH,ACK seq=301 ack=111 len=5
         9.010 C>S RST     seq=111",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #6 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSED #8 presumed
         1 withdrawn server CLOSED #6 by #7",
    );
}

#[test]
fn r44_a_reset_takes_its_number_from_what_it_answers() {
    // The client lost its connection. Its RSTs carry the acknowledgment numbers of #5 and #6, not its SND.NXT.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=100
         2.000 S>C PSH,ACK seq=301 ack=101 len=10
         2.001 S>C PSH,ACK seq=311 ack=201 len=10
         2.010 C>S RST     seq=101
         2.011 C>S RST     seq=201",
        "1 end client CLOSED server CLOSED
         1 outcome reset
         1 close reset by client, reset by client",
    );
}

#[test]
fn r44_a_reset_that_answers_a_stray_segment_ends_nothing() {
    // #4 comes from a connection before the capture, and #5 is its due: the open connection is not meant.
    check(
        "open
         1.000 S>C ACK     seq=90000000 ack=70000000
         1.010 C>S RST     seq=70000000
         2.000 C>S PSH,ACK seq=101 ack=301 len=10
         2.010 S>C ACK     seq=301 ack=111",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #7
         1 outcome open
         1 events server segment-outside-window #4, client reset-outside-window #5",
    );
}

#[test]
fn r44_the_answer_to_a_segment_without_ack_has_number_zero() {
    check(
        "0.000 C>S SYN     seq=4000000000 len=20
         0.010 S>C RST,ACK seq=0 ack=4000000021",
        "1 client CLOSED > SYN-SENT #1 sent > CLOSED #2 presumed
         1 outcome refused",
    );
}

#[test]
fn r45_a_reset_ends_every_closing_state() {
    let closing = "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.001 S>C FIN,ACK seq=301 ack=101
         1.010 C>S ACK     seq=102 ack=302\n";
    check(
        &format!("{closing} 1.500 S>C RST seq=302"),
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > CLOSING #5 confirmed #6 > CLOSED #7 presumed",
    );
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C FIN,ACK seq=301 ack=102
         1.020 C>S RST     seq=102",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #5 sent > CLOSED #6 presumed
         1 end client CLOSED server CLOSED",
    );
}

#[test]
fn r45_a_reset_without_a_connection_is_nothing() {
    // Whoever sends a RST has no connection (any more): more cannot be told.
    check(
        "0.000 C>S RST seq=101
         0.010 S>C RST seq=555",
        "1 client UNKNOWN > CLOSED #1 sent
         1 end client CLOSED server CLOSED
         1 packets 1 1",
    );
    // The server never answered: there is nothing to reset there.
    check(
        "0.000 C>S SYN seq=100
         0.500 C>S RST seq=101",
        "1 server stays CLOSED",
    );
}

#[test]
fn r46_a_reset_may_carry_data_and_no_timestamp() {
    check(
        "0.000 C>S SYN     seq=100 ts=1000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=77/1000
         0.020 C>S ACK     seq=101 ack=301 ts=1020/77
         1.000 C>S RST,ACK seq=101 ack=301 len=40",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #4 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 presumed > CLOSED #4 presumed
         1 outcome reset",
    );
}
