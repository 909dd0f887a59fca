#!/usr/bin/env bash
# Repeats the performance table of the README: makes the workloads, times the release build beside whichever of its peers
# are installed, and prints Markdown. Needs cargo and a few GB beside the build; see `benches/compare.sh --help`.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --bin tcptrace-states --example make_workload --example parse_only --example compare
release=${CARGO_TARGET_DIR:-target}/release
exec "$release/examples/compare" "$release" "$@"
