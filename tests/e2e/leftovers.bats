#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# After the agent stopped nothing is left: no process, socket, lock or temporary
# file; and what stays is private.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    mail_pl sample 10 left@over.example >"$T/mail"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_new "l$BATS_TEST_NUMBER"
}

busy_home() {
    token_new left
    key_new left p256 left@over.example
    signet sign -u left@over.example -o m.eml "$T/mail"
    signet verify --anchor "$T/ca/chain.pem" -o out m.eml
}

nothing_left() {
    local run
    # The file that starting agents lock may stay (removing it would be a race), as
    # long as nobody holds it.
    run=$(find "$SIGNET_HOME/run" -mindepth 1 ! -name start.lock 2>/dev/null)
    [ -z "$run" ] || fail "left in the runtime folder: $run"
    [ ! -s "$SIGNET_HOME/run/start.lock" ]
    flock -n "$SIGNET_HOME/run/start.lock" true || fail "the agent's lock is still held"
    [ -z "$(find "$SIGNET_HOME" -name '*.tmp*' -o -name '.signet*')" ] ||
        fail "left: $(find "$SIGNET_HOME")"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
    [ -z "$(ls -A "$XDG_RUNTIME_DIR")" ]
    [ -z "$(ls -A "$HOME")" ] || fail "made in HOME: $(find "$HOME")"
    only_files . m.eml out
}

@test "after agent stop" {
    busy_home
    pids=$(daemons)
    [ -n "$pids" ]
    signet agent stop
    wait_gone $pids
    nothing_left
}

@test "after SIGTERM" {
    busy_home
    pids=$(daemons)
    kill -TERM "$(agent_pid)"
    wait_gone $pids
    nothing_left
}

@test "after SIGINT" {
    busy_home
    pids=$(daemons)
    kill -INT "$(agent_pid)"
    wait_gone $pids
    nothing_left
}

@test "stop while clients are connected and work" {
    busy_home
    pids=$(daemons)
    (for i in $(seq 1 20); do signet agent status >/dev/null 2>&1; done) &
    for i in 1 2 3; do
        signet sign -u left@over.example -o "s.$i" "$T/mail" 2>"e.$i" &
    done
    signet agent stop
    wait
    # Whoever lost the agent said so, or started another one.
    for i in 1 2 3; do
        [ -s "s.$i" ] || [ -s "e.$i" ] || fail "client $i: neither output nor sentence"
    done
    signet agent stop || true
    wait_gone $pids $(daemons)
    rm -f s.* e.*
    nothing_left
}

@test "everything in the home is private" {
    busy_home
    open=$(find "$SIGNET_HOME" -perm /077 ! -type l)
    [ -z "$open" ] || fail "others may read:" "$(ls -ld $open)"
}

@test "a daemon holds no terminal, no folder and no descriptor of its client" {
    busy_home
    exec 7>"$T/held"
    signet agent stop
    signet tokens >/dev/null
    for pid in $(daemons); do
        ! ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "$T/held" || fail "descriptor 7 went into $pid"
        [ "$(ps -o tty= -p "$pid")" = '?' ]
        [ "$(id -u)" -ne 0 ] || [ "$(readlink "/proc/$pid/cwd")" = / ]
    done
    exec 7>&-
}
