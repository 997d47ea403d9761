#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Many clients at once. Long suite: 20 rounds instead of 2.

load lib/common

ROUNDS=2
[ -z "${E2E_LONG-}" ] || ROUNDS=20

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new busy
    key_new busy rsa2048 rsa@many.example
    key_new busy p256 ec@many.example
    mail_pl sample 10 many@example.org >"$T/mail"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
}

# client N WHO FIRST LAST: signs the mails FIRST..LAST, each with a subject of its own.
client() {
    local i
    for ((i = $3; i <= $4; i++)); do
        sed "s/^Subject:.*/Subject: mail $i/; s/line 000001/mail $i/" "$T/mail" >"in.$i"
        signet sign -u "$2" -o "out.$i" "in.$i" 2>>"err.$1" || echo "mail $i: status $?" >>"err.$1"
    done
}

four_clients() {
    local who=$1 n clients=() good=0 i
    rm -f ./*
    for n in 0 1 2 3; do
        client $n "$who" $((n * 50 + 1)) $((n * 50 + 50)) &
        clients+=($!)
    done
    wait "${clients[@]}"
    [ -z "$(cat err.* 2>/dev/null)" ] || fail "$(cat err.*)"
    for ((i = 1; i <= 200; i++)); do
        openssl_accepts_mail out.$i content.$i >log || fail "mail $i:" "$(cat log)" || return
        grep -q "mail $i fox\|mail $i\." content.$i || grep -aq "mail $i" content.$i ||
            fail "out.$i holds another mail" || return
        good=$((good + 1))
    done
    [ $good -eq 200 ]
}

@test "four clients sign 200 mails with RSA-2048: 200 good signatures, each round" {
    for ((round = 1; round <= ROUNDS; round++)); do
        four_clients rsa@many.example || fail "round $round of $ROUNDS"
    done
}

@test "four clients sign 200 mails with P-256" {
    four_clients ec@many.example
}

@test "fifty clients start the agent: one agent" {
    for ((round = 1; round <= ROUNDS; round++)); do
        home_new "race$round"
        clients=()
        for ((n = 0; n < 50; n++)); do
            # Each says which process it found.
            signet agent start 2>"said.$n" &
            clients+=($!)
        done
        for ((n = 0; n < 50; n++)); do
            wait "${clients[n]}" || fail "round $round, client $n:" "$(cat said.$n)"
        done
        found=$(sed -n 's/.*process \([0-9]*\).*/\1/p' said.* | sort -u)
        [ "$(wc -l <<<"$found")" -eq 1 ] || fail "round $round: more than one agent:" "$found"
        [ "$found" = "$(agent_pid)" ]
        signet agent stop
        wait_gone "$found"
        # None that lost the race stayed behind: the main home's is the only one.
        home_use main
        others=$(daemons signet-agent | grep -vx "$(agent_pid)" || true)
        [ -z "$others" ] || wait_gone $others || fail "round $round: also running: $others"
    done
}

@test "clients that come and go while others sign" {
    client 0 ec@many.example 1 30 &
    steady=$!
    for i in 1 2 3 4 5 6 7 8 9 10; do
        timeout -s KILL 0.0$((RANDOM % 9 + 1)) signet sign -u rsa@many.example -o "gone.$i" "$T/mail" \
            2>/dev/null || true
    done
    wait $steady
    [ ! -s err.0 ] || fail "$(cat err.0)"
    ok openssl_accepts_mail out.30
    ends 0 signet agent status --json
}
