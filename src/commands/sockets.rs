//! Listings of `ss`, read from files or asked of this host.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use tcptrace_states::ss::{Listing, Skipped, parse};

/// Octets that a listing may have: that many are about half a million sockets.
const MOST_BYTES: u64 = 64 << 20;
/// All that the join can use; numbers, not names.
const OPTIONS: &str = "-Htanpieo";

/// Listings with their names, in order of time.
#[derive(Default)]
pub struct Listed {
    pub names: Vec<String>,
    pub listings: Vec<Listing>,
    /// What was not as expected.
    pub warnings: Vec<String>,
}

impl Listed {
    /// Reads a file; `-` is standard input.
    pub fn read(&mut self, path: &Path) -> anyhow::Result<()> {
        let name = path.to_string_lossy().into_owned();
        let bytes = if is_stdin(path) {
            capped(io::stdin().lock())
        } else {
            File::open(path).and_then(capped)
        };
        let bytes = bytes.with_context(|| format!("cannot read the listing of sockets {name}"))?;
        if bytes.len() as u64 > MOST_BYTES {
            bail!("{name}: larger than 64 MiB: not the output of `ss -tanp`");
        }
        self.take(name, &bytes);
        Ok(())
    }

    /// Asks this host.
    pub fn ask(&mut self) -> anyhow::Result<()> {
        let output = Command::new("ss").arg(OPTIONS).stdin(Stdio::null()).output();
        let output = match output {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "--ss-now: there is no `ss` on this host (Linux has it in the package iproute2); run `ss -tanp` on the host \
                 whose sockets are meant, and give its output with --ss FILE"
            ),
            Err(error) => return Err(error).context("--ss-now: cannot run `ss`"),
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = said.lines().next().unwrap_or("it does not say why");
            bail!("--ss-now: `ss {OPTIONS}` failed ({}): {said}", output.status);
        }
        self.take(format!("ss {OPTIONS}"), &output.stdout);
        Ok(())
    }

    fn take(&mut self, name: String, bytes: &[u8]) {
        // Names of processes are any octets.
        let listing = parse(&String::from_utf8_lossy(bytes));
        self.warnings.extend(complaints(&name, &listing));
        self.names.push(name);
        self.listings.push(listing);
    }
}

fn capped(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a path stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input can be read once.
pub fn one_reads_stdin(captures: &[PathBuf], listings: &[PathBuf]) -> anyhow::Result<()> {
    let of = |paths: &[PathBuf]| paths.iter().filter(|path| is_stdin(path)).count();
    match (of(captures), of(listings)) {
        (_, 0) | (0, 1) => Ok(()),
        (0, _) => bail!("--ss -: standard input can be read only once"),
        (_, _) => bail!("--ss -: standard input is the capture already; give one of them as a file"),
    }
}

fn complaints(name: &str, listing: &Listing) -> Vec<String> {
    let mut said: Vec<String> = (listing.complaints.iter())
        .map(|complaint| format!("{name}:{}: expected {}", complaint.line, complaint.expected))
        .collect();
    let Skipped {
        not_tcp: _, // they are none of ours
        unresolved,
        unparsable,
    } = listing.skipped;
    if unparsable > listing.complaints.len() as u64 {
        said.push(format!(
            "{name}: {unparsable} lines in all are no socket; only the first are named"
        ));
    }
    if unresolved > 0 {
        said.push(format!("{name}: {unresolved} left out: {}", Skipped::ADVICE));
    }
    if listing.without_state > 0 {
        said.push(format!(
            "{name}: {}: {}",
            listing.without_state,
            Listing::STATE_ADVICE
        ));
    }
    if listing.sockets.is_empty() {
        said.push(format!(
            "{name}: no TCP socket in it; expected the output of `ss -tanp`"
        ));
    } else if listing.sockets.iter().all(|socket| socket.processes.is_empty()) {
        said.push(format!(
            "{name}: it names no process: run `ss` with -p, and as root to see the processes of other users"
        ));
    }
    said
}
