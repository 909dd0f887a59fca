//! FN: FINs, and data around them (RFC 9293 section 3.6).

crate::findings::family! {
    close_first,
    close_second,
    simultaneous_close,
    fin_retransmit,
    fin_changed_seq,
    fin_out_of_window,
    fin_bad_ack,
    data_after_fin,
    fin_out_of_order,
    fin_without_ack,
    fin_no_connection,
    fin_never_acked,
    close_lost_data,
    fin_storm,
    fin_in_syn_sent,
}
