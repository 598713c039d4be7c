#!/usr/bin/env bash
# Runs keyturnd on a persistent directory. usage: start.sh BIN_DIR RUN_DIR (see ./dev start)
set -euo pipefail
bin=$1
run=$2
umask 077
mkdir -p "$run"
if [ ! -f "$run/keyturn.toml" ]; then
  cat >"$run/keyturn.toml" <<TOML
# Written by ./dev start; edit it as you like.
data_directory = "$run/data"
key_file = "$run/unseal.key"
anchor_file = "$run/anchor.ktn"
auto_unseal = true
TOML
fi
cat >&2 <<TEXT

  keyturnd runs on $run until you press ctrl-C.
  In another terminal:

    curl -s http://127.0.0.1:7403/health       # sealed or not, initialised or not
    curl -s http://127.0.0.1:7403/metrics

  gRPC listens on 127.0.0.1:7400 (client certificate required); a new vault is initialised with
  keyturn.v1.SystemService/Init over the operator socket $run/data/operator.sock.
  Addresses and files, for scripts: $run/info.json

TEXT
exec "$bin/keyturnd" --config "$run/keyturn.toml" --info-file "$run/info.json"
