#!/usr/bin/env bash
# Runs keyturnd on a persistent directory and prints what to type next.
# usage: start.sh BIN_DIR RUN_DIR (see ./dev start)
# KEYTURN_START_GRPC, KEYTURN_START_HTTPS, KEYTURN_START_RESP and KEYTURN_START_METRICS are the addresses of a new
# configuration.
set -euo pipefail
bin=$1
run=$2
umask 077
mkdir -p "$run"

# keyturnd inherits the lock and holds it for as long as it lives, however it ends: until then its
# files are not to be touched. A process id in a file would outlive a kill -9.
exec 9>>"$run/lock"
if ! flock -n 9; then
  pid=$(cat "$run/keyturnd.pid" || true)
  cat >&2 <<TEXT
start.sh: keyturnd runs on $run already, as process $pid; nothing was changed.
  To use it:  export PATH="$bin:\$PATH" KEYTURN_INFO_FILE="$run/info.json"
  To end it:  kill $pid
TEXT
  exit 1
fi
echo $$ >"$run/keyturnd.pid"
rm -f "$run/info.json"  # of a server that was killed

if [ ! -f "$run/keyturn.toml" ]; then
  cat >"$run/keyturn.toml" <<TOML
# Written by ./dev start; edit it as you like.
data_directory = "$run/data"
key_file = "$run/unseal.key"
anchor_file = "$run/anchor.ktn"
auto_unseal = true

[listen]
grpc = "${KEYTURN_START_GRPC:-127.0.0.1:7400}"
resp = "${KEYTURN_START_RESP:-127.0.0.1:7402}"
https = "${KEYTURN_START_HTTPS:-127.0.0.1:7401}"
metrics = "${KEYTURN_START_METRICS:-127.0.0.1:7403}"
TOML
fi

cat >&2 <<TEXT

  keyturnd runs on $run until you press ctrl-C.
  In another terminal, first:

    export PATH="$bin:\$PATH" KEYTURN_INFO_FILE="$run/info.json"

TEXT
if [ ! -e "$run/unseal.key" ]; then
  cat >&2 <<TEXT
  The vault is new. Initialise it, sealed with the key file $run/unseal.key:

    keyturn operator init --seal key-file

TEXT
fi
cat >&2 <<TEXT
  Then, for example:

    keyturn secret put app/prod/api-key --generate --bytes 32
    keyturn secret read app/prod/api-key
    keyturn import .env --path app/prod
    keyturn run --path app/prod -- env
    keyturn doctor
    keyturn --help

TEXT
exec "$bin/keyturnd" --config "$run/keyturn.toml" --info-file "$run/info.json"
