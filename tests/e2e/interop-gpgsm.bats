#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# gpgsm and Signet read each other. gpgsm reads bare CMS, so mails are taken apart
# and put together by tests/e2e/lib/mail.pl.

load lib/common
load lib/interop

setup_file() {
    e2e_begin gpgsm openssl || return 0
    # shellcheck disable=SC2086
    interop_begin $TYPES_V15 $TYPES_EC
    gpgsm_new verifier
    gpgsm_new signer
    for type in $TYPES_V15 $TYPES_EC; do
        gpgsm_add_key signer "$type"
        gpgsm_in verifier --import "$T/certs/$type@token.example.crt"
    done
}
teardown_file() { e2e_end; }
setup() { interop_setup; }

from_gpgsm() {
    local type=$1 digest
    digest=$(digest_of "$type")
    ok gpgsm_signs signer "$type" "$digest" "$T/binary" d.der --detach-sign
    good --content "$T/binary" d.der
    ok gpgsm_signs signer "$type" "$digest" "$T/binary" o.der
    good o.der -o out
    cmp out "$T/binary"
    ok gpgsm_signs signer "$type" "$digest" "$T/binary" o.pem --armor
    good o.pem -o out
    cmp out "$T/binary"
    ok gpgsm_signs signer "$type" "$digest" "$T/crlf" s.der --detach-sign
    mail_pl join "$T/crlf" s.der "sha-${digest#sha}" m.eml "$type@file.example"
    good m.eml -o out
    cmp out "$T/crlf"
    ok gpgsm_signs signer "$type" "$digest" "$T/crlf" p.der
    mail_pl opaque p.der p.eml "$type@file.example"
    good p.eml -o out
    cmp out "$T/crlf"
}

@test "Signet to gpgsm: RSA-2048" { signet_to gpgsm rsa2048; }
@test "Signet to gpgsm: RSA-3072" { signet_to gpgsm rsa3072; }
@test "Signet to gpgsm: RSA-4096" { signet_to gpgsm rsa4096; }
@test "Signet to gpgsm: P-256" { signet_to gpgsm p256; }
@test "Signet to gpgsm: P-384" { signet_to gpgsm p384; }
@test "Signet to gpgsm: P-521" {
    gpgsm_signs signer p521 sha512 "$T/binary" own.der --detach-sign
    run gpgsm_accepts_detached own.der "$T/binary"
    [ "$status" -eq 0 ] || skip "this gpgsm verifies no P-521, not even its own: ${lines[*]: -2}"
    signet_to gpgsm p521
}

@test "gpgsm to Signet: RSA-2048" { from_gpgsm rsa2048; }
@test "gpgsm to Signet: RSA-3072" { from_gpgsm rsa3072; }
@test "gpgsm to Signet: RSA-4096" { from_gpgsm rsa4096; }
@test "gpgsm to Signet: P-256" { from_gpgsm p256; }
@test "gpgsm to Signet: P-384" { from_gpgsm p384; }
@test "gpgsm to Signet: P-521" { from_gpgsm p521; }
