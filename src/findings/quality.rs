//! CP: the capture itself, as far as it touches a connection.

crate::findings::family! {
    midstream_pickup,
    capture_loss,
    capture_duplicate,
    capture_reorder,
    one_sided,
    cut_by_snaplen,
    bad_checksum,
    time_went_back,
    inferred_segment,
    open_at_end,
    connections_evicted,
}
