#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# signet encrypt on mails: read by openssl, gpgsm and NSS; whom it is for; what is seen
# outside; layers within layers.

load lib/common

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    export CA_USAGE=,keyEncipherment
    key_new demo rsa2048 alice@example.org
    key_new demo rsa2048 tokenbob@example.org
    for who in bob carol dave; do
        ca_leaf "$T/ca" $who rsa2048 $who@example.org
    done
    export CA_USAGE=
    # Who only signs with this one.
    key_new demo p256 signer@example.org
    home_new empty
    for who in gpgsm cmsutil; do
        command -v $who >/dev/null || continue
        case $who in
        gpgsm) gpgsm_new reader && gpgsm_add_key reader bob ;;
        cmsutil) nss_new && nss_add_key bob ;;
        esac
    done
    cat >"$T/mail" <<'MAIL'
Received: from example.org
From: Alice <alice@example.org>
To: Bob Example <tokenbob@example.org>
Subject: Quarterly =?utf-8?q?gr=C3=BC=C3=9Fe?=
Date: Fri, 21 Jan 2022 20:40:48 -0500
Message-ID: <one@example.org>
Keywords: numbers
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Grüße Bob,

From here on the numbers are secret.
.
trailing blanks  
MAIL
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
    B="$T/ca/bob.crt"
}

opens() {  # MAIL WHO OUT
    ok openssl cms -decrypt -in "$1" -recip "$T/ca/$2.crt" -inkey "$T/ca/$2.key" -out "$3"
}

# What grep must not find.
no() { ! grep "$@" || fail "it is there: $*"; }

# The body of the mail, in canonical form.
body_is() { cmp <(sed '1,/^\r*$/d' "$1") <(sed '1,/^$/d' "$T/mail" | sed 's/$/\r/'); }

recipients() {
    mail_pl body "$1" "$1.der" &&
        openssl cms -cmsout -print -noout -inform DER -in "$1.der" | grep -c serialNumber
}

with() {  # FIELD... : the mail with these fields in front, without its To
    printf '%s\n' "$@"
    sed '/^To:/d' "$T/mail"
}

@test "openssl reads a mail in CBC: names, dispositions, header protection" {
    ok signet encrypt -r "$B" -o m "$T/mail"
    cat >want <<'HEAD'
Received: from example.org
From: Alice <alice@example.org>
To: Bob Example <tokenbob@example.org>
Subject: [...]
Date: Fri, 21 Jan 2022 20:40:48 -0500
Message-ID: <one@example.org>
MIME-Version: 1.0
Content-Type: application/pkcs7-mime; smime-type=enveloped-data;
 name="smime.p7m"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7m"

HEAD
    cmp want <(head -12 m)
    opens m bob out
    body_is out
    grep -q '^Subject: Quarterly =?utf-8?q?gr=C3=BC=C3=9Fe?=' out
    grep -q '^HP-Outer: Subject: \[\.\.\.\]' out
    grep -q '^Keywords: numbers' out
    no -q '^Received' out
    no -q '^HP-Outer: Keywords' out
    grep -q 'hp="cipher"' out
    grep -q '^Content-Transfer-Encoding: 8bit' out
}

@test "gpgsm reads it" {
    need gpgsm
    ok signet encrypt -r "$B" -o m "$T/mail"
    mail_pl body m m.der
    ok gpgsm_in reader --decrypt -o out m.der
    body_is out
}

@test "NSS reads it" {
    need cmsutil
    ok signet encrypt -r "$B" -o m "$T/mail"
    mail_pl body m m.der
    cmsutil -D -d "sql:$T/nss" -i m.der -o out
    body_is out
}

@test "AuthEnvelopedData is called what it is, and Signet reads it" {
    ok signet encrypt --cipher aes256-gcm -o m "$T/mail"
    grep -q 'smime-type=authEnveloped-data;' m
    ok signet decrypt -o out m
    grep -q '^Subject: Quarterly' out
    grep -q 'Grüße Bob' out
}

@test "signed, then encrypted: openssl takes off both" {
    ok signet encrypt --sign -u alice@example.org -r "$B" -o m "$T/mail"
    opens m bob inner
    grep -q 'protocol="application/pkcs7-signature"' inner
    ok openssl cms -verify -in inner -CAfile "$T/ca/chain.pem" -out out
    grep -q '^Subject: Quarterly' out
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o again inner
    says good
    ok signet encrypt --sign --opaque -u alice@example.org -r "$B" -o m "$T/mail"
    opens m bob inner
    grep -q 'smime-type=signed-data' inner
    ok openssl cms -verify -in inner -CAfile "$T/ca/chain.pem" -out out
}

@test "a triple wrap is three layers in order" {
    ok signet encrypt --triple -u alice@example.org -r "$B" -o m "$T/mail"
    ok openssl cms -verify -in m -CAfile "$T/ca/chain.pem" -out one
    opens one bob two
    ok openssl cms -verify -in two -CAfile "$T/ca/chain.pem" -out three
    grep -q '^Subject: Quarterly' three
    grep -q '^Subject: \[\.\.\.\]' m
    # The same by hand.
    ok signet sign -u alice@example.org -o s "$T/mail"
    ok signet encrypt -r "$B" -o e s
    ok signet sign -u alice@example.org -o t e
    ok openssl cms -verify -in t -CAfile "$T/ca/chain.pem" -out one
    opens one bob two
    ok openssl cms -verify -in two -CAfile "$T/ca/chain.pem" -out three
}

@test "several signers: micalg has the digests of all" {
    ok signet sign -u alice@example.org -u signer@example.org -u tokenbob@example.org \
        -o m "$T/mail"
    grep -q 'micalg="sha-256";' m
    ok openssl_accepts_mail m
    ends 0 signet verify --json --anchor "$T/ca/chain.pem" -o out m || [ "$status" -eq 3 ]
}

@test "compressed before it is encrypted" {
    for _ in $(seq 200); do sed '1,/^$/d' "$T/mail"; done >body
    { sed '/^$/q' "$T/mail"; cat body; } >large
    ok signet encrypt --compress -r "$B" -o m large
    [ "$(stat -c %s m)" -lt "$(($(stat -c %s large) / 2))" ]
    opens m bob inner
    grep -q 'smime-type=compressed-data;' inner
    grep -q 'filename="smime.p7z"' inner
    ok signet read --raw -o out inner
    grep -q '^Subject: Quarterly' out
    # Debian's openssl has no zlib; another one must agree.
    mail_pl body inner inner.der
    if openssl cms -uncompress -inform DER -in inner.der -out theirs 2>/dev/null; then
        cmp out theirs
    fi
}

@test "without -r, for those in To and for oneself" {
    ok signet encrypt -v -o m "$T/mail"
    [[ $output == *"encrypts to"*tokenbob* ]] || [[ $output == *"encrypts to"*rsa2048* ]]
    [ "$(recipients m)" -eq 2 ]
    ok signet encrypt --no-self -o m "$T/mail"
    [ "$(recipients m)" -eq 1 ]
    ok signet encrypt -r "$B" -o m "$T/mail"
    [ "$(recipients m)" -eq 2 ]
    ok signet encrypt -r "$B" --no-self -o m "$T/mail"
    [ "$(recipients m)" -eq 1 ]
}

@test "what is chosen and why is told with -v" {
    ok signet encrypt -v -r "$B" -o m "$T/mail"
    [[ $output == *aes256-cbc*"nothing is known of what"*bob* ]] || fail "$output"
    [[ $output == *"PKCS#1 v1.5"* ]]
    ok signet encrypt -v -r "$B" --cipher aes128-cbc -o m "$T/mail"
    [[ $output == *"aes128-cbc, as asked"* ]]
    ok signet encrypt -r "$B" -o m "$T/mail"
    [ -z "$output" ] || fail "$output"
}

@test "recipients without a certificate are named" {
    with 'To: nobody@example.org, tokenbob@example.org' 'Cc: noone@example.org' >mail
    ends 4 signet encrypt -o m mail
    says 'nobody@example.org, noone@example.org'
    says ' -r'
    [ ! -e m ]
    with 'To: nobody@example.org' >mail
    ends 4 signet encrypt -o m mail
    says 'nobody@example.org'
    with 'To: this is no address' >mail
    ends 5 signet encrypt -o m mail
    says 'To: .*this is no address'
    with 'Cc: undisclosed-recipients:;' >mail
    ends 2 signet encrypt -o m mail
    says 'to nobody'
}

@test "who has no certificate on a token is told, and may still encrypt to others" {
    home_use empty
    ends 0 signet encrypt -r "$B" -o m "$T/mail"
    says 'not.*be able to read'
    opens m bob out
    ends 0 signet encrypt -r "$B" --no-self -o m "$T/mail"
    [ -z "$stderr" ]
}

@test "Bcc is taken out, and nobody learns of anybody in it" {
    with 'To: bob@example.org' 'Bcc: carol@example.org, dave@example.org' >mail
    ok signet encrypt --no-self -r "$B" -o m mail
    no -qi '^bcc:' m
    opens m bob out
    no -qi 'bcc\|carol\|dave' out
    # In one message everybody sees how many there are, and who.
    ends 2 signet encrypt -r "$B" -r "$T/ca/carol.crt" -o n mail
    says 'carol@example.org.*--separate'
    [ ! -e n ]
    ends 2 signet encrypt --separate -r "$B" mail
    says 'name the first with -o'
    ends 0 signet encrypt --separate --sign -u alice@example.org -r "$B" -r "$T/ca/carol.crt" \
        -r "$T/ca/dave.crt" -o n mail
    says 'n.1 is for carol@example.org'
    says 'n.2 is for dave@example.org'
    for f in n n.1 n.2; do
        [ "$(recipients $f)" -eq 2 ]    # and oneself
        no -qi '^bcc:' $f
    done
    opens n bob out
    opens n.1 carol out
    no -qi dave out
    opens n.2 dave out
    ! openssl cms -decrypt -in n -recip "$T/ca/carol.crt" -inkey "$T/ca/carol.key" -out x ||
        fail "Carol opens the message of Bob"
}

@test "a mail to nobody but one in Bcc is one message" {
    with 'Bcc: carol@example.org' >mail
    ok signet encrypt --no-self -r "$T/ca/carol.crt" -o m mail
    no -qi '^bcc:' m
    opens m carol out
}

@test "header protection can be less, more, or none" {
    ok signet encrypt -r "$B" --no-protect-headers -o m "$T/mail"
    grep -q '^Subject: Quarterly' m
    opens m bob out
    no -q 'hp=\|^Subject' out
    ok signet encrypt -r "$B" --protect-headers none -o m "$T/mail"
    grep -q '^Subject: Quarterly' m
    opens m bob out
    grep -q 'hp="cipher"' out
    ok signet encrypt -r "$B" --protect-headers shy -o m "$T/mail"
    grep -q '^From: alice@example.org' m
    grep -q '^Date: Sat, 22 Jan 2022 01:40:48 +0000' m
    ok signet encrypt -r "$B" --legacy-display -o m "$T/mail"
    opens m bob out
    grep -q 'hp-legacy-display="1"' out
    sed '1,/^\r*$/d' out | head -1 | grep -q '^Subject: Quarterly'
    ends 2 signet encrypt -r "$B" --protect-headers shy --no-protect-headers "$T/mail"
    says 'exclude'
}

@test "signatures protect the header too, unless told otherwise" {
    ok signet sign -u alice@example.org -o m "$T/mail"
    grep -q '^Subject: Quarterly' m
    mail_pl split m content sig
    grep -q '^Subject: Quarterly' content
    grep -q 'hp="clear"' content
    ok openssl_accepts_mail m
    ok signet sign --no-protect-headers -u alice@example.org -o m "$T/mail"
    mail_pl split m content sig
    no -q 'hp=\|^Subject' content
}

@test "a mail of certificates alone" {
    sed '/^$/q' "$T/mail" >head
    ok signet sign --certs-only -u alice@example.org -o m head
    grep -q 'smime-type=certs-only;' m
    grep -q 'filename="smime.p7c"' m
    grep -q '^Subject: Quarterly' m
    mail_pl body m m.der
    openssl pkcs7 -inform DER -in m.der -print_certs -out certs.pem
    cmp <(openssl x509 -in certs.pem -outform DER) \
        <(openssl x509 -in "$T/certs/alice@example.org.crt" -outform DER)
    ends 2 signet sign --certs-only -u alice@example.org -o n "$T/mail"
    says 'no text'
    [ ! -e n ]
    ends 2 signet sign --certs-only --cms -u alice@example.org -o n head
}

@test "what a signature says that its signer can read" {
    ok signet sign -u alice@example.org --opaque -o m "$T/mail"
    mail_pl body m m.der
    openssl cms -cmsout -print -noout -inform DER -in m.der >text
    grep -q 'S/MIME Capabilities' text
    openssl asn1parse -inform DER -in m.der >asn1
    [ "$(grep -o 'aes-256-gcm\|aes-256-cbc\|aes-128-cbc' asn1 | head -1)" = aes-256-gcm ]
    grep -q rsaesOaep asn1
    # A bare message has nobody who would answer it.
    ok signet sign -u alice@example.org --cms -o m.der "$T/mail"
    openssl asn1parse -inform DER -in m.der >asn1
    no -q 'S/MIME Cap' asn1
}

@test "who signs with one key and reads with another says so" {
    CA_USAGE=,keyEncipherment key_new demo rsa2048 signer@example.org reads
    ok signet sign -u signer@example.org --digest sha256 -o m "$T/mail" ||
        ok signet sign -u p256 -o m "$T/mail"
    mail_pl split m content sig
    openssl asn1parse -inform DER -in sig | grep -q 'id-smime-aa-encrypKeyPref'
    serial=$(openssl x509 -in "$T/certs/signer@example.org.crt" -noout -serial | sed 's/.*=//')
    openssl asn1parse -inform DER -in sig | grep -q "$serial"
    openssl pkcs7 -inform DER -in sig -print_certs -noout | grep -c subject
}

@test "from a good mail is learnt whom to answer, and how" {
    ok signet sign -u alice@example.org -o m "$T/mail"
    home_use empty
    rm -f "$SIGNET_HOME"/certs.db*
    with 'To: alice@example.org' >answer
    ends 4 signet encrypt --no-self -o n answer
    # Not from one that is not good.
    ends 3 signet verify -o /dev/null m
    sed 's/secret/public/' m >altered
    ends 1 signet verify --anchor "$T/ca/chain.pem" -o /dev/null altered
    home_use main
    ok signet sign --no-protect-headers -u alice@example.org -o bare "$T/mail"
    home_use empty
    sed 's/^From: Alice.*/From: mallory@example.org/' bare >moved
    ends 3 signet verify --anchor "$T/ca/chain.pem" -o /dev/null moved
    ends 4 signet encrypt --no-self -o n answer
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o /dev/null m
    ok signet encrypt -v --no-self -o n answer
    [[ $output == *"aes256-gcm: the strongest that all recipients are known to read"* ]]
    [[ $output == *OAEP* ]]
    # With one of whom nothing is known: what everybody reads.
    ok signet encrypt -v --no-self -r alice@example.org -r "$B" -o o answer
    [[ $output == *aes256-cbc* ]]
    home_use main
    ok signet decrypt -o out n
    grep -q 'Grüße Bob' out
}

@test "a mail with the key to encrypt to beside the one that signed" {
    [ -e "$T/certs/reader@example.org.crt" ] || {
        key_new demo p256 reader@example.org signs
        CA_USAGE=,keyEncipherment key_new demo rsa2048 reader@example.org reads2
    }
    ok signet sign -u signs -o m <(sed 's/^From:.*/From: reader@example.org/' "$T/mail")
    home_use empty
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o /dev/null m
    ok signet encrypt --no-self -r reader@example.org -o n "$T/mail"
    home_use main
    ok signet decrypt -o out n
}

@test "learning can be turned off" {
    ok signet sign -u alice@example.org -o m "$T/mail"
    home_new silent
    printf '[trust]\nlearn = no\n' >>"$SIGNET_HOME/signet.conf"
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o /dev/null m
    [ ! -e "$SIGNET_HOME/certs.db" ]
}

@test "a store that is damaged stops no verification" {
    ok signet sign -u alice@example.org -o m "$T/mail"
    home_new damaged
    head -c 5000 /dev/urandom >"$SIGNET_HOME/certs.db"
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o /dev/null m
    ends 0 signet verify -v --anchor "$T/ca/chain.pem" -o /dev/null m
    says 'not kept.*certs.db.*move it away'
    ends 2 signet encrypt --no-self -r alice@example.org -o n "$T/mail"
    says 'certs.db.*move it away'
}

@test "an encrypted mail may be encrypted again" {
    ok signet encrypt -r "$B" -o m "$T/mail"
    ok signet encrypt -r "$T/ca/carol.crt" -o n m
    opens n carol one
    opens one bob two
    body_is two
}

@test "what is no mail is refused, with nothing written" {
    : >empty
    ends 5 signet encrypt -r "$B" -o m empty
    says 'empty'
    echo 'no header here' >text
    ends 5 signet encrypt -r "$B" -o m text
    says 'no header.*--cms'
    printf 'Subject: s\nwhat\n\nbody\n' >bad
    ends 5 signet encrypt -r "$B" -o m bad
    says 'line 2'
    ends 2 signet encrypt -r "$B" -o m missing
    ends 2 signet encrypt -r missing.crt -o m "$T/mail" || [ "$status" -eq 4 ]
    ends 2 signet encrypt --pem -r "$B" -o m "$T/mail"
    ends 2 signet encrypt --opaque -r "$B" -o m "$T/mail"
    [ ! -e m ]
}

@test "a mail on standard input, with CRLF, comes out with CRLF" {
    sed 's/$/\r/' "$T/mail" | signet encrypt -r "$B" >m
    [ "$(grep -c $'\r$' m)" -eq "$(wc -l <m)" ]
    opens m bob out
    body_is out
}
