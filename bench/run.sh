#!/usr/bin/env bash
# Runs the benchmarks and prints tables in Markdown. ./dev bench builds first.
#   bench/run.sh [vault|grpc|start|all]
#   BUILD=build/dev  SECONDS_EACH=5  REPEATS=3  KEYS=10000  START_SECRETS=1000000  WORK=/tmp
set -euo pipefail
cd "$(dirname "$0")/.."

BUILD="${BUILD:-build/dev}"
SECONDS_EACH="${SECONDS_EACH:-5}"
REPEATS="${REPEATS:-3}"
KEYS="${KEYS:-10000}"
START_SECRETS="${START_SECRETS:-1000000}"
work=$(mktemp -d "${WORK:-/tmp}/keyturn-bench-XXXXXX")
pids=()

finish() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

await_file() {
  local i
  for ((i = 0; i < 200; i++)); do
    [ -s "$1" ] && return 0
    read -r -t 0.05 <> <(:) || true
  done
  echo "bench: $1 did not appear; see $work/*.log" >&2
  cat "$work"/*.log >&2
  exit 1
}

vault() {
  echo "### The vault alone"
  "$BUILD/bench/vault_bench" --benchmark_min_time=1 2>/dev/null
}

start_servers() {
  mkdir -m 700 "$work/data" "$work/client"
  cat >"$work/keyturnd.toml" <<TOML
data_directory = "$work/data"
key_file = "$work/key"
[listen]
grpc = "127.0.0.1:0"
metrics = "127.0.0.1:0"
[limits]
require_memory_lock = false
source_calls_per_second = 0
identity_calls_per_second = 0
TOML
  "$BUILD/bin/keyturnd" --config "$work/keyturnd.toml" --info-file "$work/keyturn.json" 2>"$work/keyturnd.log" &
  pids+=($!)
  await_file "$work/keyturn.json"
  "$BUILD/bench/loadgen" init "$work/keyturn.json" "$work/client"
  "$BUILD/bench/echo_server" "$work/echo.json" "$work/client/client_ca.pem" 2>"$work/echo.log" &
  pids+=($!)
  await_file "$work/echo.json"
  "$BUILD/bench/loadgen" preload "$work/keyturn.json" "$work/client" "$KEYS"
}

# row NAME OP INFO IN_FLIGHT
row() {
  local out
  out=$("$BUILD/bench/loadgen" "$2" "$work/$3.json" "$work/client" "$4" "$SECONDS_EACH" "$KEYS")
  # shellcheck disable=SC2086  # fields
  set -- "$1" "$4" $out
  echo "| $1 | $2 | $3 | $4 | $5 | $6 | $7 | $8 |"
}

grpc() {
  start_servers
  echo "### Over gRPC, mutual TLS, 4 connections, $KEYS secrets of 300 bytes, $SECONDS_EACH s each"
  echo
  echo "| | in flight | calls/s | p50 ms | p99 ms | server CPU µs/call | client CPU µs/call | errors |"
  echo "|---|---|---|---|---|---|---|---|"
  local repeat flight
  for ((repeat = 0; repeat < REPEATS; repeat++)); do
    for flight in 1 16 64; do
      row "bare gRPC echo" get echo "$flight"
      row "Keyturn read" get keyturn "$flight"
      row "Keyturn durable write" put keyturn "$flight"
    done
  done
}

start() {
  echo "### Start with $START_SECRETS secrets"
  "$BUILD/bench/store_fill" fill "$work/many" "$START_SECRETS"
  "$BUILD/bench/store_fill" open "$work/many" "$START_SECRETS"
  "$BUILD/bench/store_fill" open "$work/many" "$START_SECRETS"
  du -sm "$work/many" | awk '{print "on disk: " $1 " MB"}'
}

case "${1:-all}" in
  vault) vault ;;
  grpc) grpc ;;
  start) start ;;
  all) vault; echo; grpc; echo; start ;;
  *) echo "usage: bench/run.sh [vault|grpc|start|all]" >&2; exit 2 ;;
esac
