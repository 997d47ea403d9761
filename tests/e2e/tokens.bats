#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One suite over each token of the bench (E2E_TOKEN: softhsm, nss, sealed, tpm, swtok).
# tests/tokens/capabilities says what is asked of which.

load lib/common
load lib/tokens

setup_file() {
    e2e_begin openssl pkcs11-tool certutil || return 0
    ca_make "$T/ca"
    home_new main
    token_bench "${E2E_TOKEN:-softhsm}" >"$T/bench-log" 2>&1 || {
        cat "$T/bench-log" "$T/bench/log" >&2
        return 1
    }
}

teardown_file() {
    local bad=0
    SIGNET_HOME=$T/homes/main signet agent stop >/dev/null 2>&1
    token_bench_end
    e2e_end || bad=1
    return $bad
}

setup() {
    e2e_test
    home_use main
}

@test "the token is listed" {
    ends 0 signet tokens
    [[ $output == *"$TOKEN"* ]]
}

@test "RSA: a key, its request, its certificate, a mail that openssl takes" {
    can rsa2048
    can cert
    CA_USAGE=,keyEncipherment key_new "$TOKEN" rsa2048 rsa@tokens.example
    ok openssl req -in "$T/certs/rsa@tokens.example.csr" -verify -noout
    ok signet sign -u rsa@tokens.example -o rsa.eml "$(mail_of rsa@tokens.example)"
    ok openssl_accepts_mail rsa.eml
    ends 0 signet verify --anchor "$T/ca/chain.pem" rsa.eml
    says good
}

@test "P-256 and P-384: the same" {
    can p256
    for type in p256 p384; do
        CA_USAGE=,keyAgreement key_new "$TOKEN" $type $type@tokens.example
        ok signet sign -u $type@tokens.example -o $type.eml "$(mail_of $type@tokens.example)"
        ok openssl_accepts_mail $type.eml
    done
}

@test "Ed25519: the same" {
    can ed25519
    key_new "$TOKEN" ed25519 ed@tokens.example
    ok signet sign -u ed@tokens.example -o ed.eml "$(mail_of ed@tokens.example)"
    ends 0 signet verify --anchor "$T/ca/chain.pem" ed.eml
}

@test "what the token lacks is refused with a sentence" {
    for type in p256 ed25519; do
        has $type && continue
        ends 4 signet key generate --token "$TOKEN" --type $type --label no
        says "token \"$TOKEN\""
    done
}

@test "RSA: decrypts v1.5 and OAEP" {
    can rsa2048
    for pad in pkcs1 oaep; do
        ok openssl cms -encrypt -binary -aes256 -outform DER -in "$T/pin" -out $pad.der \
            -recip "$T/certs/rsa@tokens.example.crt" -keyopt rsa_padding_mode:$pad
        ends 0 signet decrypt -o $pad.out $pad.der
        ok cmp $pad.out "$T/pin"
    done
}

@test "ECDH: decrypts" {
    can ecdh
    ok openssl cms -encrypt -binary -aes256 -outform DER -in "$T/pin" -out ec.der \
        -recip "$T/certs/p256@tokens.example.crt"
    ends 0 signet decrypt -o ec.out ec.der
    ok cmp ec.out "$T/pin"
}

@test "four at once" {
    can rsa2048
    mail=$(mail_of rsa@tokens.example)
    for i in 1 2 3 4; do
        signet sign -u rsa@tokens.example -o $i.eml "$mail" 2>$i.err &
        pids[i]=$!
    done
    for i in 1 2 3 4; do
        wait ${pids[i]} || fail "$(cat $i.err)"
        ok openssl_accepts_mail $i.eml
    done
}

@test "a host that is killed is replaced, and the PIN is not asked for again" {
    can rsa2048
    pids=$(token_host_pids)
    [ -n "$pids" ]
    # shellcheck disable=SC2086
    kill -9 $pids
    ends 0 signet sign -u rsa@tokens.example -o again.eml "$(mail_of rsa@tokens.example)"
    ok openssl_accepts_mail again.eml
}
