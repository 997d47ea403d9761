# SPDX-License-Identifier: LGPL-2.1-or-later
# What every end-to-end test file starts with. In the file:
#
#   load lib/common
#   setup_file() { e2e_begin openssl expect || return 0; ... }
#   setup() { e2e_test; home_use main; }
#   teardown_file() { e2e_end; }
#
# e2e_begin gives a private folder $T (short: sockets live in it) with HOME, the
# XDG folders and TMPDIR inside, no agent or token of the machine in reach.
# home_new makes a SIGNET_HOME in it; home_stop ends its agent and fails when
# anything is left. Every file runs under `reaper`, whose children are the
# orphans, so a daemon that outlives its home is seen without any privilege.

bats_require_minimum_version 1.5.0
E2E_DIR=${BASH_SOURCE[0]%/lib/*}
case $E2E_DIR in /*) ;; *) E2E_DIR=$PWD/$E2E_DIR ;; esac
. "$E2E_DIR/lib/ca.bash"
. "$E2E_DIR/lib/keys.bash"
. "$E2E_DIR/lib/cms.bash"
. "$E2E_DIR/lib/gpgsm.bash"
. "$E2E_DIR/lib/nss.bash"
. "$E2E_DIR/lib/softhsm.bash"
. "$E2E_DIR/lib/pinentry.bash"

TYPES_V15="rsa2048 rsa3072 rsa4096"
TYPES_EC="p256 p384 p521"
PIN=739164

mail_pl() { perl "$E2E_DIR/lib/mail.pl" "$@"; }

# Says why in the log, and fails.
fail() {
    printf '%s\n' "$@" >&2
    return 1
}

# A command that must succeed; shows all of its output when it does not.
ok() {
    run "$@"
    [ "$status" -eq 0 ] || fail "status $status from: $*" "$output"
}

# A command that must end with exactly this status.
ends() {
    local want=$1
    shift
    run --separate-stderr "$@"
    [ "$status" -eq "$want" ] ||
        fail "status $status instead of $want from: $*" "stdout: $output" "stderr: ${stderr-}"
}

# The sentence of the last `ends`: one line on standard error that matches.
says() {
    [ -n "${stderr-}" ] || fail "nothing on standard error" || return
    grep -Eqi -- "$1" <<<"$stderr" || fail "standard error does not match '$1':" "$stderr"
}

# Skips a test when a tool is absent.
need() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# e2e_skip_file REASON: from setup_file (where bats 1.8 cannot skip): every test of
# the file is skipped by e2e_test, saying why. Fails, so that `|| return 0` follows.
e2e_skip_file() {
    printf '%s\n' "$1" >"$BATS_FILE_TMPDIR/skip"
    return 1
}

# First in each setup.
e2e_test() {
    [ ! -e "$BATS_FILE_TMPDIR/skip" ] || skip "$(cat "$BATS_FILE_TMPDIR/skip")"
    cd "$BATS_TEST_TMPDIR" || return
}

# e2e_begin TOOL...: first in setup_file, with `|| return 0`: it fails only when the
# file is to be skipped, because a tool is absent.
e2e_begin() {
    [ -x "${SIGNET_BUILD:?not set: run through meson}/cli/signet" ] ||
        e2e_skip_file "signet is not built" || return
    e2e_begin_rig "$@"
}

# The same for files that look at peers alone.
e2e_begin_rig() {
    local tool
    for tool; do
        command -v "$tool" >/dev/null || e2e_skip_file "$tool is not installed" || return
    done
    T=$BATS_FILE_TMPDIR
    # A socket's name has 107 bytes; a home needs some of them.
    [ ${#T} -le 60 ] || T=$(mktemp -d /tmp/sg-XXXXXX)
    export T PATH="${SIGNET_BUILD:+$SIGNET_BUILD/cli:}$PATH"
    export HOME=$T/user TMPDIR=$T/tmp LC_ALL=C TZ=UTC
    export XDG_CONFIG_HOME=$HOME/.config XDG_DATA_HOME=$HOME/.local/share XDG_RUNTIME_DIR=$T/xrun
    # What a sanitizer finds in a daemon must not be lost with its standard error.
    export ASAN_OPTIONS=log_path=$T/sanitizer UBSAN_OPTIONS=log_path=$T/sanitizer:print_stacktrace=1
    export TSAN_OPTIONS=log_path=$T/sanitizer
    unset DISPLAY WAYLAND_DISPLAY GPG_TTY GNUPGHOME SIGNET_HOME SIGNET_AGENT SIGNET_LIBEXEC SOFTHSM2_CONF
    unset LISTEN_PID LISTEN_FDS NOTIFY_SOCKET WATCHDOG_USEC RUNTIME_DIRECTORY STATE_DIRECTORY CONFIGURATION_DIRECTORY
    mkdir -p -m 700 "$HOME" "$TMPDIR" "$XDG_RUNTIME_DIR" "$T/homes"
    printf %s "$PIN" >"$T/pin"
    chmod 600 "$T/pin"
    cd "$T" || exit 1
}

e2e_end() {
    [ -n "${T-}" ] || return 0
    local bad=0
    home_stop_all || bad=1
    gpgsm_stop_all
    if compgen -G "$T/sanitizer.*" >/dev/null; then
        head -60 "$T"/sanitizer.* >&2
        bad=1
    fi
    [ "$T" = "$BATS_FILE_TMPDIR" ] || rm -rf "$T"
    return $bad
}

# home_new NAME: makes $T/homes/NAME and points SIGNET_HOME at it. The
# system's PKCS#11 modules and pinentries stay out of it.
home_new() {
    export SIGNET_HOME=$T/homes/$1
    mkdir -m 700 "$SIGNET_HOME" || return
    printf '[agent]\np11-kit = no\npinentry = none\n' >"$SIGNET_HOME/signet.conf"
    chmod 600 "$SIGNET_HOME/signet.conf"
}

home_use() { export SIGNET_HOME=$T/homes/$1; }

# Living processes that descend from this file's reaper and bear a daemon's name.
daemons() {
    ps -e -o pid=,ppid=,stat=,comm= | awk -v root="${E2E_REAPER:?run through reaper}" -v want="${1-signet-(agent|token)}" '
        { parent[$1] = $2; state[$1] = $3; name[$1] = $4 }
        END {
            for (p in parent) {
                if (name[p] !~ "^(" want ")$" || state[p] ~ /^Z/) continue
                for (q = p; q > 1 && q != root; q = parent[q]);
                if (q == root) print p
            }
        }'
}

# Waits until no process of the list lives; false after 10 s.
wait_gone() {
    local pid i
    for pid; do
        for ((i = 0; i < 500; i++)); do
            [ -d "/proc/$pid" ] || break
            [[ $(ps -o stat= -p "$pid") == Z* ]] && break
            sleep 0.02
        done
        [ $i -lt 500 ] || return 1
    done
}

# Waits until the command succeeds; false after 20 s.
wait_until() {
    local i
    for ((i = 0; i < 1000; i++)); do
        "$@" && return 0
        sleep 0.02
    done
    fail "never came true: $*"
}

# The agent's own process; those of its hosts are in an array of the same object.
agent_pid() {
    signet agent status --json |
        perl -0777 -ne 's/\[.*\]//s; print $1 if /"pid"\s*:\s*(\d+)/'
}
token_host_pids() { daemons signet-token; }

# Ends the agent of SIGNET_HOME and looks for what it left: sockets and locks.
home_stop() {
    local left
    [ -d "$SIGNET_HOME" ] || return 0
    signet agent stop >/dev/null 2>&1
    left=$(find "$SIGNET_HOME" -type s)
    [ -z "$left" ] || fail "left behind: $left"
}

home_stop_all() {
    local home bad=0 pids
    for home in "$T"/homes/*; do
        [ -d "$home" ] || continue
        SIGNET_HOME=$home home_stop || bad=1
    done
    pids=$(daemons)
    # shellcheck disable=SC2086
    if ! wait_gone $pids; then
        ps -o pid,ppid,stat,args -p "$(echo $pids | tr ' ' ,)" >&2
        # shellcheck disable=SC2086
        kill -9 $pids
        fail "processes left running: $pids"
        bad=1
    fi
    return $bad
}

# No file under the output's name, and nothing new in its folder: a temporary
# file would be in it. The folder holds exactly the names given.
only_files() {
    local dir=$1 have want
    shift
    have=$(find "$dir" -mindepth 1 -printf '%P\n' | sort)
    want=$(printf '%s\n' "$@" | sed '/^$/d' | sort)
    [ "$have" = "$want" ] || fail "in $dir:" "$have" "instead of:" "$want"
}

# Every program of ours runs instrumented? Then limits on memory do not hold.
sanitized() { grep -q '__asan_init\|__tsan_init' "$SIGNET_BUILD/cli/signet"; }
