#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Enhanced Security Services (RFC 2634): labels and their policy, receipts asked for, made
# and compared, with openssl as the other side.

load lib/common

POLICY=1.3.6.1.4.1.99999.1

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo p256 alice@services.example
    key_new demo rsa2048 bob@services.example
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    MAIL=$(mail_of alice@services.example)
    CONF=$SIGNET_HOME/signet.conf
    [ -f "$CONF.plain" ] || cp "$CONF" "$CONF.plain"
    cp "$CONF.plain" "$CONF"
}

# policy SCRIPT: installs it as the label policy.
policy() {
    printf '#!/bin/sh\n%s\n' "$1" >policy
    chmod 755 policy
    printf '\n[trust]\nlabel-policy = %s\n' "$PWD/policy" >>"$CONF"
}

asking() {
    signet sign -u alice@services.example --request-receipt alice@services.example -o sent.eml "$MAIL"
}

verified() { signet verify --anchor "$T/ca/chain.pem" "$@"; }

@test "a label is signed, shown, and in the JSON" {
    ok signet sign -u alice@services.example --label "$POLICY:secret:NATO only" -o l.eml "$MAIL"
    ends 0 verified l.eml
    says "labelled secret by policy $POLICY: NATO only"
    ends 0 verified --json l.eml
    [[ $output == *'"security-label"'* ]] || fail "$output"
    ok signet inspect l.eml
    [[ $output == *"$POLICY"* ]]
}

@test "the label policy is told of the label, and what it refuses is not given out" {
    ok signet sign -u alice@services.example --label "$POLICY:secret" -o l.eml "$MAIL"
    policy 'cat >"$0.asked"; echo "not in this house"; exit 1'
    ends 3 verified -o out l.eml
    says label-refused
    says "not in this house"
    [ ! -e out ]
    grep -q '"classification_name":"secret"' policy.asked
    grep -q '"action":"read"' policy.asked
    grep -q 'alice@services.example' policy.asked
    ends 3 signet read --anchor "$T/ca/chain.pem" --anyway -o out l.eml
    says label-refused
    [ ! -e out ]
    printf '#!/bin/sh\nexit 0\n' >policy
    ok verified -o out l.eml
    [ -s out ]
}

@test "a policy that cannot be asked allows nothing" {
    ok signet sign -u alice@services.example --label "$POLICY" -o l.eml "$MAIL"
    policy 'exit 0'
    rm policy
    ends 3 verified -o out l.eml
    says label-refused
    says "cannot be run"
    [ ! -e out ]
}

@test "the policy is asked before a label is signed" {
    policy 'grep -q secret && { echo "you may not"; exit 1; }; exit 0'
    ends 4 signet sign -u alice@services.example --label "$POLICY:secret" -o l.eml "$MAIL"
    says "you may not"
    [ ! -e l.eml ]
    ok signet sign -u alice@services.example --label "$POLICY:restricted" -o l.eml "$MAIL"
}

@test "labels that cannot be are refused with a sentence" {
    for label in secret 1.2.3:geheim 1.2.3:300; do
        ends 2 signet sign -u alice@services.example --label "$label" -o l.eml "$MAIL"
        says "$label"
        [ ! -e l.eml ]
    done
    ends 2 signet encrypt -u alice@services.example --label "$POLICY" -r "$T/certs/bob@services.example.crt" "$MAIL"
    says --sign
}

@test "a receipt is asked for, made, and found to be for that mail" {
    ok asking
    ends 0 verified sent.eml
    says receipt-requested
    ok signet receipt make -u bob@services.example --anchor "$T/ca/chain.pem" -o receipt.eml sent.eml
    grep -q '^To: alice@services.example' receipt.eml
    grep -q 'smime-type=signed-receipt' receipt.eml
    ends 0 signet receipt check --anchor "$T/ca/chain.pem" --of sent.eml receipt.eml
    says good
    says bob@services.example
}

@test "a receipt for another mail, or an altered one, is bad" {
    ok asking
    ok signet receipt make -u bob@services.example --anchor "$T/ca/chain.pem" -o receipt.eml sent.eml
    cp sent.eml first.eml
    ok asking
    ends 1 signet receipt check --anchor "$T/ca/chain.pem" --of sent.eml receipt.eml
    says receipt-mismatch
    says "another message"
    ends 3 signet receipt check --of first.eml receipt.eml
    says untrusted-root
    ends 5 signet receipt check --anchor "$T/ca/chain.pem" --of first.eml first.eml
    says "no signed receipt"
    ends 5 signet receipt check --anchor "$T/ca/chain.pem" --of "$MAIL" receipt.eml
    ends 2 signet receipt check receipt.eml
    says --of
}

@test "no receipt for a mail that is not good, or asks for none" {
    ok asking
    sed 's/^\(.*[a-z]\) \([a-z]\)/\1  \2/' sent.eml >altered.eml
    cmp -s sent.eml altered.eml && fail 'nothing was altered'
    for mail in altered.eml; do
        run signet receipt make -u bob@services.example --anchor "$T/ca/chain.pem" -o r.eml $mail
        [ "$status" -ne 0 ] && [ ! -e r.eml ]
    done
    ends 3 signet receipt make -u bob@services.example -o r.eml sent.eml
    says "not good"
    ok signet sign -u alice@services.example -o plain.eml "$MAIL"
    ends 2 signet receipt make -u bob@services.example --anchor "$T/ca/chain.pem" -o r.eml plain.eml
    says "does not ask"
    [ ! -e r.eml ]
}

@test "openssl answers our request, and takes our answer to its own" {
    ok asking
    ca_leaf "$T/ca" peer rsa2048 peer@services.example
    ok openssl cms -sign_receipt -in sent.eml -signer "$T/ca/peer.crt" \
        -inkey "$T/ca/peer.key" -outform DER -out receipt.der
    { printf 'From: peer@services.example\nMIME-Version: 1.0\n'
      printf 'Content-Type: application/pkcs7-mime; smime-type=signed-receipt\n'
      printf 'Content-Transfer-Encoding: base64\n\n'
      base64 receipt.der; } >receipt.eml
    ends 0 signet receipt check --anchor "$T/ca/chain.pem" --of sent.eml receipt.eml
    says good
    ok signet receipt make -u bob@services.example --anchor "$T/ca/chain.pem" -o ours.eml sent.eml
    ok openssl cms -verify_receipt ours.eml -in sent.eml -CAfile "$T/ca/chain.pem" \
        -certfile "$T/certs/alice@services.example.crt"
}
