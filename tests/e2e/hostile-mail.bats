#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mails by somebody with a certificate of her own, made to look like another's or
# like more than was signed: never good, and nothing is written. Signed by openssl
# with file keys: no agent, no token.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    ca_leaf "$T/ca" alice p256 alice@example.org
    ca_leaf "$T/ca" eve p256 eve@example.net
    home_new main
    printf 'Content-Type: text/plain\r\n\r\nTransfer 10.\r\n' >"$T/content"
    for who in alice eve; do
        openssl_signs $who sha256 "$T/content" "$T/$who.det" -binary -outform DER
        openssl_signs $who sha256 "$T/content" "$T/$who.der" -binary -nodetach -outform DER
    done
    openssl_signs alice sha256 "$T/content" "$T/stamp.der" -binary -nodetach -outform DER \
        -econtent_type 1.2.840.113549.1.9.16.1.4
    openssl_signs alice sha256 "$T/content" "$T/stamp.det" -binary -outform DER \
        -econtent_type 1.2.840.113549.1.9.16.1.4
}
teardown_file() { e2e_end; }
setup() {
    e2e_test
    home_use main
}

# clear_mail HEADER SIGNATURE: with a header of printf's escapes, its end not included.
clear_mail() {
    printf "$1"'\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=%s; boundary=b\r\n\r\n' \
        "${micalg-sha-256}"
    printf -- '--b\r\n' && cat "$T/content"
    printf -- '\r\n--b\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    base64 "$2"
    printf -- '--b--\r\n'
}

opaque_mail() {  # HEADER DER
    printf "$1"'\r\nContent-Type: application/pkcs7-mime; name=smime.p7m\r\n'
    printf 'Content-Transfer-Encoding: base64\r\n\r\n'
    base64 "$2"
}

verify() {  # STATUS
    rm -f out
    ends "$1" signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o out mail
    if [ "$1" -eq 0 ]; then cmp out "$T/content"; else [ ! -e out ]; fi
}

@test "honest mails are good, for each signer" {
    for who in alice@example.org eve@example.net; do
        clear_mail "From: $who" "$T/${who%%@*}.det" >mail
        verify 0
        opaque_mail "From: $who" "$T/${who%%@*}.der" >mail
        verify 0
    done
}

@test "headers in which another program may see another sender" {
    while IFS= read -r header; do
        clear_mail "$header" "$T/eve.det" >mail
        verify 3
        says address-mismatch
        opaque_mail "$header" "$T/eve.der" >mail
        verify 3
        says address-mismatch
    done <<'HEADERS'
From: alice@example.org
Sender: alice@example.org
From: \r\nSender: alice@example.org
From: eve@example.net\r\nFrom: alice@example.org
From: eve@example.net\r\nFrom : alice@example.org
From: eve@example.net, alice@example.org
From: "alice@example.org" <eve@example.net>
From: alice@example.org <eve@example.net>
From: =?utf-8?q?alice=40example=2Eorg?= <eve@example.net>
From: eve@example.net (alice@example.org)
From: <eve@example.net>\r\n alice@example.org
Subject: x\rFrom: alice@example.org\r\nFrom: eve@example.net
Subject: x\r\r\nFrom: eve@example.net
X: a\0From: alice@example.org\r\nFrom: eve@example.net
Subject: x\r\nFrom\001: alice@example.org\r\nFrom: eve@example.net
Subject: x\r\nFrom\001: alice@example.org
Subject: x\r\nwords\r\nFrom: eve@example.net
HEADERS
}

@test "two Content-Types: another program may show the other" {
    for types in 'text/html application/pkcs7-mime' 'application/pkcs7-mime text/html'; do
        set -- $types
        { printf 'From: alice@example.org\r\nContent-Type: %s\r\nContent-Type: %s\r\n' "$1" "$2"
          printf 'Content-Transfer-Encoding: base64\r\n\r\n'; base64 "$T/alice.der"; } >mail
        verify 5
        says '^signet: mail: .*repeated'
    done
}

@test "what was signed as something else than a mail is no mail" {
    clear_mail 'From: alice@example.org' "$T/stamp.det" >mail
    verify 5
    says '^signet: mail: .*1\.2\.840\.113549\.1\.9\.16\.1\.4.*--cms'
    opaque_mail 'From: alice@example.org' "$T/stamp.der" >mail
    verify 5
    says '^signet: mail: .*no mail'
    cp "$T/stamp.der" mail
    verify 0
}

@test "micalg lies: read twice, written once" {
    for micalg in md5 sha-512 nonsense; do
        clear_mail 'From: alice@example.org' "$T/alice.det" >mail
        verify 0
    done
}

@test "a second content beside the mail's text is refused, naming the file" {
    clear_mail 'From: alice@example.org' "$T/alice.der" >mail
    verify 5
    says '^signet: mail: .*content of its own'
}

@test "a verdict that nobody could get leaves no output" {
    clear_mail 'From: alice@example.org' "$T/alice.det" >mail
    set -- signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt"
    rm -f out
    for closed in "2>&-" "<&- 2>&-" "2>/dev/full" "--json >&-" "--json >/dev/full"; do
        run bash -c "\"\$@\" -o out mail $closed" bash "$@"
        [ "$status" -eq 6 ] || fail "status $status with $closed"
        [ ! -e out ] || fail "output is left with $closed"
    done
    ends 2 "$@" --json -o - mail
    says 'give -o a file'
}

@test "a closed standard stream is no file that was opened" {
    for closed in ">&-" "<&- >&-" "<&- >&- 2>&-"; do
        clear_mail 'From: alice@example.org' "$T/alice.det" >mail
        cp mail before
        run bash -c "signet verify --anchor '$T/ca/root.crt' --anchor '$T/ca/inter.crt' mail $closed"
        [ "$status" -eq 6 ] || fail "status $status with $closed"
        cmp mail before
    done
}

@test "refusals say what to do" {
    clear_mail 'From: alice@example.org' "$T/alice.det" >whole
    head -c 200 whole >mail
    verify 5
    says '^signet: mail: the mail ends before its signature; get '
    printf 'From: alice@example.org\n\nwords\n' >mail
    verify 5
    says '^signet: mail: the mail is not signed.*; '
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/chain.pem" -outform DER -out mail
    verify 1
    says 'the message has no signature'
    ends 1 signet verify --content "$T/content" mail
    says 'the message has no signature'
}
