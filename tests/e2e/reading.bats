#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# signet read: layers in every order, senders' habits, relays, protected headers, and
# what is shown. Signed by openssl with file keys, encrypted with a password: no agent, no
# token.

load lib/common
. "$E2E_DIR/lib/mails.bash"

setup_file() {
    e2e_begin openssl jq || return 0
    ca_make "$T/ca"
    ca_leaf "$T/ca" alice p256 alice@example.org
    ca_leaf "$T/ca" eve p256 eve@example.net
    home_new main
    (umask 077 && echo 'open sesame' >"$T/password")
    printf 'Content-Type: text/plain; charset=utf-8\r\n\r\nTransfer 10 \xe2\x82\xac.\r\n' >"$T/content"
}
teardown_file() { e2e_end; }
setup() {
    e2e_test
    home_use main
}

# layers: the kinds, as JSON says them.
layers() {
    signet read --json --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" \
        --password-file "$T/password" mail | jq -r '[.layers[].kind] | join(" ")'
}

FROM='From: Alice <alice@example.org>\r\nSubject: s'

@test "every order of layers, the content to the byte" {
    for chain in "clear" "opaque" "sealed" "clear sealed" "opaque sealed" "sealed clear" \
        "clear sealed clear" "opaque sealed opaque" "clear opaque" "sealed sealed"; do
        cp "$T/content" now
        kinds=
        for step in $chain; do
            case $step in
            sealed) sealed now >next; kinds="enveloped-data $kinds" ;;
            *) $step alice now >next; kinds="signed-data $kinds" ;;
            esac
            mv next now
        done
        mail "$FROM" <now >mail
        reads 0 --
        cmp out "$T/content" || fail "$chain"
        [ "$(layers)" = "${kinds% }" ] || fail "$chain: $(layers)"
        perl -pe 's/\r\n/\n/' mail >lf && mv lf mail
        reads 0 --
        cmp <(tr -d '\r' <out) <(tr -d '\r' <"$T/content") || fail "$chain with LF"
    done
}

@test "authenticated, certificates alone, and nothing at all" {
    sealed "$T/content" gcm | mail "$FROM" >mail
    reads 0 unsigned -- --require-authenticated
    cmp out "$T/content"
    [ "$(layers)" = authEnveloped-data ]
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/chain.pem" -outform DER -out p7c.der
    opaque_entity p7c.der 'application/pkcs7-mime; smime-type=certs-only; name=smime.p7c' |
        mail "$FROM" >mail
    reads 0 unsigned --
    [ "$(layers)" = certs-only ]
    mail "$FROM" <"$T/content" >mail
    reads 0 unsigned --
    cmp out mail
}

@test "names that senders use, and gateways" {
    signed_part alice "$T/content" o.der -nodetach
    for type in 'application/x-pkcs7-mime; name=smime.p7m' 'application/pkcs7-mime' \
        'APPLICATION/PKCS7-MIME; smime-type=enveloped-data' \
        'application/pkcs7-mime; smime-type="signed-data"; name="smime.p7m"; x=y' \
        'application/octet-stream; name=smime.p7m' 'application/octet-stream; name="SMIME.P7M"' \
        'application/octet-stream\r\nContent-Disposition: attachment; filename=smime.p7m' \
        'application/pkcs7-signature; name=smime.p7s' 'application/octet-stream; name=any.p7m' \
        'application/octet-stream; name*=us-ascii'"''"'smime%%2Ep7m'; do
        opaque_entity o.der "$(printf "$type")" | mail "$FROM" >mail
        reads 0 good --
        cmp out "$T/content" || fail "$type"
    done
    # The whole mail as the one part of a multipart, as some gateways leave it.
    { printf 'Content-Type: multipart/mixed; boundary=g\r\n\r\n--g\r\n'
      clear alice "$T/content"; printf -- '\r\n--g--\r\n'; } | mail "$FROM" >mail
    reads 0 good --
    # With the disclaimer that a gateway adds, it is not all of the mail.
    { printf 'Content-Type: multipart/mixed; boundary=g\r\n\r\n--g\r\n'
      clear alice "$T/content"
      printf -- '\r\n--g\r\nContent-Type: text/plain\r\n\r\nConfidential!\r\n--g--\r\n'; } |
        mail "$FROM" >mail
    reads 3 partial-coverage --
    says '2 \(text/plain\)'
    cmp out "$T/content"
    # A file that somebody attached is no layer.
    { printf 'Content-Type: multipart/mixed; boundary=g\r\n\r\n--g\r\n\r\nSee the contract.\r\n--g\r\n'
      opaque_entity o.der 'application/octet-stream; name=contract.p7m'
      printf -- '\r\n--g--\r\n'; } | mail "$FROM" >mail
    reads 0 unsigned --
    cmp out mail
}

@test "base64 without line ends, with strange ones, and with none at the end" {
    signed_part alice "$T/content" o.der -nodetach
    for way in 's/\s//g' 's/\n/\r\n/g' 's/\n/\n\n/g' 's/\n/ \t\r\n/g' 's/\n\z//' 's/\n/\r/g'; do
        base64 o.der | perl -0pe "$way" >b64
        { printf "$FROM"'\r\nContent-Type: application/pkcs7-mime\r\n'
          printf 'Content-Transfer-Encoding: base64\r\n\r\n'; cat b64; } >mail
        reads 0 good --
        cmp out "$T/content" || fail "$way"
    done
    { printf "$FROM"'\r\nContent-Type: application/pkcs7-mime\r\n'
      printf 'Content-Transfer-Encoding: binary\r\n\r\n'; cat o.der; } >mail
    reads 0 good --
}

@test "relays: line ends, dots, blanks behind boundaries, other transport fields" {
    printf 'Content-Type: text/plain\r\n\r\n.one\r\n..two\r\nFrom here\r\n.\r\nend\r\n' >dots
    clear alice dots | mail "$FROM" >whole
    for way in 's/\r\n/\n/' 's/\r\n/\n/; s/\n/\r\n/' 's/^\./../; s/^\.\././' 's/^(--b)\r/$1  \r/' \
        's/^(Subject: s)/Received: from x\r\n\tby y; now\r\nX-Spam: no\r\n$1/'; do
        perl -pe "$way" whole >mail
        reads 0 good --
        cmp <(tr -d '\r' <out) <(tr -d '\r' <dots) || fail "$way"
    done
    perl -0pe 's/(boundary=)b\r/$1"b"\r/; s/micalg=sha-256; /\r\n\tmicalg=sha-256;\r\n /' whole >mail
    reads 0 good --
}

@test "a binary part is not touched" {
    printf 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\1\n\2\r\3\r\n\4' >binary
    clear alice binary | mail "$FROM" >mail
    reads 0 good --
    cmp out binary
    ends 0 signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o out mail
    cmp out binary
}

@test "each kind of certificate and address" {
    printf 'b\xc3\xbccher' >u
    cp "$T/ca/ext.cnf" ext.keep
    ca_leaf "$T/ca" idn p256 a@xn--bcher-kva.example
    clear idn "$T/content" | mail 'From: a@b\xc3\xbccher.example' >mail
    reads 0 good --
    clear idn "$T/content" | mail 'From: a@XN--BCHER-KVA.Example' >mail
    reads 0 good --
    clear idn "$T/content" | mail 'From: a@bucher.example' >mail
    reads 3 address-mismatch --
    clear alice "$T/content" | mail 'From: alice@EXAMPLE.org\r\nSender: list@example.com' >mail
    reads 0 good sender-differs --
    clear eve "$T/content" | mail 'From: alice@example.org\r\nSender: eve@example.net' >mail
    reads 3 address-mismatch --
    says 'address in Sender, not'
    # The address in the subject alone.
    ca_key bare.key p256
    openssl req -new -config "$T/ca/ext.cnf" -key bare.key -out bare.csr \
        -subj /CN=Old/emailAddress=old@example.org
    sed 's/^subjectAltName = email:.*//' "$T/ca/ext.cnf" >noalt.cnf
    openssl x509 -req -in bare.csr -CA "$T/ca/inter.crt" -CAkey "$T/ca/inter.key" -days 3 \
        -extfile noalt.cnf -extensions leaf -set_serial 77 -out "$T/ca/old.crt" 2>/dev/null
    cp bare.key "$T/ca/old.key"
    clear old "$T/content" | mail 'From: old@example.org' >mail
    reads 0 good subject-address --
}

@test "protected headers are what is shown and judged" {
    for hp in 'text/plain; hp=clear\r\nFrom: Alice <alice@example.org>\r\nSubject: true' \
        'message/rfc822; forwarded=no\r\n\r\nFrom: Alice <alice@example.org>\r\nSubject: true' \
        'message/rfc822\r\n\r\nFrom: Alice <alice@example.org>\r\nSubject: true'; do
        printf "Content-Type: $hp"'\r\n\r\nText.\r\n' >hp
        for form in clear opaque; do
            $form alice hp | mail 'From: Alice <alice@example.org>\r\nSubject: true' >mail
            reads 0 good --
            says 'subject +true'
            $form alice hp | mail 'From: Alice <alice@example.org>\r\nSubject: [list] true' >mail
            reads 3 header-mismatch --
            says 'in: Subject'
            says 'subject +true'
            ends 3 signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" mail
            says header-mismatch
            $form alice hp | mail 'From: Boss <boss@example.org>\r\nSubject: true' >mail
            reads 3 header-mismatch --
            says 'from +alice@example.org'
            $form eve hp | mail 'From: eve@example.net\r\nSubject: true' >mail
            reads 3 address-mismatch header-mismatch --
        done
    done
    printf 'Content-Type: text/plain; hp=cipher; hp-legacy-display=1\r\nFrom: alice@example.org\r\nSubject: hidden\r\nHP-Outer: From: alice@example.org\r\nHP-Outer: Subject: [...]\r\n\r\nSubject: hidden\r\n\r\nText.\r\n' >hp
    clear alice hp >signed
    sealed signed | mail 'From: alice@example.org\r\nSubject: [...]' >mail
    reads 0 good unauthenticated-encryption --
    says 'subject +hidden'
    cmp out hp
    reads 0 good legacy-display -- --text
    [ "$(cat out)" = Text. ]
    sealed signed | mail 'From: alice@example.org\r\nSubject: Pay now' >mail
    reads 3 header-mismatch --
}

@test "what a person reads" {
    {
        printf 'Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n'
        printf -- '--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nGr\xfc\xdfe \x1b[1m\r\n'
        printf -- '--a\r\nContent-Type: text/html\r\n\r\n<b>no\r\n--a--\r\n'
        printf -- '--m\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment\r\n\r\nx\r\n'
        printf -- '--m\r\nContent-Type: message/rfc822\r\n\r\nFrom: boss@example.org\r\n\r\nPay\r\n--m--\r\n'
    } >parts
    clear alice parts | mail "$FROM" >mail
    reads 0 good -- --text
    printf 'Gr\xc3\xbc\xc3\x9fe \\x1b[1m\n\n[attachment "a.pdf" (application/pdf)]\n\n[attached message, for whose header nothing vouches (message/rfc822)]\n' |
        cmp - out
    # On a terminal without being asked.
    if command -v script >/dev/null; then
        script -qc "signet read --anchor $T/ca/root.crt --anchor $T/ca/inter.crt mail 2>/dev/null" /dev/null >tty
        grep -q 'x1b\[1m' tty
        run ! grep -q multipart tty
    fi
}

@test "subject and addresses are decoded and safe" {
    clear alice "$T/content" |
        mail 'From: =?utf-8?q?Al=C3=AFce?= <alice@example.org>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe_=1B[31m=E2=80=AE?=' >mail
    reads 0 good --
    says 'subject +Gr.*e .x1b\[31m.u\{202e\}'
}

@test "nothing is started for a mail that needs no key" {
    clear alice "$T/content" | mail "$FROM" >mail
    reads 0 good --
    [ -z "$(daemons)" ]
}
