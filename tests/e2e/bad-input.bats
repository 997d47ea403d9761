#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What goes wrong in daily life: each time a sentence on standard error, the
# documented exit status, no file under the output's name, no temporary file.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo p256 alice@bad.example
    mail_pl sample 4 alice@bad.example >"$T/mail"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
}

# Nothing but the sentence: standard error is one line that starts with the program.
sentence() {
    says "$1"
    [[ $stderr == "signet: "* ]] || fail "not a sentence of signet's: $stderr"
    [ "$(wc -l <<<"$stderr")" -le 2 ] || fail "more than a sentence: $stderr"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
}

@test "no token at all" {
    home_new notoken
    ends 4 signet sign -u alice@bad.example -o out "$T/mail"
    sentence 'token|key'
    only_files .
    ends 4 signet sign -o out "$T/mail"
    sentence 'token|key'
    ends 0 signet tokens --json
    [ "$(tr -d ' \n' <<<"$output")" = "[]" ]
    ends 4 signet key generate --token demo --type p256
    sentence demo
    only_files .
}

@test "two tokens with the same label" {
    home_new twins
    ca_leaf "$T/ca" twin1 p256 twin1@bad.example
    ca_leaf "$T/ca" twin2 p256 twin2@bad.example
    softhsm_new "$T/hsm1"
    softhsm_new "$T/hsm2"
    softhsm_token "$T/hsm1" twin
    softhsm_token "$T/hsm2" twin
    softhsm_key "$T/hsm1" twin twin1 01
    softhsm_key "$T/hsm2" twin twin2 01
    mv "$T"/hsm2/tokens/* "$T/hsm1/tokens/"
    softhsm_conf "$T/hsm1"
    pin_source twin "$T/pin"
    ends 0 signet tokens --json
    [ "$(grep -o '"twin"' <<<"$output" | wc -l)" -eq 2 ]
    serials=$(grep -o '"serial": *"[0-9a-f]*"' <<<"$output" | grep -o '[0-9a-f]\{16\}')
    # Which of the two has this PIN? It is sent to neither.
    ends 4 signet sign -u twin1@bad.example -o m1.eml "$T/mail"
    sentence 'twin.*twice'
    only_files .
    home_stop
    for serial in $serials; do
        pin_source "$serial" "$T/pin"
    done
    # A key is found on either; a label that means both is refused.
    ends 0 signet sign -u twin1@bad.example -o m1.eml "$T/mail"
    ends 0 signet sign -u twin2@bad.example -o m2.eml "$T/mail"
    ok openssl_accepts_mail m1.eml
    ok openssl_accepts_mail m2.eml
    ends 4 signet key generate --token twin --type p256
    sentence twin
    only_files . m1.eml m2.eml
}

@test "a key without a certificate" {
    KEY=$(signet key generate --token demo --type p256 --label bare)
    ends 4 signet sign -u "$KEY" -o out "$T/mail"
    sentence certificate
    only_files .
}

@test "no such key" {
    ends 4 signet sign -u nobody@bad.example -o out "$T/mail"
    sentence nobody@bad.example
    ends 4 signet sign -u ffffffffffffffff -o out "$T/mail"
    sentence ffffffffffffffff
    only_files .
}

@test "a wrong PIN is said, and is never sent twice" {
    home_new wrongpin
    softhsm_new "$T/hsm3"
    softhsm_token "$T/hsm3" guarded
    ca_leaf "$T/ca" guarded p256 guarded@bad.example
    softhsm_key "$T/hsm3" guarded guarded 01
    spy_begin "$T/spy.log"
    softhsm_conf "$T/hsm3" "$SPY_MODULE"
    printf 000000 >"$T/wrong"
    chmod 600 "$T/wrong"
    pin_source guarded "$T/wrong"
    for attempt in 1 2 3; do
        ends 4 signet sign --batch -u guarded@bad.example -o out "$T/mail"
        sentence 'guarded.*PIN|PIN.*guarded'
        only_files .
    done
    [ "$(spy_calls C_Login)" -eq 1 ] || fail "$(spy_calls C_Login) logins were tried"
    # The right PIN in the file: accepted without a restart.
    printf %s "$PIN" >"$T/wrong"
    ends 0 signet sign --batch -u guarded@bad.example -o m.eml "$T/mail"
    [ "$(spy_calls C_Login)" -eq 2 ]
    home_stop
    spy_end
}

@test "a PIN is needed and nobody can be asked" {
    home_new nopin
    softhsm_new "$T/hsm4"
    softhsm_token "$T/hsm4" silent
    ca_leaf "$T/ca" silent p256 silent@bad.example
    softhsm_key "$T/hsm4" silent silent 01
    softhsm_conf "$T/hsm4"
    ends 4 signet sign --batch -u silent@bad.example -o out "$T/mail" </dev/null
    sentence 'silent.*PIN|PIN.*silent'
    ends 4 setsid signet sign -u silent@bad.example -o out "$T/mail" </dev/null
    sentence 'silent.*PIN|PIN.*silent'
    pin_source silent "$T/there-is-none"
    home_stop
    ends 4 signet sign --batch -u silent@bad.example -o out "$T/mail" </dev/null
    sentence there-is-none
    only_files .
}

@test "the agent is killed while a client waits" {
    home_new killed
    softhsm_new "$T/hsm5"
    softhsm_token "$T/hsm5" waiting
    ca_leaf "$T/ca" waiting p256 waiting@bad.example
    softhsm_key "$T/hsm5" waiting waiting 01
    softhsm_conf "$T/hsm5"
    pinentry_new hangs hang
    pinentry_use hangs
    export DISPLAY=:none
    signet sign -u waiting@bad.example -o out "$T/mail" 2>err &
    client=$!
    wait_until grep -q GETPIN "$T/hangs.log"
    kill -9 "$(agent_pid)"
    client_status=0
    wait $client || client_status=$?
    [ "$client_status" -eq 6 ] || fail "status $client_status" "$(cat err)"
    stderr=$(cat err)
    sentence agent
    only_files . err
    # The pinentry ends with its agent, and the next client finds no obstacle.
    wait_until grep -q GONE "$T/hangs.log"
    unset DISPLAY
    ends 0 signet tokens
    home_stop
}

@test "a stale socket file" {
    home_new stale
    token_new stale
    key_new stale p256 stale@bad.example
    pid=$(agent_pid)
    hosts=$(token_host_pids)
    kill -9 "$pid"
    wait_gone "$pid"
    [ -S "$SIGNET_HOME/run/agent.sock" ]
    ends 0 signet sign -u stale@bad.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
    # Hosts of a dead agent end by themselves.
    [ "$(agent_pid)" != "$pid" ]
    home_stop
}

@test "something else lies where the socket belongs" {
    home_new blocked
    mkdir -m 700 "$SIGNET_HOME/run"
    mkdir "$SIGNET_HOME/run/agent.sock"
    ends 6 signet tokens
    sentence agent.sock
    rmdir "$SIGNET_HOME/run/agent.sock"
    ends 0 signet tokens
}

@test "a runtime folder that others can write" {
    home_new loose
    mkdir -m 777 "$SIGNET_HOME/run"
    chmod 777 "$SIGNET_HOME/run"
    run --separate-stderr signet tokens
    [ "$status" -ne 0 ]
    sentence "$SIGNET_HOME/run"
}

@test "a full disk" {
    ends 6 signet sign -u alice@bad.example -o /dev/full "$T/mail"
    sentence 'full|space'
    run bash -c 'signet sign -u alice@bad.example "$1" 2>err >/dev/full' bash "$T/mail"
    [ "$status" -eq 6 ]
    stderr=$(cat err)
    sentence 'space|output'
    run bash -c 'signet keys 2>err >/dev/full'
    [ "$status" -eq 6 ]
    run bash -c 'signet sign -u alice@bad.example --cms "$1" 2>err >/dev/full' bash "$T/mail"
    [ "$status" -eq 6 ]
    only_files . err
}

@test "a file system that fills up while writing" {
    mkdir small
    mount -t tmpfs -o size=64k none small 2>/dev/null || skip "mounting a tmpfs is not allowed here"
    head -c 300000 /dev/urandom >big
    run --separate-stderr signet sign -u alice@bad.example --cms -o small/out big
    left=$(ls -A small)
    umount small
    [ "$status" -eq 6 ] || fail "status $status: $stderr"
    sentence 'space|full'
    [ -z "$left" ] || fail "left behind: $left"
}

@test "a folder that may not be written" {
    ends 6 signet sign -u alice@bad.example -o /nowhere/at/all "$T/mail"
    sentence /nowhere/at/all
    ends 6 signet sign -u alice@bad.example -o /proc/out "$T/mail"
    sentence /proc/out
    mkdir locked
    chmod 555 locked
    if [ "$(id -u)" -eq 0 ]; then
        signet sign -u alice@bad.example --cms -o m.der "$T/mail"
        as="setpriv --reuid=65534 --regid=65534 --clear-groups"
        # Verifying needs no agent: another user can do it, where folders let him.
        cp "$T/ca/chain.pem" m.der /tmp/ 2>/dev/null
        run --separate-stderr $as signet verify --anchor "$T/ca/chain.pem" -o locked/out m.der
        rm -f /tmp/chain.pem /tmp/m.der
        [ "$status" -ne 127 ] && [ "$status" -ne 126 ] ||
            skip "another user may not run the built program"
    else
        run --separate-stderr signet sign -u alice@bad.example -o locked/out "$T/mail"
    fi
    [ "$status" -ne 0 ]
    [ -z "$(ls -A locked)" ]
}

@test "an existing output stays as it was when signing fails" {
    echo precious >out
    ends 4 signet sign -u nobody@bad.example -o out "$T/mail"
    [ "$(cat out)" = precious ]
    ends 2 signet sign -u alice@bad.example -o out missing
    [ "$(cat out)" = precious ]
    signet sign -u alice@bad.example --cms -o m.der "$T/mail"
    mail_pl flip m.der 300
    run signet verify -o out m.der
    [ "$(cat out)" = precious ]
    only_files . out m.der
}

@test "input that is a directory, missing, or unreadable" {
    mkdir dir
    for f in dir missing; do
        for command in 'sign -u alice@bad.example' 'sign -u alice@bad.example --cms' verify \
            'verify --cms' 'cert import'; do
            out='-o out'
            [ "$command" != 'cert import' ] || out=
            # shellcheck disable=SC2086
            ends 2 signet $command $out $f
            sentence $f
        done
    done
    run --separate-stderr bash -c 'signet sign -u alice@bad.example -o out <dir'
    [ "$status" -eq 2 ]
    sentence 'directory'
    ends 2 signet verify --content dir -o out "$T/mail"
    only_files . dir
}

@test "a mail with bare LF is signed in canonical form" {
    ends 0 signet sign -u alice@bad.example -o m.eml "$T/mail"
    mail_pl split m.eml content sig.der
    ok openssl_accepts_detached sig.der content
    sed 's/$/\r/' "$T/mail" >crlf
    awk 'NR % 2 { printf "%s\r\n", $0; next } { print }' "$T/mail" >mixed
    for f in crlf mixed; do
        ends 0 signet sign -u alice@bad.example -o $f.eml $f
        ok openssl_accepts_mail $f.eml
        ends 0 signet verify --anchor "$T/ca/chain.pem" $f.eml
        mail_pl split $f.eml $f.content $f.der
        cmp content $f.content
    done
}

@test "a mail with 8-bit lines survives a 7-bit way" {
    {
        printf 'From: alice@bad.example\nSubject: eight\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n'
        printf 'Content-Transfer-Encoding: 8bit\n\nGr\303\274\303\237e, \342\202\254 5\n'
        printf 'From here a line that mailers change\n'
    } >eight
    ends 0 signet sign -u alice@bad.example -o m.eml eight
    ok openssl_accepts_mail m.eml
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o out m.eml
    mail_pl split m.eml content sig.der
    # RFC 8551 3.1.3: what is signed in the clear is seven-bit.
    [ -z "$(LC_ALL=C grep -a '[^ -~[:space:]]' content)" ] || fail "8-bit bytes are signed in the clear"
}

@test "a mail without a header" {
    printf 'just words\nno header at all\n' >words
    ends 5 signet sign -u alice@bad.example -o out words
    sentence header
    only_files . words
    ends 5 signet verify -o out words
    sentence '.'
    only_files . words
}

@test "an empty mail" {
    : >empty
    ends 5 signet sign -u alice@bad.example -o out empty
    sentence empty
    ends 5 signet verify -o out empty
    sentence 'empty|no '
    only_files . empty
    # Bare CMS of an empty file is in order.
    ends 0 signet sign -u alice@bad.example --cms -o e.der empty
    ok openssl_accepts_opaque e.der
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o got e.der
    [ -e got ] && [ ! -s got ]
}

@test "unknown options, commands, values; too many operands" {
    ends 2 signet sign --frobnicate "$T/mail"
    sentence frobnicate
    ends 2 signet frobnicate
    sentence frobnicate
    ends 2 signet
    ends 2 signet sign --digest sha1 "$T/mail"
    sentence sha1
    ends 2 signet sign --digest md5 "$T/mail"
    ends 2 signet sign -u
    ends 2 signet key generate --token demo --type rsa1024
    sentence rsa1024
    ends 2 signet key generate --type p256
    sentence token
    ends 2 signet sign "$T/mail" "$T/mail"
    ends 2 signet verify --time yesterday "$T/mail"
    sentence yesterday
    ends 2 signet verify --anchor "$T/mail" "$T/mail"
    sentence "$T/mail"
    ends 2 signet sign --detached "$T/mail"
    only_files .
}

@test "a faulty configuration names file and line" {
    home_new faulty
    printf '[agent]\npinentry = none\nfrobnicate = 1\n' >"$SIGNET_HOME/signet.conf"
    ends 2 signet tokens
    sentence 'signet.conf:3'
    printf '[frobnicate]\n' >"$SIGNET_HOME/signet.conf"
    ends 2 signet tokens
    sentence 'signet.conf:1'
    : >"$SIGNET_HOME/signet.conf"
}

@test "a module that is none, and one that crashes, harm nobody else" {
    home_new mixed
    token_new fine
    key_new fine p256 fine@bad.example
    printf '[module broken]\npath = %s\n[module missing]\npath = /no/such/module.so\n' \
        "$T/mail" >>"$SIGNET_HOME/signet.conf"
    home_stop
    ends 0 signet sign -u fine@bad.example -o m.eml "$T/mail"
    ok openssl_accepts_mail m.eml
}
