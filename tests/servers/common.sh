# What the scripts of this folder share: free ports, processes that outlive the script that starts them and end with
# the one that asked for them, waiting for a condition. Sourced; needs $0 and `set -eu` of the script.

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds; false where it did not in time.
wait_for() {
    wait_end=$(($(date +%s) + $1 + 1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$wait_end" ] || return 1
        sleep 0.02
    done
}

# --- ports --------------------------------------------------------------------------------------------------------------

# Whether nothing listens on the TCP port, on any address.
port_is_free() {
    ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$(printf %04X "$1")" '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }'
}

# A port on which nothing listens, below those that the system gives to outgoing connections. Somebody else may take it
# before it is used: whoever binds it tries another one then.
port_pick() {
    while :; do
        port_picked=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 12000))
        port_is_free "$port_picked" && break
    done
    echo "$port_picked"
}

# --- processes ----------------------------------------------------------------------------------------------------------

# Whether the process whose id stands in a file runs and is the one that was started with MARK in its command line: ids
# come again after a restart of the machine.
process_runs() { # FILE MARK
    [ -r "$1" ] || return 1
    process_id=$(cat "$1")
    # A process shows no command line for a moment while it loads another program, none after its end, and none at
    # all where the kernel is what runs.
    process_looks=0
    while [ "$process_looks" -lt 200 ]; do
        case $(cat "/proc/$process_id/cmdline" 2>/dev/null | tr '\0' ' ') in
        *"$2"*) return 0 ;;
        ?*) return 1 ;;
        esac
        process_has_ended "$process_id" && return 1
        process_looks=$((process_looks + 1))
        sleep 0.01
    done
    return 1
}

# Gone, or a zombie.
process_has_ended() { # ID
    case $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) in
    '' | Z* | X*) ;;
    *) return 1 ;;
    esac
}

process_is_gone() { # FILE MARK
    ! process_runs "$1" "$2"
}

process_signal() { # SIGNAL FILE MARK
    process_runs "$2" "$3" && kill -s "$1" "$(cat "$2")" 2>/dev/null
}

# Stopped by SIGSTOP, which takes effect a little after it was sent.
process_is_frozen() { # FILE
    case $(sed 's/.*) //' "/proc/$(cat "$1")/stat") in
    T*) ;;
    *) return 1 ;;
    esac
}

# Asks a process to end and waits; ends it by force after 10 s. A frozen one is woken first.
process_stop() { # FILE MARK
    process_signal CONT "$1" "$2" || return 0
    process_signal TERM "$1" "$2" || return 0
    wait_for 10 process_is_gone "$1" "$2" || process_kill "$1" "$2"
}

process_kill() { # FILE MARK
    process_signal KILL "$1" "$2" || return 0
    wait_for 10 process_is_gone "$1" "$2"
}

# Once the process PID is gone, however it went, runs the command. The watcher's id goes to FILE.
parent_watch() { # PID FILE COMMAND...
    setsid sh -c 'echo $$ >"$2"; tail --pid="$1" -s 0.2 -f /dev/null; shift 2; exec "$@"' \
        parent_watch "$@" >/dev/null 2>&1 </dev/null &
}

# Ends the watcher, unless the caller is what it runs.
parent_unwatch() { # FILE
    if process_runs "$1" parent_watch; then
        kill -s TERM -- "-$(cat "$1")" 2>/dev/null || true
    fi
    rm -f "$1"
}
