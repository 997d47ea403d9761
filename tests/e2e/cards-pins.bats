#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Which of a card's counters each command can cost: PIN and PUK of a virtual PIV card
# behind OpenSC, as it comes and as it is told to take PUKs; old keys that want
# the PIN each time; and a card that nobody uses.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    piv_folder one rsa2048 82
    card_insert one 0
    printf %s "$CARD_PIN" >"$T/pin"
    printf 135790 >"$T/wrong-pin"
    printf 864200 >"$T/new-pin"
    printf %s "$CARD_PUK" >"$T/puk"
    printf 11112222 >"$T/wrong-puk"
    chmod 600 "$T"/*pin "$T"/*puk
    mail_pl sample 4 9a-one@cards.example >"$T/mail"
    export ONE=9a-one@cards.example
    for style in set_pin_in_unlogged_session init_pin_in_so_session; do
        printf 'app default {\n framework pkcs15 {\n use_file_caching = no;\n }\n}\n%s\n' \
            "app opensc-pkcs11 { pkcs11 { user_pin_unblock_style = $style; } }" >"$T/$style"
    done
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
    card one anew
    card one calm
    card one zero
}

teardown() { home_stop_all; }

# opensc_takes STYLE: how OpenSC takes a PUK from here on.
opensc_takes() { export OPENSC_CONF=$T/$1; }

tries() { # PIN PUK
    [ "$(card_count one pin-tries)" -eq "$1" ] && [ "$(card_count one puk-tries)" -eq "$2" ] ||
        fail "$(card one count)"
}

change() { signet pin change --token $ONE --pin-file "$T/$1" --new-pin-file "$T/new-pin"; }
unblock() { signet pin unblock --token $ONE --puk-file "$T/$1" --new-pin-file "$T/new-pin"; }

@test "the PUK for a card that is not blocked costs no try, however OpenSC takes it" {
    ends 4 unblock puk
    says 'not locked.*pin change'
    tries 3 3
    signet agent stop
    opensc_takes set_pin_in_unlogged_session
    ends 4 unblock puk
    says 'not locked.*pin change'
    tries 3 3
}

@test "pin change sends the old PIN to the PIN, however OpenSC takes PUKs" {
    for style in set_pin_in_unlogged_session init_pin_in_so_session; do
        card one anew
        opensc_takes $style
        ends 0 change pin
        tries 3 3
        [ "$(card_count one wrong-pins)" -eq 0 ]
        signet agent stop
    done
    pin_source $ONE "$T/new-pin"
    ends 0 signet sign -u $ONE -o m.eml "$T/mail"
}

@test "pin change with a wrong PIN costs one PIN try and no PUK try" {
    opensc_takes set_pin_in_unlogged_session
    ends 4 change wrong-pin
    says 'PIN is wrong'
    tries 2 3
    ends 4 change wrong-pin
    tries 2 3
}

@test "pin change after a login costs nothing either" {
    opensc_takes set_pin_in_unlogged_session
    pin_source $ONE "$T/pin"
    ends 0 signet sign -u $ONE -o m.eml "$T/mail"
    ends 0 change pin
    tries 3 3
    [ "$(card_count one wrong-pins)" -eq 0 ]
}

@test "a blocked card gets no PIN to change" {
    card one block
    ends 4 change pin
    says 'locked.*pin unblock'
    tries 0 3
}

# OpenSC 0.23 has it that a retired key wants its PIN each time.
old_mail() {
    openssl cms -encrypt -aes256 -in "$T/mail" -out old.eml "$T/cards/one/82.crt"
    pin_source $ONE "$T/pin"
}

@test "old mail, a pin-source and nobody to ask: the sentence names what would do" {
    old_mail
    ends 4 signet decrypt --batch -o plain old.eml
    says 'each use.*cache-always-authenticate'
    ends 4 setsid -w signet decrypt -o plain old.eml </dev/null
    says 'each use.*cache-always-authenticate'
    [ ! -e plain ]
    tries 3 3
    [ "$(card_count one wrong-pins)" -eq 0 ]
}

@test "old mails open unasked with cache-always-authenticate" {
    old_mail
    printf 'cache-always-authenticate = yes\n' >>"$SIGNET_HOME/signet.conf"
    for i in 1 2; do
        ends 0 signet decrypt --batch -o plain old.eml
        grep -q '^Subject:' plain
        rm plain
    done
    tries 3 3
    [ "$(card_count one wrong-pins)" -eq 0 ]
}

# What is asked for twice a second is the reader's affair.
@test "a card that nobody uses gets no commands" {
    ends 0 signet tokens
    # The reader's first events bring one look; it has been when a later one was told of.
    card_quiet() { card one zero; sleep 1; [ "$(card_count one apdus)" -eq 0 ]; }
    wait_until card_quiet
    sleep 3
    [ "$(card_count one apdus)" -eq 0 ] || fail "$(card one count)"
}
