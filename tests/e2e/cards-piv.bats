#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PIV card behind pcscd and OpenSC, as its holder meets it: signing, decrypting, old
# mail. The cards are virtual, pcscd and OpenSC are the real ones.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl pkcs11-tool || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    piv_folder rsa rsa2048 82 83
    piv_folder ec p256 82
    card_insert rsa 0
    card_insert ec 1
    printf %s "$CARD_PIN" >"$T/card-pin"
    chmod 600 "$T/card-pin"
    mail_pl sample 4 9a-rsa@cards.example >"$T/mail"
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
}

teardown() { home_stop_all; }

pins() {
    local card
    for card; do
        pin_source "9a-$card@cards.example" "$T/card-pin"
    done
}

@test "signet tokens and signet keys name both cards" {
    ends 0 signet tokens --json
    [[ $output == *9a-rsa@cards.example* && $output == *9a-ec@cards.example* ]] || fail "$output"
    ends 0 signet keys

}

@test "9A signs: RSA and EC" {
    pins rsa ec
    for card in rsa ec; do
        ends 0 signet sign -u "9a-$card@cards.example" -o m.eml "$T/mail"
        ok openssl_accepts_mail m.eml
    done
}
