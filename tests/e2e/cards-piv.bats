#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A PIV card behind pcscd and OpenSC, as its holder meets it: signing, decrypting, old
# mail, PIN and PUK. The cards are virtual (tests/cards), pcscd and OpenSC the real ones.
# Every test begins with the RSA card in reader 0 and the EC card in reader 1.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl jq || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    piv_folder rsa rsa2048 82 83
    # All twenty retired keys, and a larger curve among them.
    piv_folder ec p256 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 91 92 93 94
    piv_key ec 95 p384
    card_insert rsa 0
    card_insert ec 1
    printf %s "$CARD_PIN" >"$T/card-pin"
    printf 135790 >"$T/wrong-pin"
    printf 864200 >"$T/new-pin"
    printf %s "$CARD_PUK" >"$T/card-puk"
    printf 11112222 >"$T/wrong-puk"
    chmod 600 "$T"/*-p??
    mail_pl sample 4 9a-rsa@cards.example >"$T/mail"
    mail_pl sample 4 9a-ec@cards.example >"$T/mail.ec"
    export RSA=9a-rsa@cards.example EC=9a-ec@cards.example
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
    for card in rsa ec; do
        card $card anew
        card $card calm
        card $card zero
    done
}

teardown() { home_stop_all; }

pins() {
    for card; do
        pin_source "9a-$card@cards.example" "$T/card-pin"
    done
}

# A person at a pinentry who types these words.
person() {
    pinentry_new "p$BATS_TEST_NUMBER" "$@"
    pinentry_use "p$BATS_TEST_NUMBER"
    export DISPLAY=:none
}
asked() { pinentry_asked "p$BATS_TEST_NUMBER"; }

signs() { ends 0 signet sign -u "$1" -o m.eml "$T/mail" && ok openssl_accepts_mail m.eml; }

@test "tokens and keys name the cards and what is on them" {
    ends 0 signet tokens --json
    [ "$(jq length <<<"$output")" -eq 2 ]
    ends 0 signet keys --json
    for slot in 9a 9c 9d 9e 82 83; do
        jq -e --arg w "$slot-rsa@cards.example" \
            'any(.[]; .certificates[0].emails[0] == $w)' <<<"$output" >/dev/null || fail "no $slot"
    done
    [ "$(jq '[.[] | select(.tokens[0] == "'$EC'")] | length' <<<"$output")" -eq 24 ]
}

@test "9A and 9E sign, RSA and EC; the card's PIN is verified once" {
    pins rsa ec
    for who in 9a-rsa 9e-rsa 9a-ec 9e-ec; do
        sed "s/^From:.*/From: $who@cards.example/" "$T/mail" >in
        ends 0 signet sign -u "$who@cards.example" -o m.eml in
        ok openssl_accepts_mail m.eml
    done
    [ "$(card_count rsa right-pins)" -eq 1 ]
    [ "$(card_count ec right-pins)" -eq 1 ]
}

@test "PSS with an RSA card" {
    pins rsa
    ends 0 signet sign --pss -u $RSA -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
}

# warm_signature CARD PATTERN: what one signature sent to the card. The look that follows
# the reader's first events may fall into it: then again.
warm_signature() {
    local i counts
    for i in 1 2 3 4 5; do
        card "$1" zero
        signs "9a-$1@cards.example" || return
        counts=$(card "$1" count)
        [[ $counts != $2 ]] || return 0
    done
    fail "$counts"
}

# OpenSC 0.23 reads the discovery object whenever it takes the card's lock. 266 bytes go to
# the RSA key in two commands and 264 come back in two pieces.
@test "a warm signature is the check that PIV is selected, and GENERAL AUTHENTICATE" {
    pins rsa ec
    signs $RSA
    signs $EC
    warm_signature rsa 'apdus=4 *get-data=1 get-response=1 *general-authenticate=2 *'
    warm_signature ec 'apdus=2 *get-data=1 get-response=0 *general-authenticate=1 *'
}

@test "9C wants its PIN right before each signature" {
    person "$CARD_PIN"
    for who in rsa ec; do
        card $who zero
        for i in 1 2; do
            signs 9c-$who@cards.example
        done
        # One to log in, and one for each.
        [ "$(card_count $who right-pins)" -le 3 ] || fail "$(card $who count)"
        [ "$(card_count $who wrong-pins)" -eq 0 ]
    done
}

@test "9C with a PIN that may be kept for it: asked once, verified right before each" {
    local log=$T/p$BATS_TEST_NUMBER.log
    for who in rsa ec; do
        printf '[token 9a-%s@cards.example]\ncache-always-authenticate = yes\n' $who
    done >>"$SIGNET_HOME/signet.conf"
    person "$CARD_PIN"
    for who in rsa ec; do
        card $who zero
        : >"$log"
        for i in 1 2 3; do
            signs 9c-$who@cards.example
        done
        [ "$(grep -c GETPIN "$log")" -eq 1 ] || fail "$(cat "$log")"
        [ "$(card_count $who verify)" -ge 3 ] || fail "$(card $who count)"
        [ "$(card_count $who wrong-pins)" -eq 0 ]
    done
}

@test "9D decrypts, RSA and EC" {
    pins rsa ec
    for who in rsa/9d ec/9d; do
        ends 0 signet encrypt --cms -r "$T/cards/$who.crt" -o e.cms "$T/mail"
        ends 0 signet decrypt --cms -o plain e.cms
        cmp plain "$T/mail"
    done
    [ "$(card_count rsa right-pins)" -eq 1 ]
}

# OpenSC 0.23 has it that a retired key wants its PIN each time.
@test "old mail opens with the retired keys, from the first to the twentieth" {
    person "$CARD_PIN"
    for who in rsa/82 rsa/83 ec/82 ec/95; do
        openssl cms -encrypt -aes256 -in "$T/mail" -out old.eml "$T/cards/$who.crt"
        ends 0 signet decrypt -o plain old.eml
        grep -q '^Subject:' plain
    done
    for who in rsa ec; do
        [ "$(card_count $who wrong-pins)" -eq 0 ]
    done
}

@test "a wrong PIN is counted once and not sent again" {
    person 135790
    ends 4 signet sign -u $RSA -o out "$T/mail"
    ends 4 signet sign -u $RSA -o out "$T/mail"
    [ ! -e out ]
    [ "$(card_count rsa wrong-pins)" -eq 1 ]
    [ "$(card_count rsa pin-tries)" -eq 2 ]
}

@test "a wrong pin-source costs one try; the last one is not risked for it" {
    pin_source $RSA "$T/wrong-pin"
    ends 4 signet sign --batch -u $RSA -o out "$T/mail"
    ends 4 signet sign --batch -u $RSA -o out "$T/mail"
    [ "$(card_count rsa pin-tries)" -eq 2 ]
    card rsa tries 1
    signet agent stop
    ends 4 signet sign --batch -u $RSA -o out "$T/mail"
    says 'last|one try is left|few tries|final'
    [ "$(card_count rsa pin-tries)" -eq 1 ]
}

@test "the last try is a person's, who is told" {
    card rsa tries 1
    person "$CARD_PIN"
    signs $RSA
    grep -Eiq 'SET(DESC|ERROR).*(last|final)' "$T/p$BATS_TEST_NUMBER.log" || fail "$(cat "$T/p$BATS_TEST_NUMBER.log")"
    [ "$(card_count rsa pin-tries)" -eq 3 ]
}

@test "a blocked card says how to unblock it" {
    card rsa block
    pins rsa
    ends 4 signet sign -u $RSA -o out "$T/mail"
    says 'locked.*pin unblock'
    [ "$(card_count rsa puk-tries)" -eq 3 ]
}

@test "pin change, and the new PIN signs" {
    ends 0 signet pin change --token $RSA --pin-file "$T/card-pin" --new-pin-file "$T/new-pin"
    pin_source $RSA "$T/new-pin"
    signet agent stop
    signs $RSA
    [ "$(card_count rsa wrong-pins)" -eq 0 ]
}

@test "pin change with a wrong PIN costs one try and changes nothing" {
    ends 4 signet pin change --token $RSA --pin-file "$T/wrong-pin" --new-pin-file "$T/new-pin"
    [ "$(card_count rsa pin-tries)" -eq 2 ]
    pins rsa
    signet agent stop
    signs $RSA
}

# What OpenSC must be told, or it takes no PUK (user_pin_unblock_style).
@test "pin unblock with the PUK; a wrong PUK costs one try of its own" {
    printf 'app default {\n framework pkcs15 {\n use_file_caching = no;\n }\n}\n%s\n' \
        'app opensc-pkcs11 { pkcs11 { user_pin_unblock_style = set_pin_in_unlogged_session; } }' >opensc.conf
    export OPENSC_CONF=$PWD/opensc.conf
    card rsa block
    ends 4 signet pin unblock --token $RSA --puk-file "$T/wrong-puk" --new-pin-file "$T/new-pin"
    says PUK
    [ "$(card_count rsa puk-tries)" -eq 2 ]
    ends 0 signet pin unblock --token $RSA --puk-file "$T/card-puk" --new-pin-file "$T/new-pin"
    [ "$(card_count rsa pin-tries)" -eq 3 ]
    pin_source $RSA "$T/new-pin"
    signet agent stop
    signs $RSA
}

@test "pin unblock where OpenSC takes no PUK: told what to do, no PUK try lost" {
    card rsa block
    ends 4 signet pin unblock --token $RSA --puk-file "$T/card-puk" --new-pin-file "$T/new-pin"
    says 'user_pin_unblock_style|pkcs15-tool'
    [ "$(card_count rsa puk-tries)" -eq 3 ]
}
