#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# pin change and pin unblock, on a software token: what they do, what they refuse, and
# that no try is spent beyond those that a person made.

load lib/common

SO_PIN=87654321

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    mail_pl sample 4 card@pin.example >"$T/mail"
    ca_leaf "$T/ca" card p256 card@pin.example
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" card
    softhsm_key "$T/hsm" card card 01
    printf '%s\n' "$SO_PIN" >"$T/puk"
    echo 556677 >"$T/new"
    echo 000000 >"$T/wrong"
    chmod 600 "$T/puk" "$T/new" "$T/wrong"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    mkdir card
    cp -r "$T/hsm/tokens" card/
    sed "s|$T/hsm|$PWD/card|" "$T/hsm/softhsm2.conf" >card/softhsm2.conf
    softhsm_conf "$PWD/card"
    export DISPLAY=:none
}

teardown() {
    home_stop_all
    unset DISPLAY
}

# signs_with PIN: the token takes that one.
signs_with() {
    signet pin forget >/dev/null 2>&1
    pinentry_new "s$BATS_TEST_NUMBER" "$1" cancel
    pinentry_use "s$BATS_TEST_NUMBER"
    signet agent stop
    signet sign -u card@pin.example -o m.eml "$T/mail"
}

@test "a PIN is changed from files, and the agent knows no old one" {
    ends 0 signet pin change --token card --pin-file "$T/pin" --new-pin-file "$T/new"
    says 'card.*changed'
    ok signs_with 556677
    ok openssl_accepts_mail m.eml
    ends 4 signs_with "$PIN"
}

@test "a PIN is changed by a person: the new one is asked for twice" {
    pinentry_new p "$PIN" 556677 556677
    pinentry_use p
    ends 0 signet pin change
    [ "$(pinentry_asked p)" -eq 3 ]
    ok signs_with 556677
}

@test "two new PINs that differ change nothing" {
    pinentry_new q "$PIN" 556677 556688
    pinentry_use q
    ends 4 signet pin change --token card
    says 'differ.*nothing was changed'
    ok signs_with "$PIN"
}

@test "a wrong present PIN is refused, and not sent again" {
    ends 4 signet pin change --token card --pin-file "$T/wrong" --new-pin-file "$T/new"
    says 'PIN is wrong'
    ends 4 signet pin change --token card --pin-file "$T/wrong" --new-pin-file "$T/new"
    says 'refused this PIN before'
    grep -c '"operation":"change"' "$SIGNET_HOME/audit.log" | grep -qx 1
}

@test "a new PIN of a length the token does not take is refused before anything is sent" {
    echo 12 >short
    chmod 600 short
    ends 4 signet pin change --token card --pin-file "$T/pin" --new-pin-file short
    says 'new PIN must have'
    ok signs_with "$PIN"
}

@test "the security officer's PIN sets a new one while the user is logged in" {
    pinentry_new r "$PIN"
    pinentry_use r
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    ends 0 signet pin unblock --token card --puk-file "$T/puk" --new-pin-file "$T/new"
    says 'card.*new PIN'
    ok signs_with 556677
}

@test "a wrong PUK changes nothing" {
    ends 4 signet pin unblock --token card --puk-file "$T/wrong" --new-pin-file "$T/new"
    says 'PUK.*wrong'
    ok signs_with "$PIN"
}

@test "a pin-source with the old PIN is told of" {
    pin_source card "$T/pin"
    ends 0 signet pin change --token card --pin-file "$T/pin" --new-pin-file "$T/new"
    says 'pin-source.*old PIN'
}

@test "files that others can read are refused, and a token that is not there is named" {
    cp "$T/new" open
    chmod 644 open
    ends 4 signet pin change --token card --pin-file open --new-pin-file "$T/new"
    says 'by everybody'
    ends 4 signet pin change --token nobody --pin-file "$T/pin" --new-pin-file "$T/new"
    says 'nobody'
}
