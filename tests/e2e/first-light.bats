#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The whole path once: token, keys, certificates, listings, signing, verdicts.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    MAIL=$(mail_of p256@first.example)
}

@test "a token appears in the listing" {
    ends 0 signet tokens
    [[ $output == *demo* ]]
    ends 0 signet tokens --json
    [[ $output == *'"label"'*'"demo"'* ]]
}

@test "a key of each type, its certificate, a signature that openssl takes" {
    for type in rsa2048 rsa3072 rsa4096 p256 p384 p521 ed25519; do
        key_new demo $type $type@first.example || fail "$type"
        echo "$KEY" >"$T/name.$type"
        ok openssl req -in "$T/certs/$type@first.example.csr" -verify -noout
        ok signet sign -u $type@first.example -o $type.eml "$(mail_of $type@first.example)"
        [ $type = ed25519 ] || ok openssl_accepts_mail $type.eml
        ends 0 signet verify --anchor "$T/ca/chain.pem" $type.eml
        says good
    done
}

@test "keys are listed with type, token and addresses, as text and as JSON" {
    ends 0 signet keys
    for type in rsa2048 rsa3072 rsa4096 p256 p384 p521 ed25519; do
        [[ $output == *"$type@first.example"* ]] || fail "no $type in:" "$output"
    done
    ends 0 signet keys --json
    for type in rsa2048 p384 ed25519; do
        [[ $output == *"$(cat "$T/name.$type")"* ]] || fail "no $type in:" "$output"
    done
}

@test "a key is found by address, label, name prefix, fingerprint and URI" {
    name=$(cat "$T/name.p256")
    crt=$T/certs/p256@first.example.crt
    sha256=$(openssl x509 -in "$crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
    sha1=$(gpgsm_fpr "$crt")
    for spec in p256@first.example P256@FIRST.example p256 "$name" "${name:0:8}" "$sha256" "$sha1" \
        'pkcs11:token=demo;object=p256'; do
        ends 0 signet sign -u "$spec" -o m.eml "$MAIL"
        ends 0 signet verify --json --anchor "$T/ca/chain.pem" m.eml
        [[ $output == *p256@first.example* ]] || fail "with $spec:" "$output"
    done
}

@test "several keys and none named: the candidates are listed" {
    ends 4 signet sign -o m.eml "$MAIL"
    says 'rsa2048|p256'
    [ ! -e m.eml ]
}

@test "mail, opaque mail, CMS, detached, PEM: signed and verified" {
    from=p256@first.example
    anchor="--anchor $T/ca/chain.pem"
    ends 0 signet sign -u $from -o m.eml "$MAIL"
    grep -aqi '^content-type: multipart/signed' m.eml
    grep -aq 'micalg="\?sha-256"\?' m.eml
    ends 0 signet sign -u $from --opaque -o o.eml "$MAIL"
    grep -aqi '^content-type: application/pkcs7-mime' o.eml
    ends 0 signet sign -u $from --cms -o o.der "$MAIL"
    ends 0 signet sign -u $from --cms --detached -o d.der "$MAIL"
    ends 0 signet sign -u $from --cms --pem -o o.pem "$MAIL"
    grep -q '^-----BEGIN CMS-----' o.pem
    for f in m.eml o.eml o.der o.pem; do
        ends 0 signet verify $anchor -o out "$f"
        says good
        [ -s out ]
        rm out
    done
    ends 0 signet verify $anchor -o out o.der
    cmp out "$MAIL"
    ends 0 signet verify $anchor --content "$MAIL" d.der
    says good
}

@test "standard input and output" {
    signet sign -u p256@first.example --cms <"$MAIL" >s.der
    signet verify --anchor "$T/ca/chain.pem" <s.der >out
    cmp out "$MAIL"
    signet sign -u p256@first.example <"$MAIL" | signet verify --anchor "$T/ca/chain.pem" >out
    grep -q 'quick brown fox' out
}

@test "digests and PSS are what was asked for" {
    for digest in sha256 sha384 sha512; do
        ok signet sign -u rsa2048@first.example --cms --digest $digest -o d.der "$MAIL"
        openssl cms -cmsout -print -in d.der -inform DER >text
        grep -q "algorithm: $digest" text
    done
    ok signet sign -u rsa2048@first.example --cms --pss -o pss.der "$MAIL"
    openssl cms -cmsout -print -in pss.der -inform DER | grep -q rsassaPss
    ends 0 signet verify --anchor "$T/ca/chain.pem" pss.der
}

@test "several signers" {
    ok signet sign -u rsa2048@first.example -u p256@first.example --cms -o two.der "$MAIL"
    ends 0 signet verify --json --anchor "$T/ca/chain.pem" -o out two.der
    [[ $output == *rsa2048@first.example* && $output == *p256@first.example* ]]
    run openssl_accepts_opaque two.der
    [ "$status" -eq 0 ] || fail "$output"
}

@test "certificates in the signature: none, the signer's" {
    ok signet sign -u p256@first.example --cms --certs none -o n.der "$MAIL"
    openssl cms -cmsout -print -in n.der -inform DER >text
    ! grep -q d.certificate text
    ok signet sign -u p256@first.example --cms --certs signer -o s.der "$MAIL"
    [ "$(openssl cms -cmsout -print -in s.der -inform DER | grep -c d.certificate)" -eq 1 ]
}

@test "verdicts: untrusted 3, altered 1, malformed 5; JSON says the same" {
    signet sign -u p256@first.example -o m.eml "$MAIL"
    ends 3 signet verify m.eml
    ends 3 signet verify --json m.eml
    [[ $output == *'"untrusted"'* ]]
    sed 's/line 000010/line 000011/' m.eml >bad.eml
    ends 1 signet verify --anchor "$T/ca/chain.pem" -o out bad.eml
    says alter
    [ ! -e out ]
    ends 1 signet verify --json --anchor "$T/ca/chain.pem" bad.eml
    [[ $output == *'"bad"'* && $output == *content-altered* ]]
    signet sign -u p256@first.example --cms -o m.der "$MAIL"
    head -c 1000 m.der >cut.der
    ends 5 signet verify --anchor "$T/ca/chain.pem" -o out cut.der
    [ ! -e out ]
    ends 5 signet verify --json cut.der
    [[ $output == *'"malformed"'* ]]
    ends 0 signet verify --json --anchor "$T/ca/chain.pem" m.der
    [[ $output == *'"good"'* && $output == *'"signing_time"'* ]]
}

@test "verify needs no agent" {
    signet sign -u p256@first.example -o m.eml "$MAIL"
    home_stop
    ends 0 signet verify --anchor "$T/ca/chain.pem" m.eml
    [ -z "$(daemons)" ]
}

@test "the agent starts, tells its state, stops; twice is no error" {
    home_new second
    ends 0 signet agent start
    ends 0 signet agent start
    ends 0 signet agent status
    ends 0 signet agent status --json
    [[ $output == *'"pid"'* ]]
    ends 0 signet agent stop
    run signet agent stop
    [ "$status" -eq 0 ] || [ "$status" -eq 6 ]
    run --separate-stderr signet agent status
    [ "$status" -ne 0 ]
}

@test "a mail from somebody else than its signer is not trusted" {
    ends 0 signet sign -u p384@first.example -o m.eml "$MAIL"
    ends 3 signet verify --json --anchor "$T/ca/chain.pem" m.eml
    [[ $output == *address-mismatch* && $output == *'"untrusted"'* ]]
}

@test "a second token may not have a taken label" {
    ends 2 signet token create --label demo --pin-file "$T/pin"
    says demo
}

@test "each command explains itself" {
    for command in sign verify tokens keys token key csr cert agent; do
        ends 0 signet $command --help
        [[ $output == *"$command"* ]]
    done
    ends 0 signet --help
    ends 0 signet --version
}
