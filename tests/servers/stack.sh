# What the scripts of the server families share: a primary with replicas for tests and for `make run`, everything under one
# folder, and the command line. Made to start in a second or two: the data folder is made once and copied.
#
# Sourced; the script says which functions are its family's own: program, client, template_fill, settings, read_only_set,
# replicate, replica_runs, replica_state, replication_end, history_take. Needs $0 and `set -eu` of the script.
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
build=$(cd "$here/../.." && pwd)/build
templates=$build/servers

# --- whose programs -----------------------------------------------------------------------------------------------------

# The folder above sbin and bin: of this machine's own programs, or of those that tests/servers/binaries has unpacked.
base_find() { # RELEASE, or nothing for this machine's own
    if [ -n "$1" ]; then
        [ -d "$build/binaries/$1" ] || fail "no programs in $build/binaries/$1: make $1"
        echo "$build/binaries/$1/usr"
    else
        program_found=$(command -v "$program") || fail "$program is not installed"
        dirname "$(dirname "$program_found")"
    fi
}

server_base() { # NAME
    sed -n 's/^basedir = //p' "$dir/$1/my.cnf"
}

# --- the data folder that all servers start from ------------------------------------------------------------------------

# By server version and accounts; made where it is not there yet.
template_find() { # BASE
    version=$("$1/sbin/$program" --no-defaults --version | awk '{ print $3 }')
    mark=$(cat "$here/${0##*/}.sql" "$0" | cksum | cut -d ' ' -f 1)
    template=$templates/${0##*/}-$version-$mark
    [ -d "$template" ] && return
    echo "${0##*/}: making the first data folder ($template)" >&2
    # Its own folder for temporary files: those of two servers that start at the same time have the same names.
    new=$template.$$ socket=$(mktemp -u "${TMPDIR:-/tmp}/sluice-template.XXXXXX")
    mkdir -p "$new.tmp"
    template_fill "$1" "$new" "$socket"
    mv -T "$new" "$template" 2>/dev/null || rm -rf "$new" # somebody else was first
    rm -rf "$new.log" "$new.tmp"
}

listens_or_is_gone() { # SOCKET JOB
    [ -S "$1" ] || ! kill -0 "$2" 2>/dev/null
}

# Waits for the server that runs as a job of ours on the new folder, makes the accounts and ends it.
accounts_make() { # BASE FOLDER SOCKET JOB
    wait_for 60 listens_or_is_gone "$3" "$4"
    client "$1" --no-defaults --socket="$3" --user=root <"$here/${0##*/}.sql" >>"$2.log" 2>&1 || accounts=failed
    kill "$4" 2>/dev/null || true
    wait "$4" || true
    [ -z "${accounts:-}" ] || fail "the accounts could not be made, see $2.log"
}

# --- one server ---------------------------------------------------------------------------------------------------------

# Socket paths are short by law: a folder too deep has its sockets elsewhere.
socket_path() { # NAME
    if [ "${#dir}" -lt 80 ]; then
        echo "$dir/$1/socket"
    else
        [ -r "$dir/sockets" ] || mktemp -d "${TMPDIR:-/tmp}/sluice-sockets.XXXXXX" >"$dir/sockets"
        echo "$(cat "$dir/sockets")/$1"
    fi
}

server_configure() { # NAME PORT READ_ONLY BASE
    cat <<CNF
[mysqld]
${as_root:+user = root}
basedir = $4
datadir = $dir/$1/data
tmpdir = $dir/$1/tmp
socket = $(socket_path "$1")
port = $2
bind-address = 127.0.0.1
server-id = ${1#db}
read-only = $3
pid-file = $dir/$1/data/pid
general-log = $general_log
general-log-file = $dir/$1/general.log
skip-name-resolve
character-set-server = utf8mb4
max-connections = 500
max-allowed-packet = 256M
local-infile = ON
ssl-ca = $templates/tls/ca.pem
ssl-cert = $templates/tls/server.pem
ssl-key = $templates/tls/server.key

log-bin = bin
log-bin-index = bin.index
relay-log = relay
relay-log-index = relay.index
relay-log-recovery = ON
log-bin-trust-function-creators = ON
sync-binlog = 0
innodb-buffer-pool-size = 32M
innodb-flush-log-at-trx-commit = 2
key-buffer-size = 1M

$(settings "$3")
$options

[client]
socket = $(socket_path "$1")
user = root
password = root-secret
CNF
}

server_port() { # NAME
    sed -n 's/^port = //p' "$dir/$1/my.cnf"
}

server_answers_or_is_gone() { # NAME
    process_is_gone "$dir/$1/pid" "$dir/$1/my.cnf" || sql "$1" 'SELECT 1' >/dev/null 2>&1
}

server_launch() { # NAME
    : >"$dir/$1/log"
    rm -f "$(socket_path "$1").lock" # of one that was killed; its id may be somebody else's by now
    setsid sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$dir/$1/pid" \
        "$(server_base "$1")/sbin/$program" --defaults-file="$dir/$1/my.cnf" >>"$dir/$1/log" 2>&1 </dev/null &
    wait_for 5 test -s "$dir/$1/pid"
    wait_for 60 server_answers_or_is_gone "$1" && process_runs "$dir/$1/pid" "$dir/$1/my.cnf"
}

# Starts a server on the port it has, or on another one where that was taken in the meantime and nobody knows it yet.
server_start() { # NAME
    process_runs "$dir/$1/pid" "$dir/$1/my.cnf" && return
    for attempt in 1 2 3 4 5; do
        rm -f "$dir/$1/pid"
        server_launch "$1" && return
        grep -qE 'Address already in use|another mysqld server running on port' "$dir/$1/log" || break
        [ ! -e "$dir/addresses" ] || break
        sed -i "s/^port = .*/port = $(port_pick)/" "$dir/$1/my.cnf"
    done
    tail -n 20 "$dir/$1/log" >&2
    fail "$1 did not start, see $dir/$1/log"
}

server_create() { # NAME READ_ONLY BASE TEMPLATE
    mkdir -p "$dir/$1/tmp"
    cp -r --reflink=auto "$4" "$dir/$1/data"
    server_configure "$1" "$(port_pick)" "$2" "$3" >"$dir/$1/my.cnf"
    server_start "$1"
}

sql() { # NAME [STATEMENT]
    client "$(server_base "$1")" --defaults-file="$dir/$1/my.cnf" --connect-timeout=5 --batch ${2:+-e "$2"}
}

# --- the stack ----------------------------------------------------------------------------------------------------------

server_names() {
    for cnf in "$dir"/db*/my.cnf; do
        [ -e "$cnf" ] && basename "$(dirname "$cnf")"
    done
}

replicas_wait() { # NAME...
    for name in "$@"; do
        wait_for 20 replica_runs "$name" || fail "$name does not replicate: $(replica_state "$name")"
    done
}

stack_addresses() {
    for name in $(server_names); do
        echo "$name 127.0.0.1 $(server_port "$name") $(socket_path "$name")"
    done
}

stack_start() {
    ! stack_status | grep -qE ' (running|frozen)$' || fail "servers run in $dir already"
    rm -rf "$dir"
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    [ -z "$parent" ] || parent_watch "$parent" "$dir/watcher" "$0" remove "$dir"
    "$here/certificates" "$templates/tls"
    base=$(base_find "$release")
    template_find "$base"
    primary_template=$template
    replica_base=$(base_find "${replica_release:-$release}")
    template_find "$replica_base"
    names=db1
    starting=
    for number in $(seq 2 $((replicas + 1))); do
        names="$names db$number"
    done
    for name in $names; do
        if [ "$name" = db1 ]; then
            server_create "$name" OFF "$base" "$primary_template" &
        else
            server_create "$name" ON "$replica_base" "$template" &
        fi
        starting="$starting $!"
    done
    for job in $starting; do
        wait "$job"
    done
    for name in ${names#db1}; do
        replicate "$name" db1
    done
    replicas_wait ${names#db1}
    stack_addresses >"$dir/addresses"
}

stack_remove() {
    for name in $(server_names); do
        process_kill "$dir/$name/pid" "$dir/$name/my.cnf" &
    done
    wait
    [ ! -r "$dir/sockets" ] || rm -rf "$(cat "$dir/sockets")"
    rm -rf "$dir"
}

is_frozen() { # NAME
    grep -q '^State:[[:space:]]*T' "/proc/$(cat "$dir/$1/pid")/status"
}

stack_status() {
    for name in $(server_names); do
        state=stopped
        ! process_runs "$dir/$name/pid" "$dir/$name/my.cnf" || state=running
        [ $state = stopped ] || ! is_frozen "$name" || state=frozen
        echo "$name $(server_port "$name") $state"
    done
}

# The new primary takes writes only when the others take none, and they follow it from there.
stack_promote() { # NAME
    running=$(stack_status | awk -v name="$1" '$3 == "running" && $1 != name { print $1 }')
    for name in $running; do
        read_only_set "$name" ON
    done
    replication_end "$1"
    read_only_set "$1" OFF
    for name in $running; do
        history_take "$name"
        replicate "$name" "$1"
    done
    replicas_wait $running
}

# --- the command line ---------------------------------------------------------------------------------------------------

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

start_options() {
    replicas=2 parent='' general_log=OFF options='' release=${release:-} replica_release=''
    while [ $# -gt 0 ]; do
        case $1 in
        --replicas) replicas=$2 && shift 2 ;;
        --parent) parent=$2 && shift 2 ;;
        --general-log) general_log=ON && shift ;;
        --release) release=$2 && shift 2 ;;
        --replica-release) replica_release=$2 && shift 2 ;;
        --set) options="$options
$2" && shift 2 ;;
        *) usage ;;
        esac
    done
}

as_root=
[ "$(id -u)" != 0 ] || as_root=--user=root

# With the script's own arguments, behind the functions of its family.
command_run() {
    action=${1:-}
    case $action in
    start | remove | status | addresses | sql | promote)
        [ $# -ge 2 ] || usage
        dir=$2
        shift 2
        ;;
    server)
        [ $# = 4 ] || usage
        action=server-$2 dir=$3
        shift 3
        ;;
    *) usage ;;
    esac
    if [ "$action" = start ]; then
        start_options "$@"
        stack_start
        return
    fi
    [ -d "$dir" ] || fail "$dir: no such folder"
    dir=$(cd "$dir" && pwd)
    case $action in
    remove) parent_unwatch "$dir/watcher" && stack_remove ;;
    status) stack_status ;;
    addresses) cat "$dir/addresses" ;;
    sql) sql "$@" ;;
    promote) stack_promote "$1" ;;
    server-start) server_start "$1" ;;
    server-stop) process_stop "$dir/$1/pid" "$dir/$1/my.cnf" ;;
    server-kill) process_kill "$dir/$1/pid" "$dir/$1/my.cnf" ;;
    server-freeze) process_signal STOP "$dir/$1/pid" "$dir/$1/my.cnf" && wait_for 10 process_is_frozen "$dir/$1/pid" ;;
    server-thaw) process_signal CONT "$dir/$1/pid" "$dir/$1/my.cnf" || true ;; # one that does not run is not frozen
    *) usage ;;
    esac
}
