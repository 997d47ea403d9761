# SPDX-License-Identifier: LGPL-2.1-or-later
# The three peers and Signet as makers and readers of one row. The row is in the array
# R, its content in the file `content`, the shape that is tried in $shape.
#
#   make_PEER OUT      writes the message; false with $why when it cannot
#   read_PEER FILE     true when it takes it, all of it, with the very content; else $why
#   begin_PEER         its keys, after pki_make
#   version_PEER

declare -A R
why=

# Runs a command; its output is in $said, and what it said of a failure in $why.
try() {
    local peer=$1
    shift
    said=$("$@" 2>&1 </dev/null) && return
    why=$("words_$peer" <<<"$said")
    return 1
}
same_content() {
    cmp -s out content && return
    why='gives other content'
    return 1
}
cannot() {
    why=$1
    return 1
}
leaf_crt() { echo "$T/ca/$1.crt"; }
last_leaf() { echo "${R[key]##*,}"; }

# ---- openssl cms

version_openssl() { openssl version | awk '{ print $2 }'; }
begin_openssl() { :; }
words_openssl() {
    awk -F: '/:error:/ && !said { said = $6 ($9 != "" ? ": " $9 : "") } { last = $0 }
        END { print said != "" ? said : last }'
}

openssl_form() { [ "${R[code]-}" = pem ] && echo PEM || echo DER; }

make_openssl() {
    local o=(openssl cms -binary -in content -outform "$(openssl_form)" -out "$1")
    [ "${R[code]-}" != ber ] || o+=(-stream)
    case ${R[kind]} in
    signed | enveloped) "openssl_${R[kind]}" ;;
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

openssl_enveloped() {
    local leaf cipher=${R[cipher]}
    case $cipher in
    3des) cipher=des3 ;;
    rc2) o+=(-provider legacy -provider default); cipher=rc2 ;;
    aes*) cipher=aes-${cipher#aes} ;;
    esac
    o+=(-encrypt "-$cipher")
    for leaf in $(each "${R[key]-}"); do
        o+=(-recip "$T/ca/$leaf.crt")
        case $leaf in
        *rsa*) [ "${R[pad]-}" != oaep ] ||
            o+=(-keyopt rsa_padding_mode:oaep -keyopt "rsa_oaep_md:${R[md]}") ;;
        *p[0-9]*) o+=(-keyopt "ecdh_kdf_md:${R[md]}") ;;
        esac
    done
    [ "${R[ski]-}" != yes ] || o+=(-keyid)
    [ -z "${R[kek]-}" ] || o+=(-secretkey "${R[kek]}" -secretkeyid "$(printf the-key | xxd -p)")
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
            o+=(-secretkey "${R[kek]}" -secretkeyid "$(printf the-key | xxd -p)")
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
    esac
    try openssl "${o[@]}" && same_content
}

# Each of the row's leaves is among the certificates of `out`, in PEM.
has_certs() {
    local leaf have
    have=$(tr -d '\r\n' <out)
    for leaf in $(each "${R[key]}"); do
        [[ $have == *"$(base64 -w0 "$T/ca/$leaf.der")"* ]] ||
            cannot 'gives other certificates' || return
    done
}

# ---- gpgsm

version_gpgsm() { gpgsm --version | sed -n '1s/.* //p'; }
# The first complaint, which is nearer to the cause than the last.
words_gpgsm() {
    grep -ai '^gpgsm: .*\(fail\|error\|invalid\|requires\|unsupported\|not supported\|unknown\|no secret\|not valid\|missing\|hash value\|shorter\|rejected\)' |
        grep -v 'CRLs not checked' | head -1 | sed 's/^gpgsm: //; s/^DBG: //; s/[0-9A-F]\{40\}/KEY/' |
        grep . || echo 'does not take it'
}
gpgsm_run() { GNUPGHOME=$T/gpgsm gpgsm --yes "$@"; }

begin_gpgsm() {
    local leaf
    gpgsm_new gpgsm >/dev/null || return
    for leaf in $LEAVES_RSA $LEAVES_EC; do
        gpgsm_add_key gpgsm "$leaf" >/dev/null || return
    done
    for leaf in $LEAVES_OTHER strange-rsa strange-p256; do
        gpgsm_in gpgsm --import "$T/ca/$leaf.crt" >/dev/null
    done
    for leaf in 256 384 512; do
        gpgsm_add_ecc "bp$leaf" "(curve brainpoolP${leaf}r1)"
    done
    gpgsm_add_ecc ed25519 '(curve Ed25519)(flags eddsa)' 40
}

gpgsm_add_ecc() {  # LEAF CURVE [PREFIX OF THE POINT]
    local grip
    grip=$(gpgsm_in gpgsm --with-keygrip --with-colons -k "$(gpgsm_fpr "$T/ca/$1.crt")" |
        awk -F: '$1 == "grp" { print $10; exit }')
    [ -z "$grip" ] || printf 'Key: (private-key (ecc %s(q #%s#)(d #%s#)))\n' "$2" \
        "${3-}$(key_hex "$T/ca/$1.key" pub)" "$(key_hex "$T/ca/$1.key" priv)" \
        >"$T/gpgsm/private-keys-v1.d/$grip.key"
}

make_gpgsm() {
    local leaf o=(gpgsm_run -o "$1") cipher
    [ "${R[code]-}" != pem ] || o+=(--armor)
    [ "${R[ski]-}" != yes ] || cannot 'no option for it' || return
    case ${R[kind]} in
    signed)
        [ "${R[attrs]-}" != no ] && [ "${R[pad]-}" != pss ] || cannot 'no option for it' || return
        case ${R[certs]-} in none) o+=(--include-certs 0) ;; signer) o+=(--include-certs 1) ;; esac
        for leaf in $(each "${R[key]}"); do
            o+=(-u "$(gpgsm_fpr "$T/ca/$leaf.crt")")
        done
        [ "$shape" = detached ] && o+=(--detach-sign) || o+=(--sign)
        try gpgsm "${o[@]}" --digest-algo "${R[md]}" content
        ;;
    enveloped)
        [ -n "${R[key]-}" ] && [ -z "${R[password]-}" ] && [ "${R[pad]-}" != oaep ] ||
            cannot 'no option for it' || return
        case ${R[cipher]} in
        aes128-cbc) cipher=AES ;; aes192-cbc) cipher=AES192 ;; aes256-cbc) cipher=AES256 ;;
        3des) cipher=3DES ;; *) cannot 'no option for it'; return ;;
        esac
        for leaf in $(each "${R[key]}"); do
            o+=(-r "$(gpgsm_fpr "$T/ca/$leaf.crt")")
        done
        try gpgsm "${o[@]}" --cipher-algo "$cipher" --encrypt content
        ;;
    *) cannot 'no option for it' ;;
    esac
}

read_gpgsm() {
    local good
    rm -f out
    case ${R[kind]} in
    signed)
        if [ "$shape" = detached ]; then
            try gpgsm gpgsm_run --verify "$1" content || return
        else
            try gpgsm gpgsm_run -o out --verify "$1" && same_content || return
        fi
        good=$(grep -c 'Good signature from' <<<"$said")
        [ "$good" -eq "$(each "${R[key]}" | wc -l)" ] || cannot "$good good signatures"
        ;;
    enveloped)
        # Status 2, too, when it does not know the first recipient of several; so what
        # counts is what it tells programs.
        said=$(gpgsm_run --status-fd 1 --pinentry-mode loopback --passphrase-fd 0 -o out \
            --decrypt "$1" 2>&1 <<<"${R[password]-}")
        grep -q '^\[GNUPG:\] DECRYPTION_OKAY' <<<"$said" || cannot "$(words_gpgsm <<<"$said")" || return
        same_content
        ;;
    certs) gpgsm_imports "$1" ;;
    *) try gpgsm gpgsm_run -o out --decrypt "$1" && same_content ;;
    esac
}

gpgsm_imports() {
    local leaf home=$PWD/fresh
    rm -rf "$home"
    mkdir -m 700 "$home"
    cp "$T/gpgsm/gpgsm.conf" "$home"
    try gpgsm env GNUPGHOME="$home" gpgsm --import "$1"
    said=$(GNUPGHOME=$home gpgsm --with-colons -k 2>/dev/null)
    for leaf in $(each "${R[key]}"); do
        grep -q "$(gpgsm_fpr "$T/ca/$leaf.crt")" <<<"$said" || cannot "${why:-imports others}" || return
    done
}

# ---- NSS's cmsutil

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

# ---- Signet: the command with its software token; cms-tool for what it has no option for

version_signet() { signet --version | awk '{ print $2 }'; }
words_signet() { grep -v '^ ' | tail -1 | sed 's/^signet[^:]*: //; s/^cms-tool: //; s/^msg[^ ]*: //'; }

begin_signet() {
    local leaf id=10
    home_new main
    softhsm_new "$T/soft" && softhsm_token "$T/soft" matrix >/dev/null || return
    for leaf in $LEAVES_RSA $LEAVES_EC ed25519; do
        softhsm_key "$T/soft" matrix "$leaf" $((id++)) >/dev/null || return
    done
    softhsm_conf "$T/soft"
    pin_source matrix "$T/pin"
}

scheme_of() {  # LEAF
    case $1 in
    rsa*) echo "rsa-${R[pad]-pkcs1}-${R[md]}" ;;
    p* | bp*) echo "ecdsa-${R[md]}" ;;
    *) echo "$1" ;;
    esac
}

make_signet() {
    [ "${R[weak]-}" != yes ] || cannot 'weak: Signet makes none' || return
    case ${R[kind]} in
    signed)
        if [[ ${R[attrs]-} == no || ${R[ski]-} == yes || ${R[key]} =~ ed448|bp || ${R[md]} == sha3-* ]]; then
            tool_signs "$1"
        else
            signet_signs "$1"
        fi
        ;;
    enveloped) tool_encrypts "$1" ;;
    certs)
        # shellcheck disable=SC2046
        try signet tool "$1" content certs-of $(each "inter,${R[key]}")
        ;;
    *) cannot 'not yet' ;;
    esac
}

# tool OUT IN VERB [WORD]...
tool() {
    local out=$1 in=$2
    shift 2
    if [ "$1" = certs-of ]; then
        shift
        # shellcheck disable=SC2046
        set -- sign $(printf -- "--cert $T/ca/%s.crt " "$@")
    fi
    "$SIGNET_BUILD/tests/interop/cms-tool" "$@" <"$in" >"$out"
}

signet_signs() {
    local leaf o=(signet sign --cms -o "$1")
    for leaf in $(each "${R[key]}"); do
        o+=(-u "$leaf@file.example")
    done
    [[ ${R[key]} =~ ed25519 ]] || o+=(--digest "${R[md]}")
    [ "${R[pad]-}" != pss ] || o+=(--pss)
    [ "$shape" = opaque ] || o+=(--detached)
    [ "${R[code]-}" != pem ] || o+=(--pem)
    [ -z "${R[certs]-}" ] || o+=(--certs "${R[certs]}")
    if [ "${R[code]-}" = ber ]; then
        said=$("${o[@]}" 2>&1 < <(cat content)) || cannot "$(words_signet <<<"$said")"
    else
        try signet "${o[@]}" content
    fi
}

tool_signs() {
    local leaf o=(tool "$1" content sign --cert "$T/ca/inter.crt")
    for leaf in $(each "${R[key]}"); do
        o+=(--signer "$T/ca/$leaf.crt" "$T/ca/$leaf.key" "$(scheme_of "$leaf")")
    done
    [ "$shape" = opaque ] || o+=(--detached)
    [ "${R[attrs]-}" != no ] || o+=(--no-attributes)
    [ "${R[ski]-}" != yes ] || o+=(--ski)
    [ "${R[code]-}" = ber ] || o+=(--der)
    try signet "${o[@]}"
}

tool_encrypts() {
    local leaf o=(tool "$1" content encrypt --cipher "${R[cipher]}")
    for leaf in $(each "${R[key]-}"); do
        o+=(--to "$T/ca/$leaf.crt")
    done
    [ -z "${R[md]-}" ] || o+=(--digest "${R[md]}")
    [ "${R[pad]-}" = oaep ] || o+=(--pkcs1)
    [ -z "${R[kek]-}" ] || o+=(--kek "${R[kek]}" the-key)
    [ -z "${R[password]-}" ] || o+=(--password "${R[password]}")
    [ "${R[ski]-}" != yes ] || o+=(--ski)
    [ "${R[code]-}" = ber ] || o+=(--der)
    try signet "${o[@]}" || return
    [ "${R[code]-}" != pem ] || { try openssl openssl cms -cmsout -inform DER -in "$1" -outform PEM -out "$1.pem" &&
        mv "$1.pem" "$1"; }
}

read_signet() {
    local o
    rm -f out
    case ${R[kind]} in
    signed)
        if [ "${R[certs]-}" = none ]; then
            o=(tool out "$1" open)
            [ "$shape" = opaque ] || o+=(--content content)
            # shellcheck disable=SC2046
            try signet "${o[@]}" $(each "${R[key]}" | sed "s,.*,--cert $T/ca/&.crt,") || return
        else
            o=(signet verify --cms --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o out)
            [ "$shape" = opaque ] || o+=(--content content)
            [ "${R[weak]-}" != yes ] || o+=(--allow-weak)
            try signet "${o[@]}" "$1" || return
        fi
        [ "$shape" = detached ] || same_content
        ;;
    certs) try signet tool out "$1" certs && has_certs ;;
    *) tool_opens "$1" && same_content ;;
    esac
}

tool_opens() {
    local leaf o=(tool out "$1" open)
    if [ -n "${R[kek]-}" ]; then
        o+=(--kek "${R[kek]}" the-key)
    elif [ -n "${R[password]-}" ] && [ -z "${R[with]-}" ]; then
        o+=(--password "${R[password]}")
    else
        for leaf in $LEAVES_RSA $LEAVES_EC $LEAVES_OTHER; do
            [[ ,${R[key]-}, != *,$leaf,* ]] || o+=(--key "$T/ca/$leaf.crt" "$T/ca/$leaf.key")
        done
    fi
    [ "${R[weak]-}" != yes ] || o+=(--weak)
    try signet "${o[@]}"
}
