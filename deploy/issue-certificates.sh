#!/usr/bin/env bash
# Issues certificates for keyturnd and its clients with openssl, from a CA of your own or a new one.
# Nothing that exists is overwritten, and an error leaves nothing behind. See deploy/README.md.
set -euo pipefail
umask 077

usage() {
  cat <<'TEXT'
usage: issue-certificates.sh --dir DIR [--server NAMES] [--client SPIFFE_ID]
                             [--ca-cert FILE --ca-key FILE] [--days DAYS]

  --dir DIR            where the files go; made with mode 0700 when it is absent
  --server NAMES       server.pem and server.key for these names, separated by commas: DNS names
                       and IP addresses, as vault.example.org,10.0.0.5
  --client SPIFFE_ID   client.pem and client.key for this identity, as spiffe://example.org/api
  --ca-cert, --ca-key  sign with this CA (PEM); without them ca.pem and ca.key are made, for 10 years
  --days DAYS          how long the certificates are valid: 1 to 397, default 90
TEXT
}

die() {
  printf 'issue-certificates.sh: %s\n' "$*" >&2
  exit 1
}

dir='' names='' spiffe_id='' ca_cert='' ca_key='' days=90
while [ $# -gt 0 ]; do
  case "$1" in
    -h | --help) usage; exit 0 ;;
    --dir | --server | --client | --ca-cert | --ca-key | --days)
      [ $# -ge 2 ] || die "$1 needs a value"
      case "$1" in
        --dir) dir=$2 ;;
        --server) names=$2 ;;
        --client) spiffe_id=$2 ;;
        --ca-cert) ca_cert=$2 ;;
        --ca-key) ca_key=$2 ;;
        --days) days=$2 ;;
      esac
      shift 2 ;;
    *) usage >&2; die "no option '$1'" ;;
  esac
done

[ -n "$dir" ] || die "--dir is missing: say where the files go"
[ -n "$names$spiffe_id" ] || die "nothing to issue: give --server, --client or both"
[[ $days =~ ^[1-9][0-9]{0,2}$ ]] && [ "$days" -le 397 ] || die "--days must be 1 to 397"
[ -n "$ca_cert" ] && [ -z "$ca_key" ] && die "--ca-cert needs --ca-key"
[ -z "$ca_cert" ] && [ -n "$ca_key" ] && die "--ca-key needs --ca-cert"
# As keyturnd reads an id; what it would refuse is not issued.
if [ -n "$spiffe_id" ]; then
  [[ $spiffe_id =~ ^spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)*$ ]] && [ ${#spiffe_id} -le 2048 ] &&
    ! [[ $spiffe_id/ =~ /\.\.?/ ]] ||
    die "--client must be like spiffe://domain/path, of a-z 0-9 . _ - and, in the path, A-Z"
fi

# The value of subjectAltName for a list of names.
alternative_names() {
  local out='' name
  local IFS=,
  for name in $1; do
    if [[ $name =~ ^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$ || $name == *:* ]]; then
      [[ $name =~ ^[0-9A-Fa-f:.]+$ ]] || die "--server: '$name' is not an IP address"
      out+=",IP:$name"
    elif [[ $name =~ ^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$ ]]; then
      out+=",DNS:$name"
    else
      die "--server: '$name' is neither a DNS name nor an IP address"
    fi
  done
  printf '%s' "${out#,}"
}

server_names=''
if [ -n "$names" ]; then
  server_names=$(alternative_names "$names")
  [ -n "$server_names" ] || die "--server names no host"
fi

targets=()
[ -n "$ca_cert" ] || targets+=(ca.key ca.pem)
[ -z "$names" ] || targets+=(server.key server.pem)
[ -z "$spiffe_id" ] || targets+=(client.key client.pem)
for target in "${targets[@]}"; do
  if [ -e "$dir/$target" ] || [ -L "$dir/$target" ]; then
    case "$target" in
      ca.*) die "$dir/$target exists; to sign with it, give --ca-cert and --ca-key" ;;
      *) die "$dir/$target exists; choose another --dir, or move it away" ;;
    esac
  fi
done

made_dir=no
[ -d "$dir" ] || { mkdir -p "$dir" && made_dir=yes; }
work=$(mktemp -d "$dir/.issue-XXXXXX")
placed=()
finish() {
  local code=$?
  rm -rf "$work"
  if [ $code -ne 0 ]; then
    [ ${#placed[@]} -eq 0 ] || rm -f "${placed[@]}"
    [ $made_dir = no ] || rmdir "$dir"
  fi
  exit $code
}
trap finish EXIT

run() { openssl "$@" 2>"$work/errors" || die "openssl $1 failed: $(tail -n 1 "$work/errors")"; }

new_key() { run genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

# 127 random bits, never zero.
serial() { printf '0x4%s' "$(openssl rand -hex 16 | cut -c2-)"; }

if [ -z "$ca_cert" ]; then
  ca_cert=$work/ca.pem ca_key=$work/ca.key
  new_key "$ca_key"
  run req -new -x509 -sha256 -key "$ca_key" -subj "/CN=keyturn CA $(openssl rand -hex 4)" \
    -days 3650 -set_serial "$(serial)" -out "$ca_cert" -config /dev/null \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
    -addext 'keyUsage=critical,keyCertSign,cRLSign' -addext 'subjectKeyIdentifier=hash'
else
  for file in "$ca_cert" "$ca_key"; do [ -r "$file" ] || die "cannot read $file"; done
  run x509 -in "$ca_cert" -noout -pubkey >"$work/of-cert"
  run pkey -in "$ca_key" -pubout -passin pass: >"$work/of-key"
  cmp -s "$work/of-cert" "$work/of-key" || die "$ca_key is not the key of $ca_cert"
fi

# issue NAME SUBJECT USAGE PURPOSE ALTERNATIVE_NAMES
issue() {
  new_key "$work/$1.key"
  run req -new -key "$work/$1.key" -subj "$2" -config /dev/null -out "$work/$1.csr"
  cat >"$work/$1.ext" <<EXT
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$3
subjectAltName=$5
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid:always
EXT
  run x509 -req -sha256 -in "$work/$1.csr" -CA "$ca_cert" -CAkey "$ca_key" -passin pass: \
    -set_serial "$(serial)" -days "$days" -extfile "$work/$1.ext" -out "$work/$1.pem"
  run verify -x509_strict -purpose "$4" -CAfile "$ca_cert" "$work/$1.pem" >/dev/null
}

[ -z "$names" ] || issue server '/CN=keyturn server' serverAuth sslserver "$server_names"
[ -z "$spiffe_id" ] || issue client '/CN=keyturn client' clientAuth sslclient "URI:$spiffe_id"

for target in "${targets[@]}"; do
  case "$target" in *.key) chmod 0600 "$work/$target" ;; *) chmod 0644 "$work/$target" ;; esac
  # A link, unlike a rename, replaces nothing.
  ln "$work/$target" "$dir/$target" || die "cannot make $dir/$target"
  placed+=("$dir/$target")
done
printf '%s\n' "${placed[@]}"
