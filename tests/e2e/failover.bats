#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The same key on two tokens: load spread over both, and whoever asks does not notice
# when one of them fails.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    mail_pl sample 4 twin@fail.example >"$T/mail"
    ca_leaf "$T/ca" twin p256 twin@fail.example
    home_new main
    for n in one two; do
        softhsm_new "$T/$n"
        softhsm_token "$T/$n" "$n"
        softhsm_key "$T/$n" "$n" twin 01
        printf '[module %s]\npath = %s\nsofthsm-conf = %s\n[token %s]\npin-source = file:%s\n' \
            $n "$SOFTHSM_MODULE" "$T/$n/softhsm2.conf" $n "$T/pin" >>"$SIGNET_HOME/signet.conf"
    done
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
}

# client N: 50 mails; what fails is in err.N.
client() {
    local i
    for ((i = 1; i <= 50; i++)); do
        signet sign -u twin@fail.example -o "out.$1.$i" "$T/mail" 2>>"err.$1" ||
            echo "mail $i: status $?" >>"err.$1"
    done
}

used() { grep '"event":"key"' "$SIGNET_HOME/audit.log" | grep '"result":"ok"' | grep -c "\"token\":\"$1\""; }

@test "one host killed again and again in the middle of 200 signatures: all succeed" {
    clients=()
    for n in 1 2 3 4; do
        client $n &
        clients+=($!)
    done
    for ((round = 0; round < 6; round++)); do
        wait_until test -e out.1.$((round * 7 + 1))
        victim=$(signet agent status --json | perl -MJSON::PP -0777 -ne '
            print $_->{pid} for grep { $_->{module} eq "one" } @{decode_json($_)->{hosts}}')
        [ "${victim:-0}" -le 1 ] || kill -9 "$victim"
    done
    wait "${clients[@]}"
    [ -z "$(cat err.*)" ] || fail "$(cat err.*)"
    for n in 1 2 3 4; do
        for i in 1 25 50; do
            ok openssl_accepts_mail "out.$n.$i"
        done
    done
    [ "$(ls out.*.* | wc -l)" -eq 200 ]
    # Each did its part.
    [ "$(used one)" -gt 0 ]
    [ "$(used two)" -gt 0 ]
}

@test "a token that has lost its key is no obstacle" {
    SOFTHSM2_CONF=$T/one/softhsm2.conf pkcs11-tool --module "$SOFTHSM_MODULE" \
        --token-label one --login --pin "$PIN" --delete-object --type privkey --id 01
    for turn in 1 2 3 4; do
        ends 0 signet sign -u twin@fail.example -o m.$turn "$T/mail"
        ok openssl_accepts_mail m.$turn
    done
}
