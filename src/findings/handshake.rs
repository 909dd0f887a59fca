//! HS and OP: the opening (RFC 9293 section 3.5) and its options.

crate::findings::family! {
    syn_retransmit,
    syn_changed_isn,
    synack_retransmit,
    synack_changed_isn,
    synack_bad_ack,
    synack_wrong_direction,
    simultaneous_open,
    handshake_ack_bad,
    data_before_established,
    data_on_syn,
    tfo_data_ignored,
    refused,
    syn_unanswered,
    handshake_abandoned,
    syn_flood,
    unsolicited_synack,
    accept_queue_overflow,
    option_one_sided,
    timestamp_missing,
    options_changed_on_resend,
}
