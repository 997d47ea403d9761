#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The agent's protocol by hand, as docs/protocol.md shows it: gpg-connect-agent -S.

load lib/common

setup_file() {
    e2e_begin gpg-connect-agent openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new hand
    key_new hand p256 hand@wire.example
    echo "$KEY" >"$T/p256.name"
    key_new hand ed25519 ed@wire.example
    echo "$KEY" >"$T/ed25519.name"
    key_new hand rsa2048 rsa@wire.example
    echo "$KEY" >"$T/rsa2048.name"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    SOCK=$SIGNET_HOME/run/agent.sock
}

# by_hand COMMAND...: each a line; the answers go to the file reply, and to $output.
by_hand() {
    gpg-connect-agent -S "$SOCK" "$@" /bye >reply 2>&1 || fail "status $?" "$(tr -d '\0' <reply)"
    output=$(tr -d '\0' <reply)
}

# The data of its D lines, unescaped, to a file.
data() {
    perl -ne 's/^D // or next; chomp; s/%([0-9A-Fa-f]{2})/chr hex $1/ge; print' reply >"$1"
}

@test "GETINFO, NOP, HELP, an unknown command" {
    by_hand 'GETINFO version' 'GETINFO pid' 'GETINFO protocol' NOP
    [ "$(grep -c '^OK' <<<"$output")" -ge 4 ]
    [[ $output == *"D $(agent_pid)"* ]]
    by_hand HELP
    for command in SIGN KEYS KEY TOKENS CERTS DECRYPT DERIVE STATUS FORGET STOP OPTION; do
        [[ $output == *"# $command"* ]] || fail "HELP knows no $command" "$output"
    done
    by_hand FROBNICATE
    [[ $output == *ERR* ]]
}

@test "TOKENS, KEYS, KEY, CERTS, STATUS answer with JSON" {
    for command in TOKENS KEYS CERTS STATUS "KEY hand@wire.example"; do
        by_hand "$command"
        data json
        [[ $(head -c 1 json) == [\[{] ]] || fail "$command:" "$output"
    done
    by_hand "KEY $(head -c 12 "$T/p256.name")"
    [[ $output == *"$(cat "$T/p256.name")"* ]]
}

@test "SIGN: one line each way, and openssl verifies it" {
    printf 'some words' >words
    hex=$(openssl dgst -sha256 -r words | cut -d' ' -f1)
    for pair in p256:ecdsa-sha256:hand rsa2048:rsa-pkcs1-sha256:rsa; do
        IFS=: read -r type scheme who <<<"$pair"
        by_hand "SIGN $(cat "$T/$type.name") $scheme $hex"
        data sig
        openssl x509 -in "$T/certs/$who@wire.example.crt" -noout -pubkey >pub
        openssl dgst -sha256 -verify pub -signature sig words
    done
    by_hand "SIGN $(cat "$T/rsa2048.name") rsa-pss-sha256 $hex"
    data sig
    openssl dgst -sha256 -verify pub -signature sig -sigopt rsa_padding_mode:pss words
}

@test "SIGN with INQUIRE: Ed25519 takes the message" {
    printf 'some words' >words
    by_hand "/definqfile DATA $PWD/words" "SIGN $(cat "$T/ed25519.name") ed25519"
    data sig
    openssl x509 -in "$T/certs/ed@wire.example.crt" -noout -pubkey >pub
    openssl pkeyutl -verify -rawin -pubin -inkey pub -sigfile sig -in words
}

@test "failures come as S ERROR with a sentence, then ERR" {
    zero=$(printf '0%.0s' $(seq 64))
    by_hand "SIGN $zero ecdsa-sha256 $zero"
    [[ $output == *'S ERROR E_NO_KEY '* ]]
    [[ $output == *ERR* ]]
    by_hand "SIGN $(cat "$T/p256.name") ecdsa-sha256 abcd"
    [[ $output == *'S ERROR E_'* ]]
    by_hand "SIGN $(cat "$T/p256.name") rsa-pkcs1-sha256 $zero"
    [[ $output == *'S ERROR E_'* ]]
    by_hand "SIGN $(cat "$T/p256.name") nonsense $zero" SIGN 'SIGN x' "KEY nobody"
    [ "$(grep -c '^ERR' <<<"$output")" -eq 4 ] || fail "$output"
    by_hand "SIGN $(cat "$T/rsa2048.name") rsa-pkcs1-sha1 $(printf '0%.0s' $(seq 40))"
    [[ $output == *ERR* ]]
}

@test "garbage, long lines and silence do no harm" {
    perl -MSocket -e '
        my $to = pack_sockaddr_un($ARGV[0]);
        for my $text ("\0\1\2\n" x 50, "A" x 100000, "SIGN " . "f" x 5000 . "\n", "D x\nEND\nCAN\n", "") {
            socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
            connect($s, $to) or die;
            local $SIG{PIPE} = "IGNORE";
            syswrite $s, $text;
            close $s;
        }' "$SOCK"
    ends 0 signet agent status
    ends 0 signet sign -u hand@wire.example -o /dev/null "$T/ca/chain.pem" || [ "$status" -eq 5 ]
}

@test "the session in docs/protocol.md happens as it is written" {
    home_new session
    SOCK=$SIGNET_HOME/run/agent.sock
    doc=$E2E_DIR/../../docs/protocol.md
    sed -n '/^## A session/,/^## /s/^    //p' "$doc" | sed "s|/home/alice/pin|$T/pin|" >session
    grep -q '^> SIGN' session
    printf 'some words' >message.bin
    signet agent start
    # The page does not show how carol's key came to be.
    sed -n 's/^> //p' session | sed '/^GENERATE_KEY/a GENERATE_KEY demo ed25519 carol' >commands
    gpg-connect-agent -S "$SOCK" <commands >reply 2>&1 || fail "status $?" "$(cat reply)"
    # How each command ends, and the failure that is named.
    grep -aoE '^(OK|ERR [0-9]+|S ERROR E_[A-Z_]+)' session | sed '1a OK' >written
    grep -aoE '^(OK|ERR [0-9]+|S ERROR E_[A-Z_]+)' reply >happened
    diff written happened || fail "$(tr -d '\0' <reply)"
    # The last signature is of the file named.
    perl -ne 's/^D // or next; chomp; s/%([0-9A-Fa-f]{2})/chr hex $1/ge; $d = $_; END { print $d }' \
        reply >sig
    signet keys --json | perl -MMIME::Base64 -0777 -ne '
        for (/\{[^{}]*?"label"\s*:\s*"carol".*?"spki"\s*:\s*"([^"]+)"/s) { print decode_base64($1) }' >pub.der
    openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey pub.der -sigfile sig -in message.bin
}

@test "every command that docs/protocol.md describes is there" {
    doc=$E2E_DIR/../../docs/protocol.md
    by_hand HELP
    known=$output
    for command in $(sed -n 's/^### //p' "$doc" | tr ',' '\n' | sed 's/^ *//' | grep -oE '^[A-Z_]{3,}' | sort -u); do
        [[ $known == *"# $command"* ]] || fail "documented but unknown: $command" "$known"
    done
    for command in $(grep -oE '^# [A-Z_]+' <<<"$known" | cut -c3- | sort -u); do
        grep -qE "^###.*\\b$command\\b" "$doc" || [[ " AUTH END OPTION INPUT OUTPUT " == *" $command "* ]] ||
            fail "known but not documented: $command"
    done
}

@test "STOP by hand" {
    home_new stopped
    signet agent start
    pid=$(agent_pid)
    SOCK=$SIGNET_HOME/run/agent.sock
    run gpg-connect-agent -S "$SOCK" STOP /bye
    [[ $output == *OK* ]]
    wait_gone "$pid"
    [ ! -e "$SOCK" ]
}
