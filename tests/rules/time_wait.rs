//! TIME-WAIT and the lives of a 4-tuple (R47 to R59).

use super::story::{self, CLIENT_CLOSED_FIRST, SERVER_CLOSED_SECOND, check};

#[test]
fn r47_the_first_closer_holds_time_wait_for_2_msl() {
    check(
        "closed
         61.000 end",
        "1 end client TIME-WAIT server CLOSED
         1 close active-passive by client, half-close 0.020 s 0 octets, TIME-WAIT client",
    );
    check(
        "closed
         61.020 end",
        &format!(
            "1 client {CLIENT_CLOSED_FIRST} > CLOSED timer
             1 server {SERVER_CLOSED_SECOND}
             1 end client CLOSED server CLOSED"
        ),
    );
}

#[test]
fn r47_nobody_holds_time_wait_after_a_reset() {
    check(
        "open
         1.000 C>S FIN,ACK seq=101 ack=301
         1.010 S>C ACK     seq=301 ack=102
         1.020 S>C RST,ACK seq=301 ack=102",
        "1 end client CLOSED server CLOSED
         1 outcome reset
         1 close reset by client, reset by server, half-close 0.020 s 0 octets",
    );
}

#[test]
fn r48_a_fin_again_restarts_2_msl() {
    check(
        "closed
         1.500 resent #6
         1.510 C>S ACK seq=102 ack=302
         31.00 resent #6
         31.01 C>S ACK seq=102 ack=302
         91.10 end",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #7 > TIME-WAIT #6 confirmed #7 > CLOSED timer
         1 when client SYN-SENT 0.000 in ?..0.000, ESTABLISHED 0.010 in 0.010..0.020,
                  FIN-WAIT-1 1.000 in 0.010..1.000, FIN-WAIT-2 1.010 in 1.010..1.030,
                  TIME-WAIT 1.020 in 1.020..1.030, CLOSED 91.000 in ?..?
         1 close active-passive by client, half-close 0.020 s 0 octets, TIME-WAIT client restarted 2
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #6 sent > CLOSED #11 presumed",
    );
}

#[test]
fn r48_segments_of_the_close_that_come_late_begin_nothing() {
    // Long after the close, and even after 2 MSL: a FIN again, its acknowledgment, that once more, an ACK of the server.
    check(
        "closed
         30.00 resent #6
         30.01 C>S ACK seq=102 ack=302
         300.0 resent #7
         900.0 S>C ACK seq=302 ack=102",
        "1 end client CLOSED server CLOSED
         1 outcome closed
         1 packets 6 5 retransmitted 0 1",
    );
}

#[test]
fn r49_a_new_syn_with_a_higher_iss_begins_a_new_life_in_time_wait() {
    check(
        "closed
         7.000 C>S SYN     seq=70000
         7.010 S>C SYN,ACK seq=65839 ack=70001
         7.020 C>S ACK     seq=70001 ack=65840",
        "1 end client CLOSED server CLOSED
         1 outcome closed
         1 packets 4 3
         2 life 1
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #9 confirmed #10
         2 server LISTEN > SYN-RECEIVED #9 sent > ESTABLISHED #10 presumed
         2 packets 2 1",
    );
}

#[test]
fn r49_higher_is_meant_modulo_2_to_the_32() {
    check(
        "0.000 C>S SYN     seq=4294967000
         0.010 S>C SYN,ACK seq=300 ack=4294967001
         0.020 C>S ACK     seq=4294967001 ack=301
         1.000 S>C FIN,ACK seq=301 ack=4294967001
         1.010 C>S FIN,ACK seq=4294967001 ack=302
         1.020 S>C ACK     seq=302 ack=4294967002
         2.000 C>S SYN     seq=5000
         2.010 S>C SYN,ACK seq=65839 ack=5001
         2.020 C>S ACK     seq=5001 ack=65840",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #5 confirmed #6 > CLOSED #7 confirmed #8
         1 end client CLOSED server CLOSED
         2 end client ESTABLISHED server ESTABLISHED
         2 numbers 5000 65839",
    );
}

#[test]
fn r50_the_holder_of_time_wait_may_open_again_itself() {
    check(
        "closed
         3.000 C>S SYN     seq=5000
         3.010 S>C SYN,ACK seq=9000 ack=5001
         3.020 C>S ACK     seq=5001 ack=9001",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #7 > TIME-WAIT #6 confirmed #7 > CLOSED #8 sent
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #4 confirmed #5
                  > LAST-ACK #6 sent > CLOSED #7 confirmed #9
         2 end client ESTABLISHED server ESTABLISHED",
    );
}

#[test]
fn r51_a_refused_reuse_is_one_story_and_its_middle_belongs_to_the_old_life() {
    // The server holds TIME-WAIT and the new ISS is below the old numbers: SYN, old ACK, RST, SYN again.
    check(
        "0.000 C>S SYN     seq=3000000000
         0.010 S>C SYN,ACK seq=300 ack=3000000001
         0.020 C>S ACK     seq=3000000001 ack=301
         1.000 S>C FIN,ACK seq=301 ack=3000000001
         1.010 C>S FIN,ACK seq=3000000001 ack=302
         1.020 S>C ACK     seq=302 ack=3000000002
         9.000 C>S SYN     seq=2999000000
         9.010 S>C ACK     seq=302 ack=3000000002
         9.020 C>S RST     seq=3000000002
         10.00 C>S SYN     seq=2999000000
         10.01 S>C SYN,ACK seq=65839 ack=2999000001
         10.02 C>S ACK     seq=2999000001 ack=65840",
        "1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > FIN-WAIT-1 #4 sent
                  > FIN-WAIT-2 #5 confirmed #6 > TIME-WAIT #5 confirmed #6 > CLOSED #9 confirmed #11
         1 packets 4 4
         2 client CLOSED > SYN-SENT #7 sent > ESTABLISHED #11 confirmed #12
         2 server LISTEN > SYN-RECEIVED #11 sent > ESTABLISHED #12 presumed
         2 numbers 2999000000 65839
         2 packets 3 1 retransmitted 1 0",
    );
}

#[test]
fn r51_a_refused_reuse_at_the_end_of_the_capture_is_still_two_lives() {
    check(
        "0.000 C>S SYN     seq=3000000000
         0.010 S>C SYN,ACK seq=300 ack=3000000001
         0.020 C>S ACK     seq=3000000001 ack=301
         1.000 S>C FIN,ACK seq=301 ack=3000000001
         1.010 C>S FIN,ACK seq=3000000001 ack=302
         1.020 S>C ACK     seq=302 ack=3000000002
         9.000 C>S SYN     seq=2999000000
         9.010 S>C ACK     seq=302 ack=3000000002
         9.020 C>S RST     seq=3000000002
         10.00 C>S SYN     seq=2999000000",
        "1 outcome closed
         2 client CLOSED > SYN-SENT #7 sent
         2 server stays CLOSED
         2 outcome unanswered",
    );
}

#[test]
fn r52_a_syn_into_an_open_connection_discovers_that_it_is_half_open() {
    // Figure 10. The client had lost its state before #6: its RST comes too late to be what closed it.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         9.000 C>S SYN     seq=770000
         9.010 S>C ACK     seq=301 ack=111
         9.020 C>S RST     seq=111
         10.00 resent #6
         10.01 S>C SYN,ACK seq=880000 ack=770001
         10.02 C>S ACK     seq=770001 ack=880001",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > CLOSED #6 inferred
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSED #8 confirmed #10
         1 outcome reset
         1 packets 4 3
         2 client CLOSED > SYN-SENT #6 sent > ESTABLISHED #10 confirmed #11
         2 server LISTEN > SYN-RECEIVED #10 sent > ESTABLISHED #11 presumed",
    );
}

#[test]
fn r52_a_forged_syn_that_is_challenged_begins_no_life() {
    // Nobody answers the challenge: the client goes on as if nothing had been.
    check(
        "open
         1.000 C>S PSH,ACK seq=101 ack=301 len=10
         1.010 S>C ACK     seq=301 ack=111
         5.000 C>S SYN     seq=770000
         5.010 S>C ACK     seq=301 ack=111
         6.000 C>S PSH,ACK seq=111 ack=301 len=10
         6.010 S>C ACK     seq=301 ack=121
         7.000 C>S FIN,ACK seq=121 ack=301
         7.010 S>C FIN,ACK seq=301 ack=122
         7.020 C>S ACK     seq=122 ack=302",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #10 sent
                  > FIN-WAIT-2 #11 confirmed #12 > TIME-WAIT #11 confirmed #12
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #5 > CLOSE-WAIT #10 confirmed #11
                  > LAST-ACK #11 sent > CLOSED #12 presumed
         1 outcome closed
         1 numbers 100 300
         1 packets 7 5",
    );
}

#[test]
fn r53_late_segments_stay_with_the_life_that_they_belong_to() {
    // Two copies of the first life's FIN arrive in the second one, the second of them amid its data.
    check(
        "closed
         7.000 C>S SYN     seq=50000000
         7.010 S>C SYN,ACK seq=80000000 ack=50000001
         7.020 C>S ACK     seq=50000001 ack=80000001
         7.500 resent #6
         8.000 C>S PSH,ACK seq=50000001 ack=80000001 len=10
         8.010 S>C ACK     seq=80000001 ack=50000011
         8.500 resent #6",
        "1 packets 4 5 retransmitted 0 2
         1 outcome closed
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #9 confirmed #10
         2 server LISTEN > SYN-RECEIVED #9 sent > ESTABLISHED #10 confirmed #13
         2 packets 3 2
         2 outcome open
         2 events none",
    );
}

#[test]
fn r53_an_old_segment_whose_number_fits_the_new_life_is_told_by_its_timestamp() {
    check(
        "0.000 C>S SYN     seq=100 ts=1000/0
         0.010 S>C SYN,ACK seq=300 ack=101 ts=77/1000
         0.020 C>S ACK     seq=101 ack=301 ts=1020/77
         1.000 C>S FIN,ACK seq=101 ack=301 ts=2000/77
         1.010 S>C FIN,ACK seq=301 ack=102 ts=1077/2000
         1.020 C>S ACK     seq=102 ack=302 ts=2020/1077
         9.000 C>S SYN     seq=1000 ts=10000/0
         9.010 S>C SYN,ACK seq=5000 ack=1001 ts=9077/10000
         9.020 C>S ACK     seq=1001 ack=5001 ts=10020/9077
         9.500 resent #4
         9.600 C>S PSH,ACK seq=1001 ack=5001 ts=10600/9077 len=10
         9.610 S>C ACK     seq=5001 ack=1011 ts=9677/10600",
        "1 packets 5 2 retransmitted 1 0
         2 packets 3 2
         2 outcome open",
    );
}

#[test]
fn r53_the_syn_of_the_first_life_again_does_not_disturb_the_second() {
    check(
        "closed
         7.000 C>S SYN     seq=50000000
         7.010 S>C SYN,ACK seq=80000000 ack=50000001
         7.020 C>S ACK     seq=50000001 ack=80000001
         7.500 again #1
         7.510 S>C ACK     seq=80000001 ack=50000001
         8.000 C>S PSH,ACK seq=50000001 ack=80000001 len=10
         8.010 S>C ACK     seq=80000001 ack=50000011",
        "1 outcome closed
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #9 confirmed #10
         2 server LISTEN > SYN-RECEIVED #9 sent > ESTABLISHED #10 confirmed #12
         2 outcome open",
    );
}

#[test]
fn r54_an_old_segment_can_have_time_wait_assassinated() {
    // RFC 1337: old data (#8) meets TIME-WAIT, is acknowledged (#9), and the server, long CLOSED, answers with a RST
    // that takes its number from that acknowledgment.
    check(
        "open
         0.500 S>C PSH,ACK seq=301 ack=101 len=10
         0.510 C>S ACK     seq=101 ack=311
         1.000 C>S FIN,ACK seq=101 ack=311
         1.010 S>C FIN,ACK seq=311 ack=102
         1.020 C>S ACK     seq=102 ack=312
         5.000 S>C PSH,ACK seq=301 ack=101 len=10
         5.010 C>S ACK     seq=102 ack=312
         5.020 S>C RST     seq=312",
        "1 client CLOSED > SYN-SENT #1 sent > ESTABLISHED #2 confirmed #3 > FIN-WAIT-1 #6 sent
                  > FIN-WAIT-2 #7 confirmed #8 > TIME-WAIT #7 confirmed #8 > CLOSED #11 presumed
         1 server LISTEN > SYN-RECEIVED #2 sent > ESTABLISHED #3 confirmed #4 > CLOSE-WAIT #6 confirmed #7
                  > LAST-ACK #7 sent > CLOSED #8 confirmed #11
         1 outcome closed
         1 close active-passive by client, half-close 0.010 s 0 octets, TIME-WAIT client",
    );
}

#[test]
fn r54_a_reset_with_a_number_of_the_other_direction_assassinates_nothing() {
    check(
        "closed
         5.000 S>C ACK seq=301 ack=102
         5.010 C>S ACK seq=102 ack=302
         5.020 S>C RST seq=102",
        "1 end client TIME-WAIT server CLOSED
         1 events server reset-outside-window #10",
    );
}

#[test]
fn r58_the_next_life_may_have_the_roles_swapped() {
    check(
        "closed
         9.000 S>C SYN     seq=60000
         9.010 C>S SYN,ACK seq=70000 ack=60001
         9.020 S>C ACK     seq=60001 ack=70001
         9.030 C>S FIN,ACK seq=70001 ack=60001
         9.040 S>C FIN,ACK seq=60001 ack=70002
         9.050 C>S ACK     seq=70002 ack=60002",
        "1 roles 10.0.0.1:40000 > 10.0.0.2:80 by syn
         1 end client CLOSED server CLOSED
         2 roles 10.0.0.2:80 > 10.0.0.1:40000 by syn
         2 life 1
         2 client CLOSED > SYN-SENT #8 sent > ESTABLISHED #9 confirmed #10 > CLOSE-WAIT #11 confirmed #12
                  > LAST-ACK #12 sent > CLOSED #13 presumed
         2 server LISTEN > SYN-RECEIVED #9 sent > ESTABLISHED #10 confirmed #11 > FIN-WAIT-1 #11 sent
                  > FIN-WAIT-2 #12 confirmed #13 > TIME-WAIT #12 confirmed #13",
    );
}

#[test]
fn r59_one_connection_seen_under_two_tuples_is_shown_twice() {
    // Before and behind an address translator: equal numbers are no reason to merge.
    check(
        "0.0000 C>S SYN     seq=100
         0.0001 N>S SYN     seq=100
         0.0100 S>N SYN,ACK seq=300 ack=101
         0.0101 S>C SYN,ACK seq=300 ack=101
         0.0200 C>S ACK     seq=101 ack=301
         0.0201 N>S ACK     seq=101 ack=301",
        "1 roles 10.0.0.1:40000 > 10.0.0.2:80 by syn
         1 packets 2 1
         1 outcome open
         2 roles 10.0.0.9:40000 > 10.0.0.2:80 by syn
         2 packets 2 1
         2 outcome open",
    );
}

#[test]
fn r60_no_connection_is_dropped_to_make_room() {
    let mut segments = Vec::new();
    let server = story::host('S');
    for number in 0..5_000_u64 {
        let client = tcptrace_states::segment::Endpoint {
            port: 10_000 + number as u16,
            ..story::host('C')
        };
        let time = story::START + number as i64 * story::SECOND;
        segments.push(story::segment(number + 1, time, client, server, 2));
    }
    let end = segments[segments.len() - 1].time;
    let connections = story::observe(&segments, end);
    assert_eq!(connections.len(), 5_000);
    assert!(
        connections
            .iter()
            .all(|connection| connection.endpoints.client.packets == 1)
    );
}
