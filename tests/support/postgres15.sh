#!/bin/sh
# Runs a command against a temporary cluster of Debian's PostgreSQL 15, and passes its exit code on:
#
#     tests/support/postgres15.sh .venv/bin/pytest tests/integration
#
# The cluster listens on the loopback only, trusts whoever is there, and is gone afterwards. Needs the package
# postgresql-15; as root the server runs as user postgres.
set -eu

programs=${PG15_BIN:-/usr/lib/postgresql/15/bin}
if [ ! -x "$programs/initdb" ]; then
    echo "postgres15.sh: no PostgreSQL 15 in $programs: apt-get install postgresql-15" >&2
    exit 2
fi
if [ $# -eq 0 ]; then
    echo "usage: postgres15.sh COMMAND [ARGUMENT]..." >&2
    exit 2
fi

# The server may not enter the folder that we are in.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

folder=$(mktemp -d /tmp/speckle2pg-pg15-XXXXXX)
finish() {
    code=$?
    trap - EXIT INT TERM HUP
    if [ -f "$folder/data/postmaster.pid" ]; then
        as_server "$programs/pg_ctl" --pgdata "$folder/data" --mode immediate --wait stop >/dev/null 2>&1 || true
    fi
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ "$(id -u)" -eq 0 ]; then
    chown postgres: "$folder"
fi

port=${PG15_PORT:-$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')}
as_server "$programs/initdb" --pgdata "$folder/data" --auth trust --username postgres --encoding UTF8 --locale C.UTF-8 \
    --no-sync >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
as_server "$programs/pg_ctl" --pgdata "$folder/data" --log "$folder/data/server.log" --wait --options \
    "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=200" \
    start >/dev/null || { cat "$folder/data/server.log" >&2; exit 1; }

TEST_DATABASE_URL="postgresql://postgres@127.0.0.1:$port/postgres" "$@"
