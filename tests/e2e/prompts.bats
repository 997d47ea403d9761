#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent asks: one window at a time, saying for whom and what for; and it forgets: on lock,
# on suspend, when the screen is locked. Two tokens, a pinentry that is a real Assuan server,
# a logind on a private bus.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool jq || return 0
    ca_make "$T/ca"
    softhsm_new "$T/hsm"
    for name in red blue; do
        mail_pl sample 4 $name@prompts.example >"$T/$name.mail"
        ca_leaf "$T/ca" $name p256 $name@prompts.example
        softhsm_token "$T/hsm" $name
        softhsm_key "$T/hsm" $name $name 01
    done
    printf 'open sesame\n' >"$T/phrase"
    printf 'open barley\n' >"$T/wrong"
    chmod 600 "$T/phrase" "$T/wrong"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    mkdir card
    cp -r "$T/hsm/tokens" card/
    sed "s|$T/hsm|$PWD/card|" "$T/hsm/softhsm2.conf" >card/softhsm2.conf
    softhsm_conf "$PWD/card"
    P=$T/p$BATS_TEST_NUMBER
    ln -s "$E2E_PINENTRY" "$P"
    : >"$P.log"
    pinentry_use "p$BATS_TEST_NUMBER"
    export DISPLAY=:none
    started=()
}

teardown() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || :; done
    home_stop_all
    unset DISPLAY DBUS_SYSTEM_BUS_ADDRESS CREDENTIALS_DIRECTORY
}

answers() { printf '%s\n' "$@" >"$P.answers"; }
asked() { [ "$(grep -c '^GETPIN' "$P.log")" -eq "$1" ]; }
prompts() { [ "$(signet agent status --json | jq .prompts)" -eq "$1" ]; }
sign() { signet sign -u "$1@prompts.example" -o "$1.eml" "$T/$1.mail"; }
sign_later() {
    # Not in a subshell: its process is what tests kill.
    signet sign -u "$1@prompts.example" -o "$1.eml" "$T/$1.mail" 2>"$1.err" 3>&- &
    started+=($!)
}

@test "the question says for which key, and who asks" {
    answers "$PIN"
    ends 0 sign red
    desc=$(grep '^SETDESC' "$P.log")
    for want in 'Enter the PIN of token "red"%0A' 'to sign with key "red" \([0-9a-f]{16}\)%0A' \
        'for /.*/signet \(process [0-9]+\)' "user $(id -un) \($(id -u)\)" 'front cli%0A' \
        'serial number [0-9a-f]+'; do
        grep -Eq "$want" <<<"$desc" || fail "no $want in: $desc"
    done
    grep -q '^OPTION display=:none$' "$P.log"
    grep -q '^ENV DISPLAY=:none$' "$P.log"
}

@test "one window at a time; a client that goes leaves the queue" {
    mkfifo "$P.fifo"
    answers ask ask
    sign_later red
    wait_until asked 1
    sign_later blue
    wait_until prompts 2
    asked 1
    # In the queue, and gone again.
    kill "${started[1]}"
    wait_until prompts 1
    sign_later blue
    wait_until prompts 2
    asked 1
    # The first is answered, the next is asked.
    echo "$PIN" >"$P.fifo"
    wait "${started[0]}"
    wait_until asked 2
    echo "$PIN" >"$P.fifo"
    wait "${started[2]}"
    ok openssl_accepts_mail red.eml
    ok openssl_accepts_mail blue.eml
    ! grep -q OVERLAP "$P.log"
    [ "$(grep -c START "$P.log")" -eq 2 ]
}

@test "the window goes with its client, and the next one comes" {
    answers hang "$PIN"
    sign_later red
    wait_until asked 1
    sign_later blue
    wait_until prompts 2
    kill -9 "${started[0]}"
    wait "${started[1]}"
    grep -q GONE "$P.log"
    ok openssl_accepts_mail blue.eml
}

@test "pin forget does not wait for an open question, and what is entered then stays" {
    mkfifo "$P.fifo"
    answers ask
    sign_later red
    wait_until asked 1
    ends 0 signet pin forget
    ends 0 signet pin forget red
    echo "$PIN" >"$P.fifo"
    wait "${started[0]}"
    ends 0 sign red
    asked 1
}

@test "agent stop takes back what is shown and what waits" {
    answers hang
    sign_later red
    wait_until asked 1
    sign_later blue
    wait_until prompts 2
    ends 0 signet agent stop
    for i in 0 1; do
        status=0
        wait "${started[$i]}" || status=$?
        [ "$status" -eq 6 ] || fail "status $status: $(cat ./*.err)"
    done
    asked 1
}

@test "nobody answers: an error, and the queue goes on" {
    sed -i 's/^\[agent\]/[agent]\nprompt-timeout = 5s/' "$SIGNET_HOME/signet.conf"
    answers hang "$PIN"
    ends 4 sign red
    says 'nobody answered within 5 seconds'
    ends 0 sign red
}

@test "agent lock: no key, no PIN, no question; agent unlock" {
    answers "$PIN"
    ends 0 sign red
    ends 0 signet agent lock --passphrase-file "$T/phrase"
    ends 4 sign red
    says 'locked.*agent unlock'
    ends 4 signet key generate --token red --type p256
    says 'locked'
    ends 4 signet pin change --token red --pin-file "$T/pin" --new-pin-file "$T/pin"
    says 'locked'
    ends 4 signet agent lock --passphrase-file "$T/wrong"
    says 'locked already'
    ends 0 signet keys
    ends 0 signet agent status
    grep -q '^lock .*locked' <<<"$output"
    ends 4 signet agent unlock --passphrase-file "$T/wrong"
    says 'does not unlock'
    ends 4 sign red
    ends 0 signet agent unlock --passphrase-file "$T/phrase"
    asked 1
    ends 0 sign red
    asked 2
    grep -q '"operation":"sign".*"result":"E_LOCKED"' "$(find "$SIGNET_HOME" -name audit.log)"
}

@test "agent lock takes back what is asked" {
    answers hang
    sign_later red
    wait_until asked 1
    sign_later blue
    wait_until prompts 2
    ends 0 signet agent lock --passphrase-file "$T/phrase"
    for i in 0 1; do
        run wait "${started[$i]}"
    done
    wait_until prompts 0
    wait_until grep -q locked red.err
    wait_until grep -q locked blue.err
    ends 0 signet agent stop
}

@test "the passphrase is typed at the terminal, twice" {
    need expect
    sed -i 's|^pinentry = .*|pinentry = none|' "$SIGNET_HOME/signet.conf"
    cat >lock.exp <<'EXP'
set timeout 20
spawn signet agent lock
expect -re {passphrase.*:} { send "sesame\r" } timeout { exit 98 }
expect -re {Repeat.*:} { send "sesame\r" } timeout { exit 97 }
expect eof
catch wait result
if {[lindex $result 3] != 0} { exit 96 }
spawn signet agent unlock
expect -re {passphrase.*:} { send "sesame\r" } timeout { exit 95 }
expect eof
catch wait result
exit [lindex $result 3]
EXP
    run expect lock.exp
    [ "$status" -eq 0 ] || fail "status $status" "$output"
    [[ $output != *sesame* ]] || fail "$output"
    ends 4 signet agent lock --batch
    says 'passphrase.*--batch'
    ends 4 setsid signet agent lock </dev/null
    says 'passphrase-file'
    ends 2 signet agent lock --passphrase-file /nonexistent
    ends 2 signet agent lock open sesame
    ends 0 signet agent stop
    # Nobody is locked where nobody runs.
    ends 0 signet agent unlock
    says 'no agent is running'
}

@test "LOCK with what it does not know" {
    need gpg-connect-agent
    ends 0 signet agent start
    socket=$(signet agent status --json | jq -r .socket)
    for line in 'LOCK open+sesame' 'LOCK passphrase-file=relative' 'UNLOCK a b' 'LOCK passphrase-file='; do
        gpg-connect-agent -S "$socket" "$line" /bye >out 2>&1 || :
        grep -q 'S ERROR E_USAGE' out || [ "$line" = 'UNLOCK a b' ] || fail "$line:" "$(cat out)"
        grep -q '^ERR' out || fail "$line:" "$(cat out)"
    done
    [ "$(signet agent status --json | jq .locked)" = false ]
}

# begin_bus: a system bus and a logind of this test's; logind TEXT tells it what happens.
begin_bus() {
    need dbus-daemon
    cat >bus.conf <<XML
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=$T/bus$BATS_TEST_NUMBER</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true" send_type="method_return"/>
<allow send_requested_reply="true" send_type="error"/><allow receive_type="method_call"/>
<allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>
XML
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/bus$BATS_TEST_NUMBER
    dbus-daemon --nofork --nopidfile --config-file="$PWD/bus.conf" 3>&- &
    started+=($!)
    wait_until test -S "$T/bus$BATS_TEST_NUMBER"
    mkfifo orders
    "$E2E_LOGIND" <orders >logind.log 3>&- &
    started+=($!)
    exec 9>orders
    wait_until grep -q ready logind.log || skip "libsystemd is not installed"
}
logind() { echo "$1" >&9; }
forgot() { [ "$(grep -c "\"operation\":\"forget\",\"scheme\":\"$1\"" "$(find "$SIGNET_HOME" -name audit.log)")" -eq "$2" ]; }

@test "suspend and a locked screen: PINs are forgotten, and sleep waits for it" {
    begin_bus
    answers "$PIN"
    ends 0 sign red
    ends 0 sign blue
    wait_until grep -q inhibit logind.log
    logind sleep
    wait_until grep -q released logind.log
    forgot suspend 1
    [ "$(signet agent status --json | jq .pins)" -eq 0 ]
    logind wake
    ends 0 sign red
    asked 3
    ends 0 signet agent status
    grep -q 'forgotten at: suspend, screen lock' <<<"$output"
    logind 'lock other'
    logind 'lock mine'
    wait_until forgot screen-lock 1
    ends 0 sign red
    asked 4
    logind 'hint mine'
    wait_until forgot screen-lock 2
    ends 0 sign red
    asked 5
    exec 9>&-
}

@test "without a bus the status says so" {
    export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/no-bus
    answers "$PIN"
    ends 0 signet agent start
    ends 0 signet agent status
    grep -q 'forgotten at: not yet' <<<"$output"
    ends 0 sign red
    said() { signet agent status | grep -q 'forgotten at: none: '; }
    wait_until said
}

@test "PINs of a command and of a credential" {
    printf '#!/bin/sh\n[ "$1" = "$SIGNET_TOKEN" ] && echo %s\n' "$PIN" >fetch
    chmod 700 fetch
    mkdir -m 700 credentials
    install -m 400 "$T/pin" credentials/blue-pin
    export CREDENTIALS_DIRECTORY=$PWD/credentials
    cat >>"$SIGNET_HOME/signet.conf" <<CONF
[token red]
pin-source = command:$PWD/fetch red
[token blue]
pin-source = credential:blue-pin
CONF
    ends 0 sign red
    ends 0 sign blue
    [ ! -s "$P.log" ]
    # The command's failure is told, and what it printed is not.
    ends 0 signet pin forget red
    printf '#!/bin/sh\necho %s\nexit 9\n' "$PIN" >fetch
    ends 4 sign red
    says "token \"red\".*$PWD/fetch.*exit status 9"
    [[ $stderr != *"$PIN"* ]]
    ends 0 signet pin forget blue
    rm -f credentials/blue-pin
    ends 4 sign blue
    says 'blue-pin'
}

@test "what is no pin-source, and times that are none, are faults of the configuration" {
    for line in 'pin-source = vault:x' 'pin-source = command:relative' 'pin-source = credential:a/b' \
        'pin-source = file:relative' 'pin-ttl = soon'; do
        printf '[agent]\np11-kit = no\n[token red]\n%s\n' "$line" >"$SIGNET_HOME/signet.conf"
        ends 2 signet agent start
        says "signet.conf:4: .*${line%% *}"
    done
}

# confirmed WHEN: a rule that wants it, in the home's policy.
confirmed() {
    mkdir -p -m 700 "$SIGNET_HOME/policy.d"
    printf '[key *]\nconfirm = %s\n' "$1" >"$SIGNET_HOME/policy.d/10.conf"
}
confirms() { [ "$(grep -c '^CONFIRM' "$P.log")" -eq "$1" ] || fail "not $1 questions" "$(cat "$P.log")"; }

@test "each use is confirmed, or none is made" {
    confirmed each
    answers yes "$PIN" yes no cancel
    ends 0 sign red
    ends 0 sign red
    confirms 2
    grep '^SETDESC' "$P.log" | head -1 | grep -q 'Allow this once, on token "red"%0A' ||
        fail "$(cat "$P.log")"
    rm red.eml
    ends 4 sign red
    says 'rule "\[key \*\] of .*not confirmed by the person'
    ends 4 sign red
    confirms 4
    [ ! -e red.eml ]
    run signet audit show --json
    [ "$(jq -rs 'map(select(.event == "confirm") | .result) | join(" ")' <<<"$output")" = \
        "ok ok E_DENIED E_DENIED" ] || fail "$output"
}

@test "a session is confirmed once, another one anew, and all again when PINs are forgotten" {
    confirmed session
    answers yes "$PIN" yes yes "$PIN"
    ends 0 sign red
    ends 0 sign red
    confirms 1
    ends 0 setsid -w signet sign -u red@prompts.example -o other.eml "$T/red.mail"
    confirms 2
    ends 0 signet pin forget
    ends 0 sign red
    confirms 3
}

@test "a use is confirmed at the terminal" {
    need expect
    confirmed each
    printf '[agent]\np11-kit = no\npinentry = none\n' >"$SIGNET_HOME/signet.conf"
    softhsm_conf "$PWD/card"
    (umask 077; echo "$PIN" >pin)
    printf '[token red]\npin-source = file:%s/pin\n' "$PWD" >>"$SIGNET_HOME/signet.conf"
    for answer in y n; do
        cat >tty.exp <<EXP
set timeout 20
spawn signet sign -u red@prompts.example -o $answer.eml $T/red.mail
expect -re {Allow this once, on token "red".*y/N} { send "$answer\r" } timeout { exit 98 }
expect eof
catch wait result
exit [lindex \$result 3]
EXP
        run expect tty.exp
        [ "$status" -eq $([ $answer = y ] && echo 0 || echo 4) ] || fail "status $status" "$output"
    done
    ok openssl_accepts_mail y.eml
    [ ! -e n.eml ]
}

@test "pinentry-tty at the client's terminal" {
    need expect pinentry-tty
    sed -i "s|^pinentry = .*|pinentry = $(command -v pinentry-tty)|" "$SIGNET_HOME/signet.conf"
    unset DISPLAY
    ends 0 signet agent start
    cat >tty.exp <<EXP
set timeout 20
spawn signet sign -u red@prompts.example -o red.eml $T/red.mail
expect -re {red.*PIN:} { send "$PIN\r" } timeout { exit 98 }
expect eof
catch wait result
exit [lindex \$result 3]
EXP
    run expect tty.exp
    [ "$status" -eq 0 ] || fail "status $status" "$output"
    [[ $output != *"$PIN"* ]]
    [[ $output == *'to sign with key "red"'* ]]
    ok openssl_accepts_mail red.eml
}
