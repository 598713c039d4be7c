#!/usr/bin/env bash
# Runs the benchmarks and prints tables in Markdown. ./dev bench builds first.
#   bench/run.sh [vault|audit|apikey|jwt|revocation|usage|rotation|resp|grpc|doors|start|all]
#   BUILD=build/dev  SECONDS_EACH=5  REPEATS=3  KEYS=10000  START_SECRETS=1000000  ROTATING="1000 100000 1000000"
#   WORK=/tmp
set -euo pipefail
cd "$(dirname "$0")/.."

BUILD="${BUILD:-build/dev}"
SECONDS_EACH="${SECONDS_EACH:-5}"
REPEATS="${REPEATS:-3}"
KEYS="${KEYS:-10000}"
START_SECRETS="${START_SECRETS:-1000000}"
ROTATING="${ROTATING:-1000 100000 1000000}"
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
  for ((i = 0; i < 6000; i++)); do
    [ -s "$1" ] && return 0
    read -r -t 0.005 <> <(:) || true
  done
  echo "bench: $1 did not appear; see $work/*.log" >&2
  cat "$work"/*.log >&2
  exit 1
}

vault() {
  echo "### The vault alone"
  "$BUILD/bench/vault_bench" --benchmark_min_time=1 2>/dev/null
}

audit() {
  echo "### The audit log, in memory"
  "$BUILD/bench/audit_bench" --benchmark_min_time=1 2>/dev/null
}

apikey() {
  echo "### API keys, in the process"
  "$BUILD/bench/api_key_bench" --benchmark_min_time=1 2>/dev/null
}

jwt() {
  echo "### Tokens, in the process: medians of seven, by turns, as a machine is not equally fast for long"
  "$BUILD/bench/jwt_bench" --benchmark_min_time=0.15 --benchmark_repetitions=7 \
    --benchmark_enable_random_interleaving=true --benchmark_report_aggregates_only=true 2>/dev/null |
    grep -E 'Time|_median'
}

revocation() {
  echo "### The revocation index, one thread"
  "$BUILD/bench/revocation_bench" --benchmark_min_time=1 2>/dev/null
}

usage() {
  echo "### A use of a secret, counted"
  "$BUILD/bench/usage_bench" --benchmark_min_time=1 2>/dev/null
}

rotation() {
  echo "### The scheduler of rotations"
  # shellcheck disable=SC2086  # numbers
  TMPDIR=$work "$BUILD/bench/rotation_bench" $ROTATING
}

resp() {
  echo "### Redis clients: keyturnd, redis-server and Valkey by turns, all durable"
  KEYTURN_BIN="$PWD/$BUILD/bin" WORK=$work /usr/bin/python3 bench/resp.py "$REPEATS"
}

# configure DIRECTORY [LINE]: for a server whose data is there.
configure() {
  mkdir -m 700 "$1" "$1/data" "$1/client"
  cat >"$1/keyturnd.toml" <<TOML
data_directory = "$1/data"
key_file = "$1/key"
${2:-}
[listen]
grpc = "127.0.0.1:0"
https = "127.0.0.1:0"
metrics = "127.0.0.1:0"
resp = "127.0.0.1:0"
[limits]
require_memory_lock = false
source_calls_per_second = 0
identity_calls_per_second = 0
TOML
}

# keyturnd DIRECTORY: starts it; its process is the last of pids.
keyturnd() {
  rm -f "$1/keyturn.json"
  "$BUILD/bin/keyturnd" --config "$1/keyturnd.toml" --info-file "$1/keyturn.json" 2>>"$work/keyturnd.log" &
  pids+=($!)
  await_file "$1/keyturn.json"
}

# Once for all tables that need them.
start_servers() {
  [ -d "$work/server" ] && return 0
  configure "$work/server"
  keyturnd "$work/server"
  "$BUILD/bench/loadgen" init "$work/server/keyturn.json" "$work/server/client"
  "$BUILD/bench/echo_server" "$work/server/echo.json" "$work/server/client/client_ca.pem" 2>"$work/echo.log" &
  pids+=($!)
  await_file "$work/server/echo.json"
  "$BUILD/bench/loadgen" preload "$work/server/keyturn.json" "$work/server/client" "$KEYS"
}

# row NAME OP INFO IN_FLIGHT
row() {
  local out
  out=$("$BUILD/bench/loadgen" "$2" "$work/server/$3.json" "$work/server/client" "$4" "$SECONDS_EACH" "$KEYS")
  # shellcheck disable=SC2086  # fields
  set -- "$1" "$4" $out
  echo "| $1 | $2 | $3 | $4 | $5 | $6 | $7 | $8 |"
}

# raw_row THREADS: as many bytes as a write has, on the same disk, by nothing but RocksDB.
raw_row() {
  TMPDIR=$work "$BUILD/bench/vault_bench" --benchmark_filter="BM_RawRocksPut.*threads:$1\$" \
    --benchmark_min_time="$SECONDS_EACH" --benchmark_format=csv 2>/dev/null |
    awk -F, -v threads="$1" '/^"BM_Raw/ {
      printf "| raw RocksDB put | %d | %.0f | | | %.1f | | |\n", threads, $7, $4 / 1000 }'
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
      raw_row "$flight"
    done
  done
}

doors() {
  start_servers
  echo "### Keys and tokens over gRPC, mutual TLS, 4 connections, $SECONDS_EACH s each"
  echo
  echo "| | in flight | calls/s | p50 ms | p99 ms | server CPU µs/call | client CPU µs/call | errors |"
  echo "|---|---|---|---|---|---|---|---|"
  local repeat algorithm
  for ((repeat = 0; repeat < REPEATS; repeat++)); do
    row "bare gRPC echo" get echo 64
    row "API key verified" apikey-verify keyturn 64
    for algorithm in HS256 RS256 ES256 EdDSA; do
      row "token verified, $algorithm" "jwt-verify-$algorithm" keyturn 64
      row "token signed, $algorithm" "jwt-sign-$algorithm" keyturn 64
    done
  done
}

# memory PID: anonymous and resident MB.
memory() {
  awk '/^Anonymous:/ {a = $2} /^Rss:/ {r = $2} END {printf "anonymous %.0f MB, resident %.0f MB", a / 1000, r / 1000}' \
    "/proc/$1/smaps_rollup"
}

# Ends what was started last.
stop() {
  kill "${pids[-1]}"
  wait "${pids[-1]}"
  unset 'pids[-1]'
}

start() {
  local dir=$work/many began address pid repeat
  echo "### Start with $START_SECRETS secrets: the rooms below the server"
  "$BUILD/bench/store_fill" fill "$dir-alone" "$START_SECRETS"
  for ((repeat = 0; repeat < 2; repeat++)); do
    "$BUILD/bench/store_fill" open "$dir-alone" "$START_SECRETS"
  done
  rm -rf "$dir-alone"
  echo
  echo "### Start with $START_SECRETS secrets: keyturnd, unsealed by its key file"
  configure "$dir" "auto_unseal = true"
  keyturnd "$dir"
  "$BUILD/bench/loadgen" init "$dir/keyturn.json" "$dir/client"
  "$BUILD/bench/loadgen" preload "$dir/keyturn.json" "$dir/client" "$START_SECRETS"
  stop
  du -sm "$dir/data" | awk '{print "on disk: " $1 " MB"}'
  for ((repeat = 0; repeat < 2; repeat++)); do
    began=$(date +%s%N)
    keyturnd "$dir"
    pid=${pids[-1]}
    address=$(sed -n 's/.*"metrics": *"\([^"]*\)".*/\1/p' "$dir/keyturn.json")
    until curl -fs -o /dev/null "http://$address/ready"; do read -r -t 0.005 <> <(:) || true; done
    echo "ready after $((($(date +%s%N) - began) / 1000000)) ms; $(memory "$pid")"
    # Random reads, for so long that every cache is full.
    "$BUILD/bench/loadgen" get "$dir/keyturn.json" "$dir/client" 64 20 "$START_SECRETS" >"$work/get.log"
    echo "with full caches: $(memory "$pid")"
    stop
  done
}

case "${1:-all}" in
  vault) vault ;;
  audit) audit ;;
  apikey) apikey ;;
  jwt) jwt ;;
  revocation) revocation ;;
  usage) usage ;;
  rotation) rotation ;;
  resp) resp ;;
  grpc) grpc ;;
  doors) doors ;;
  start) start ;;
  all) vault; echo; audit; echo; apikey; echo; jwt; echo; revocation; echo; usage; echo; rotation; echo; resp; echo; grpc; echo; doors; echo; start ;;
  *) echo "usage: bench/run.sh [vault|audit|apikey|jwt|revocation|usage|rotation|resp|grpc|doors|start|all]" >&2; exit 2 ;;
esac
