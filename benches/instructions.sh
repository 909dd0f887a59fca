#!/usr/bin/env bash
# Guards speed by a count that does not depend on the machine's mood: the instructions that the release build executes on
# small captures of our own making, under valgrind, held against those of benches/instructions.budget.
#
#   benches/instructions.sh            fails where a count is more than 5% above its budget
#   benches/instructions.sh --update   writes the counts of now as the new budget
#
# Hash tables are seeded anew in each run, which moves the counts by less than 0.01%. Another compiler or C library may move
# them by more: then look at the change of all of them, and update. PROGRAM names another binary than the release build.
set -euo pipefail
cd "$(dirname "$0")/.."

margin=5 # percent
budget=benches/instructions.budget
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

command -v valgrind >/dev/null || { echo "valgrind is not installed" >&2; exit 2; }
if [ -z "${PROGRAM:-}" ]; then
  cargo build --quiet --release --bin tcptrace-states
  PROGRAM=${CARGO_TARGET_DIR:-target}/release/tcptrace-states
fi
cargo build --quiet --example make_workload
maker=${CARGO_TARGET_DIR:-target}/debug/examples/make_workload

make() { "$maker" "$1" "$scratch/$1" --connections "$2" --at-once "$3" 2>/dev/null; }
make mixed 1000 200
make headers 1000 200
make shortflows 4000 1000
make synflood 20000 1

# Name, workload and options of each case.
cases=(
  "mixed mixed"
  "headers headers"
  "shortflows shortflows"
  "shortflows-json-lines shortflows --format jsonl"
  "mixed-json-lines mixed --format jsonl"
  "synflood synflood"
)

# On one processor one thread does it all; of two, the waiting for one another would be counted.
processor=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')

count() { # the instructions of one run; nothing of the environment may change them
  env -i PATH="$PATH" taskset -c "$processor" valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
    sed -n 's/.*I \+refs: *//p' | tr -d ,
}

over=0
new=$(sed '/^[^#]/d' "$budget")
for case in "${cases[@]}"; do
  read -r name workload options <<<"$case"
  # shellcheck disable=SC2086 # several options are several words
  counted=$(count "$PROGRAM" "$scratch/$workload" $options) && [ -n "$counted" ] ||
    { echo "$name: no count; does the program run under valgrind?" >&2; exit 2; }
  allowed=$(sed -n "s/^$name = //p" "$budget")
  new+=$'\n'"$name = $counted"
  permille=$((allowed > 0 ? (counted - allowed) * 1000 / allowed : 0))
  if [ -z "$allowed" ]; then
    verdict="has no budget: --update writes one" over=1
  elif [ "$permille" -gt $((margin * 10)) ]; then
    verdict="TOO MANY" over=1
  elif [ "$permille" -lt $((margin * -10)) ]; then
    verdict="well below: lower the budget with --update"
  else
    verdict=fine
  fi
  far=${permille#-} # a difference of less than a percent has a sign, too
  [ "$permille" -lt 0 ] && sign=- || sign=+
  printf '%-22s %13d instructions, budget %13d, %s%d.%d%%: %s\n' "$name" "$counted" "${allowed:-0}" \
    "$sign" $((far / 10)) $((far % 10)) "$verdict"
done

if [ "${1:-}" = --update ]; then
  printf '%s\n' "$new" >"$budget"
  echo "wrote $budget"
elif [ "$over" -ne 0 ]; then
  echo "more instructions than $budget allows: find out why, or update it on purpose (benches/instructions.sh --update)" >&2
  exit 1
fi
