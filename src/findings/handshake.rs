//! HS and OP: the opening (RFC 9293 section 3.5) and its options.

crate::findings::family! {
    syn_flood,
}
