#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The certificate store by its commands; openssl makes and reads the files.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    export CA_USAGE=,keyEncipherment
    ca_make "$T/ca"
    ca_key "$T/bob.key" rsa2048
    openssl pkey -in "$T/bob.key" -pubout -out "$T/bob.pub"
    ca_issue_key "$T/ca" "$T/bob.pub" bob@example.org "$T/bob.crt"
    ca_issue_key "$T/ca" "$T/bob.pub" bob@example.org "$T/bob2.crt"
    home_new main
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    rm -f "$SIGNET_HOME"/certs.db*
    BOB=$(openssl x509 -in "$T/bob.crt" -outform DER | sha256sum | cut -c1-64)
    ROOT=$(openssl x509 -in "$T/ca/root.crt" -outform DER | sha256sum | cut -c1-64)
}

@test "certificates are added from PEM, DER, PKCS#7 and PKCS#12, once each" {
    openssl x509 -in "$T/bob.crt" -outform DER -out b.der
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/chain.pem" -outform DER -out c.p7b
    openssl pkcs12 -export -legacy -in "$T/bob2.crt" -inkey "$T/bob.key" -passout pass:geheim -out b.p12
    echo geheim >pw
    ends 0 signet certs add "$T/bob.crt" b.der c.p7b
    says "3 certificates added, 1 known before"
    ends 4 signet --batch certs add b.p12
    says "--password-file"
    echo falsch >wrong
    ends 4 signet certs add --password-file wrong b.p12
    says "password is wrong"
    ok signet certs add --password-file pw b.p12
    ok signet certs list --json bob@EXAMPLE.org
    [ "$(grep -o '"fingerprint"' <<<"$output" | wc -l)" = 2 ]
    [[ $output == *'"source":"file b.p12"'* ]] || fail "$output"
    ! grep -rlq 'PRIVATE' "$SIGNET_HOME"/certs.db
}

@test "what is no certificate is told, and nothing of its command is added" {
    echo junk >junk
    ends 2 signet certs add "$T/bob.crt" junk
    says "junk is damaged or holds no certificates"
    ends 2 signet certs add "$T/bob.key"
    says "holds no certificates"
    ends 2 signet certs add nowhere
    ends 4 signet certs list bob@example.org
    says "no certificate of"
}

@test "show has all, and WHO may be an address, a fingerprint, a key, a name or a file" {
    ok signet certs add "$T/bob.crt" "$T/ca/chain.pem"
    key=$(openssl x509 -in "$T/bob.crt" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c1-64)
    sha1=$(openssl x509 -in "$T/bob.crt" -noout -fingerprint -sha1 | cut -d= -f2)
    for who in bob@example.org "${BOB:0:8}" "$BOB" "$sha1" "$key" "CN=bob@example.org,O=Signet Test" "$T/bob.crt"; do
        ok signet certs show --anchor "$T/ca/root.crt" "$who"
        [[ $output == *"$BOB"* && $output == *"$key"* && $output == *emailProtection* ]] || fail "$who: $output"
        [[ $output == *"Trusted by:    --anchor"* && $output != *Problem* ]] || fail "$who: $output"
    done
    ok signet certs show bob@example.org
    [[ $output == *Problem:* ]]
    ok signet certs show --json bob@example.org
    [[ $output == *'"untrusted-root"'* ]] || fail "$output"
}

@test "several that are meant are listed, and nothing is done" {
    ok signet certs add "$T/bob.crt" "$T/bob2.crt"
    ends 4 signet certs remove bob@example.org
    says "can be 2 certificates"
    says "${BOB:0:16}"
    ok signet certs remove "$BOB"
    ok signet certs remove bob@example.org
    ends 4 signet certs remove bob@example.org
}

@test "trust makes an anchor, distrust ends all trust, and both can be taken back" {
    ok signet certs add "$T/bob.crt" "$T/ca/inter.crt"
    ends 2 signet --batch certs trust "$T/ca/root.crt"
    says "--yes"
    ends 0 signet certs trust --yes "$T/ca/root.crt"
    says "$ROOT"
    ok signet certs list --trusted
    [[ $output == *"${ROOT:0:16}"* ]]
    ok signet certs show bob@example.org
    [[ $output == *"Trusted by:    you"* && $output != *Problem* ]] || fail "$output"
    ok signet certs distrust --yes Intermediate
    ok signet certs show --json bob@example.org
    [[ $output == *'"distrusted"'* ]] || fail "$output"
    ok signet certs distrust --undo Intermediate
    ok signet certs list --distrusted --json
    [ "$output" = "[]" ]
    ok signet certs show bob@example.org
    [[ $output != *Problem* ]] || fail "$output"
}

shown_and_remembered() {
    ok signet certs show --json --anchor "$T/ca/root.crt" bob@example.org
    [ -s "$SIGNET_HOME/certs.db-seen" ]
}

@test "what the store has answered is remembered, until it changes" {
    ok signet certs add "$T/bob.crt" "$T/ca/inter.crt"
    wait_until shown_and_remembered
    [ "$(stat -c %a "$SIGNET_HOME/certs.db-seen")" = 600 ]
    shown_and_remembered
    [[ $output != *'"distrusted"'* ]] || fail "$output"
    ok signet certs distrust --yes Intermediate
    ok signet certs show --json --anchor "$T/ca/root.crt" bob@example.org
    [[ $output == *'"distrusted"'* ]] || fail "$output"
    wait_until shown_and_remembered
    [[ $output == *'"distrusted"'* ]] || fail "$output"
    ok signet certs remove bob@example.org
    ends 4 signet certs show bob@example.org
}

@test "revocation lists are kept, and heeded" {
    : >index.txt
    echo 01 >crlnumber
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=5\n' >crl.cnf
    openssl ca -config crl.cnf -cert "$T/ca/inter.crt" -keyfile "$T/ca/inter.key" -revoke "$T/bob.crt" 2>/dev/null
    openssl ca -config crl.cnf -cert "$T/ca/inter.crt" -keyfile "$T/ca/inter.key" -gencrl -out crl.pem 2>/dev/null
    ok signet certs add "$T/bob.crt" "$T/ca/inter.crt" crl.pem
    ok signet certs show --json --anchor "$T/ca/root.crt" bob@example.org
    [[ $output == *'"revoked"'* ]] || fail "$output"
    echo hello >m
    ok signet certs trust --yes "$T/ca/root.crt"
    ends 3 signet encrypt --cms -r bob@example.org -o out m
    says "was revoked"
}

@test "what is exported openssl reads" {
    ok signet certs add "$T/bob.crt" "$T/ca/chain.pem"
    ok signet certs export -o b.pem bob@example.org
    openssl x509 -in b.pem -outform DER | cmp - <(openssl x509 -in "$T/bob.crt" -outform DER)
    ok signet certs export --der -o b.der bob@example.org
    cmp b.der <(openssl x509 -in "$T/bob.crt" -outform DER)
    ok signet certs export --p7 -o b.p7b "$BOB" "$ROOT"
    [ "$(openssl pkcs7 -inform DER -in b.p7b -print_certs | grep -c BEGIN)" = 2 ]
    ends 4 signet certs export --der "$BOB" "$ROOT"
}

@test "encrypting takes the certificate of the store, unless it is distrusted" {
    echo hello >m
    ok signet certs add "$T/bob.crt"
    ok signet encrypt --cms -r bob@example.org -o out m
    openssl cms -decrypt -inform DER -in out -inkey "$T/bob.key" | grep -q hello
    ok signet certs distrust --yes bob@example.org
    ends 3 signet encrypt --cms -r bob@example.org -o out2 m
    says "is distrusted"
    [ ! -e out2 ]
}

@test "a certificate near its end is announced at signing" {
    token_new demo
    openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.key
    key=$(signet key generate --token demo --type p256)
    signet csr -u "$key" --subject "CN=Soon" --email soon@example.org -o s.csr
    ca_issue "$T/ca" s.csr soon@example.org soon.crt 10
    ok signet cert import soon.crt
    echo hello >m
    ends 0 signet sign --cms -u "$key" -o out m
    says 'CN=Soon.* ends on .*signet cert import'
    ends 0 signet -q sign --cms -u "$key" -o out m
    [ -z "$stderr" ]
}

@test "names with controls are shown escaped" {
    printf '[req]\ndistinguished_name=d\nutf8=yes\nprompt=no\nstring_mask=utf8only\n[d]\nCN=ev\xe2\x80\xaeil\n' >c.cnf
    openssl req -x509 -new -utf8 -config c.cnf -key "$T/bob.key" -days 5 -out evil.crt
    ok signet certs add evil.crt
    ok signet certs list
    [[ $output == *'ev\u{202E}il'* || $output == *'ev\u{202e}il'* ]] || fail "$output"
}
