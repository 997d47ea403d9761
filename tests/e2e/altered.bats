#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# One turned bit in content, attributes or signature is refused: what Signet signed
# by each peer, what each peer signed by Signet, with its status and no output.
# Every single bit: every-bit.bats.

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
