#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The rigs proved with peers alone: which shapes and keys each peer reads from the
# others, so that a failure elsewhere is Signet's and not the rig's.

load lib/common

setup_file() {
    e2e_begin_rig openssl gpgsm cmsutil certutil pk12util || return 0
    ca_make "$T/ca"
    nss_new
    gpgsm_new verifier
    gpgsm_new signer
    local type
    for type in $TYPES_V15 $TYPES_EC; do
        ca_leaf "$T/ca" "$type" "$type" "$type@example.org"
        nss_add_key "$type"
        gpgsm_add_key signer "$type"
    done
    mail_pl sample 10 rig@example.org >"$T/mail"
    sed 's/$/\r/' "$T/mail" >"$T/crlf"
}

teardown_file() { e2e_end; }

setup() { e2e_test; }

digest_of() {
    case $1 in p384) echo sha384 ;; p521) echo sha512 ;; *) echo sha256 ;; esac
}

@test "openssl's detached, opaque and multipart/signed are good for gpgsm" {
    for type in $TYPES_V15 p256 p384; do
        openssl_signs "$type" "$(digest_of $type)" "$T/crlf" d.der -binary -outform DER
        openssl_signs "$type" "$(digest_of $type)" "$T/crlf" o.der -binary -outform DER -nodetach
        openssl_signs "$type" "$(digest_of $type)" "$T/mail" m.eml
        mail_pl split m.eml content sig.der
        ok gpgsm_accepts_detached d.der "$T/crlf"
        ok gpgsm_accepts_opaque o.der
        ok gpgsm_accepts_detached sig.der content
    done
}

@test "openssl's detached, opaque and multipart/signed are good for NSS" {
    for type in $TYPES_V15 $TYPES_EC; do
        openssl_signs "$type" "$(digest_of $type)" "$T/crlf" d.der -binary -outform DER
        openssl_signs "$type" "$(digest_of $type)" "$T/crlf" o.der -binary -outform DER -nodetach
        openssl_signs "$type" "$(digest_of $type)" "$T/mail" m.eml
        mail_pl split m.eml content sig.der
        ok nss_accepts_detached d.der "$T/crlf"
        ok nss_accepts_opaque o.der
        ok nss_accepts_detached sig.der content
    done
}

@test "gpgsm signs with every key and openssl takes it" {
    for type in $TYPES_V15 $TYPES_EC; do
        ok gpgsm_signs signer "$type" "$(digest_of $type)" "$T/crlf" "$type.d" --detach-sign
        ok gpgsm_signs signer "$type" "$(digest_of $type)" "$T/crlf" "$type.o"
        ok openssl_accepts_detached "$type.d" "$T/crlf"
        ok openssl_accepts_opaque "$type.o" out
        cmp out "$T/crlf"
    done
}

@test "NSS signs with every key and openssl takes it" {
    for type in $TYPES_V15 $TYPES_EC; do
        ok nss_signs "$type" SHA256 "$T/crlf" "$type.d" -T
        ok nss_signs "$type" SHA256 "$T/crlf" "$type.o"
        ok openssl_accepts_detached "$type.d" "$T/crlf"
        ok openssl_accepts_opaque "$type.o" out
        cmp out "$T/crlf"
    done
}

@test "a mail put together from content and signature is good for openssl" {
    openssl_signs p256 sha256 "$T/crlf" d.der -binary -outform DER
    mail_pl join "$T/crlf" d.der sha-256 m.eml rig@example.org
    ok openssl_accepts_mail m.eml out
    cmp out "$T/crlf"
    openssl_signs p256 sha256 "$T/crlf" o.der -binary -outform DER -nodetach
    mail_pl opaque o.der o.eml rig@example.org
    ok openssl_accepts_mail o.eml out
    cmp out "$T/crlf"
    mail_pl body o.eml back.der
    cmp back.der o.der
}

@test "each peer refuses a turned bit in content, attribute and signature" {
    openssl_signs p256 sha256 "$T/crlf" d.der -binary -outform DER
    openssl_signs p256 sha256 "$T/crlf" o.der -binary -outform DER -nodetach
    for where in content attribute digest signature; do
        cms_flip o.der $where bad.der
        for peer in openssl gpgsm nss; do
            run "${peer}_accepts_opaque" bad.der
            [ "$status" -ne 0 ] || fail "$peer took a turned bit in the $where" "$output"
        done
    done
    cp "$T/crlf" bad
    mail_pl flip bad 700
    for peer in openssl gpgsm nss; do
        run "${peer}_accepts_detached" d.der bad
        [ "$status" -ne 0 ] || fail "$peer took a turned bit in the content" "$output"
    done
}

@test "gpgsm cannot verify P-521: its own limit, with its own signature" {
    gpgsm_signs signer p521 sha512 "$T/crlf" d.der --detach-sign
    run gpgsm_accepts_detached d.der "$T/crlf"
    [ "$status" -ne 0 ] || skip "this gpgsm can: take P-521 into interop-gpgsm.bats"
    [[ $output == *"multiple of 8 bits"* ]]
}
