#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# How a PIN comes in: from pinentry, from the client's terminal, from a file; how
# often it is asked; and that a wrong one costs the token one try at most.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool expect || return 0
    ca_make "$T/ca"
    mail_pl sample 4 card@pin.example >"$T/mail"
    ca_leaf "$T/ca" card p256 card@pin.example
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" card
    softhsm_key "$T/hsm" card card 01
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    # A copy per test: SoftHSM rewrites its files when somebody logs in.
    mkdir card
    cp -r "$T/hsm/tokens" card/
    sed "s|$T/hsm|$PWD/card|" "$T/hsm/softhsm2.conf" >card/softhsm2.conf
    export DISPLAY=:none
}

teardown() {
    home_stop_all
    spy_end
    unset DISPLAY
}

spied_card() {
    spy_begin "$PWD/spy.log"
    softhsm_conf "$PWD/card" "$SPY_MODULE"
}

@test "pinentry is asked once; then the agent knows" {
    spied_card
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    for i in 1 2 3; do
        ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
        ok openssl_accepts_mail m.eml
    done
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 1 ]
    [ "$(spy_calls C_Login)" -eq 1 ]
    # The prompt names the token.
    grep -q 'SETDESC.*card' "$T/p$BATS_TEST_NUMBER.log"
}

@test "a wrong PIN is asked for again, and sent to the token once" {
    spied_card
    pinentry_new "p$BATS_TEST_NUMBER" 1111 "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 2 ]
    [ "$(spy_calls C_Login)" -eq 2 ]
}

@test "the same wrong PIN typed again and again is not sent again" {
    spied_card
    pinentry_new "p$BATS_TEST_NUMBER" 1111
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 4 signet sign -u card@pin.example -o out "$T/mail"
    says PIN
    ends 4 signet sign -u card@pin.example -o out "$T/mail"
    [ ! -e out ]
    [ "$(spy_calls C_Login)" -eq 1 ] || fail "$(spy_calls C_Login) logins"
}

@test "cancelled at pinentry" {
    spied_card
    pinentry_new "p$BATS_TEST_NUMBER" cancel
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 4 signet sign -u card@pin.example -o out "$T/mail"
    says cancel
    [ ! -e out ]
    [ "$(spy_calls C_Login)" -eq 0 ]
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 1 ]
}

@test "a pinentry that does not exist" {
    softhsm_conf "$PWD/card"
    pinentry_use there-is-none
    ends 4 setsid signet sign -u card@pin.example -o out "$T/mail" </dev/null
    says 'pinentry|PIN'
    [ ! -e out ]
}

@test "with --batch nobody is asked" {
    softhsm_conf "$PWD/card"
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 4 signet sign --batch -u card@pin.example -o out "$T/mail"
    says PIN
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 0 ]
}

@test "pin forget: asked again" {
    spied_card
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    ends 0 signet pin forget
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 2 ]
}

@test "the PIN is forgotten after pin-ttl-max" {
    softhsm_conf "$PWD/card"
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    sed -i 's/^\[agent\]/[agent]\npin-ttl-max = 1s/' "$SIGNET_HOME/signet.conf"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    forgotten() { ! signet sign --batch -u card@pin.example -o m.eml "$T/mail" 2>/dev/null; }
    wait_until forgotten
}

# At a terminal: expect plays the person. $1: script after the spawn.
at_terminal() {
    cat >person.exp <<EXP
log_user 1
set timeout 20
spawn signet sign -u card@pin.example -o m.eml $T/mail
$1
expect eof
catch wait result
exit [lindex \$result 3]
EXP
    run expect person.exp
}

@test "the PIN is typed at the terminal, unseen" {
    unset DISPLAY
    spied_card
    at_terminal "expect -re {PIN.*:} { send \"$PIN\r\" } timeout { exit 98 }"
    [ "$status" -eq 0 ] || fail "$output"
    [[ $output != *"$PIN"* ]] || fail "the PIN is on the screen" "$output"
    [[ $output == *card* ]]
    ok openssl_accepts_mail m.eml
    [ "$(spy_calls C_Login)" -eq 1 ]
    # The agent keeps it: a second signature needs no terminal.
    ends 0 setsid signet sign -u card@pin.example -o n.eml "$T/mail" </dev/null
}

@test "a wrong PIN at the terminal is asked for again" {
    unset DISPLAY
    spied_card
    at_terminal "
expect -re {PIN.*:} { send \"2222\r\" } timeout { exit 98 }
expect -re {PIN.*:} { send \"$PIN\r\" } timeout { exit 97 }"
    [ "$status" -eq 0 ] || fail "$output"
    ok openssl_accepts_mail m.eml
    [ "$(spy_calls C_Login)" -eq 2 ]
}

@test "Ctrl-C and Ctrl-D at the terminal cancel" {
    unset DISPLAY
    spied_card
    at_terminal 'expect -re {PIN.*:} { send "\004" } timeout { exit 98 }'
    [ "$status" -eq 4 ] || fail "status $status" "$output"
    [ ! -e m.eml ]
    at_terminal 'expect -re {PIN.*:} { send "\003" } timeout { exit 98 }'
    [ "$status" -ne 0 ]
    [ ! -e m.eml ]
    [ "$(spy_calls C_Login)" -eq 0 ]
    # The agent is none the worse.
    ends 0 signet tokens
}

@test "the terminal's echo is back after a cancelled PIN" {
    unset DISPLAY
    softhsm_conf "$PWD/card"
    cat >echo.exp <<EXP
log_user 0
set timeout 20
spawn -noecho sh
send "signet sign -u card@pin.example -o m.eml $T/mail; stty -a; echo END-OF-\"\"LIST\r"
expect -re {PIN.*:} { send "\003" } timeout { exit 98 }
expect -re {(-?)echo .*END-OF-LIST} { exit [expr {\$expect_out(1,string) eq "-"}] } timeout { exit 97 }
EXP
    run expect echo.exp
    [ "$status" -eq 0 ] || fail "status $status" "$output"
}

@test "no PIN in arguments, environment or memory that others may read" {
    softhsm_conf "$PWD/card"
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    for pid in $(daemons); do
        ! tr '\0' '\n' <"/proc/$pid/cmdline" | grep -q "$PIN"
        ! tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -q "$PIN"
        # Not dumpable: its /proc files are root's.
        [ "$(stat -c %u "/proc/$pid/environ")" -eq 0 ]
    done
    ! grep -rq "$PIN" "$SIGNET_HOME"
}

@test "a warm signature is C_SignInit and C_Sign, nothing else" {
    spied_card
    pin_source card "$T/pin"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    before=$(grep -c '^[0-9]*: C_' "$PKCS11SPY_OUTPUT")
    for i in 1 2 3 4 5; do
        ends 0 signet sign -u card@pin.example -o m.eml "$T/mail"
    done
    after=$(grep -c '^[0-9]*: C_' "$PKCS11SPY_OUTPUT")
    [ $((after - before)) -eq 10 ] ||
        fail "$((after - before)) calls for 5 signatures:" "$(grep '^[0-9]*: C_' "$PKCS11SPY_OUTPUT" | tail -20)"
}
