#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The token's keys in openssl's own commands, through provider/signet.so.

load lib/common

PROVIDER=(-provider default -provider signet)

setup_file() {
    e2e_begin openssl || return 0
    [ -e "$SIGNET_BUILD/provider/signet.so" ] || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo rsa2048 rsa@provider.example
    key_new demo p256 ec@provider.example
    signet key generate --token demo --type ed25519 --label edwards
}

teardown_file() { e2e_end; }

setup() {
    [ -e "$SIGNET_BUILD/provider/signet.so" ] ||
        skip "a program without a sanitizer loads no library that has one"
    e2e_test
    home_use main
    export OPENSSL_MODULES=$SIGNET_BUILD/provider SIGNET_LIBEXEC=$SIGNET_BUILD/agent
    echo "what is signed" >text
}

cert() { echo "$T/certs/$1@provider.example.crt"; }

@test "it exports its entry point alone" {
    need nm
    [ "$(nm -D --defined-only "$OPENSSL_MODULES/signet.so" | awk '{ print $3 }')" = OSSL_provider_init ]
}

@test "requests and certificates" {
    for key in rsa@provider.example ec@provider.example edwards; do
        ok openssl req -new "${PROVIDER[@]}" -key "signet:$key" -subj "/CN=$key" -out csr.pem
        ok openssl req -in csr.pem -verify -noout
        ok openssl req -new -x509 "${PROVIDER[@]}" -key "signet:$key" -subj "/CN=$key" -out self.pem
        ok openssl verify -CAfile self.pem self.pem
    done
    ok openssl req -new -x509 "${PROVIDER[@]}" -key signet:rsa@provider.example -subj /CN=pss \
        -sigopt rsa_padding_mode:pss -out self.pem
    ok openssl verify -CAfile self.pem self.pem
    openssl x509 -in self.pem -noout -text | grep -q 'Signature Algorithm: rsassaPss'
}

@test "openssl cms signs, and encrypted mail opens" {
    for who in rsa ec; do
        ok openssl cms -sign "${PROVIDER[@]}" -in text -text -signer "$(cert $who)" \
            -inkey signet:$who@provider.example -out signed.eml
        ok openssl cms -verify -in signed.eml -CAfile "$T/ca/chain.pem" -out out
        ok openssl cms -encrypt -aes-256-cbc -binary -in text -out box.eml -recip "$(cert $who)"
        ok openssl cms -decrypt "${PROVIDER[@]}" -in box.eml -recip "$(cert $who)" \
            -inkey signet:$who@provider.example -out opened
        ok cmp text opened
    done
    ok openssl cms -sign "${PROVIDER[@]}" -in text -text -signer "$(cert rsa)" \
        -keyopt rsa_padding_mode:pss -inkey signet:rsa@provider.example -out signed.eml
    ok openssl cms -verify -in signed.eml -CAfile "$T/ca/chain.pem" -out out
    ok openssl cms -encrypt -aes-256-cbc -binary -in text -out box.eml -recip "$(cert rsa)" \
        -keyopt rsa_padding_mode:oaep
    ok openssl cms -decrypt "${PROVIDER[@]}" -in box.eml -recip "$(cert rsa)" \
        -inkey signet:rsa@provider.example -out opened
    ok cmp text opened
}

@test "dgst and pkeyutl" {
    for who in rsa ec; do
        openssl x509 -in "$(cert $who)" -noout -pubkey >pub.pem
        ok openssl dgst "${PROVIDER[@]}" -sha384 -sign signet:$who@provider.example -out sig text
        ok openssl dgst -sha384 -verify pub.pem -signature sig text
    done
    ok openssl pkey "${PROVIDER[@]}" -in signet:edwards -pubout -out pub.pem
    ok openssl pkeyutl "${PROVIDER[@]}" -sign -rawin -inkey signet:edwards -in text -out sig
    ok openssl pkeyutl -verify -rawin -pubin -inkey pub.pem -in text -sigfile sig
}

@test "the certificate comes with the key, and a pkcs11: URI names it, too" {
    ends 0 openssl storeutl "${PROVIDER[@]}" -noout -certs signet:ec@provider.example
    [[ $output == *'Total found: 1'* ]]
    ends 0 openssl storeutl "${PROVIDER[@]}" -certs 'signet:rsa%40provider.example'
    openssl x509 -outform DER -out a <<<"$output"
    openssl x509 -outform DER -out b -in "$(cert rsa)"
    ok cmp a b
    ok openssl pkey "${PROVIDER[@]}" -in 'pkcs11:token=demo;object=edwards;type=private' -pubout
}

@test "a TLS server with the token's key" {
    for who in rsa ec; do
        mkfifo port-$who
        openssl s_server "${PROVIDER[@]}" -accept 127.0.0.1:0 -naccept 1 -quiet \
            -key signet:$who@provider.example -cert "$(cert $who)" </dev/null >server 2>&1 3>&- &
        server=$!
        listens() { port=$(ss -Htlnp 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$server,.*/\1/p"); [ -n "$port" ]; }
        wait_until listens
        openssl s_client -connect "127.0.0.1:$port" -CAfile "$T/ca/chain.pem" -purpose any \
            -verify_return_error -brief </dev/null >client 2>&1 || fail "$(cat client server)"
        grep -q 'Verification: OK' client || fail "$(cat client)"
        wait $server || :
    done
}

@test "what cannot be is said in openssl's own terms" {
    ends 1 openssl pkey "${PROVIDER[@]}" -in signet:nobody@provider.example -pubout
    says 'signet.*no key answers to "nobody@provider.example"'
    ends 1 openssl pkey "${PROVIDER[@]}" -in signet: -pubout
    says 'signet.*several.*"edwards" on token "demo"'
    ends 1 openssl dgst "${PROVIDER[@]}" -sha1 -sign signet:ec@provider.example -out sig text
    says 'signet.*sha1'
    [ ! -s sig ]
    mkdir -p -m 700 "$SIGNET_HOME/policy.d"
    printf '[key *]\naction = deny\n' >"$SIGNET_HOME/policy.d/10.conf"
    ok signet agent reload
    ends 1 openssl dgst "${PROVIDER[@]}" -sha256 -sign signet:ec@provider.example -out sig text
    says 'signet.*10.conf:1'
    rm "$SIGNET_HOME/policy.d/10.conf"
    ok signet agent reload
}

@test "an agent that is not there is started, or its absence is told" {
    ok signet agent stop
    ok openssl dgst "${PROVIDER[@]}" -sha256 -sign signet:ec@provider.example -out sig text
    ok signet agent stop
    SIGNET_LIBEXEC=$PWD ends 1 openssl pkey "${PROVIDER[@]}" -in signet:edwards -pubout
    says 'signet.*signet-agent is not where Signet is installed'
}

@test "the audit log says that it was the provider" {
    ok openssl dgst "${PROVIDER[@]}" -sha256 -sign signet:ec@provider.example -out sig text
    [ "$(signet audit show --json | tail -1 | jq -r '.front // .peer.front')" = provider ]
}

@test "200 mails by four openssl cms at once are 200 good ones" {
    lot() {
        local i
        for i in $(seq 50); do
            openssl cms -sign "${PROVIDER[@]}" -in text -text -signer "$(cert ec)" \
                -inkey signet:ec@provider.example -out "$1-$i.eml" || return
        done
    }
    for c in a b c d; do lot $c 3>&- & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid" || fail "a client failed"; done
    for f in ?-*.eml; do
        openssl cms -verify -in "$f" -CAfile "$T/ca/chain.pem" -out /dev/null 2>said ||
            fail "$f" "$(cat said)"
    done
    [ "$(ls ?-*.eml | wc -l)" = 200 ]
}
