//! The RFC 9293 state of both endpoints of every TCP connection in a packet capture: which state, since when, and which
//! packet proves it.
//!
//! ```text
//!  file ──> capture ──> segment ──> flow ──> tracker ──> model ──> findings ──> report ──> table …
//!           frames      facts of    which    two         plain     rules
//!           in order    one packet  life     endpoints   data
//!           └─ Skip ────┴─ Skip (counted by reason) ──────┘
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`time`], [`seq`], [`untrusted`], `varint`, `parts` | capture time; sequence numbers modulo 2^32; text from outside; numbers in few octets; work in parts on several threads |
//! | [`capture`] | pcap, pcapng and snoop files, plain or compressed, to frames; what they say about themselves, and what can be wrong with them |
//! | [`segment`] | one frame to a TCP segment, or the reason why it is none |
//! | [`input`] | what the user named as one timeline: directories, patterns, many files in time order, copies between taps |
//! | [`tracker`] | one life of a 4-tuple: [`tracker::state`] the relation of figure 5, [`tracker::judge`] numbers, [`tracker::stream`] one direction, [`tracker::textbook`] those on which all goes by the book, [`tracker::endpoint`] one endpoint's proven state, what is on its way to it, and evidence |
//! | [`flow`] | which life of which 4-tuple a segment belongs to; segments go through it by the dozen, so that memory is waited for once |
//! | [`model`] | the facts as plain data: the JSON contract |
//! | [`schema`] | the JSON Schema of that contract |
//! | [`ss`] | sockets and processes as `ss` lists them, joined with the connections |
//! | [`population`] | connections taken together: half-closes and TIME-WAIT over time, and who holds their sockets |
//! | [`quality`] | how far a capture can be trusted: loss, clock, and where its tap was |
//! | [`findings`] | what is wrong with them: one rule a file |
//! | [`check`] | findings held against what a team allows |
//! | [`diff`] | two sides counted and compared; [`saved`] reads a side back from a report |
//! | [`explain`] | help on rules, states, fields and words, out of the same documentation |
//! | [`select`], [`report`] | which connections to show, and the views; they compute nothing |
//! | [`export`] | for Wireshark: the capture again with comments, a plug-in with the states, display filters |
//! | [`analyze`] | wires the stages together, in one thread or in several |
//! | [`fleet`] | the same in parts that can be done apart: files, connections, services; and the canonical result |
//! | `tables` | the results as Arrow tables (feature `arrow`) |
//! | `tui` | the terminal explorer: its state, and its screens (feature `tui`) |
//! | [`cli`] | the command line |
//!
//! Four rules decide most questions. The core does no I/O and reads no clock: segments and their capture times go in,
//! plain data comes out. Bad input is data, not an error: an unusable packet is counted with its reason. Judge first, then
//! step: numbers are judged in one place and the state machine sees verdicts. One model, many views.
//!
//! ```
//! use tcptrace_states::analyze::{Settings, analyze};
//!
//! let settings = Settings {
//!     files: vec!["testdata/scenarios/04halfclose.pcap".into()],
//!     ..Settings::default()
//! };
//! let analysis = analyze(&settings, &mut |_| {})?;
//! let connection = &analysis.connections[0];
//! assert_eq!(connection.close.half_close_ns, Some(38_000_000_000));
//! for transition in &connection.endpoints.server.transitions {
//!     println!("{} -> {} by packet {:?}", transition.from, transition.to, transition.packet);
//! }
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod analyze;
pub mod capture;
pub mod check;
pub mod cli;
pub mod diff;
pub mod explain;
pub mod export;
pub mod findings;
pub mod fleet;
pub mod flow;
pub mod input;
pub mod model;
mod parts;
pub mod population;
pub mod quality;
pub mod report;
pub mod saved;
pub mod schema;
pub mod segment;
pub mod select;
pub mod seq;
pub mod ss;
#[cfg(feature = "arrow")]
pub mod tables;
pub mod time;
pub mod tracker;
#[cfg(feature = "tui")]
pub mod tui;
pub mod untrusted;
mod varint;
