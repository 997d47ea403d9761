# SPDX-License-Identifier: LGPL-2.1-or-later
# Mails, layer upon layer: R[layers] names them from the inside out. openssl reads and
# writes mails; for gpgsm and NSS, which know bare CMS alone, tests/e2e/lib/mail.pl takes
# them apart and puts them together. R[key] signs, R[to] receives.

# The letter of which a mail is made, from the row's signer; and its entity, which is
# what goes below the mail's own header.
letter_make() {
    sender=${R[key]-rsa2048}@file.example
    mail_pl sample 4 "Sample <$sender>" >letter
    sed '/^From:\|^To:\|^Subject:\|^MIME-Version:/d; s/$/\r/' letter >entity
    cp entity content
}

# The text in `inner` is the letter's.
same_text() {
    [ -z "${ANY_CONTENT-}" ] || return 0
    sed '1,/^\r*$/d' inner | tr -d '\r' | cmp -s - <(sed '1,/^$/d' letter) && return
    why='gives another text'
    return 1
}

# ---- made by a peer: step_PEER LAYER IN OUT wraps one entity in one layer

mail_by() {  # PEER OUT
    local layer i=0
    cp entity layer0
    for layer in ${R[layers]//,/ }; do
        "step_$1" "$layer" layer$i layer$((i + 1)) || return
        i=$((i + 1))
    done
    cp layer$i "$2"
}

step_openssl() {
    local o=(openssl cms -in "$2" -out "$3" -from "$sender" -to bob@example.org -subject sample)
    case $1 in
    signed) o+=(-sign) ;;
    opaque) o+=(-sign -nodetach) ;;
    enveloped) o+=(-encrypt -aes-256-cbc) ;;
    auth) o+=(-encrypt -aes-256-gcm) ;;
    compressed) o+=(-compress) ;;
    esac
    case $1 in
    signed | opaque) o+=(-md sha256 -signer "$T/ca/${R[key]}.crt" -inkey "$T/ca/${R[key]}.key"
        -certfile "$T/ca/inter.crt") ;;
    enveloped | auth) o+=("$T/ca/${R[to]}.crt") ;;
    esac
    try openssl "${o[@]}"
}

step_gpgsm() { step_bare gpgsm "$@"; }
step_nss() { step_bare nss "$@"; }

# A layer as the row of a bare message, put into a mail.
step_bare() {  # PEER LAYER IN OUT
    local -A R=([key]=${R[key]-} [to]=${R[to]-} [md]=sha256)
    local shape=opaque type=signed-data
    case $2 in
    signed) R[kind]=signed shape=detached ;;
    opaque) R[kind]=signed ;;
    enveloped) R[kind]=enveloped R[cipher]=aes256-cbc R[theirs]=aes128-cbc R[key]=${R[to]} type=enveloped-data ;;
    *) cannot 'no option for it'; return ;;
    esac
    cp "$3" content
    "make_$1" bare.der || return
    if [ "$2" = signed ]; then
        mail_pl join content bare.der sha-256 "$4" "$sender"
    else
        mail_pl opaque bare.der "$4" "$sender" $type
    fi
}

mail_by_signet() {  # OUT
    local o=(signet) from=$sender
    case ${R[layers]} in
    signed) o+=(sign -u "$from") ;;
    opaque) o+=(sign --opaque -u "$from") ;;
    enveloped | auth) o+=(encrypt) ;;
    signed,enveloped | signed,auth) o+=(encrypt --sign -u "$from") ;;
    opaque,enveloped) o+=(encrypt --sign --opaque -u "$from") ;;
    compressed,enveloped) o+=(encrypt --compress) ;;
    signed,enveloped,signed) o+=(encrypt --triple -u "$from") ;;
    *) cannot 'no option for it'; return ;;
    esac
    case ${R[layers]} in
    *enveloped*) o+=(--cipher aes256-cbc --pkcs1 -r "$T/ca/${R[to]}.crt") ;;
    *auth*) o+=(--cipher aes256-gcm --pkcs1 -r "$T/ca/${R[to]}.crt") ;;
    esac
    [[ ${R[self]-} == yes || -z ${R[to]-} ]] || o+=(--no-self)
    [ "${R[protect]-}" != no ] || o+=(--no-protect-headers)
    try signet "${o[@]}" -o "$1" letter
}

# ---- read by a peer, layer by layer, down to what is no S/MIME

mail_to() {  # PEER FILE
    local i found=
    cp "$2" inner
    for ((i = 0; i < 5; i++)); do
        case $(mail_type inner) in
        multipart/signed) mail_opens "$1" detached || return ;;
        application/*pkcs7-mime) mail_opens "$1" opaque || return ;;
        *) break ;;
        esac
        found=1
    done
    [ -n "$found" ] || cannot 'no S/MIME' || return
    same_text
}

mail_type() {
    sed '/^\r*$/q' "$1" | tr -d '\r' | sed -n 's/^content-type:[ \t]*\([a-z0-9/-]*\).*/\1/Ip' | head -1
}

mail_opens() {  # PEER SHAPE: `inner` is taken out of its layer
    local -A R=([key]=${R[key]-} [to]=${R[to]-})
    local shape=$2 ANY_CONTENT=1
    if [ "$shape" = detached ]; then
        mail_pl split inner content bare.der 2>/dev/null || cannot 'cannot be taken apart' || return
        R[kind]=signed
        "read_$1" bare.der && mv content inner
        return
    fi
    mail_pl body inner bare.der 2>/dev/null || cannot 'cannot be taken apart' || return
    case $(openssl asn1parse -inform DER -in bare.der 2>/dev/null | sed -n 's/.*OBJECT *:\(.*\)/\1/p;T;q') in
    pkcs7-signedData) R[kind]=signed ;;
    *) R[kind]=enveloped R[cipher]=unknown R[key]=${R[to]} ;;
    esac
    "read_$1" bare.der && mv out inner
}

# openssl's own reading of mails; what it has not read yet is in `inner`.
mail_to_openssl() {
    local i o kind
    cp "$1" inner
    for ((i = 0; i < 5; i++)); do
        o=(openssl cms -in inner -inform SMIME -out out)
        kind=$(sed '/^\r*$/q' inner | grep -io 'multipart/signed\|signed-data\|enveloped-data\|compressed-data' | head -1)
        [[ -n $kind || $(mail_type inner) == application/* ]] || break
        case ${kind,,} in
        multipart/signed | signed-data) o+=(-verify -CAfile "$T/ca/chain.pem" -purpose smimesign) ;;
        compressed-data) o+=(-uncompress) ;;
        *) o+=(-decrypt -recip "$T/ca/${R[to]}.crt" -inkey "$T/ca/${R[to]}.key") ;;
        esac
        try openssl "${o[@]}" || return
        mv out inner
    done
    [ $i -gt 0 ] || cannot 'no S/MIME' || return
    same_text
}

mail_to_signet() {
    rm -f inner
    try signet signet read --raw --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" -o inner "$1" || return
    same_text
}
