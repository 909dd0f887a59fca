//! Writes a capture of one of the shapes of traffic that speed is measured with:
//! `cargo run --release --example make_workload -- SHAPE FILE [OPTION VALUE]…`

#![allow(clippy::print_stderr, clippy::exit)] // a tool of the developers

mod workload;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;

use workload::{Format, Shape, write};

const USAGE: &str = "\
usage: make_workload SHAPE FILE [OPTION VALUE]...
shapes: mixed headers shortflows synflood elephants longtail
options: --connections N   --at-once N   --snap OCTETS   --response OCTETS (elephants)
         --format pcap|pcapng   --seed N";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match make(&arguments) {
        Ok(told) => {
            eprintln!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("make_workload: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn make(arguments: &[String]) -> Result<String, String> {
    let [shape, file, options @ ..] = arguments else {
        return Err("name a shape and a file".to_owned());
    };
    let mut shape = Shape::named(shape).ok_or_else(|| format!("there is no shape {shape}"))?;
    let (mut format, mut seed) = (Format::Pcap, 1);
    for pair in options.chunks(2) {
        let [option, value] = pair else {
            return Err(format!("{} needs a value", pair[0]));
        };
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{option}: not a number: {value}"))
        };
        match option.as_str() {
            "--connections" => shape.connections = number()?,
            "--at-once" => shape.at_once = number()?.max(1),
            "--snap" => shape.snap = usize::try_from(number()?).map_err(|error| error.to_string())?,
            "--response" => shape.response.0 = number()?,
            "--seed" => seed = number()?,
            "--format" if value == "pcap" => format = Format::Pcap,
            "--format" if value == "pcapng" => format = Format::Pcapng,
            _ => return Err(format!("there is no option {option} {value}")),
        }
    }
    let out = File::create(file).map_err(|error| format!("{file}: {error}"))?;
    let out = BufWriter::with_capacity(1 << 20, out);
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut count = |told: &workload::Told| *outcomes.entry(told.ending.outcome()).or_default() += 1;
    let made = write(&shape, seed, format, out, &mut count).map_err(|error| format!("{file}: {error}"))?;
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(name, count)| format!("{count} {name}"))
        .collect();
    Ok(format!(
        "{} octets, {} packets, {} connections: {}",
        made.octets,
        made.packets,
        made.connections,
        outcomes.join(", ")
    ))
}
