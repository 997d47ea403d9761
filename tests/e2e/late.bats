#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A module that hangs holds up none but itself.

load lib/common

setup_file() {
    e2e_begin openssl jq softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    home_new main
    for n in one two; do
        softhsm_new "$T/$n"
        softhsm_token "$T/$n" "$n"
        ca_leaf "$T/ca" "$n" rsa2048 "$n@late.example"
        softhsm_key "$T/$n" "$n" "$n" 01
        printf '[module %s]\npath = %s\nsofthsm-conf = %s\n[token %s]\npin-source = file:%s\n' \
            $n "$SOFTHSM_MODULE" "$T/$n/softhsm2.conf" $n "$T/pin" >>"$SIGNET_HOME/signet.conf"
    done
    mail_pl sample 4 two@late.example >"$T/mail"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
}

# The error that a token's listing shows, or null.
trouble() { jq -r --arg t "$1" '.[] | select(.label == $t) | .error' <<<"$output"; }

@test "tokens of a stopped host are shown as they were, those of others as they are" {
    ends 0 signet tokens --json
    [ "$(trouble one)" = null ]
    pid=$(signet agent status --json | jq '.hosts[] | select(.module == "one").pid')
    kill -STOP "$pid"
    ends 0 signet tokens --json
    [[ $(trouble one) == *'has not answered'* ]] || fail "$output"
    [ "$(trouble two)" = null ]
    # From now on nobody waits for it.
    ends 0 signet keys --json
    ends 0 signet sign -u two@late.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
    [ "$(signet agent status --json | jq '.hosts[] | select(.module == "one").pid')" -eq "$pid" ]
    kill -CONT "$pid"
    answers() { run --separate-stderr signet tokens --json && [ "$(trouble one)" = null ]; }
    wait_until answers
}
