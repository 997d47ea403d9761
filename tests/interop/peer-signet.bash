# SPDX-License-Identifier: LGPL-2.1-or-later
# Signet as maker and reader of a row (peers.bash): the command with its software
# token, and cms-tool for what it has no option for.

version_signet() { signet --version | awk '{ print $2 }'; }
words_signet() { grep -v '^ ' | tail -1 | sed 's/^signet[^:]*: //; s/^cms-tool: //; s/^msg[^ ]*: //'; }

begin_signet() {
    local leaf id=10
    home_new main
    softhsm_new "$T/soft" && softhsm_token "$T/soft" matrix >/dev/null || return
    softhsm_key "$T/soft" matrix ed25519 $((id++)) >/dev/null || return
    for leaf in $LEAVES_RSA $LEAVES_EC; do
        token_key "$leaf" $((id++)) >/dev/null || return
    done
    softhsm_conf "$T/soft"
    pin_source matrix "$T/pin"
}

# By OpenSC's tool: SoftHSM's own makes EC keys that may not derive.
token_key() {  # LEAF ID
    local tool=(pkcs11-tool --module "$SOFTHSM_MODULE" --token-label matrix --login --pin "$PIN"
        --id "$2" --label "$1")
    openssl pkey -in "$T/ca/$1.key" -outform DER -out "$T/token.der"
    SOFTHSM2_CONF=$T/soft/softhsm2.conf "${tool[@]}" --write-object "$T/token.der" --type privkey \
        --usage-sign --usage-decrypt --usage-derive 2>&1 || return
    SOFTHSM2_CONF=$T/soft/softhsm2.conf "${tool[@]}" --write-object "$T/ca/$1.der" --type cert
}

scheme_of() {  # LEAF
    case $1 in
    rsa*) echo "rsa-${R[pad]-pkcs1}-${R[md]}" ;;
    p* | bp*) echo "ecdsa-${R[md]}" ;;
    *) echo "$1" ;;
    esac
}

make_signet() {
    local o
    [ "${R[weak]-}" != yes ] || cannot 'weak: Signet makes none' || return
    case ${R[kind]} in
    signed)
        if [[ ${R[attrs]-} == no || ${R[ski]-} == yes || ${R[key]} =~ ed448|bp || ${R[md]} == sha3-* ]]; then
            tool_signs "$1"
        else
            signet_signs "$1"
        fi
        ;;
    enveloped)
        # The command's OAEP and key derivation are of SHA-256 (X448: of SHA-512).
        if [[ -n ${R[kek]-} || ${R[ski]-} == yes || ${R[key]-} != x448 && ${R[md]-sha256} != sha256 ]]
        then
            tool_encrypts "$1"
        else
            signet_encrypts "$1"
        fi
        ;;
    mail) mail_by_signet "$1" ;;
    digested) try signet tool "$1" content digest --der --digest "${R[md]}" ;;
    encrypted) try signet tool "$1" content encrypt --der --cipher "${R[cipher]}" --secret-key "$(secret_key)" ;;
    compressed) try signet tool "$1" content compress ;;
    nested)
        try signet signet encrypt --cms --sign -u "${R[key]}@file.example" --cipher "${R[cipher]}" \
            --pkcs1 -r "$T/ca/${R[to]}.crt" -o "$1" content
        ;;
    authenticated)
        o=(tool "$1" content authenticate --der --pkcs1 --to "$T/ca/${R[key]}.crt")
        [ "${R[attrs]-}" != no ] || o+=(--no-attributes)
        try signet "${o[@]}"
        ;;
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

signet_encrypts() {
    local leaf o=(signet encrypt --cms --cipher "${R[cipher]}" -o "$1")
    for leaf in $(each "${R[key]-}"); do
        o+=(-r "$T/ca/$leaf.crt")
    done
    [ "${R[pad]-}" = oaep ] || o+=(--pkcs1)
    [ -z "${R[password]-}" ] || { echo "${R[password]}" >password; o+=(--password-file password); }
    [ "${R[code]-}" != pem ] || o+=(--pem)
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
    try signet "${o[@]}"
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
    mail) mail_to_signet "$1" ;;
    enveloped)
        # What SoftHSM has no mechanism for is done with key files.
        if [[ -n ${R[kek]-} || ${R[key]-} == x* || ${R[pad]-} == oaep && ${R[md]} != sha1 ]]; then
            tool_opens "$1"
        else
            signet_opens "$1"
        fi && same_content
        ;;
    authenticated | compressed | nested) signet_opens "$1" && same_content ;;
    *) tool_opens "$1" && same_content ;;
    esac
}

signet_opens() {
    local o=(signet decrypt --cms -o out)
    if [ -n "${R[password]-}" ] && [ -z "${R[with]-}" ]; then
        echo "${R[password]}" >password
        o+=(--password-file password)
    fi
    [ "${R[weak]-}" != yes ] || o+=(--allow-weak)
    [ "${R[kind]}" != nested ] || o+=(--anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt")
    try signet "${o[@]}" "$1"
}

tool_opens() {
    local leaf o=(tool out "$1" open)
    [ "${R[kind]}" != encrypted ] || o+=(--secret-key "$(secret_key)")
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
