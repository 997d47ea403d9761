#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What an agent costs that nobody uses: memory and wake-ups, with one software token. The
# long form watches a whole minute.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo p256 alice@idle.example
    printf 'metrics-file = %s\nmetrics-interval = 1s\nmetrics-socket = %s\n' "$T/signet.prom" "$T/metrics.sock" |
        sed -i '/^\[agent\]/r /dev/stdin' "$SIGNET_HOME/signet.conf"
    signet agent stop
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    signet agent start
    AGENT_PID=$(agent_pid)
}

# resident PID: its memory in KB.
resident() { awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"; }
# switches PID: how often its threads have been woken or put off so far.
switches() { cat "/proc/$1"/task/*/status | awk '/^(non)?voluntary_ctxt_switches:/ && !/^non/ { n += $2 } END { print n }'; }

small() {
    local kb
    kb=$(resident "$AGENT_PID")
    echo "# the agent $1: $kb KB resident, $(awk '/^(Private_Dirty|Anonymous):/ { printf "%s %s ", $1, $2 }' "/proc/$AGENT_PID/smaps_rollup")" >&3
    [ "$kb" -lt 6144 ] || fail "$kb KB:" "$(cat "/proc/$AGENT_PID/smaps_rollup")"
}

@test "under 6 MB resident after the start, and after some work" {
    sanitized && skip "sanitizers take memory of their own"
    ok signet tokens
    small "after its start"
    for _ in 1 2 3 4 5; do echo x | signet sign --cms -u alice@idle.example -o out; done
    ok signet keys
    small "after five signatures"
}

# quiet SECONDS: neither the agent nor its token host is woken in that time.
quiet() {
    local host agent_before host_before n
    host=$(token_host_pids)
    # Whatever the last client left to do is done: the figures stand still for a second.
    for ((n = 0; n < 20; n++)); do
        agent_before=$(switches "$AGENT_PID") host_before=$(switches "$host")
        sleep 1
        [ "$agent_before $host_before" = "$(switches "$AGENT_PID") $(switches "$host")" ] && break
    done
    sleep "$1"
    echo "# woken in $1 s: the agent $(($(switches "$AGENT_PID") - agent_before)) times, its token host $(($(switches "$host") - host_before)) times" >&3
    [ "$(switches "$AGENT_PID")" = "$agent_before" ] || fail "the agent was woken"
    [ "$(switches "$host")" = "$host_before" ] || fail "the token host was woken"
}

@test "nobody is woken while nothing happens" {
    sanitized && skip "sanitizers have threads of their own"
    echo x | signet sign --cms -u alice@idle.example -o out
    # The metrics' file is written within a second of the last change: not waited for here.
    rm -f "$T/signet.prom"
    if [ -n "${E2E_LONG-}" ]; then
        wait_until test -e "$T/signet.prom"
        quiet 60
    else
        wait_until test -e "$T/signet.prom"
        quiet 3
    fi
}
