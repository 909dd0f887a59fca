#!/usr/bin/env bash
# The HTML report in a real Chromium: needs node, npm, chromium, and a built program.
#
#   tests/browser/run.sh [PROGRAM]        [default: target/release/tcptrace-states]
set -euo pipefail
folder=$(dirname "$(realpath "$0")")
PROGRAM=$(realpath "${1:-$folder/../../target/release/tcptrace-states}")
cd "$folder"
CHROMIUM=${CHROMIUM:-/usr/bin/chromium}
export PROGRAM CHROMIUM
[ -x "$CHROMIUM" ] || { echo "there is no $CHROMIUM: apt-get install chromium" >&2; exit 1; }
npm ci --silent --no-audit --no-fund --ignore-scripts
node --test
