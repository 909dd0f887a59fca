//! RU: new SYNs on a 4-tuple in use, half-open connections, dead peers (RFC 9293 section 3.5.1).

crate::findings::family! {}
