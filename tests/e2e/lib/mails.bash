# SPDX-License-Identifier: LGPL-2.1-or-later
# S/MIME mails put together by hand around openssl's CMS, so that any shape can be
# made. Headers are printf formats without their last line end; parts end with CRLF.
# Signers are leaves of $T/ca; encrypted is with the password in $T/password.

# signed_part NAME CONTENT OUT [OPTION]...: a detached signature; opaque with -nodetach.
signed_part() {
    local name=$1 content=$2 out=$3
    shift 3
    openssl_signs "$name" sha256 "$content" "$out" -binary -outform DER "$@"
}

# clear_entity CONTENT DER: the multipart/signed, its Content-Type first.
clear_entity() {
    printf 'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n micalg=%s; boundary=%s\r\n\r\n' \
        "${micalg-sha-256}" "${boundary-b}"
    printf -- '--%s\r\n' "${boundary-b}" && cat "$1"
    printf -- '\r\n--%s\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n' "${boundary-b}"
    printf 'Content-Transfer-Encoding: base64\r\n\r\n'
    base64 "$2" | sed 's/$/\r/'
    printf -- '--%s--\r\n' "${boundary-b}"
}

# opaque_entity DER [TYPE]: an application/pkcs7-mime.
opaque_entity() {
    printf 'Content-Type: %s\r\nContent-Transfer-Encoding: base64\r\n\r\n' \
        "${2-application/pkcs7-mime; name=smime.p7m}"
    base64 "$1" | sed 's/$/\r/'
}

# clear NAME CONTENT: the entity, signed by NAME; opaque, the same; sealed CONTENT
# [CIPHER]: encrypted. All to standard output.
clear() {
    signed_part "$1" "$2" "$BATS_TEST_TMPDIR/part.der" && clear_entity "$2" "$BATS_TEST_TMPDIR/part.der"
}
opaque() {
    signed_part "$1" "$2" "$BATS_TEST_TMPDIR/part.der" -nodetach && opaque_entity "$BATS_TEST_TMPDIR/part.der"
}
sealed() {
    local der=$BATS_TEST_TMPDIR/sealed.der
    case ${2-cbc} in
    cbc) openssl cms -encrypt -aes-256-cbc -binary -pwri_password "$(cat "$T/password")" \
        -in "$1" -outform DER -out "$der" ;;
    gcm) signet encrypt --cms --password-file "$T/password" -o "$der" "$1" ;;
    esac && opaque_entity "$der" 'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m'
}

# mail HEADER: standard input's entity as a mail with that header.
mail() {
    printf "$1"'\r\nMIME-Version: 1.0\r\n' && cat
}

# reads STATUS WORD... -- [OPTION]...: `signet read` of the file `mail` ends with STATUS,
# and names each word; with good or unsigned among them, that is the mail's status. What
# it wrote is in `out`, which is not there when it wrote nothing.
reads() {
    local want=$1 words=()
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        words+=("$1")
        shift
    done
    shift
    rm -f out
    ends "$want" signet read --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" \
        --password-file "$T/password" -o out "$@" mail
    for word in "${words[@]}"; do
        says "(problem|note|^signet:.*) +$word|^$word mail" || return
    done
}
