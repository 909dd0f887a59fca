//! SQ, PB and ML: numbers, probes and flags that do not fit.

crate::findings::family! {
    segment_out_of_window,
    ack_beyond_sent,
    paws_reject,
    keepalive_unanswered,
    bad_header,
    illegal_flags,
}
