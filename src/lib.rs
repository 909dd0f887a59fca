//! tcptrace-states: the RFC 9293 state of both endpoints of every TCP connection in a packet capture.

pub mod flow;
pub mod model;
pub mod segment;
pub mod seq;
pub mod time;
pub mod tracker;
