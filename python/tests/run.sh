#!/usr/bin/env bash
# Builds the Python package into an environment of its own and runs its tests, with a real Spark.
# Needs Python 3.10 or later with venv, and Java 17 or later for Spark; the rest comes from the package registry.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$(realpath -m "${TCPTRACE_STATES_VENV:-../target/python-venv}")
CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-../target/python}")
export CARGO_TARGET_DIR
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.9,<2' 'pyarrow>=15' 'pytest>=8' 'pyspark>=4.0,<5' \
  pandas polars duckdb
# Not optimised across crates: that takes minutes, and tests are short.
CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  "$venv/bin/maturin" build --quiet --release --interpreter "$venv/bin/python" --out "$CARGO_TARGET_DIR/wheels"
wheels=("$CARGO_TARGET_DIR"/wheels/tcptrace_states-*.whl)
"$venv/bin/pip" install --quiet --disable-pip-version-check --force-reinstall --no-deps "${wheels[@]}"
cd tests
exec timeout 2400 "$venv/bin/python" -m pytest "$@"
