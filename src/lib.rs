//! tcptrace-states: the RFC 9293 state of both endpoints of every TCP connection in a packet capture.

pub mod analyze;
pub mod capture;
pub mod cli;
pub mod flow;
pub mod model;
pub mod report;
pub mod segment;
pub mod select;
pub mod seq;
pub mod time;
pub mod tracker;
