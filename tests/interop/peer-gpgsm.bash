# SPDX-License-Identifier: LGPL-2.1-or-later
# gpgsm as maker and reader of a row (peers.bash).

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
    mail) mail_by gpgsm "$1" ;;
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
    mail) mail_to gpgsm "$1" ;;
    nested) read_nested gpgsm "$1" ;;
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
