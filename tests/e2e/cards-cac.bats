#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A CAC (libcacard's) behind pcscd and OpenSC: v1.5, PSS, decryption.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl certutil pk12util jq || return 0
    [ -x "$(cards_tool virtual-cac)" ] ||
        e2e_skip_file "libcacard-dev was not installed when this was built" || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    cac_folder cac
    card_insert cac 0
    mail_pl sample 4 cac1-cac@cards.example >"$T/mail"
    # A database without a password: any PIN logs in.
    printf 000000 >"$T/card-pin"
    chmod 600 "$T/card-pin"
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
    pin_source cac1 "$T/card-pin"
}

teardown() { home_stop_all; }

@test "its three keys are listed" {
    ends 0 signet keys --json
    [ "$(jq length <<<"$output")" -eq 3 ] || fail "$output"
}

@test "every key signs, v1.5 and PSS" {
    for i in 1 2 3; do
        sed "s/^From:.*/From: cac$i-cac@cards.example/" "$T/mail" >in
        for pss in "" --pss; do
            ends 0 signet sign $pss -u "cac$i-cac@cards.example" -o m.eml in
            ok openssl_accepts_mail m.eml
        done
    done
}

@test "every key decrypts" {
    for i in 1 2 3; do
        ends 0 signet encrypt --cms -r "$T/ca/cac$i.crt" -o e.cms "$T/mail"
        ends 0 signet decrypt --cms -o plain e.cms
        cmp plain "$T/mail"
    done
}

@test "pulled out: told; back again: it signs" {
    ends 0 signet sign -u cac1-cac@cards.example -o m.eml "$T/mail"
    card cac out
    reader_wait out 0
    ends 4 signet sign -u cac1-cac@cards.example -o n.eml "$T/mail"
    [ ! -e n.eml ]
    card_back cac
    works_again() { signet sign -u cac1-cac@cards.example -o n.eml "$T/mail" 2>/dev/null; }
    wait_until works_again
}
