#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# NSS's cmsutil and Signet read each other: what Thunderbird's engine thinks.

load lib/common
load lib/interop

setup_file() {
    e2e_begin cmsutil certutil pk12util openssl || return 0
    # shellcheck disable=SC2086
    interop_begin $TYPES_V15 $TYPES_EC
    nss_new
    for type in $TYPES_V15 $TYPES_EC; do
        nss_add_key "$type"
    done
}
teardown_file() { e2e_end; }
setup() { interop_setup; }

from_nss() {
    local type=$1 digest
    for digest in 256 384 512; do
        ok nss_signs "$type" SHA$digest "$T/binary" d.der -T
        good --content "$T/binary" d.der
        ok nss_signs "$type" SHA$digest "$T/binary" o.der
        good o.der -o out
        cmp out "$T/binary"
    done
    ok nss_signs "$type" SHA256 "$T/crlf" s.der -T -P
    mail_pl join "$T/crlf" s.der sha-256 m.eml "$type@file.example"
    good m.eml -o out
    cmp out "$T/crlf"
    ok nss_signs "$type" SHA256 "$T/crlf" p.der
    mail_pl opaque p.der p.eml "$type@file.example"
    good p.eml -o out
    cmp out "$T/crlf"
}

@test "Signet to NSS: RSA-2048" { signet_to nss rsa2048; }
@test "Signet to NSS: RSA-3072" { signet_to nss rsa3072; }
@test "Signet to NSS: RSA-4096" { signet_to nss rsa4096; }
@test "Signet to NSS: P-256" { signet_to nss p256; }
@test "Signet to NSS: P-384" { signet_to nss p384; }
@test "Signet to NSS: P-521" { signet_to nss p521; }

@test "NSS to Signet: RSA-2048" { from_nss rsa2048; }
@test "NSS to Signet: RSA-3072" { from_nss rsa3072; }
@test "NSS to Signet: RSA-4096" { from_nss rsa4096; }
@test "NSS to Signet: P-256" { from_nss p256; }
@test "NSS to Signet: P-384" { from_nss p384; }
@test "NSS to Signet: P-521" { from_nss p521; }
