#!/usr/bin/env bash
# Measures Pail's listener beside MinIO and VersityGW, in one sitting on one disk:
#   integration/bench/s3.sh [flags of s3bench]
# DIR is where the stores are made and removed again (default: a directory of the system's
# temporary one), PEERS where the two programs are, or are built (a minute or five).
# With ENCRYPTED=1 everything is encrypted: by MinIO with a static key of its key service, by Pail
# under a master key in a file. VersityGW does not encrypt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

go=$(command -v go || echo /usr/local/go/bin/go)
dir=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/pail-s3.XXXXXX")
peers=${PEERS:-$dir/peers}
key=pail-s3-bench secret=pail-s3-bench-secret
pids=()
end() {
  kill "${pids[@]}" 2>/dev/null || true
  wait "${pids[@]}" 2>/dev/null || true
  rm -rf "$dir"
}
trap end EXIT

encrypted=${ENCRYPTED:-}
if [ -n "$encrypted" ]; then
  export MINIO_KMS_SECRET_KEY=bench:$(head -c 32 /dev/urandom | base64) MINIO_KMS_AUTO_ENCRYPTION=on
  PAIL_MASTER_KEY=$(head -c 32 /dev/urandom | base64)
  export PAIL_MASTER_KEY
  bin/pail --store "$dir/pail" init --encrypt --yes >/dev/null
fi

mkdir -p "$peers" "$dir"/{minio,versitygw}
for p in github.com/minio/minio@latest github.com/versity/versitygw/cmd/versitygw@latest; do
  name=$(basename "${p%@*}")
  [ -x "$peers/$name" ] || { echo "building $name" >&2; (cd / && GOBIN="$peers" GOFLAGS= "$go" install "$p"); }
done
"$go" build -o "$dir/s3bench" ./integration/bench/s3bench

MINIO_ROOT_USER=$key MINIO_ROOT_PASSWORD=$secret "$peers/minio" server --address 127.0.0.1:9101 --quiet "$dir/minio" >"$dir/minio.log" 2>&1 &
pids+=($!)
"$peers/versitygw" --access $key --secret $secret --port 127.0.0.1:9102 posix "$dir/versitygw" >"$dir/versitygw.log" 2>&1 &
pids+=($!)
PAIL_ROOT_ACCESS_KEY=$key PAIL_ROOT_SECRET_KEY=$secret bin/pail --store "$dir/pail" serve 127.0.0.1:9103 >"$dir/pail.log" 2>&1 &
pids+=($!)
for port in 9101 9102 9103; do
  for _ in $(seq 100); do
    (: >"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
    sleep 0.2
  done
done

targets=(-target "minio,http://127.0.0.1:9101,$key,$secret")
[ -n "$encrypted" ] || targets+=(-target "versitygw,http://127.0.0.1:9102,$key,$secret")
"$dir/s3bench" "$@" "${targets[@]}" -target "pail,http://127.0.0.1:9103,$key,$secret"
names=(minio versitygw pail)
for i in 0 1 2; do
  echo "${names[$i]}: $(grep -E 'VmRSS|VmHWM' "/proc/${pids[$i]}/status" | tr -s '\t\n ' ' ')"
done
