//! HC: CLOSE-WAIT and FIN-WAIT-2 (RFC 9293 section 3.6).

crate::findings::family! {
    close_wait_leak,
}
