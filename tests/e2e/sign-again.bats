#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Signing what is signed: a signer added, a signature countersigned; openssl and gpgsm
# take the result; what does not hold is refused before a key is asked.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo rsa2048 alice@again.example
    key_new demo p256 bob@again.example
    key_new demo ed25519 carol@again.example
    ca_leaf "$T/ca" file rsa2048 file@again.example
    head -c 100000 /dev/urandom >"$T/content"
    signet sign -u alice@again.example --cms -o "$T/one.der" "$T/content"
    signet sign -u alice@again.example --cms --detached -o "$T/one.p7s" "$T/content"
    command -v gpgsm >/dev/null && gpgsm_new verifier
    true
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
}

# The words of --json, one for each signature: "good good".
statuses() {
    signet verify --json --anchor "$T/ca/chain.pem" "$@" 2>/dev/null |
        perl -MJSON::PP -e 'local $/; my $v = JSON::PP->new->decode(<STDIN>);
            print join " ", map { $_->{status} } @{ $v->{signatures} }'
}

has_statuses() {
    local want=$1 have
    shift
    have=$(statuses "$@")
    [ "$have" = "$want" ] || fail "signatures are '$have', not '$want'"
}

@test "added to a message with content: openssl, gpgsm and Signet take both" {
    ok signet sign -u bob@again.example --cms --add -o two.der "$T/one.der"
    has_statuses "good good" two.der
    openssl_accepts_opaque two.der out
    cmp out "$T/content"
    [ "$(openssl cms -cmsout -print -noout -in two.der -inform DER | grep -c 'signerInfos\|d.issuerAndSerialNumber')" -ge 2 ]
    # and a third, whose Ed25519 OpenSSL 3.0 does not verify in CMS
    ok signet sign -u carol@again.example --cms --add -o three.der two.der
    has_statuses "good good good" three.der
    need gpgsm
    ok gpgsm_accepts_opaque two.der
    [ "$(grep -c 'Good signature from' <<<"$output")" -eq 2 ] || fail "gpgsm:" "$output"
}

@test "added to a detached signature" {
    ok signet sign -u bob@again.example --cms --add --content "$T/content" -o two.p7s "$T/one.p7s"
    has_statuses "good good" --content "$T/content" two.p7s
    openssl_accepts_detached two.p7s "$T/content"
    need gpgsm
    ok gpgsm_accepts_detached two.p7s "$T/content"
    [ "$(grep -c 'Good signature from' <<<"$output")" -eq 2 ] || fail "gpgsm:" "$output"
}

@test "added to what others made: openssl, PEM, no attributes; gpgsm" {
    openssl_signs file sha384 "$T/content" o.pem -binary -nodetach -outform PEM
    ok signet sign -u bob@again.example --cms --add --pem -o two.pem o.pem
    has_statuses "good good" two.pem
    grep -q 'BEGIN CMS' two.pem
    openssl_signs file sha256 "$T/content" n.p7s -binary -noattr -outform DER
    ok signet sign -u bob@again.example --cms --add --content "$T/content" -o two.p7s n.p7s
    openssl_accepts_detached two.p7s "$T/content"
    has_statuses "good good" --content "$T/content" two.p7s
    # two at once, in a pipe
    signet sign -u bob@again.example -u carol@again.example --cms --add <"$T/one.der" >three.der
    has_statuses "good good good" three.der
    need gpgsm
    gpgsm_new gpg
    gpgsm_add_key gpg file
    gpgsm_signs gpg file sha256 "$T/content" g.p7s --detach-sign
    ok signet sign -u bob@again.example --cms --add --content "$T/content" -o g2.p7s g.p7s
    openssl_accepts_detached g2.p7s "$T/content"
}

@test "other content, an altered message: refused, nothing written" {
    head -c 100000 /dev/urandom >other
    cp other "$T/other"
    rm other
    ends 1 signet sign -u bob@again.example --cms --add --content "$T/other" -o out "$T/one.p7s"
    says 'one\.p7s: signature 1 of it is over another content'
    # no messageDigest to compare: the signature itself tells
    openssl_signs file sha256 "$T/content" "$T/n.p7s" -binary -noattr -outform DER
    ends 1 signet sign -u bob@again.example --cms --add --content "$T/other" -o out "$T/n.p7s"
    says 'signature 1 of it does not hold|another content'
    cms_flip "$T/one.der" content "$T/bent.der"
    ends 1 signet sign -u bob@again.example --cms --add -o out "$T/bent.der"
    says 'another content'
    ends 1 signet sign -u bob@again.example --cms --add "$T/bent.der"
    [ -z "$output" ] || fail "output was written"
    cms_flip "$T/one.der" signature "$T/bent.der"
    ends 1 signet sign -u bob@again.example --cms --add -o out "$T/bent.der"
    says 'does not hold'
    head -c 50000 "$T/one.der" >"$T/cut.der"
    ends 5 signet sign -u bob@again.example --cms --add -o out "$T/cut.der"
    says 'cut\.der: .*offset'
    ends 5 signet sign -u bob@again.example --cms --add -o out "$T/content"
    only_files .
}

@test "usage" {
    ends 2 signet sign -u bob@again.example --cms --add -o out "$T/one.p7s"
    says 'detached signature; give .*--content'
    ends 2 signet sign -u bob@again.example --cms --add --content "$T/content" -o out "$T/one.der"
    says 'carries its content'
    ends 2 signet sign -u bob@again.example --add "$T/one.der"
    says '--cms too'
    ends 2 signet sign -u bob@again.example --cms --add --detached "$T/one.der"
    says '--detached is for new messages'
    ends 2 signet sign -u bob@again.example --cms --content "$T/content" "$T/content"
    says '--add'
    ends 2 signet sign -u bob@again.example --cms --add --countersign 1 "$T/one.der"
    says 'one of them'
    ends 2 signet sign -u bob@again.example --cms --countersign 0 "$T/one.der"
    says 'number of a signature'
    ends 2 signet sign -u bob@again.example --cms --countersign 2 -o out "$T/one.der"
    says 'signer|signature'
    only_files .
    ends 0 signet sign --help
    grep -q -- --countersign <<<"$output"
}

@test "countersigned" {
    ok signet sign -u bob@again.example --cms --countersign 1 -o counter.der "$T/one.der"
    has_statuses "good" counter.der
    openssl_accepts_opaque counter.der out
    cmp out "$T/content"
    ends 0 signet inspect counter.der
    grep -Eq '^ +countersignature$' <<<"$output" || fail "not shown:" "$output"
    grep -Eq '^ +algorithm +ecdsa-sha256' <<<"$output"
    # a detached one is taken as it is, and that is said; with its content it is checked
    ok signet sign -u bob@again.example --cms --countersign 1 -o counter.p7s "$T/one.p7s"
    grep -q 'was not checked' <<<"$output" || fail "not said:" "$output"
    has_statuses "good" --content "$T/content" counter.p7s
    ends 0 signet sign -u bob@again.example --cms --countersign 1 --content "$T/content" \
        -o checked.p7s "$T/one.p7s"
    [ -z "$stderr" ] || fail "$stderr"
    has_statuses "good" --content "$T/content" checked.p7s
}
