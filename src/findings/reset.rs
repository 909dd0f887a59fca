//! RS: RSTs (RFC 9293 section 3.5.3, RFC 5961).

crate::findings::family! {}
