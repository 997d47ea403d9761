#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What befalls a card in the middle of its work: pulled out, swapped, reset by another
# program, slow, answering nonsense. Each ends in a good signature or a sentence, and the
# next signature is good once the card is.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl jq || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    piv_folder rsa rsa2048
    piv_folder other rsa2048
    card_insert rsa 0
    printf %s "$CARD_PIN" >"$T/card-pin"
    chmod 600 "$T/card-pin"
    mail_pl sample 4 9a-rsa@cards.example >"$T/mail"
    export RSA=9a-rsa@cards.example
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
    pin_source $RSA "$T/card-pin"
    pin_source 9a-other@cards.example "$T/card-pin"
    card rsa calm
    card rsa in
    card_wait_in rsa
    card rsa anew
    card rsa zero
}

teardown() { home_stop_all; }

signs() { ends 0 signet sign -u $RSA -o m.eml "$T/mail" && ok openssl_accepts_mail m.eml; }
works_again() {
    signet sign -u $RSA -o again.eml "$T/mail" 2>again.err && openssl_accepts_mail again.eml >/dev/null
}

# The next signature is good, or ends with a sentence and a status of ours; no file then.
good_or_told() {
    rm -f f.eml
    run --separate-stderr timeout 60 signet sign -u $RSA -o f.eml "$T/mail"
    case $status in
    0) ok openssl_accepts_mail f.eml ;;
    4 | 6) [ ! -e f.eml ] && says '^signet: .*(token|card|key|reader)' ;;
    *) fail "status $status" "$stderr" ;;
    esac
}

no_try_lost() { [ "$(card_count rsa wrong-pins)" -eq 0 ] || fail "$(card rsa count)"; }

@test "pulled out before signing: told which card; after it is back it signs" {
    signs
    card rsa out
    reader_wait out 0
    ends 4 signet sign -u $RSA -o out.eml "$T/mail"
    says 'insert|connect|no key|not .*(here|present|connected)|removed'
    [ ! -e out.eml ]
    card_back rsa
    wait_until works_again
    no_try_lost
}

@test "pulled out while it signs, at each of the later commands of a signature" {
    for n in 2 3 4; do
        wait_until works_again
        card rsa on any $n out 900
        good_or_told
        card_wait_in rsa
        wait_until works_again
        card rsa calm
    done
    no_try_lost
}

# OpenSC 0.23 would wait for itself when the transport fails at the first command (its
# sc_unlock returns an error with its mutex locked; pkcs11/locks.h).
@test "pulled out at the first command, where the module would hang: told at once" {
    signs
    restarts() { signet agent status --json | jq '[.hosts[].restarts] | add'; }
    local before
    before=$(restarts)
    card rsa on any 1 out 900
    good_or_told
    [ "$(restarts)" -eq "$before" ]
    card_wait_in rsa
    wait_until works_again
    no_try_lost
}

@test "swapped for another card while it signs: never the other one's signature" {
    signs
    card rsa on 87 2 swap "$T/cards/other" 900
    good_or_told
    seen_other() { signet keys --json | jq -e 'any(.[]; .token == "9a-other@cards.example")' >/dev/null; }
    wait_until card_is_in rsa
    wait_until seen_other
    ends 4 signet sign -u $RSA -o out.eml "$T/mail"
    [ ! -e out.eml ]
    card rsa swap "$T/cards/rsa" 900
    wait_until works_again
    no_try_lost
}

@test "reset by another program: the next signature is good" {
    [ -x "$(cards_tool pcsc-user)" ] || skip "libpcsclite-dev was not installed when this was built"
    signs
    ok "$(cards_tool pcsc-user)" reset 0
    signs
    no_try_lost
}

@test "the session is lost in the middle, as by another program's SELECT" {
    signs
    for n in 1 2 3; do
        card rsa on any $n lose
        good_or_told
        wait_until works_again
    done
    no_try_lost
}

@test "another program holds the card for a while" {
    [ -x "$(cards_tool pcsc-user)" ] || skip "libpcsclite-dev was not installed when this was built"
    signs
    mkfifo hold
    "$(cards_tool pcsc-user)" hold 0 <hold >held 2>&1 3>&- &
    exec 9>hold
    wait_until grep -q held held
    signet sign -u $RSA -o m2.eml "$T/mail" 2>waiting.err 3>&- 9>&- &
    signer=$!
    exec 9>&-
    wait $signer
    ok openssl_accepts_mail m2.eml
    no_try_lost
}

@test "a slow card signs" {
    signs
    card rsa slow 150
    signs
}

@test "nonsense at each command: a good signature or a sentence, then good ones" {
    wait_until works_again
    local faults=(garbage truncate short "sw 6f00" "sw 6985") n
    # Twice around the commands of a signature, each time with another fault.
    for n in 1 2 3 4 5 6 7; do
        card rsa on any $(((n - 1) % 4 + 1)) ${faults[n % 5]}
        good_or_told
        card rsa calm
        wait_until works_again
    done
    no_try_lost
}
