#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# openssl cms and Signet read each other: every shape, every key, PSS.

load lib/common
load lib/interop

setup_file() {
    e2e_begin openssl || return 0
    # shellcheck disable=SC2086
    interop_begin $TYPES_V15 $TYPES_EC ed25519
}
teardown_file() { e2e_end; }
setup() { interop_setup; }

# Beyond signet_to: openssl reads the mails themselves, and gives the content.
to_openssl() {
    local type=$1
    signet_to openssl "$@"
    ok openssl_accepts_mail m.eml out
    cmp out content
    ok openssl_accepts_mail o.eml out
    cmp out content
    ok openssl_accepts_opaque b.der out
    cmp out "$T/binary"
    ok signet sign -u "$type@token.example" --cms --pem -o b.pem "$T/binary"
    openssl cms -verify -binary -in b.pem -inform PEM -CAfile "$T/ca/chain.pem" \
        -out out 2>/dev/null
    cmp out "$T/binary"
}

from_openssl() {
    local type=$1 digest from=(-from "$1@file.example" -to bob@example.org -subject sample)
    digest=$(digest_of "$type")
    shift
    openssl_signs "$type" "$digest" "$T/lf" m.eml "${from[@]}" "$@"
    good m.eml -o out
    cmp out "$T/crlf"
    openssl_signs "$type" "$digest" "$T/lf" o.eml -nodetach "${from[@]}" "$@"
    good o.eml -o out
    cmp out "$T/crlf"
    openssl_signs "$type" "$digest" "$T/binary" b.der -binary -nodetach -outform DER "$@"
    good b.der -o out
    cmp out "$T/binary"
    # OpenSSL 3.0 cannot write PSS with indefinite lengths.
    if [[ $* != *pss* ]]; then
        openssl_signs "$type" "$digest" "$T/binary" s.der -binary -nodetach -outform DER -stream "$@"
        good s.der -o out
        cmp out "$T/binary"
    fi
    openssl_signs "$type" "$digest" "$T/binary" b.pem -binary -nodetach -outform PEM "$@"
    good b.pem -o out
    cmp out "$T/binary"
    openssl_signs "$type" "$digest" "$T/binary" d.der -binary -outform DER "$@"
    good --content "$T/binary" d.der
}

@test "Signet to openssl: RSA-2048" { to_openssl rsa2048; }
@test "Signet to openssl: RSA-3072" { to_openssl rsa3072; }
@test "Signet to openssl: RSA-4096" { to_openssl rsa4096; }
@test "Signet to openssl: P-256" { to_openssl p256; }
@test "Signet to openssl: P-384" { to_openssl p384; }
@test "Signet to openssl: P-521" { to_openssl p521; }
@test "Signet to openssl: RSA-PSS" {
    for digest in sha256 sha384 sha512; do
        to_openssl rsa2048 --pss --digest $digest
    done
    to_openssl rsa3072 --pss
}

@test "Signet to openssl: Ed25519" {
    # OpenSSL 3.0 makes no Ed25519 signature with attributes; newer ones may.
    signet sign -u ed25519@token.example --cms --detached -o d.der "$T/binary"
    run openssl_accepts_detached d.der "$T/binary"
    [ "$status" -eq 0 ] || skip "this openssl does not verify Ed25519 in CMS: ${lines[*]: -1}"
}

@test "openssl to Signet: RSA-2048" { from_openssl rsa2048; }
@test "openssl to Signet: RSA-3072" { from_openssl rsa3072; }
@test "openssl to Signet: RSA-4096" { from_openssl rsa4096; }
@test "openssl to Signet: P-256" { from_openssl p256; }
@test "openssl to Signet: P-384" { from_openssl p384; }
@test "openssl to Signet: P-521" { from_openssl p521; }
@test "openssl to Signet: RSA-PSS" {
    from_openssl rsa2048 -keyopt rsa_padding_mode:pss
    from_openssl rsa3072 -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20
}
@test "openssl to Signet: Ed25519" {
    openssl_signs ed25519 sha512 "$T/binary" d.der -binary -outform DER 2>err ||
        skip "this openssl does not sign with Ed25519: $(tail -1 err)"
    good --content "$T/binary" d.der
}
@test "openssl to Signet: without signed attributes" {
    from_openssl rsa2048 -noattr
    from_openssl p256 -noattr
}
@test "openssl to Signet: signer named by key identifier" { from_openssl p256 -keyid; }
@test "openssl to Signet: signatures of Signet and openssl side by side" {
    ok signet sign -u p256@token.example --cms -o one.der "$T/binary"
    openssl cms -resign -in one.der -inform DER -signer "$T/ca/rsa2048.crt" \
        -inkey "$T/ca/rsa2048.key" -certfile "$T/ca/inter.crt" -md sha256 -outform DER -out two.der
    good two.der -o out
    cmp out "$T/binary"
    ok openssl_accepts_opaque two.der
}
