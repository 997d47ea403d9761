#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The token host dies while it works: the request is retried or says what happened,
# the next one works, and no PIN is asked for when it was known.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    mail_pl sample 10 fragile@crash.example >"$T/mail"
    home_new main
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" fragile
    ca_leaf "$T/ca" fragile rsa4096 fragile@crash.example
    softhsm_key "$T/hsm" fragile fragile 01
    softhsm_conf "$T/hsm"
    pinentry_new asks "$PIN"
    pinentry_use asks
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    export DISPLAY=:none
    signet sign -u fragile@crash.example -o warm.eml "$T/mail"
    ASKED=$(pinentry_asked asks)
}

teardown() { unset DISPLAY; }

@test "killed while idle: the next signature is made, no PIN asked" {
    for i in 1 2 3; do
        old=$(token_host_pids)
        kill -9 $old
        ends 0 signet sign -u fragile@crash.example -o m.eml "$T/mail"
        ok openssl_accepts_mail m.eml
        [ "$(token_host_pids)" != "$old" ]
    done
    [ "$(pinentry_asked asks)" -eq "$ASKED" ]
    signet agent status --json | tr -d ' \n' | grep -q '"restarts":[1-9]'
}

@test "killed during signatures: retried or said, the next one works, no PIN asked" {
    agent=$(agent_pid)
    for n in 1 2 3 4; do
        (
            for i in $(seq 1 15); do
                if ! signet sign -u fragile@crash.example -o "m.$n.$i" "$T/mail" 2>"e.$n.$i"; then
                    [ -s "e.$n.$i" ] && [ ! -e "m.$n.$i" ] || touch "wrong.$n.$i"
                fi
            done
        ) &
    done
    for i in 1 2 3 4 5; do
        hosts=$(token_host_pids)
        [ -z "$hosts" ] || kill -9 $hosts 2>/dev/null || true
        wait_until sh -c "[ \$(ls m.* 2>/dev/null | wc -l) -ge $((i * 8)) ]"
    done
    wait
    [ -z "$(ls wrong.* 2>/dev/null)" ]
    for f in m.*; do
        ok openssl_accepts_mail "$f"
    done
    made=$(ls m.* | wc -l)
    [ "$made" -ge 50 ] || fail "$made of 60 mails were signed" "$(cat e.*)"
    ends 0 signet sign -u fragile@crash.example -o after.eml "$T/mail"
    ok openssl_accepts_mail after.eml
    [ "$(pinentry_asked asks)" -eq "$ASKED" ]
    # The agent lived through it.
    [ "$(agent_pid)" = "$agent" ]
}

@test "stopped (hanging) token host: the agent itself still answers" {
    hosts=$(token_host_pids)
    kill -STOP $hosts
    ends 0 timeout 10 signet agent status --json
    kill -CONT $hosts
    ends 0 signet sign -u fragile@crash.example -o m.eml "$T/mail"
}

@test "the agent is killed: its token hosts end, the next client starts anew" {
    agent=$(agent_pid)
    hosts=$(token_host_pids)
    [ -n "$hosts" ]
    kill -9 "$agent"
    wait_gone $hosts
    ends 0 signet sign -u fragile@crash.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
}
