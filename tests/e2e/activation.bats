#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent under a service manager: sockets passed to it, what it tells, and how it refuses
# to start. E2E_MANAGER is the manager (manager.c).

load lib/common

AGENT=$SIGNET_BUILD/agent/signet-agent

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo p256 alice@units.example
    signet agent stop
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    mkdir -p -m 700 "$SIGNET_HOME/run"
    SOCK=$SIGNET_HOME/run/agent.sock
    MANAGER=
}

teardown() {
    [ -z "$MANAGER" ] || ! kill -TERM "$MANAGER" 2>/dev/null || wait_gone "$MANAGER"
    rm -f "${SOCK-}"
}

# managed OPTION...: the agent under the manager, in the background; its log is ./log. Returns
# when the manager's sockets are there: a client that came before would start an agent itself.
managed() {
    "$E2E_MANAGER" "$PWD/log" "$@" -- "$AGENT" --foreground 2>errors 3>&- &
    MANAGER=$!
    wait_until test -e log
}

# refused STATUS PATTERN OPTION...: the agent does not start, and says why on its standard
# error and to the manager.
refused() {
    local want=$1 pattern=$2
    shift 2
    run --separate-stderr "$E2E_MANAGER" "$PWD/log" "$@" -- "$AGENT" --foreground
    [ "$status" -eq "$want" ] || fail "status $status:" "$stderr"
    says "$pattern"
    ! grep -q READY log || fail "it was ready"
}

heard() { grep -Eq "$1" log 2>/dev/null; }
sign() { echo hello | signet sign --cms -u alice@units.example -o "${1-out}"; }

@test "the first client starts it, and the socket stays" {
    managed agent="$SOCK"
    ok sign
    wait_until heard "^READY=1 STATUS=$SOCK"
    [ "$(signet agent status --json | jq .notified)" = true ]
    [ "$(daemons signet-agent | wc -l)" = 1 ]
    kill -TERM "$MANAGER"
    wait "$MANAGER"
    heard '^STOPPING=1'
    heard "^socket $SOCK kept"
    MANAGER=
}

@test "clients that come before it listens are served" {
    managed agent="$SOCK"
    for i in 1 2 3 4; do sign "out$i" 3>&- & pids[i]=$!; done
    for i in 1 2 3 4; do wait "${pids[i]}"; done
    only_files . errors log log.ns out1 out2 out3 out4
}

@test "agent stop under a manager" {
    managed agent="$SOCK"
    ok sign
    ok signet agent stop
    wait "$MANAGER"
    heard "^socket $SOCK kept"
    MANAGER=
}

@test "nothing of it reaches token hosts" {
    managed agent="$SOCK" watchdog=60000000
    ok sign
    host=$(token_host_pids | head -1)
    [ -r "/proc/$host/environ" ] || skip "the environment of a token host cannot be read here"
    ! tr '\0' '\n' <"/proc/$host/environ" | grep -E '^(LISTEN_|NOTIFY_|WATCHDOG_)'
}

@test "the watchdog is told, again and again" {
    managed agent="$SOCK" watchdog=200000
    ok sign
    twice() { [ "$(grep -c '^WATCHDOG=1$' log)" -ge 2 ]; }
    wait_until twice
}

@test "SIGHUP reloads, which the manager is told" {
    managed agent="$SOCK"
    ok sign
    wait_until heard '^READY=1'
    kill -HUP "$MANAGER"
    wait_until heard '^RELOADING=1 MONOTONIC_USEC=[0-9]+$'
    again() { [ "$(grep -c '^READY=1' log)" = 2 ]; }
    wait_until again
    ok sign again
}

@test "without a socket it makes its own, and tells" {
    managed watchdog=0
    wait_until heard '^READY=1'
    ok sign
    [ "$(stat -c %a "$SOCK")" = 600 ]
    kill -TERM "$MANAGER"
    wait "$MANAGER"
    heard '^STOPPING=1'
    [ ! -e "$SOCK" ]
    MANAGER=
}

@test "an agent that a client started gives way to the manager's" {
    ok signet agent start
    old=$(agent_pid)
    managed agent="$SOCK"
    ok sign
    wait_until heard '^READY=1'
    [ "$(agent_pid)" != "$old" ]
    wait_gone "$old"
    [ -S "$SOCK" ]
    ok sign again
}

@test "what is meant for another process is left alone" {
    managed stranger agent="$SIGNET_HOME/run/other.sock"
    wait_until heard '^READY=1'
    ok sign
    kill -TERM "$MANAGER"
    wait "$MANAGER"
    MANAGER=
    rm "$SIGNET_HOME/run/other.sock"
}

@test "systemd-socket-activate starts it, too" {
    need systemd-socket-activate
    systemd-socket-activate -l "$SOCK" -E SIGNET_HOME -E HOME -E PATH "$AGENT" --foreground 2>errors 3>&- &
    MANAGER=$!
    wait_until test -S "$SOCK"
    # It makes sockets for everybody, which is refused.
    chmod 600 "$SOCK"
    ok sign
    ok signet agent stop
    wait "$MANAGER" || true
    MANAGER=
    rm -f "$SOCK"
}

@test "sockets that are none are refused" {
    refused 2 'descriptor 3, .* is no Unix stream socket that listens' junk
    refused 2 'two sockets for the same use' agent="$SOCK" other="$SIGNET_HOME/run/b.sock"
    refused 2 'passed 3 sockets' agent="$SOCK" metrics="$SIGNET_HOME/run/b.sock" more="$PWD/c.sock"
    rm -f "$SIGNET_HOME/run/b.sock"
}

@test "a socket that others can use is refused" {
    refused 4 'can be used by others \(mode 666\); set SocketMode=0600' mode=0666 agent="$SOCK"
    heard 'ERRNO=.* STATUS=socket .* can be used by others'
    refused 4 'mode 620' mode=0620 agent="$SOCK"
}

@test "a socket of another home is refused" {
    refused 2 'clients of this home look for the agent on' agent="$PWD/elsewhere.sock"
}

@test "a socket folder that others can write is refused" {
    chmod 770 "$SIGNET_HOME/run"
    ends 4 "$AGENT" --foreground
    says 'socket folder ".*/run" can be written by others \(mode 770\); run chmod go-w'
    [ ! -e "$SOCK" ]
    ends 4 signet agent start
    says 'socket folder ".*/run" can be written by others'
    chmod 1777 "$SIGNET_HOME/run"
    refused 4 'can be written by others \(mode 1777\)'
    chmod 700 "$SIGNET_HOME/run"
}

@test "a socket folder of another user is refused" {
    [ "$(id -u)" = 0 ] || skip "only root can give a folder away"
    chown 65534 "$SIGNET_HOME/run"
    ends 4 "$AGENT" --foreground
    says 'socket folder ".*/run" belongs to another user \(65534, this is 0\); remove it or set SIGNET_HOME'
    chown 0 "$SIGNET_HOME/run"
}

@test "a socket folder that is a link is refused, and a file in the socket's place" {
    mv "$SIGNET_HOME/run" "$SIGNET_HOME/aside"
    ln -s aside "$SIGNET_HOME/run"
    ends 6 "$AGENT" --foreground
    says 'socket folder ".*/run" cannot be used'
    rm "$SIGNET_HOME/run"
    mv "$SIGNET_HOME/aside" "$SIGNET_HOME/run"
    echo precious >"$SOCK"
    ends 6 "$AGENT" --foreground
    says 'is in the way of the agent.s socket and is none; remove it'
    [ "$(cat "$SOCK")" = precious ]
}

@test "--home and --system are refused together" {
    ends 2 "$AGENT" --system --home "$PWD"
    says 'two different homes'
}
