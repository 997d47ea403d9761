#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One turned bit in content, attributes or signature is refused: what Signet signed
# by each peer, what each peer signed by Signet, with its status and no output.
# In the long suite every single bit, one after the other.

load lib/common
load lib/interop

setup_file() {
    e2e_begin openssl gpgsm cmsutil certutil pk12util || return 0
    interop_begin rsa2048 p256
    gpgsm_new verifier
    gpgsm_new signer
    nss_new
    for type in rsa2048 p256; do
        gpgsm_add_key signer $type
        nss_add_key $type
        gpgsm_in verifier --import "$T/certs/$type@token.example.crt"
    done
}
teardown_file() { e2e_end; }
setup() { interop_setup; }

PARTS="content attribute digest signature"

peer_refuses() {
    run "$@"
    [ "$status" -ne 0 ] || fail "accepted: $*" "$output"
}

# Status 1, a sentence, no output; 5 where the turned bit broke the encoding.
signet_refuses() {
    ends 1 signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o refused "$@"
    [ -n "$stderr" ]
    [ ! -e refused ] || fail "output of an altered message exists: $*"
}

@test "Signet's opaque signature, altered, is refused by everybody" {
    for type in rsa2048 p256; do
        signet sign -u $type@token.example --cms -o o.der "$T/lf"
        for part in $PARTS; do
            cms_flip o.der $part bad.der
            for peer in openssl gpgsm nss; do
                peer_refuses ${peer}_accepts_opaque bad.der
            done
            signet_refuses bad.der
        done
    done
}

@test "Signet's detached signature, altered, is refused by everybody" {
    cp "$T/lf" bad.txt
    mail_pl flip bad.txt 800
    for type in rsa2048 p256; do
        signet sign -u $type@token.example --cms --detached -o d.der "$T/lf"
        for part in attribute digest signature; do
            cms_flip d.der $part bad.der
            for peer in openssl gpgsm nss; do
                peer_refuses ${peer}_accepts_detached bad.der "$T/lf"
            done
            signet_refuses --content "$T/lf" bad.der
        done
        for peer in openssl gpgsm nss; do
            peer_refuses ${peer}_accepts_detached d.der bad.txt
        done
        signet_refuses --content bad.txt d.der
    done
}

@test "Signet's multipart/signed, altered, is refused by everybody" {
    for type in rsa2048 p256; do
        signet sign -u $type@token.example -o m.eml "$(mail_of $type@token.example)"
        sed 's/line 000020;/line 000021;/; s/line 000020\./line 000021./' m.eml >bad.eml
        ! cmp -s m.eml bad.eml
        peer_refuses openssl_accepts_mail bad.eml
        mail_pl split bad.eml content sig.der
        peer_refuses gpgsm_accepts_detached sig.der content
        peer_refuses nss_accepts_detached sig.der content
        signet_refuses bad.eml
        mail_pl split m.eml content sig.der
        for part in attribute digest signature; do
            cms_flip sig.der $part bad.der
            mail_pl resign m.eml bad.der bad.eml
            peer_refuses openssl_accepts_mail bad.eml
            peer_refuses gpgsm_accepts_detached bad.der content
            peer_refuses nss_accepts_detached bad.der content
            signet_refuses bad.eml
        done
    done
}

@test "what openssl, gpgsm and NSS signed, altered, is refused by Signet" {
    for type in rsa2048 p256; do
        openssl_signs $type sha256 "$T/crlf" openssl.der -binary -nodetach -outform DER
        gpgsm_signs signer $type sha256 "$T/crlf" gpgsm.der
        nss_signs $type SHA256 "$T/crlf" nss.der
        openssl_signs $type sha256 "$T/crlf" openssl.det -binary -outform DER
        gpgsm_signs signer $type sha256 "$T/crlf" gpgsm.det --detach-sign
        nss_signs $type SHA256 "$T/crlf" nss.det -T
        cp "$T/crlf" bad.txt
        mail_pl flip bad.txt 800
        for peer in openssl gpgsm nss; do
            good $peer.der
            for part in $PARTS; do
                cms_flip $peer.der $part bad.der
                signet_refuses bad.der
            done
            good --content "$T/crlf" $peer.det
            signet_refuses --content bad.txt $peer.det
            mail_pl join bad.txt $peer.det sha-256 bad.eml $type@file.example
            signet_refuses bad.eml
            rm -f $peer.der $peer.det
        done
    done
}

# Every bit of the content, of the signed attributes, of the signature's algorithm and
# of the signature, in a small message: never accepted, whatever the bit breaks. (The
# signer's identifier before them may be spelt otherwise: names do not depend on case.)
@test "every single bit (long suite)" {
    [ -n "${E2E_LONG-}" ] || skip "long suite only"
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
