#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# signet inspect on what openssl, gpgsm and Signet make, on the vectors, and on what is
# damaged or hostile.

load lib/common

setup_file() {
    e2e_begin openssl softhsm2-util perl || return 0
    ca_make "$T/ca"
    CA_USAGE=,keyEncipherment ca_leaf "$T/ca" rsa rsa2048 rsa@inspect.example
    ca_leaf "$T/ca" ec p256 ec@inspect.example
    printf 'Content-Type: text/plain; charset=us-ascii\r\n\r\nhello\r\n' >"$T/text"
    home_new main
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
}

# inspects FILE...: the tree in $output, nothing on standard error.
inspects() {
    ends 0 signet inspect "$@"
    [ -z "$stderr" ] || fail "on standard error: $stderr"
}

# shows EXTENDED-REGEX...: each is in a line of the last tree.
shows() {
    local want
    for want; do
        grep -Eq -- "$want" <<<"$output" || fail "no line matches '$want' in:" "$output"
    done
}

# json PATH: the value at PATH ("cms.signers.0.digest") of $output.
json() {
    perl -MJSON::PP -e 'local $/; my $v = JSON::PP->new->decode(<STDIN>);
        for my $k (split /\./, $ARGV[0]) { $v = ref $v eq "ARRAY" ? $v->[$k] : $v->{$k} }
        print ref $v ? JSON::PP->new->canonical->encode($v) : $v // "(none)"' "$1" <<<"$output"
}

is() {
    local have
    have=$(json "$1") || fail "not JSON: $output" || return
    [ "$have" = "$2" ] || fail "$1 is '$have', not '$2'"
}

# No control character but line ends, no bidirectional one, in what is shown.
assert_safe() {
    # shellcheck disable=SC2016
    perl -CSD -ne 'exit 1 if /[\x00-\x09\x0b-\x1f\x7f-\x9f\x{202a}-\x{202e}\x{2066}-\x{2069}]/' \
        <<<"$output" || fail "unsafe characters are shown"
}

@test "openssl: signed mails" {
    openssl_signs rsa sha256 "$T/text" m.eml -from rsa@inspect.example -subject sample
    inspects m.eml
    shows '^mail: multipart/signed$' '^  micalg +sha-256$' '^  part 2: application/' \
        '^    CMS: signed-data \(1\.2\.840\.113549\.1\.7\.2\)$' \
        '^      signer 1: .*CN=rsa' 'emails +rsa@inspect.example' 'absent +yes' \
        'signingTime +20..-..-..T..:..:..Z$' 'messageDigest +[0-9a-f]{64}$' \
        'SMIMECapabilities +aes256-cbc' 'algorithm +rsa-pkcs1-sha256 \(1\.2\.840\.113549\.1\.1\.1\)'
    openssl_signs ec sha384 "$T/text" o.eml -nodetach
    ends 0 signet inspect --json o.eml
    is mail.cms.type signed-data
    is mail.cms.content.mime.type text/plain
    is mail.cms.signers.0.algorithm ecdsa-sha384
    is mail.cms.digest_algorithms '["sha384"]'
    is mail.cms.certificates.0.curve P-256
}

@test "openssl: forms, PSS, detached, several signers" {
    openssl_signs rsa sha256 "$T/text" b.der -binary -nodetach -outform DER \
        -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20
    inspects b.der
    shows '^form +binary$' 'algorithm +rsa-pss-sha256' 'salt +20 bytes'
    openssl cms -cmsout -in b.der -inform DER -outform PEM -out b.pem
    ends 0 signet inspect --json b.pem
    is form PEM
    is cms.encoding DER
    is cms.size "$(stat -c %s b.der)"
    openssl base64 -in b.der -out b.b64
    ends 0 signet inspect --json b.b64
    is form base64
    is cms.signers.0.pss.mgf1_digest sha256
    openssl_signs rsa sha256 "$T/text" d.p7s -binary -outform DER
    openssl cms -resign -in d.p7s -inform DER -signer "$T/ca/ec.crt" -inkey "$T/ca/ec.key" \
        -outform DER -out two.p7s
    inspects two.p7s
    shows '^  signer 2: .*CN=(rsa|ec)' 'absent +yes'
    signet inspect <b.der >out
    inspects b.der
    diff <(sed 1d out) <(sed 1d <<<"$output")
}

@test "openssl: encrypted, compressed, digested" {
    openssl cms -encrypt -binary -in "$T/text" -outform DER -out e.der -aes256 \
        -recip "$T/ca/rsa.crt" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 \
        -recip "$T/ca/ec.crt"
    inspects e.der
    shows '^CMS: enveloped-data' 'recipient 1: key-transport' 'algorithm +rsa-oaep' \
        '^ +digest +sha256$' 'recipient 2: key-agreement' 'wrap +aes256-wrap' \
        'cipher: aes256-cbc' 'key +256 bits'
    openssl cms -encrypt -binary -in "$T/text" -outform DER -out g.der -aes-128-gcm \
        -secretkey 000102030405060708090a0b0c0d0e0f -secretkeyid c0ffee
    ends 0 signet inspect --json g.der
    is cms.type auth-enveloped-data
    is cms.recipients.0.kind kek
    is cms.recipients.0.key_id c0ffee
    is cms.cipher.tag_bytes 16
    openssl cms -digest_create -binary -in "$T/text" -outform DER -out dig.der
    inspects dig.der
    shows '^CMS: digested-data' 'digest value +[0-9a-f]+$'
    openssl cms -EncryptedData_encrypt -binary -in "$T/text" -outform DER -out enc.der -aes128 \
        -secretkey 000102030405060708090a0b0c0d0e0f
    inspects enc.der
    shows '^CMS: encrypted-data' 'cipher: aes128-cbc'
    if openssl cms -compress -binary -in "$T/text" -outform DER -out z.der 2>/dev/null; then
        inspects z.der
        shows '^CMS: compressed-data' 'MIME entity: text/plain'
    fi
}

@test "certificates and lists" {
    inspects "$T/ca/rsa.crt"
    shows '^certificate 1: .*CN=rsa' 'key +2048 bits' 'key usage +digitalSignature' \
        'extended key usage +emailProtection' 'not after +20'
    openssl x509 -in "$T/ca/ec.crt" -outform DER -out ec.der
    ends 0 signet inspect --json ec.der
    is certificates.0.fingerprint \
        "$(openssl x509 -in "$T/ca/ec.crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)"
    openssl x509 -in "$T/ca/ec.crt" -text -out text.crt
    inspects text.crt
    shows '^certificate 1: '
    inspects "$T/ca/chain.pem"
    shows '^certificate 2: ' '^  ca +yes$'
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/chain.pem" -out certs.p7b
    inspects certs.p7b
    shows '^CMS: signed-data' '^  certificate 2: '
    cat "$T/ca/rsa.key" "$T/ca/rsa.crt" >both.pem
    inspects both.pem
    shows 'passed over +PRIVATE KEY' '^certificate 1'
    ends 5 signet inspect "$T/ca/rsa.key"
    says 'keys are not inspected'
}

@test "Signet's own: signed with a token, no agent for inspecting" {
    home_new token
    token_new demo
    key_new demo p256 alice@inspect.example
    mail_pl sample 4 alice@inspect.example >mail
    ok signet sign -u alice@inspect.example -o s.eml mail
    ok signet encrypt --cms -r "$T/ca/rsa.crt" -o e.der mail
    home_stop
    export SIGNET_HOME=$PWD/untouched
    inspects s.eml
    shows 'mail: multipart/signed' 'signer 1: .*p256' 'signingCertificateV2 +[0-9a-f]{64}' \
        'CMSAlgorithmProtection' 'SMIMECapabilities'
    inspects e.der
    shows 'auth-enveloped-data' 'cipher: aes256-gcm'
    [ ! -e untouched ] || fail "a home was made"
    [ -z "$(daemons)" ] || fail "an agent runs"
}

@test "gpgsm's" {
    need gpgsm
    gpgsm_new gpg
    gpgsm_add_key gpg rsa
    gpgsm_signs gpg rsa sha256 "$T/text" g.p7s --detach-sign
    inspects g.p7s
    shows '^CMS: signed-data' 'encoding +BER' 'signer 1: .*CN=rsa' 'contentType +data'
    gpgsm_in gpg --encrypt -r "$(gpgsm_fpr "$T/ca/rsa.crt")" -o g.p7m "$T/text"
    inspects g.p7m
    shows '^CMS: enveloped-data' 'algorithm +rsa-pkcs1'
    # -a: text with a label of its own
    gpgsm_signs gpg rsa sha256 "$T/text" g.pem -a
    inspects g.pem
    shows '^form +PEM' '^CMS: signed-data'
}

@test "every vector" {
    [ -d "$SIGNET_VECTORS" ] || skip "no vectors at $SIGNET_VECTORS"
    local f n=0
    while read -r f; do
        run --separate-stderr signet inspect "$f"
        case $f in
        *.key | *.pri | *.p8.pem | *.asn | *.md | *.txt | *.csv | *README | */ExContent.bin | */3.?.bin)
            [ "$status" -eq 5 ] || [ "$status" -eq 0 ] || fail "status $status: $f" "$stderr" || return ;;
        *)
            [ "$status" -eq 0 ] || fail "status $status: $f" "$stderr" || return
            grep -Eq '^ *(mail|CMS|certificate 1|revocation list 1)(:|$)' <<<"$output" ||
                fail "nothing shown of $f" "$output" || return ;;
        esac
        assert_safe || fail "$f" || return
        n=$((n + 1))
    done < <(find "$SIGNET_VECTORS" -type f ! -path '*/pkits/certs/*' ! -path '*/pkits/crls/*' \
        ! -path '*/pkits/smime/Signed*[02468].eml')
    [ "$n" -gt 100 ] || fail "only $n vectors"
    output=$(signet inspect --json "$SIGNET_VECTORS/rfc4134/4.10.bin")
    is cms.signers.0.signed_attributes.0.name contentType
    output=$(signet inspect --json "$SIGNET_VECTORS/lamps-samples/binary-files/encryptedForBobAndDana.p7m")
    is cms.recipients.1.wrap aes128-wrap
}

@test "truncated: what was understood, then the sentence with its offset, 5" {
    local n size f
    openssl_signs rsa sha256 "$T/text" whole.der -binary -nodetach -outform DER
    openssl_signs rsa sha256 "$T/text" whole.eml
    size=$(stat -c %s whole.der)
    for n in 1 20 60 $((size / 2)) $((size - 300)) $((size - 1)); do
        head -c "$n" whole.der >cut
        ends 5 signet inspect cut
        says 'offset|neither'
        [ "$n" -lt 60 ] || shows 'CMS: signed-data' '^error +message: '
        [ "$n" -lt $((size - 300)) ] || shows 'certificate [12]: .*CN=rsa'
        ends 5 signet inspect --json cut
        [ "$(json error)" != "(none)" ] || fail "no error in: $output"
    done
    size=$(stat -c %s whole.eml)
    for n in $((size / 3)) $((size / 2)) $((size - 80)); do
        head -c "$n" whole.eml >cut
        run --separate-stderr signet inspect cut
        shows 'mail: multipart/signed' 'no-final-boundary'
        [ "$n" -lt $((size / 2)) ] || [ "$status" -eq 5 ] || fail "status $status at $n"
    done
    { head -c 100 whole.der; printf x; tail -c +102 whole.der; } >changed
    run --separate-stderr signet inspect changed
    [ "$status" -eq 0 ] || [ "$status" -eq 5 ] || fail "status $status"
    for f in empty:'' word:hello zero:'\x00\x00'; do
        printf '%b' "${f#*:}" >"${f%%:*}"
        ends 5 signet inspect "${f%%:*}"
        says "${f%%:*}: it is (empty|neither)"
    done
}

@test "names that would lead astray are made safe" {
    openssl req -x509 -new -utf8 -nameopt utf8 -key "$T/ca/ec.key" -days 1 \
        -subj "$(printf '/CN=\xe2\x80\xaemoc.live\x1b[2J')" -out evil.crt
    inspects evil.crt
    shows 'moc\.live'
    assert_safe
    printf 'From: a\0b <a@x>\nSubject: \xe2\x80\xae\x1b]0;title\x07\nContent-Type: text/plain;\n name="a\x00b\xe2\x80\xaegpj.exe"\n\nx\n' >evil.eml
    inspects evil.eml
    shows 'doubtful-header'
    assert_safe
}

@test "100,000 tags, a million parts, a large message: quick and small" {
    local kib f
    perl -e 'print "\x30\x80" x 100000' >tags
    ends 5 signet inspect tags
    perl -e 'print "\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80", "\x30\x80" x 100000' >tags
    ends 5 signet inspect tags
    says offset
    perl -e 'print "From: a\@x\nContent-Type: multipart/mixed; boundary=x\n\n";
        print "--x\n\nhi\n" for 1 .. 1000000; print "--x--\n"' >parts.eml
    perl -e 'print "From: a\@x\nContent-Type: application/octet-stream\n",
        "Content-Transfer-Encoding: binary\n\n"; print "y" x 65536 for 1 .. 2000' >line.eml
    head -c 100000000 /dev/zero >zero
    openssl_signs ec sha256 zero big.der -binary -nodetach -outform DER
    for f in parts.eml line.eml big.der; do
        ends 0 "$E2E_PEAK" peak signet inspect "$f"
        kib=$(tail -1 peak | sed 's/.*"kib": \([0-9]*\).*/\1/')
        sanitized || [ "$kib" -lt 16384 ] || fail "$kib KiB for $f"
    done
    ends 0 signet inspect --json parts.eml
    is left_out.part_count 999001
    rm -f zero big.der line.eml parts.eml
}

@test "help, and what is not there" {
    ends 0 signet inspect --help
    shows 'Nothing is verified and nothing decrypted' '--json'
    ends 0 signet help
    shows '^  inspect '
    ends 2 signet inspect missing
    says missing
    ends 2 signet inspect .
    says directory
    ends 2 signet inspect a b
    says 'too many'
    ends 6 sh -c "signet inspect '$T/ca/rsa.crt' >/dev/full"
}
