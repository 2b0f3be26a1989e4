#!/usr/bin/env bash
# PostgreSQL for tests, from the Debian package (apt-get install postgresql): TCP on loopback, no password, nothing is kept safe
# from a power cut. AFTERBAY_POSTGRES_PORT (25432).
server=postgres
port_variable=AFTERBAY_POSTGRES_PORT
port=${AFTERBAY_POSTGRES_PORT:-25432}
stop_signal=INT # ends sessions at once; TERM would wait for them
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

data=$home/data
programs=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)

missing() {
  [ -n "$programs" ] && [ -x "$programs/postgres" ] || { echo "PostgreSQL is not installed: apt-get install postgresql"; return; }
  [ "$EUID" -ne 0 ] || unshare --user --map-user=1000 --map-group=1000 true 2>/dev/null ||
    echo "PostgreSQL refuses to run as root, and user namespaces are off here: run the tests as another user"
}

# PostgreSQL's programs refuse to run as root. In a namespace of its own, root is seen as somebody else and needs no other's files.
unprivileged() {
  if [ "$EUID" -eq 0 ]; then exec unshare --user --map-user=1000 --map-group=1000 "$@"; fi
  exec "$@"
}

fetch() {
  [ -f "$data/PG_VERSION" ] && return
  rm -rf "$data"
  (unprivileged "$programs/initdb" --pgdata="$data.new" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync) >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; refuse "initdb failed"; }
  mv "$data.new" "$data"
}

launch() {
  unprivileged "$programs/postgres" -D "$data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off
}

ready() { "$programs/pg_isready" --quiet --host=127.0.0.1 --port="$port" --username=postgres; }
url() { echo "postgresql://postgres@127.0.0.1:$port/postgres"; }

main "$@"
