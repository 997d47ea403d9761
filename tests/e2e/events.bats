#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Cards that come and go: noticed, told, waited for; and what the agent forgets then.

load lib/common
load lib/cards

setup_file() {
    e2e_begin openssl || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    mail_pl sample 4 9a-alice@cards.example >"$T/mail"
    piv_folder alice rsa2048
    piv_folder bob p256
    printf '%s\n' "$CARD_PIN" >"$T/cardpin"
    chmod 600 "$T/cardpin"
    card_insert alice 0
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    cards_conf
    export DISPLAY=:none
    pinentry_new "p$BATS_TEST_NUMBER" "$CARD_PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    card_is_in alice || card_back alice
}

teardown() {
    [ -z "${watcher-}" ] || kill "$watcher" 2>/dev/null || :
    home_stop_all
    unset DISPLAY
}

watch_begin() {
    signet agent watch --json >events 2>watch.err &
    watcher=$!
    wait_until grep -q '"ready"' events
}
events() { grep -c "\"event\":\"$1\"" events || :; }
told() { [ "$(events "$1")" -ge "$2" ]; }

@test "what is there, what goes and what comes is told" {
    watch_begin
    [ "$(events present)" -ge 1 ] || fail "$(cat events watch.err)"
    card alice out
    wait_until told removed 1 || fail "$(cat events)"
    card_back alice
    wait_until told inserted 1 || fail "$(cat events)"
    # Again, when the module's own way of telling may be believed.
    card alice out
    wait_until told removed 2 || fail "$(cat events)"
    card_back alice
    wait_until told inserted 2 || fail "$(cat events)"
}

@test "a card that is put back wants its PIN again" {
    watch_begin
    ends 0 signet sign -u 9a-alice@cards.example -o m1.eml "$T/mail"
    ok openssl_accepts_mail m1.eml
    ends 0 signet sign -u 9a-alice@cards.example -o m2.eml "$T/mail"
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 1 ]
    card alice out
    wait_until told removed 1
    card_back alice
    wait_until told inserted 1
    ends 0 signet sign -u 9a-alice@cards.example -o m3.eml "$T/mail"
    ok openssl_accepts_mail m3.eml
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 2 ]
}

@test "a request for a card that is away says which, also to a new agent; with --wait it waits" {
    ends 0 signet sign -u 9a-alice@cards.example -o m.eml "$T/mail"
    card alice out
    ends 4 signet sign -u 9a-alice@cards.example -o n.eml "$T/mail"
    says 'serial number.*not connected; insert it'
    signet agent stop
    ends 4 signet sign -u 9a-alice@cards.example -o n.eml "$T/mail"
    says 'serial number.*not connected; insert it'
    ends 4 signet sign --wait=1 -u 9a-alice@cards.example -o n.eml "$T/mail"
    signet sign --wait=60 -u 9a-alice@cards.example -o w.eml "$T/mail" 2>wait.err &
    signing=$!
    wait_until grep -q 'insert it' wait.err
    card_back alice
    wait "$signing" || fail "$(cat wait.err)"
    ok openssl_accepts_mail w.eml
}

@test "a swap is seen as one" {
    watch_begin
    card alice out
    wait_until told removed 1
    card_insert bob 0
    wait_until told inserted 1
    ends 0 signet keys --json
    [[ $output == *9a-bob@cards.example* ]]
    [[ $output != *9a-alice@cards.example* ]]
    card bob quit
    wait_until told removed 2
}
