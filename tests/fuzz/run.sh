#!/usr/bin/env bash
# Fuzzes each target for a given time: tests/fuzz/run.sh SECONDS [TARGET…]
#
# Begins with the seeds of testdata (and of the folder that TCPTRACE_STATES_CORPUS names) and what earlier runs kept in
# target/fuzz/corpus. An input may take ten seconds (machines are busy) and the whole 512 MiB. Tells executions and finds of each target; a find is
# minimised and lies in target/fuzz/finds. Exits with 1 if there is one. Needs a nightly compiler and cargo-fuzz.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

if ! [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  echo "usage: $0 SECONDS [container|frame|story|text…]" >&2
  exit 2
fi
seconds=$1
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(container frame story text)

work=$PWD/target/fuzz
fuzz=(--fuzz-dir tests/fuzz --target-dir "$work")
toolchain=${TCPTRACE_STATES_NIGHTLY:-nightly}
mkdir -p "$work/finds"
for target in "${targets[@]}"; do
  cargo "+$toolchain" fuzz build "${fuzz[@]}" "$target" || exit 2
done
cargo "+$toolchain" run --quiet --release --manifest-path tests/fuzz/Cargo.toml --target-dir "$work/seeds-build" --bin seeds -- \
  "$work/seeds" ${TCPTRACE_STATES_CORPUS:+"$TCPTRACE_STATES_CORPUS"} || exit 2

failed=0
summary=()
for target in "${targets[@]}"; do
  finds=$work/finds/$target
  corpus=$work/corpus/$target
  log=$work/$target.log
  mkdir -p "$finds" "$corpus"
  case $target in container) largest=32768 ;; frame) largest=16384 ;; *) largest=4096 ;; esac
  limits=(-rss_limit_mb=512 -malloc_limit_mb=128 -timeout=10 -max_len=$largest)
  cargo "+$toolchain" fuzz run "${fuzz[@]}" "$target" "$corpus" "$work/seeds/$target" -- \
    -max_total_time="$seconds" "${limits[@]}" -print_final_stats=1 -artifact_prefix="$finds/" >"$log" 2>&1
  code=$?
  # libFuzzer's own summary, and the last line of progress where a find kept it from writing one.
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log" | tail -1)
  slowest=$(sed -n 's/^stat::slowest_unit_time_sec: *//p' "$log" | tail -1)
  edges=$(grep -o ' cov: [0-9]*' "$log" | tail -1 | tr -dc 0-9)
  found=$(find "$finds" -type f ! -name 'min-*' | wc -l)
  if [ "$code" -ne 0 ] || [ "$found" -ne 0 ]; then
    failed=1
    grep -m 4 -E 'panicked|ERROR|SUMMARY' "$log" >&2
    for find in $(find "$finds" -type f -name 'crash-*' | head -5); do
      cargo "+$toolchain" fuzz tmin "${fuzz[@]}" "$target" "$find" -- -max_total_time=30 -artifact_prefix="$finds/min-" \
        >>"$log" 2>&1
    done
    echo "$target: finds in $finds, log in $log" >&2
  fi
  summary+=("$(printf '%-10s %12s %10s %8s %9s %6s' "$target" "${runs:-?}" "${edges:-?}" "${memory:-?}" "${slowest:-?}" "$found")")
done
printf '%-10s %12s %10s %8s %9s %6s\n' target executions edges 'RSS MiB' 'slowest s' finds
printf '%s\n' "${summary[@]}"
exit "$failed"
