#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# signet encrypt --cms and signet decrypt: round trips with keys on a token, openssl in
# both directions, and what goes wrong in daily life.

load lib/common

CIPHERS="aes128-gcm aes192-gcm aes256-gcm chacha20-poly1305 aes128-ccm aes256-ccm
    aes128-cbc aes192-cbc aes256-cbc"

setup_file() {
    e2e_begin openssl || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    export CA_USAGE=,keyEncipherment
    key_new demo rsa2048 rsa@token.example
    ca_leaf "$T/ca" rsafile rsa2048 rsa@file.example
    ca_leaf "$T/ca" other rsa2048 other@file.example
    export CA_USAGE=,keyAgreement
    key_new demo p256 p256@token.example
    key_new demo p384 p384@token.example
    ca_leaf "$T/ca" ecfile p256 ec@file.example
    x25519_new x25519@token.example || rm -f "$T/certs/x25519@token.example.crt"
    export CA_USAGE=
    ca_leaf "$T/ca" signer rsa2048 signer@file.example
    # A home whose token holds none of these keys.
    home_new stranger
    token_new stranger
    CA_USAGE=,keyEncipherment key_new stranger rsa2048 rsa@stranger.example
    head -c 100000 /dev/urandom >"$T/content"
    printf 'correct horse\n' >"$T/password"
    printf 'battery staple\n' >"$T/wrong"
}

# Such a key signs no request.
x25519_new() {
    local name
    name=$(signet key generate --token demo --type x25519 --label x25519) || return
    signet keys --json | tr -d ' \n' | grep -o '"name":"'"$name"'".*' |
        grep -o '"spki":"[^"]*"' | head -1 | cut -d'"' -f4 | openssl base64 -d -A |
        openssl pkey -pubin -inform DER -out "$T/x25519.pub" || return
    ca_issue_key "$T/ca" "$T/x25519.pub" "$1" "$T/certs/$1.crt" || return
    signet cert import "$T/certs/$1.crt"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
}

# round WHO...: encrypted with these options and decrypted again.
round() {
    ok signet encrypt --cms "$@" -o m "$T/content"
    ok signet decrypt -o out m
    cmp out "$T/content"
    rm m out
}

sentence() {
    says "$1"
    [[ $stderr == "signet: "* ]] || fail "not a sentence of signet's: $stderr"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
}

openssl_opens() {  # LEAF MESSAGE [OPTION]...
    local leaf=$T/ca/$1 message=$2
    shift 2
    openssl cms -decrypt -binary -inform DER -in "$message" -recip "$leaf.crt" -inkey "$leaf.key" "$@"
}

openssl_encrypts() {  # CERTIFICATE OUT [OPTION]...
    local cert=$1 out=$2
    shift 2
    openssl cms -encrypt -binary -in "$T/content" -outform DER -out "$out" "$@" "$cert"
}

@test "to each kind of key, by address and by file" {
    for who in rsa@token.example p256@token.example p384@token.example; do
        round -r "$who"
        round -r "$T/certs/$who.crt"
    done
    openssl x509 -in "$T/certs/p256@token.example.crt" -outform DER -out p256.der
    round -r p256.der
    # By label and by fingerprint, as people copy it.
    round -r p384
    round -r "$(openssl x509 -in "$T/certs/p384@token.example.crt" -noout -fingerprint -sha256 |
        cut -d= -f2)"
}

@test "to X25519 on the token" {
    [ -e "$T/certs/x25519@token.example.crt" ] || skip "the token makes no X25519 keys"
    round -r x25519@token.example
    round -r x25519@token.example --cipher aes128-cbc
}

@test "each cipher, DER and PEM" {
    for cipher in $CIPHERS; do
        for who in rsa@token.example p256@token.example; do
            round -r "$who" --cipher "$cipher"
            round -r "$who" --cipher "$cipher" --pem
        done
    done
    round -r rsa@token.example --pkcs1
    signet encrypt --cms --pem -r p256@token.example "$T/content" >m.pem
    [ "$(head -1 m.pem)" = "-----BEGIN CMS-----" ]
}

@test "what is asked for is what is made" {
    ok signet encrypt --cms -r rsa@token.example -o m "$T/content"
    ends 0 signet decrypt --json -o out m
    [[ $(tr -d ' \n' <<<"$output") == *'"type":"auth-enveloped-data","cipher":"aes256-gcm","authenticated":true'*'"algorithm":"rsa-oaep"'* ]]
    cmp out "$T/content"
    ok signet encrypt --cms -r rsa@token.example --pkcs1 --cipher aes128-cbc -o m "$T/content"
    ends 0 signet decrypt --json m
    [[ $(tr -d ' \n' <<<"$output") == *'"status":"decrypted"'*'"type":"enveloped-data","cipher":"aes128-cbc","authenticated":false'*'"algorithm":"rsa-pkcs1"'* ]]
    ok signet encrypt --cms -r p256@token.example -v -o m "$T/content"
    [[ $output == *"encrypts to"*"CN=p256"*aes256-gcm* ]]
    ends 0 signet decrypt -v -o out m
    says 'aes256-gcm for certificate [0-9a-f]+ of .*Intermediate.*opened as'
}

@test "several recipients: each opens it" {
    # The stranger's certificate is on no token here.
    ends 4 signet encrypt --cms -r "$T/ca/rsafile.crt" -r rsa@stranger.example -o m "$T/content"
    ok signet encrypt --cms -r "$T/ca/rsafile.crt" -r "$T/ca/ecfile.crt" -r p384@token.example \
        -r "$T/certs/rsa@stranger.example.crt" --cipher aes256-cbc -o m "$T/content"
    ok signet decrypt -o out m
    cmp out "$T/content"
    home_use stranger
    ok signet decrypt -o out m
    cmp out "$T/content"
    openssl_opens rsafile m | cmp - "$T/content"
    openssl_opens ecfile m | cmp - "$T/content"
    # The same one twice is one recipient.
    home_use main
    ok signet encrypt --cms -r p256@token.example -r "$T/certs/p256@token.example.crt" -o m \
        "$T/content"
    ends 0 signet decrypt --json m
    [ "$(grep -c '"kind"' <<<"$output")" -eq 1 ]
}

@test "a password, alone and beside a certificate" {
    round -r p256@token.example --password-file "$T/password"
    ok signet encrypt --cms --password-file "$T/password" -o m "$T/content"
    ok signet decrypt --password-file "$T/password" -o out m
    cmp out "$T/content"
    rm out
    # No token is asked.
    home_new none
    ok signet decrypt --password-file "$T/password" -o out m
    cmp out "$T/content"
    rm out
    ends 5 signet decrypt --password-file "$T/wrong" -o out m
    sentence 'm: .*; '
    ends 4 signet decrypt -o out m
    sentence 'for a password; .*--password-file'
    : >empty
    ends 2 signet decrypt --password-file empty -o out m
    sentence 'empty.*first line'
    ends 2 signet encrypt --cms --password-file nowhere -o out "$T/content"
    sentence nowhere
    only_files . m empty
    openssl cms -decrypt -binary -inform DER -in m -pwri_password 'correct horse' |
        cmp - "$T/content"
}

@test "pipes, one byte and none" {
    signet encrypt --cms -r p256@token.example <"$T/content" | signet decrypt | cmp - "$T/content"
    cat "$T/content" | signet encrypt --cms -r rsa@token.example --cipher aes256-cbc --pem |
        cat | signet decrypt | cmp - "$T/content"
    cat "$T/content" | signet encrypt --cms -r p256@token.example --cipher aes128-ccm |
        signet decrypt --cms - | cmp - "$T/content"
    for cipher in $CIPHERS; do
        printf x >one
        : >none
        for file in one none; do
            ok signet encrypt --cms -r p256@token.example --cipher "$cipher" -o m "$file"
            ok signet decrypt -o out m
            cmp out "$file"
            signet encrypt --cms -r p256@token.example --cipher "$cipher" <"$file" |
                signet decrypt | cmp - "$file"
        done
    done
}

@test "signed inside: the content comes out, and a verdict" {
    ok signet encrypt --cms --sign -u p384@token.example -r rsa@token.example -o m "$T/content"
    ends 0 signet decrypt --anchor "$T/ca/chain.pem" -o out m
    says 'good signature'
    cmp out "$T/content"
    # From nowhere that is known: decrypted, and said.
    rm out
    ends 3 signet decrypt -o out m
    says 'untrusted-root'
    cmp out "$T/content"
    ends 0 signet decrypt --json --anchor "$T/ca/chain.pem" m
    [[ $(tr -d ' \n' <<<"$output") == *'"status":"decrypted","signed":{"status":"good"'*'"type":"auth-enveloped-data"'*'"type":"signed-data"'* ]]
    # Two signers, from a pipe, in PEM.
    signet encrypt --cms --sign -u p384@token.example -u rsa@token.example --pem \
        -r p256@token.example <"$T/content" >m2
    ends 0 signet decrypt --anchor "$T/ca/chain.pem" -o out m2
    [ "$(grep -c 'good signature' <<<"$stderr")" -eq 2 ]
    # The shape is what other programs read, too.
    ok signet encrypt --cms --sign -u p384@token.example -r "$T/ca/rsafile.crt" \
        --cipher aes128-cbc -o m3 "$T/content"
    ok openssl_opens rsafile m3 -out signed
    openssl asn1parse -inform DER -in signed | grep -q pkcs7-data
    # Without a key to sign with.
    ends 2 signet encrypt --cms -u p384@token.example -r p256@token.example "$T/content"
    sentence -- --sign
    ends 4 signet encrypt --cms --sign -u nobody@token.example -r p256@token.example -o none \
        "$T/content"
    sentence nobody
    [ ! -e none ]
}

# CBC lets it pass, the signature does not.
@test "a bad signature inside leaves no output" {
    ok signet encrypt --cms --sign -u p384@token.example -r rsa@token.example \
        --cipher aes256-cbc -o m "$T/content"
    mail_pl flip m 50000
    ends 1 signet decrypt --anchor "$T/ca/chain.pem" -o out m
    says 'bad'
    only_files . m
    ends 1 signet decrypt --json m
    [[ $(tr -d ' \n' <<<"$output") == *'"status":"bad","signed":{"status":"bad"'* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a signed message that openssl encrypted is given out as it is" {
    openssl_signs signer sha256 "$T/content" inner -binary -nodetach -outform DER
    openssl cms -encrypt -binary -in inner -aes128 -outform DER -out m \
        "$T/certs/rsa@token.example.crt"
    ends 0 signet decrypt -o out m
    cmp out inner
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o plain out
    cmp plain "$T/content"
}

@test "openssl opens ours" {
    for cipher in aes128-cbc aes192-cbc aes256-cbc aes128-gcm aes256-gcm; do
        for leaf in rsafile ecfile; do
            ok signet encrypt --cms -r "$T/ca/$leaf.crt" --cipher "$cipher" -o m "$T/content"
            ok openssl_opens "$leaf" m -out out
            cmp out "$T/content"
            signet encrypt --cms -r "$T/ca/$leaf.crt" --cipher "$cipher" <"$T/content" >m
            ok openssl_opens "$leaf" m -out out
            cmp out "$T/content"
        done
    done
    ok signet encrypt --cms -r "$T/ca/rsafile.crt" --pkcs1 -o m "$T/content"
    ok openssl_opens rsafile m -out out
    cmp out "$T/content"
}

@test "openssl's are opened" {
    local who
    for who in rsa p256 p384; do
        for cipher in -aes128 -aes256 -aes-128-gcm -aes-256-gcm; do
            openssl_encrypts "$T/certs/$who@token.example.crt" m $cipher
            ok signet decrypt -o out m
            cmp out "$T/content"
        done
        openssl_encrypts "$T/certs/$who@token.example.crt" m -aes256 -stream
        ok signet decrypt -o out m
        cmp out "$T/content"
        openssl_encrypts "$T/certs/$who@token.example.crt" m -aes256 -keyid
        ok signet decrypt -o out m
        cmp out "$T/content"
    done
    # OAEP: one digest, two, and a label that openssl's command cannot make.
    for options in '-keyopt rsa_oaep_md:sha1' '-keyopt rsa_oaep_md:sha256' \
        '-keyopt rsa_oaep_md:sha384 -keyopt rsa_mgf1_md:sha1' \
        '-keyopt rsa_oaep_md:sha512 -keyopt rsa_mgf1_md:sha256'; do
        # shellcheck disable=SC2086
        openssl cms -encrypt -binary -in "$T/content" -aes128 -outform DER -out m \
            -recip "$T/certs/rsa@token.example.crt" -keyopt rsa_padding_mode:oaep $options
        ok signet decrypt -o out m
        cmp out "$T/content"
    done
    # A password.
    openssl cms -encrypt -binary -in "$T/content" -aes256 -outform DER -out m \
        -pwri_password 'correct horse'
    ok signet decrypt --password-file "$T/password" -o out m
    cmp out "$T/content"
}

@test "unauthenticated encryption is said, and refused on request" {
    ok signet encrypt --cms -r p256@token.example --cipher aes256-cbc -o m "$T/content"
    ends 0 signet decrypt -o out m
    says 'without authentication \(aes256-cbc\)'
    rm out
    ends 0 signet -q decrypt -o out m
    [ -z "$stderr" ]
    rm out
    ends 5 signet decrypt --require-authenticated -o out m
    sentence 'without authentication.*--require-authenticated'
    only_files . m
    ok signet encrypt --cms -r p256@token.example -o m "$T/content"
    ends 0 signet decrypt --require-authenticated -o out m
    [ -z "$stderr" ]
}

@test "weak ciphers are opened on request, and never made" {
    openssl_encrypts "$T/certs/rsa@token.example.crt" m -des3
    ends 4 signet decrypt -o out m
    sentence '3des.*--allow-weak'
    only_files . m
    ends 0 signet decrypt --allow-weak -o out m
    says 'weak'
    cmp out "$T/content"
    for cipher in 3des-cbc rc2-cbc rot13; do
        ends 2 signet encrypt --cms -r p256@token.example --cipher "$cipher" -o no "$T/content"
        sentence "$cipher.*aes256-gcm"
        [ ! -e no ]
    done
}

@test "certificates that nobody should encrypt to" {
    ends 2 signet encrypt --cms -o out "$T/content"
    sentence '-r '
    ends 4 signet encrypt --cms -r "$T/ca/signer.crt" -o out "$T/content"
    sentence 'signer.*keyEncipherment'
    CA_USAGE=,keyEncipherment ca_issue "$T/ca" "$T/ca/rsafile.csr" old@file.example old.crt -1
    ends 4 signet encrypt --cms -r old.crt -o out "$T/content"
    sentence 'old.crt.*expired on 20.*--allow-expired'
    ok signet encrypt --cms -r old.crt --allow-expired -o out "$T/content"
    openssl cms -decrypt -binary -inform DER -in out -recip old.crt -inkey "$T/ca/rsafile.key" |
        cmp - "$T/content"
    rm out
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out weak.key
    openssl pkey -in weak.key -pubout -out weak.pub
    CA_USAGE=,keyEncipherment ca_issue_key "$T/ca" weak.pub weak@file.example weak.crt
    ends 4 signet encrypt --cms -r weak.crt -o out "$T/content"
    sentence '1024 bits'
    openssl genpkey -quiet -algorithm ED25519 -out ed.key
    openssl pkey -in ed.key -pubout -out ed.pub
    ca_issue_key "$T/ca" ed.pub ed@file.example ed.crt
    ends 4 signet encrypt --cms -r ed.crt -o out "$T/content"
    sentence 'ed@file.example.*can sign'
    cat "$T/ca/rsafile.crt" "$T/ca/ecfile.crt" >both.crt
    ends 2 signet encrypt --cms -r both.crt -o out "$T/content"
    sentence 'both.crt.*2 certificates'
    head -c 300 "$T/ca/rsafile.crt" >cut.crt
    ends 2 signet encrypt --cms -r cut.crt -o out "$T/content"
    sentence 'cut.crt.*no certificate'
    ends 2 signet encrypt --cms -r "$T/content" -o out "$T/content"
    sentence 'no certificate'
    ends 2 signet encrypt --cms -r . -o out "$T/content"
    sentence directory
    ends 2 signet encrypt --cms -r ./nowhere.crt -o out "$T/content"
    sentence nowhere
    ends 2 signet encrypt --cms -r '' -o out "$T/content"
    sentence recipient
    ends 4 signet encrypt --cms -r nobody@token.example -o out "$T/content"
    sentence 'nobody@token.example.*tokens'
    [ ! -e out ]
}

@test "not for these keys" {
    ok signet encrypt --cms -r "$T/ca/other.crt" -o m "$T/content"
    ends 4 signet decrypt -o out m
    sentence 'm: it is encrypted for certificate [0-9a-f]+ of .*Intermediate.*signet keys'
    ends 4 signet decrypt --json m
    [[ $(tr -d ' \n' <<<"$output") == *'"status":"no-key","reason":"m:'* ]]
    ok signet encrypt --cms -r p256@token.example -o m "$T/content"
    home_use stranger
    ends 4 signet decrypt -o out m
    sentence 'encrypted for'
    home_new none2
    ends 4 signet decrypt -o out m
    sentence 'encrypted for'
    only_files . m
}

# Wherever one byte is changed: no output, no temporary file.
@test "altered messages" {
    local at size
    head -c 300 "$T/content" >small
    for cipher in aes256-gcm aes128-ccm chacha20-poly1305; do
        ok signet encrypt --cms -r rsa@token.example --cipher "$cipher" -o m small
        size=$(stat -c %s m)
        for at in $((size - 1)) $((size - 20)) $((size - 100)) $((size - 318)); do
            cp m bad
            mail_pl flip bad "$at"
            run --separate-stderr signet decrypt -o out bad
            [ "$status" -eq 5 ] || fail "$cipher at $at of $size: status $status: $stderr"
            [ ! -e out ] || fail "$cipher at $at of $size: output"
        done
    done
    cp m bad
    mail_pl flip bad $((size - 100))
    ends 5 signet decrypt -o out bad
    sentence 'bad: .*cannot be decrypted.*; '
    run --separate-stderr signet decrypt bad
    [ "$status" -eq 5 ]
    [ -z "$output" ]
    ends 5 signet decrypt --json bad
    [[ $(tr -d ' \n' <<<"$output") == *'"status":"undecryptable","reason":"bad:'* ]]
    # CBC: whatever comes of the last block, it is no secret sentence.
    ok signet encrypt --cms -r rsa@token.example --cipher aes256-cbc -o m small
    cp m bad
    mail_pl flip bad $(($(stat -c %s m) - 20))
    run --separate-stderr signet decrypt -o out bad
    [ "$status" -eq 5 ] || [ "$status" -eq 0 ]
    rm -f out
    only_files . small m bad
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "what is no message, or not all of one" {
    ok signet encrypt --cms -r p256@token.example -o m "$T/content"
    for size in 1 20 200 500 5000 99999 $(($(stat -c %s m) - 1)); do
        head -c "$size" m >cut
        ends 5 signet decrypt --cms -o out cut
        sentence 'cut: .*; '
    done
    (cat m; printf trailing) >long
    ends 5 signet decrypt -o out long
    sentence 'long: '
    : >empty
    ends 5 signet decrypt --cms -o out empty
    sentence empty
    ends 5 signet decrypt -o out empty
    sentence empty
    ends 5 signet decrypt --cms -o out "$T/content"
    sentence content
    ok signet sign --cms -u p256@token.example -o signed "$T/content"
    ends 5 signet decrypt -o out signed
    sentence 'signed is not encrypted.*signet verify'
    ends 2 signet decrypt -o out nowhere
    sentence nowhere
    ends 2 signet decrypt -o out .
    sentence directory
    only_files . m cut long empty signed
}

@test "output that cannot be written" {
    mkdir dir
    ok signet encrypt --cms -r p256@token.example -o m "$T/content"
    ends 6 signet encrypt --cms -r p256@token.example -o dir "$T/content"
    sentence 'dir.*directory'
    ends 6 signet decrypt -o dir m
    sentence 'dir.*directory'
    ends 6 signet encrypt --cms -r p256@token.example -o nowhere/out "$T/content"
    sentence nowhere
    ends 6 signet decrypt -o nowhere/out m
    sentence nowhere
    ends 6 signet decrypt -o /dev/full m
    sentence /dev/full
    ends 6 signet encrypt --cms -r p256@token.example -o /dev/full "$T/content"
    sentence /dev/full
    ends 6 bash -c 'signet decrypt m >/dev/full'
    sentence 'standard output'
    ends 6 bash -c 'signet encrypt --cms -r p256@token.example m >/dev/full'
    sentence 'standard output'
    ends 2 signet decrypt --json -o - m
    sentence json
    # What was there stays until all is well.
    echo before >out
    cp m bad
    mail_pl flip bad 50000
    ends 5 signet decrypt -o out bad
    [ "$(cat out)" = before ]
    ok signet decrypt -o out m
    cmp out "$T/content"
    only_files . dir m bad out
}

@test "the PIN is wrong" {
    home_new wrongpin
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" card
    softhsm_key "$T/hsm" card rsafile 01
    softhsm_conf "$T/hsm"
    printf 000000 >"$T/badpin"
    chmod 600 "$T/badpin"
    pin_source card "$T/badpin"
    ok signet encrypt --cms -r "$T/ca/rsafile.crt" -o m "$T/content"
    ends 4 signet decrypt -o out m
    sentence 'card.*PIN'
    # The token has counted that try. The right file is not risked by an agent that does
    # not know whose fault it was, until a person has entered the PIN once.
    home_stop
    sed -i "s|badpin|pin|" "$SIGNET_HOME/signet.conf"
    ends 4 signet decrypt -o out m
    # By whoever finds that nobody can be asked: the agent, or this program.
    sentence 'token "card"'
    sentence 'ew tries are left.*pin is not risked.*terminal'
    [ ! -e out ]
    pinentry_new "p$BATS_TEST_NUMBER" "$PIN"
    pinentry_use "p$BATS_TEST_NUMBER"
    home_stop
    ok signet decrypt -o out m
    cmp out "$T/content"
    home_stop
    ok signet decrypt -o out m
    [ "$(pinentry_asked "p$BATS_TEST_NUMBER")" -eq 1 ]
}

@test "encrypted mails from openssl" {
    mail_pl sample 4 alice@bad.example >mail
    openssl cms -encrypt -aes256 -in mail -from alice@bad.example -to bob@example.org \
        -subject secret -out m.eml "$T/certs/rsa@token.example.crt"
    ends 0 signet decrypt -o out m.eml
    says 'without authentication'
    tr -d '\r' <out >lf
    [ "$(grep -c '^Subject:' lf)" -eq 1 ]
    [ "$(grep -c '^From:' lf)" -eq 1 ]
    [ "$(grep -ci '^content-type: application/pkcs7-mime' lf)" -eq 0 ]
    cmp <(sed '1,/^$/d' lf) <(sed '1,/^$/d' mail)
    ends 5 signet decrypt --require-authenticated -o no m.eml
    [ ! -e no ]
    # Signed inside: it stays so, and can be verified.
    openssl cms -sign -in mail -signer "$T/ca/signer.crt" -inkey "$T/ca/signer.key" \
        -certfile "$T/ca/inter.crt" |
        openssl cms -encrypt -aes256 -from signer@file.example -to bob@example.org \
            -subject secret -out ms.eml "$T/certs/p256@token.example.crt"
    ends 0 signet decrypt -o out ms.eml
    says 'signet verify'
    ends 0 signet verify --anchor "$T/ca/chain.pem" -o plain out
    says good
    ends 5 signet decrypt -o no mail
    sentence 'mail is not encrypted'
    [ ! -e no ]
}

@test "help tells the ciphers" {
    ends 0 signet encrypt --help
    for cipher in $CIPHERS; do
        [[ $output == *"$cipher"* ]] || fail "no $cipher in: $output"
    done
    [[ $output != *3des* ]]
}

@test "what CBC hid and is no whole MIME entity is written on demand alone" {
    printf 'Content-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off here\n' >half
    printf 'just text\n' >text
    for content in half text; do
        openssl cms -encrypt -aes256 -in $content -from alice@bad.example -to bob@example.org \
            -subject x -out $content.eml "$T/certs/rsa@token.example.crt"
        openssl cms -encrypt -aes-256-gcm -in $content -from alice@bad.example \
            -to bob@example.org -subject x -out $content.gcm.eml "$T/certs/rsa@token.example.crt"
    done
    for content in half text; do
        ends 5 signet decrypt -o out $content.eml
        says 'no whole MIME entity'
        [ ! -e out ]
        ok signet decrypt --anyway -o out.$content $content.eml
    done
    grep -q 'cut off here' out.half
    grep -q 'just text' out.text
    ok signet decrypt -o out half.gcm.eml
    grep -q 'cut off here' out
}
