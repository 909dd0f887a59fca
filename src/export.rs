//! What is found, where Wireshark and other programs show it.
//!
//! | module | makes |
//! | --- | --- |
//! | [`pcapng`] | the capture again, with a comment on each packet that matters |
//! | [`lua`] | a plug-in for Wireshark with the states of this capture as fields |
//! | [`filter`] | display filters, ready to paste |
//!
//! | `parquet` | tables of all that was found, for programs (feature `parquet`) |
//!
//! Those for Wireshark work with packet numbers, which are Wireshark's frame numbers as long as the capture is one file.

pub mod filter;
pub mod lua;
pub mod notes;
#[cfg(feature = "parquet")]
pub mod parquet;
pub mod pcapng;
