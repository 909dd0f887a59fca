//! TW: TIME-WAIT, and the reuse of a 4-tuple in it (RFC 9293 section 3.6.1).

crate::findings::family! {
    pressure,
}
