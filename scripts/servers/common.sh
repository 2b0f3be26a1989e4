# For the scripts beside this one; sourced, not run. Each names itself and its port before, and has these functions:
#   missing     print what the machine lacks, one line; nothing if it has all
#   fetch       install into $home; called under the lock, does nothing when all is there
#   launch      become the server (exec), in the foreground
#   ready       succeed once the server answers
#   url         print where it answers
# `SCRIPT start` prints the url as its last line. It ends with 3 and a reason where something is missing.
set -euo pipefail
root=${AFTERBAY_SERVERS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/afterbay/servers}
home=$root/$server
pid_file=$home/pid
log=$home/log
wait_s=${AFTERBAY_SERVERS_WAIT_S:-120}
stop_signal=${stop_signal:-TERM}
mkdir -p "$home"

running() {
  local pid command
  pid=$(cat "$pid_file" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || return 1
  # After a restart of the machine the number may be another program's; where there is no ps, it is believed.
  command=$(ps -ww -o args= -p "$pid" 2>/dev/null) || return 0
  [[ $command == *"$server"* ]] # this script, before it becomes the server, or a path under $home
}

refuse() {
  echo "$server: $1" >&2
  exit "${2:-1}"
}

check_missing() {
  local lacks
  lacks=$(missing)
  [ -z "$lacks" ] || refuse "$lacks" 3
}

start() {
  if ! running; then
    if (exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      refuse "port $port is another program's; set ${port_variable} to a free one"
    fi
    # Closed: the server must not hold the lock of this script, nor the pipe of whoever waits for its output.
    (cd "$home" && launch) >"$log" 2>&1 </dev/null 9>&- &
    echo $! >"$pid_file"
  fi
  local until=$((SECONDS + wait_s))
  until ready >/dev/null 2>&1; do
    running || { tail -n 20 "$log" >&2; refuse "it ended while it started"; }
    [ "$SECONDS" -lt "$until" ] || { tail -n 20 "$log" >&2; refuse "not ready after $wait_s s"; }
    sleep 0.1
  done
}

stop() {
  running || return 0
  local pid until=$((SECONDS + 20))
  pid=$(cat "$pid_file")
  kill -s "$stop_signal" "$pid"
  while kill -0 "$pid" 2>/dev/null; do
    [ "$SECONDS" -lt "$until" ] || kill -s KILL "$pid" 2>/dev/null || true
    sleep 0.1
  done
  rm -f "$pid_file"
}

main() {
  case ${1:-} in
  missing) missing ;;
  install | start | stop | clean)
    exec 9>"$home/lock"
    flock -w 900 9 || refuse "another start or install holds $home/lock"
    ;;&
  install | start)
    check_missing
    fetch >&2
    ;;&
  start)
    start
    url
    ;;
  stop | clean) stop ;;&
  clean) rm -rf "$home" ;;
  status)
    if running; then url; else
      echo "$server: not running" >&2
      exit 4
    fi
    ;;
  install | stop) ;;
  *) refuse "usage: $0 install|start|stop|status|missing|clean" 2 ;;
  esac
}
