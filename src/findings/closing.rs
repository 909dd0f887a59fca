//! FN: FINs, and data around them (RFC 9293 section 3.6).

crate::findings::family! {
    data_after_fin,
}
