//! What is found, where Wireshark shows it.
//!
//! | module | makes |
//! | --- | --- |
//! | [`pcapng`] | the capture again, with a comment on each packet that matters |
//! | [`lua`] | a plug-in for Wireshark with the states of this capture as fields |
//! | [`filter`] | display filters, ready to paste |
//!
//! All of them work with packet numbers, which are Wireshark's frame numbers as long as the capture is one file.

pub mod filter;
pub mod lua;
pub mod notes;
pub mod pcapng;
