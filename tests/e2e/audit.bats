#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The audit log as an administrator uses it: shown, followed, verified, its head signed; and
# whatever is done to it found out.

load lib/common

setup_file() {
    e2e_begin openssl jq softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    home_new main
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" work
    ca_leaf "$T/ca" auditor p256 auditor@audit.example
    softhsm_key "$T/hsm" work auditor 01
    softhsm_conf "$T/hsm"
    pin_source work "$T/pin"
    printf '[audit]\nmax-size = 4k\n' >>"$SIGNET_HOME/signet.conf"
    mail_pl sample 4 auditor@audit.example >"$T/mail"
    for _ in 1 2 3 4; do
        signet sign -u auditor@audit.example -o /dev/null "$T/mail" 2>/dev/null || return
    done
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    LOG=$SIGNET_HOME/audit.log
}

teardown() { umount -l "$BATS_TEST_TMPDIR/full" 2>/dev/null || :; }

sign() { signet sign -u auditor@audit.example -o /dev/null "$T/mail"; }

@test "what was done is shown, and found by who, what and when" {
    ends 0 signet audit show --event key --operation sign
    [ "$(wc -l <<<"$output")" = 4 ]
    [[ $output == *"key sign"*"ok"*work*ecdsa-sha256*"uid $(id -u)"*signet* ]] || fail "$output"
    ends 0 signet audit show --json --event pin
    jq -se 'length == 1 and .[0].operation == "login" and .[0].result == "ok"' <<<"$output" || fail "$output"
    ends 0 signet audit show --json --peer "$(id -u)" --since 2026-01-01 --key "$(jq -r 'select(.key) | .key[0:8]' "$LOG" | head -1)"
    [ "$(wc -l <<<"$output")" = 4 ]
    ends 0 signet audit show --until 2020-01-01
    [ -z "$output" ]
    ends 0 signet audit show --result failed
    [ -z "$output" ]
    ends 2 signet audit show --since yesterday
    says "ISO 8601"
    ends 2 signet audit show nowhere
    ends 5 signet audit show /dev/zero
    says "no audit log"
    ends 5 signet audit verify /dev/zero
    # The digest is what was signed, and no more of it is told.
    ends 0 signet audit show --json --event key
    jq -se 'all(.digest | length == 64)' <<<"$output"
}

@test "new lines are followed" {
    signet audit show --follow --json >followed 2>/dev/null &
    follower=$!
    wait_until test -s followed
    before=$(wc -l <followed)
    ok sign
    more() { [ "$(wc -l <followed)" -gt "$before" ]; }
    wait_until more
    kill "$follower"
    [ "$(wc -l <followed)" -gt "$before" ]
    tail -1 followed | jq -e '.operation == "sign"'
}

@test "the chain is whole, and every edit, cut, insertion and move is found" {
    ok signet agent stop
    ends 0 signet audit verify
    says "chain is whole"
    cp "$LOG" good
    lines=$(wc -l <good)
    for ((n = 1; n <= lines; n++)); do
        # changed (the last one's change nobody can see but a head)
        if [ "$n" -lt "$lines" ]; then
            sed "${n}s/\"result\":\"ok\"/\"result\":\"no\"/" good >bad
            ends 1 signet audit verify bad
            [[ $output == *"bad, line $n "* ]] || fail "$n: $output"
            # removed
            if [ "$n" -gt 1 ]; then
                sed "${n}d" good >bad
                ends 1 signet audit verify bad
                [[ $output == *missing* ]] || fail "$n: $output"
            fi
            # put in twice
            sed "${n}p" good >bad
            ends 1 signet audit verify bad
            [[ $output == *"there twice"* ]] || fail "$n: $output"
            # moved behind the next
            sed -n "${n}{h;n;p;x;p;d};p" good >bad
            ends 1 signet audit verify bad
        fi
    done
    # A line of somebody else's.
    sed '2a{"seq":3,"prev":"00","event":"key"}' good >bad
    ends 1 signet audit verify bad
    sed '2anonsense' good >bad
    ends 1 signet audit verify --json bad
    jq -e '.whole == false and (.faults | length > 0)' <<<"$output"
    printf 'nonsense' >>good
    ends 0 signet audit verify good
    [[ $output == *"has no end"* ]]
}

@test "a signed head shows that the end was cut or made anew" {
    ok signet audit sign -u auditor@audit.example -o head.p7m
    ok openssl cms -verify -inform DER -in head.p7m -CAfile "$T/ca/chain.pem" -purpose any -out head.json
    jq -e '."signet-audit-head" == 1 and .seq > 1' head.json
    ok sign
    ok signet agent stop
    ends 0 signet audit verify --head head.p7m --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt"
    says "up to what was signed"
    seq=$(jq .seq head.json)
    for f in "$SIGNET_HOME"/audit.log.[0-9]* "$LOG"; do [ ! -e "$f" ] || cat "$f"; done >all
    grep -v "^{\"seq\":$seq," all | awk -F'[:,]' -v s="$seq" '$2 < s' >cut
    ends 1 signet audit verify --head head.p7m --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" cut
    [[ $output == *"was cut"* ]] || fail "$output"
    # Another chain, whole in itself.
    awk -F'[:,]' -v s="$seq" '$2 <= s' all | sed '$s/"result":"ok"/"result":"no"/' >anew
    ends 1 signet audit verify --head head.p7m --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" anew
    [[ $output == *"is not what it was when"* ]] || fail "$output"
    # Nobody's head.
    ends 3 signet audit verify --head head.p7m
    ends 5 signet audit verify --head "$T/mail" --anchor "$T/ca/root.crt"
    echo '{}' >other
    ok signet sign --cms -u auditor@audit.example -o other.p7m other
    ends 5 signet audit verify --head other.p7m --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt"
    says "no head"
}

@test "rotation keeps the chain, with four clients at work" {
    clients=()
    for _ in 1 2 3 4; do
        for _ in 1 2 3 4 5; do sign; done >/dev/null 2>&1 &
        clients+=($!)
    done
    wait "${clients[@]}"
    ok signet agent stop
    [ "$(ls "$SIGNET_HOME" | grep -c '^audit\.log\.[0-9]')" -ge 2 ]
    ends 0 signet audit verify --json
    jq -e '.whole and .first == 1' <<<"$output" || fail "$output"
    ends 0 signet audit show --json --operation rotate
    [ -n "$output" ]
}

@test "an agent that is killed leaves a whole chain" {
    for _ in 1 2 3; do
        for _ in 1 2 3 4; do sign; done >/dev/null 2>&1 &
        busy=$!
        wait_until agent_pid >/dev/null
        kill -9 "$(agent_pid)" || :
        wait "$busy" || :
    done
    ok sign
    ok signet agent stop
    ends 0 signet audit verify
}

@test "a log that is a link, or others may write, stops the agent with a sentence" {
    ok signet agent stop
    mv "$LOG" kept
    ln -s "$PWD/kept" "$LOG"
    ends 6 sign
    says "audit.log is a link"
    rm "$LOG"
    cp kept "$LOG"
    chmod 666 "$LOG"
    ends 6 sign
    says "chmod 600"
    chmod 600 "$LOG"
    ok sign
    ok signet agent stop
    ends 0 signet audit verify
}

@test "a log that somebody takes away while the agent runs is gone on with, and it shows" {
    ok sign
    mv "$LOG" taken
    sleep 1.1 # the agent looks once a second
    ok sign
    tail -1 "$LOG" | jq -e '.operation == "sign"'
    head -1 "$LOG" | jq -e '.operation == "reopen"'
    ok signet agent stop
    ends 0 signet audit verify taken "$LOG"
}

@test "another file in its place stops every use of a key, until it is moved away" {
    ok sign
    mv "$LOG" taken
    head -3 taken >"$LOG"
    sleep 1.1 # the agent looks once a second
    ends 6 sign
    says "was replaced by another file"
    ends 6 sign
    [ "$(wc -l <"$LOG")" = 3 ]
    rm "$LOG"
    ok sign
    head -1 "$LOG" | jq -e '.operation == "reopen"'
    ok signet agent stop
    ends 0 signet audit verify taken "$LOG"
}

@test "heads are signed on a schedule" {
    ok signet agent stop
    mkdir -m 700 timed
    grep -v max-size "$SIGNET_HOME/signet.conf" >timed/signet.conf
    printf 'sign-key = auditor@audit.example\nsign-every = 1s\n' >>timed/signet.conf
    export SIGNET_HOME=$PWD/timed
    ok sign
    some() { compgen -G "timed/audit-heads/*.p7m" >/dev/null && grep -q '"event":"head"' timed/audit.log; }
    wait_until some
    tail -1 timed/audit.log | jq -e '.event == "head" and .operation == "sign" and .result == "ok"'
    # Nothing new, nothing signed.
    ok sign
    ok signet agent stop
    ends 0 signet audit verify --head timed/audit-heads --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt"
    says "up to what was signed"
    ends 2 signet audit verify --head "$T/homes" --anchor "$T/ca/root.crt"
    head -1 timed/audit.log >cut
    ends 1 signet audit verify --head timed/audit-heads --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" cut
    [[ $output == *"was cut"* ]] || fail "$output"
}

@test "a full disk: nothing is signed; or, as configured, all is and the gap is told" {
    mkdir full
    mount -t tmpfs -o size=64k,mode=700 tmpfs full 2>/dev/null || skip "mounting a tmpfs is not allowed here"
    cp "$SIGNET_HOME/signet.conf" full/
    sed -i '/^\[audit\]/,$d' full/signet.conf
    export SIGNET_HOME=$PWD/full
    ok sign
    dd if=/dev/zero of=full/ballast bs=1k 2>/dev/null || :
    while ok_sign=$(sign 2>&1); do :; done
    [[ $ok_sign == *"audit.log cannot be written"* ]] || fail "$ok_sign"
    rm full/ballast
    ok sign
    ok signet agent stop
    printf '[audit]\nwhen-full = go-on\n' >>full/signet.conf
    ok sign
    dd if=/dev/zero of=full/ballast bs=1k 2>/dev/null || :
    for _ in $(seq 30); do ok sign; done
    rm full/ballast
    ok sign
    grep -q '"operation":"gap"' full/audit.log
    ok signet agent stop
    ends 0 signet audit verify
}
