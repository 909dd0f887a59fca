#!/usr/bin/env bash
# Damaged captures through the release program: tests/mutations/run.sh [RUNS]
#
# 24,000 runs if no number is told: every length and every bit of small files in each format, records with wrong lengths,
# repeated, missing or spliced, changed packets, and what editcap -E and randpkt make, if they are installed. Prints a table;
# exits with another code than 0 if a run breaks a promise. See tests/mutations.rs.
set -euo pipefail
cd "$(dirname "$0")/../.."

cargo build --quiet --release
TCPTRACE_STATES_MUTATIONS=${1:-24000} TCPTRACE_STATES_PROGRAM=$PWD/target/release/tcptrace-states \
  cargo test --quiet --test mutations the_program_survives -- --nocapture
