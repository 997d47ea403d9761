# SPDX-License-Identifier: LGPL-2.1-or-later
# NSS's cmsutil as maker and reader of a row (peers.bash).

version_nss() { dpkg-query -W -f '${Version}' libnss3-tools 2>/dev/null | sed 's/^.*://; s/-.*//' | grep . || echo unknown; }
words_nss() {
    sed -n 's/.*signer[0-9]*\.status=\([A-Za-z]*\).*/\1/p; s/^[a-z0-9]*: \(.*SEC_ERROR_[A-Z_]*\).*/\1/p' |
        grep -v GoodSignature | awk '/problem decoding/ { last = $0; next } { print; seen = 1; exit }
            END { if (!seen && last != "") print last }' | grep . || echo 'does not take it'
}
nss_run() { cmsutil "$@" -d "sql:$T/nss"; }

begin_nss() {
    local leaf
    nss_new || return
    for leaf in $LEAVES_RSA $LEAVES_EC; do
        nss_add_key "$leaf" >/dev/null || return
    done
    for leaf in strange-rsa strange-p256; do
        certutil -A -d "sql:$T/nss" -n "$leaf" -t ,, -a -i "$T/ca/$leaf.crt"
    done
    for leaf in $LEAVES_OTHER; do
        try nss nss_add_key "$leaf" || echo "$why" >"$T/nss/$leaf.no"
    done
    nss_secret
}

nss_secret() {
    echo >"$T/nss/envelope.in"
    nss_run -E -r rsa2048 -i "$T/nss/envelope.in" -o "$T/nss/envelope" || return
    openssl asn1parse -inform DER -in "$T/nss/envelope" |
        sed -n 's/.*l= 256 prim: OCTET STRING .*\[HEX DUMP\]:\(.*\)/\1/p' |
        perl -ne 'chomp; print pack "H*", $_' |
        openssl pkeyutl -decrypt -inkey "$T/ca/rsa2048.key" |
        perl -e 'print unpack "H*", <STDIN>' >"$T/secret"
}

make_nss() {
    local o=(nss_run -i content -o "$1") md leaf
    md=${R[md]-}
    for leaf in $(each "${R[key]-}"); do
        [ ! -e "$T/nss/$leaf.no" ] || cannot "its key: $(cat "$T/nss/$leaf.no")" || return
    done
    [ -z "${R[code]-}" ] || [ "${R[code]}" = ber ] || cannot 'no option for it' || return
    [ "${R[ski]-}" != yes ] || cannot 'no option for it' || return
    case ${R[kind]} in
    signed)
        [[ ${R[key]} != *,* && ${R[certs]-} == '' && ${R[attrs]-} != no && ${R[pad]-} != pss &&
            $md != sha3-* && $md != shake* ]] || cannot 'no option for it' || return
        o+=(-S -G -Y NONE -N "${R[key]}" -H "${md^^}")
        [ "$shape" = opaque ] || o+=(-T)
        ;;
    enveloped)
        [[ -n ${R[key]-} && -z ${R[password]-} && ${R[pad]-} != oaep && ${R[theirs]-${R[cipher]}} == aes128-cbc ]] ||
            cannot 'no option for it' || return
        o+=(-E -r "${R[key]}")
        ;;
    certs) o=(nss_run -O -o "$1" -r "${R[key]}") ;;
    mail) mail_by nss "$1"; return ;;
    encrypted)
        [ "${R[cipher]}" = aes128-cbc ] || cannot 'no option for it' || return
        o+=(-C -e "$T/nss/envelope")
        ;;
    *) cannot 'no option for it'; return ;;
    esac
    try nss "${o[@]}"
}

read_nss() {
    local o=(nss_run -D -i "$1") n
    rm -f out
    case ${R[kind]} in
    signed)
        n=$(each "${R[key]}" | wc -l)
        [ "$shape" = opaque ] || o+=(-c content)
        try nss "${o[@]}" -h 1 -n || return
        [[ $said == *"nsigners=$n"* && $(grep -c 'status=GoodSignature' <<<"$said") -eq $n ]] ||
            cannot "$(words_nss <<<"$said")" || return
        [ "$shape" = opaque ] || return 0
        try nss "${o[@]}" -o out && same_content
        ;;
    certs) nss_imports "$1" ;;
    mail) mail_to nss "$1" ;;
    nested)
        try nss "${o[@]}" -h 2 -n || return
        [[ $said == *'status=GoodSignature'* ]] || cannot "$(words_nss <<<"$said")" || return
        try nss "${o[@]}" -o out && same_content
        ;;
    encrypted) try nss "${o[@]}" -e "$T/nss/envelope" -o out && same_content ;;
    *) try nss "${o[@]}" -o out && same_content ;;
    esac
}

nss_imports() {
    local leaf db=$PWD/fresh
    rm -rf "$db"
    mkdir "$db"
    certutil -N -d "sql:$db" --empty-password
    certutil -A -d "sql:$db" -n root -t ",C," -a -i "$T/ca/root.crt"
    try nss cmsutil -D -k -u 7 -n -d "sql:$db" -i "$1"
    for leaf in $(each "${R[key]}"); do
        certutil -L -d "sql:$db" --email "$leaf@file.example" -a >out 2>/dev/null
        (R[key]=$leaf && has_certs) || cannot "${why:-imports none}" || return
    done
}
