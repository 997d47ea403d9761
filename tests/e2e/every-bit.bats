#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every bit of a small signed message, one after the other (long suite).

load lib/common
load lib/interop

setup_file() {
    e2e_begin openssl || return 0
    interop_begin p256
}
teardown_file() { e2e_end; }
setup() { interop_setup; }

# Every bit of the content, of the signed attributes, of the signature's algorithm and
# of the signature, in a small message: never accepted, whatever the bit breaks. (The
# signer's identifier before them may be spelt otherwise: names do not depend on case.)
@test "every single bit" {
    printf 'one line\r\n' >tiny
    signet sign -u p256@token.example --cms --certs signer -o o.der tiny
    first=$(openssl asn1parse -inform DER -in o.der |
        awk -F: '/:d=5 .*cons: cont \[ 0 \]/ { at = $1 } END { print at + 0 }')
    last=$(cms_offset o.der signature)
    content=$(cms_offset o.der content)
    accepted=
    for at in $(seq $((content - 9)) "$content") $(seq "$first" "$last"); do
        for bit in 0 1 2 3 4 5 6 7; do
            cp o.der bad.der
            mail_pl flip bad.der "$at" "$bit"
            run signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o out bad.der
            [[ $status == [135] ]] || accepted="$accepted $at.$bit:$status"
            [ "$status" -eq 0 ] || [ ! -e out ] || fail "byte $at bit $bit: output exists"
            rm -f out
        done
    done
    [ -z "$accepted" ] || fail "accepted (byte.bit:status):$accepted" \
        "$(openssl asn1parse -inform DER -in o.der | tail -40)"
}
