//! What reading costs before anything is made of it: every packet of the captures is read and decoded to its segment, and
//! counted. `cargo run --release --example parse_only -- FILE…`

#![allow(clippy::print_stdout)] // a tool of the developers

use std::ops::ControlFlow;
use std::path::PathBuf;

use tcptrace_states::capture::{Record, Stop};
use tcptrace_states::input::{self, Timeline};
use tcptrace_states::segment::{DecodeSettings, Decoder};

fn main() -> anyhow::Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let mut timeline = Timeline::open(input::find(&files)?, &Stop::default())?;
    let mut decoder = Decoder::new(DecodeSettings::default());
    let (mut packets, mut segments, mut payload) = (0_u64, 0_u64, 0_u64);
    let _ = timeline.read(|item| {
        match item.record {
            Record::Frame(frame) => {
                packets += 1;
                if let Ok(segment) = decoder.decode(&frame) {
                    segments += 1;
                    payload = payload.wrapping_add(u64::from(segment.payload_len));
                }
            }
            Record::Skip { .. } => packets += 1,
            Record::Damage(_) => {}
        }
        ControlFlow::Continue(())
    });
    println!("{packets} packets, {segments} TCP segments, {payload} octets of payload");
    Ok(())
}
