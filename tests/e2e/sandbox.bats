#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the programs gave up, as the kernel says it of the living processes; what a kernel without
# Landlock lacks is said, and everything works there.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool jq || return 0
    ca_make "$T/ca"
    mail_pl sample 4 card@box.example >"$T/mail"
    ca_leaf "$T/ca" card p256 card@box.example
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" card
    softhsm_key "$T/hsm" card card 01
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    mkdir card
    cp -r "$T/hsm/tokens" card/
    sed "s|$T/hsm|$PWD/card|" "$T/hsm/softhsm2.conf" >card/softhsm2.conf
    softhsm_conf "$PWD/card"
    pin_source card "$T/pin"
}

teardown() { home_stop_all; }

status() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
sanitized() { signet agent status --json | jq -e '.sandbox.missing[] | select(test("sanitizers"))'; }

@test "agent and token host: no new privileges, no cores, filtered calls" {
    ends 0 signet sign -u card@box.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
    agent=$(signet agent status --json | jq .pid)
    host=$(signet agent status --json | jq '.hosts[0].pid')
    for pid in "$agent" "$host"; do
        [ "$(status "$pid" NoNewPrivs)" = 1 ]
        grep -Eq '^Max core file size +0 +0 ' "/proc/$pid/limits"
        sanitized || [ "$(status "$pid" Seccomp)" = 2 ]
    done
    sanitized || {
        # The agent's filter and the host's own.
        [ "$(status "$host" Seccomp_filters)" -gt "$(status "$agent" Seccomp_filters)" ]
    }
    signet agent status --json | jq -e '.sandbox | .no_new_privileges and .no_core'
}

@test "a module may keep its rights" {
    sed -i '/^\[module soft\]/a sandbox = no' "$SIGNET_HOME/signet.conf"
    ends 0 signet sign -u card@box.example -o m.eml "$T/mail"
    agent=$(signet agent status --json | jq .pid)
    host=$(signet agent status --json | jq '.hosts[0].pid')
    [ "$(status "$host" Seccomp_filters)" = "$(status "$agent" Seccomp_filters)" ]
}

@test "what reads strangers' messages has no way out" {
    need strace
    ends 0 signet sign -u card@box.example -o m.eml "$T/mail"
    sanitized && skip 'sanitizers need what the sandbox takes'
    ok strace -f -e trace=seccomp,landlock_restrict_self,read -o trace \
        signet verify --anchor "$T/ca/chain.pem" --offline -o out.eml m.eml
    grep -q 'seccomp(SECCOMP_SET_MODE_FILTER.* = 0' trace
    cmp out.eml "$T/mail" || [ -s out.eml ]
    ok strace -f -e trace=seccomp -o trace signet inspect m.eml
    grep -q 'seccomp(SECCOMP_SET_MODE_FILTER.* = 0' trace
}

@test "a kernel without Landlock: it is said, and all works" {
    "$E2E_WITHOUT_LANDLOCK" signet agent start
    ends 0 "$E2E_WITHOUT_LANDLOCK" signet sign -u card@box.example -o m.eml "$T/mail"
    ends 0 "$E2E_WITHOUT_LANDLOCK" signet verify --anchor "$T/ca/chain.pem" --revocation off -o out.eml m.eml
    ends 0 "$E2E_WITHOUT_LANDLOCK" signet read --anchor "$T/ca/chain.pem" --revocation off -o out.eml m.eml
    ends 0 "$E2E_WITHOUT_LANDLOCK" signet inspect m.eml
    ends 0 signet agent status
    [[ $output == *'not to be had here: Landlock'* ]] || fail "$output"
    signet agent status --json | jq -e '.sandbox.landlock == 0'
}
