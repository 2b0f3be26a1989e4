#!/usr/bin/env bash
# A worker of AWS's Kinesis Client Library on a DynamoDB stream, for tests. Needs a JDK (17 or newer) and Maven.
#   kcl.sh build                                          fetch and compile, once
#   kcl.sh run ENDPOINT REGION STREAM APPLICATION NAME    read until standard input ends; a line for each event
# What is built goes to $KCL_WORKER_DIR, else to a folder of the user's cache.
set -euo pipefail
cd "$(dirname "$0")/kcl"
out=${KCL_WORKER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/afterbay/kcl-worker}

case ${1:-} in
build)
  mkdir -p "$out"
  exec 9>"$out/.lock"
  flock 9
  of=$(find pom.xml src -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
  if [ "$(cat "$out/.built" 2>/dev/null)" != "$of" ]; then
    mvn --batch-mode --quiet -Dout="$out" package
    echo "$of" >"$out/.built"
  fi
  ;;
run)
  shift
  exec java -Xmx384m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Daws.disableEc2Metadata=true \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$out/worker.jar:$out/lib/*" afterbay.kcl.Worker "$@"
  ;;
*)
  sed -n '2,5s/^# //p' "$0" >&2
  exit 2
  ;;
esac
