# SPDX-License-Identifier: LGPL-2.1-or-later
# openssl cms as maker and reader of a row (peers.bash).

version_openssl() { openssl version | awk '{ print $2 }'; }
begin_openssl() { :; }
words_openssl() {
    awk -F: '/:error:/ && !said { said = $6 ($9 != "" ? ": " $9 : "") } { last = $0 }
        END { print said != "" ? said : last }'
}

openssl_cipher() {
    case ${R[cipher]} in
    3des) echo des3 ;;
    aes*) echo "aes-${R[cipher]#aes}" ;;
    *) echo "${R[cipher]}" ;;
    esac
}
openssl_form() { [ "${R[code]-}" = pem ] && echo PEM || echo DER; }

make_openssl() {
    local o=(openssl cms -binary -in content -outform "$(openssl_form)" -out "$1")
    [ "${R[code]-}" != ber ] || o+=(-stream)
    case ${R[kind]} in
    signed | enveloped) "openssl_${R[kind]}" ;;
    mail) mail_by openssl "$1" ;;
    nested) openssl_nested "$1" ;;
    digested) try openssl "${o[@]}" -digest_create -md "${R[md]}" ;;
    encrypted) try openssl "${o[@]}" -EncryptedData_encrypt "-$(openssl_cipher)" -secretkey "$(secret_key)" ;;
    compressed) try openssl "${o[@]}" -compress ;;
    certs)
        # shellcheck disable=SC2046
        try openssl openssl crl2pkcs7 -nocrl -certfile "$T/ca/inter.crt" \
            $(each "${R[key]}" | sed "s,.*,-certfile $T/ca/&.crt,") -outform DER -out "$1"
        ;;
    *) cannot 'no option for it' ;;
    esac
}

openssl_signed() {
    local leaf
    o+=(-sign -md "${R[md]}" -certfile "$T/ca/inter.crt")
    for leaf in $(each "${R[key]}"); do
        o+=(-signer "$T/ca/$leaf.crt" -inkey "$T/ca/$leaf.key")
        [ "${R[pad]-}" != pss ] || o+=(-keyopt rsa_padding_mode:pss)
    done
    [ "$shape" = detached ] || o+=(-nodetach)
    [ "${R[attrs]-}" != no ] || o+=(-noattr)
    [ "${R[ski]-}" != yes ] || o+=(-keyid)
    case ${R[certs]-} in
    none) o+=(-nocerts) ;&
    signer) o=("${o[@]/-certfile/-certsout}"); o=("${o[@]/#$T\/ca\/inter.crt/\/dev\/null}") ;;
    esac
    try openssl "${o[@]}"
}

# openssl has no option for the type of what it encrypts, but where nothing protects the
# type it can be changed behind it.
openssl_nested() {  # OUT
    [[ ${R[cipher]} == *cbc ]] || cannot 'no option for it' || return
    try openssl openssl cms -sign -binary -nodetach -md sha256 -signer "$T/ca/${R[key]}.crt" \
        -inkey "$T/ca/${R[key]}.key" -certfile "$T/ca/inter.crt" -in content -outform DER -out s.der || return
    perl -e 'local $/; my $d = <STDIN>; print substr($d, index($d, "\x02\x01\x01\x31") - 4)' \
        <s.der >inner.der
    try openssl openssl cms -encrypt -binary "-$(openssl_cipher)" -in inner.der -outform DER -out e.der \
        "$T/ca/${R[to]}.crt" || return
    perl -pe 'BEGIN { $/ = undef } s/(\x2a\x86\x48\x86\xf7\x0d\x01\x07)\x01/$1\x02/' <e.der >"$1"
}

openssl_enveloped() {
    local leaf
    [ "${R[cipher]}" != rc2 ] || o+=(-provider legacy -provider default)
    o+=(-encrypt "-$(openssl_cipher)")
    for leaf in $(each "${R[key]-}"); do
        o+=(-recip "$T/ca/$leaf.crt")
        case $leaf in
        *rsa*) [ "${R[pad]-}" != oaep ] ||
            o+=(-keyopt rsa_padding_mode:oaep -keyopt "rsa_oaep_md:${R[md]}") ;;
        *p[0-9]*) o+=(-keyopt "ecdh_kdf_md:${R[md]}") ;;
        esac
    done
    [ "${R[ski]-}" != yes ] || o+=(-keyid)
    [ -z "${R[kek]-}" ] || o+=(-secretkey "${R[kek]}" -secretkeyid "$KEK_ID")
    [ -z "${R[password]-}" ] || o+=(-pwri_password "${R[password]}")
    try openssl "${o[@]}"
}

read_openssl() {
    local o=(openssl cms -binary -in "$1" -inform "$(openssl_form)" -out out)
    rm -f out
    case ${R[kind]} in
    signed)
        o+=(-verify -CAfile "$T/ca/chain.pem" -purpose smimesign)
        [ "$shape" = opaque ] || o+=(-content content)
        [ "${R[certs]-}" != none ] || o+=(-certfile "$T/ca/leaves.pem")
        ;;
    enveloped)
        o+=(-decrypt)
        [ "${R[cipher]}" != rc2 ] || o+=(-provider legacy -provider default)
        if [ -n "${R[kek]-}" ]; then
            o+=(-secretkey "${R[kek]}" -secretkeyid "$KEK_ID")
        elif [ -n "${R[password]-}" ] && [ -z "${R[with]-}" ]; then
            o+=(-pwri_password "${R[password]}")
        else
            o+=(-recip "$(leaf_crt "$(last_leaf)")" -inkey "$T/ca/$(last_leaf).key")
        fi
        ;;
    certs)
        try openssl openssl pkcs7 -inform DER -in "$1" -print_certs -out out && has_certs
        return
        ;;
    mail) mail_to_openssl "$1"; return ;;
    digested) o+=(-digest_verify) ;;
    encrypted) o+=(-EncryptedData_decrypt -secretkey "$(secret_key)") ;;
    compressed) o+=(-uncompress) ;;
    nested) read_nested openssl "$1"; return ;;
    *) o+=(-decrypt -recip "$(leaf_crt "$(last_leaf)")" -inkey "$T/ca/$(last_leaf).key") ;;
    esac
    try openssl "${o[@]}" && same_content
}
