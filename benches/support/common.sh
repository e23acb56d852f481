# What the benchmarks share: where the binary is, a folder of their own, servers on loopback that end with the script.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
support=$root/benches/support
short=${BENCH_SHORT:-}
PATH=/usr/lib/postgresql/15/bin:$PATH

need() {
  local name
  for name; do
    command -v "$name" >/dev/null || { echo "${0##*/}: $name is not installed" >&2; exit 69; }
  done
}

# The release binary: SOCKHOUND, or built now.
sockhound=${SOCKHOUND:-$root/target/release/sockhound}
[ -x "$sockhound" ] || (cd "$root" && cargo build --release --quiet)

# Captures are kept in BENCH_CACHE if it is set; servers' files are not.
scratch=$(mktemp -d "${TMPDIR:-/tmp}/sockhound-bench.XXXXXX")
chmod 755 "$scratch"
cache=${BENCH_CACHE:-$scratch}
mkdir -p "$cache"

started=()
finish() {
  local id
  for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
  for id in "${started[@]}"; do wait "$id" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP PIPE

# full SHORT: the first, or the second in the short form.
size() { if [ -n "$short" ]; then echo "$2"; else echo "$1"; fi; }

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Tries a command for at most ten seconds until it succeeds.
until_works() {
  local try
  for try in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "${0##*/}: gave up waiting for: $* (try $try)" >&2
  exit 1
}

# Servers refuse to run as root: they run as the user their package made. In the background the server takes the shell's
# place, so that the job's id is its own and finish ends it.
as() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then set -- setpriv --reuid="$user" --regid="$user" --init-groups "$@"; fi
  if [ "$BASHPID" != $$ ]; then exec "$@"; else "$@"; fi
}

owned_by() {
  mkdir -p "$2"
  if [ "$(id -u)" = 0 ]; then chown "$1" "$2"; fi
}

start_postgresql() {
  postgresql_port=$(free_port)
  local data=$scratch/postgresql
  owned_by postgres "$data"
  as postgres initdb -D "$data" -U bench -A trust --no-sync >/dev/null
  as postgres postgres -D "$data" -p "$postgresql_port" -k "$data" -c listen_addresses=127.0.0.1 -c fsync=off \
    -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 -c ssl=off \
    >"$scratch/postgresql.log" 2>&1 &
  started+=($!)
  export PGHOST=127.0.0.1 PGPORT=$postgresql_port PGUSER=bench PGDATABASE=postgres PGSSLMODE=disable
  until_works psql -c 'select 1'
  pgbench -q -i -s "$1" >/dev/null 2>&1
}

start_redis() {
  redis_port=$(free_port)
  redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --dir "$scratch" \
    >"$scratch/redis.log" 2>&1 &
  started+=($!)
  until_works redis-cli -p "$redis_port" ping
}

start_mysql() {
  mysql_port=$(free_port)
  mysql_socket=$scratch/mysql.sock
  local data=$scratch/mysql
  owned_by mysql "$data"
  if [ "$(id -u)" = 0 ]; then chmod 1777 "$scratch"; fi
  as mysql mariadb-install-db --no-defaults --datadir="$data" --auth-root-authentication-method=normal \
    >"$scratch/mysql-install.log" 2>&1
  as mysql mariadbd --no-defaults --datadir="$data" --port="$mysql_port" --bind-address=127.0.0.1 \
    --socket="$mysql_socket" --innodb-flush-log-at-trx-commit=0 >"$scratch/mysql.log" 2>&1 &
  started+=($!)
  until_works mariadb --no-defaults -S "$mysql_socket" -u root -e 'select 1'
  mariadb --no-defaults -S "$mysql_socket" -u root \
    -e "create database sbtest; create user bench@'127.0.0.1' identified by ''; grant all on *.* to bench@'127.0.0.1'"
}

# Keeps loopback's packets of a port in a file until stop_recording.
start_recording() {
  tcpdump -i lo -B 262144 -s 0 -w "$2" "tcp port $1" 2>"$scratch/tcpdump.log" &
  recorder=$!
  started+=("$recorder")
  until_works grep -q 'listening on' "$scratch/tcpdump.log"
}

stop_recording() {
  sleep 1
  kill -INT "$recorder"
  wait "$recorder" || true
  grep -E 'captured|dropped by kernel' "$scratch/tcpdump.log" | sed 's/^/  recorded: /' >&2
}

# The load that the pgbench goals are stated for: every protocol mode, writes, reconnecting, one bulk select.
pgbench_load() {
  local reads writes connects mode
  reads=$(size 15000 400) writes=$(size 2000 50) connects=$(size 300 20)
  for mode in simple extended prepared; do
    pgbench -n -S -M "$mode" -c 4 -t "$reads" >/dev/null 2>&1
  done
  pgbench -n -c 4 -t "$writes" >/dev/null 2>&1
  pgbench -n -S -C -c 4 -t "$connects" >/dev/null 2>&1
  psql -c 'select * from pgbench_accounts' >/dev/null
}

build_noop() {
  gcc -O2 -o "$scratch/noop" "$support/noop.c" -lpcap
}
