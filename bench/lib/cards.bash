# SPDX-License-Identifier: LGPL-2.1-or-later
# What a signature costs a smart card, in commands (APDUs): on the virtual PIV card of
# tests/cards, behind a real pcscd and OpenSC. Times say nothing here, since a real card
# takes a second for what the virtual one does in a millisecond; each command counts.

CARDS_BUILD=$BUILD/tests/cards
SIGNATURES=10

wait_until() {
    local i
    for ((i = 0; i < 500; i++)); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.02
    done
    return 1
}
wait_gone() { wait_until test ! -d "/proc/$1"; }

cards_signs_signet() {
    SIGNET_HOME=$T/signet-cards signet sign -u 9a-bench@cards.example -o "$T/out.cards" "$T/mail"
}
cards_signs_tool() {
    pkcs11-tool --module "$OPENSC_MODULE" --login --pin "$CARD_PIN" --id 01 --sign \
        -m SHA256-RSA-PKCS -i "$T/mail" -o "$T/out.cards"
}
cards_signs_engine() {
    PKCS11_MODULE_PATH=$OPENSC_MODULE openssl cms -sign -engine pkcs11 -keyform engine \
        -inkey "pkcs11:id=%01;pin-value=$CARD_PIN" -signer "$T/cards/bench/9a.crt" \
        -in "$T/mail" -out "$T/out.cards"
}
cards_scd() { GNUPGHOME=$T/gpgsm-cards GNUPG_PKCS11_SOCKETDIR=$T/gpgsm-cards "$@"; }
cards_signs_scd() {
    cards_scd gpgsm -q -u 9a-bench@cards.example --detach-sign --yes -o "$T/out.cards" "$T/mail"
}

cards_rig_signet() {
    mkdir -m 700 "$T/signet-cards" &&
        printf '%s\n' '[agent]' 'p11-kit = no' 'pinentry = none' '[module cards]' \
            "path = $OPENSC_MODULE" '[token 9a-bench@cards.example]' \
            "pin-source = file:$T/card-pin" >"$T/signet-cards/signet.conf"
}
cards_rig_scd() {
    gpgsm_new gpgsm-cards
    sed "s/D $PIN/D $CARD_PIN/" "$T/gpgsm/pinentry" >"$T/gpgsm-cards/pinentry"
    chmod 700 "$T/gpgsm-cards/pinentry"
    printf '%s\n' 'scdaemon-program /usr/bin/gnupg-pkcs11-scd' \
        "pinentry-program $T/gpgsm-cards/pinentry" >"$T/gpgsm-cards/gpg-agent.conf"
    printf '%s\n' 'providers cards' "provider-cards-library $OPENSC_MODULE" \
        >"$T/gpgsm-cards/gnupg-pkcs11-scd.conf"
    cards_scd gpgsm --learn-card
}

# row NAME SIGNATURES: the card's counters, per signature.
cards_row() {
    local line
    line=$(card bench count | tr ' ' '\n' | awk -F= -v name="$1" -v n="$2" '
        { v[$1] = $2 }
        END {
            if (n == 0) n = v["general-authenticate"] / 2
            if (n == 0) exit 1
            printf "{\"name\": \"%s\", \"signatures\": %d, \"apdus\": %.1f, \"general_authenticate\": %.1f, ",
                name, n, v["apdus"] / n, v["general-authenticate"] / n
            printf "\"get_response\": %.1f, \"get_data\": %.1f, \"select\": %.1f, \"verify\": %.1f}",
                v["get-response"] / n, v["get-data"] / n, v["select"] / n, v["verify"] / n
        }') || return
    keep cards "$line"
    printf '%-24s %8s %8s %8s %8s %8s %8s\n' "$(cards_title "$1")" "$(value "$line" apdus)" \
        "$(value "$line" general_authenticate)" "$(value "$line" get_response)" \
        "$(value "$line" get_data)" "$(value "$line" select)" "$(value "$line" verify)"
}

cards_title() {
    case $1 in
    raw) echo "OpenSC, one session" ;;
    tool) echo "pkcs11-tool" ;;
    *) title "$1" ;;
    esac
}

# What OpenSC itself needs when a program does nothing but C_SignInit and C_Sign.
cards_raw() {
    local tool
    tool=$(find "$BUILD" -name token-rate -type f -perm -u+x | head -1)
    [ -n "$tool" ] || return 0
    card bench zero
    "$tool" --module "$OPENSC_MODULE" --token 9a-bench@cards.example --pin-file "$T/card-pin" \
        --key "PIV AUTH key" --threads 1 --seconds 1 >>"$T/log" 2>&1 && cards_row raw 0
}

section_cards() {
    local c i
    heading "Commands to a PIV card (APDUs) per signature, RSA-2048, $SIGNATURES signatures after a first one"
    cards_rig_start || {
        echo "absent: $(cat "$T/pcsc/why")"
        return 0
    }
    {
        piv_folder bench rsa2048 && card_insert bench 0 && printf %s "$CARD_PIN" >"$T/card-pin" &&
            chmod 600 "$T/card-pin" && cards_rig_signet
    } >>"$T/log" 2>&1 || { tail -5 "$T/log" >&2; cards_stop; return 0; }
    have scd && cards_rig_scd >>"$T/log" 2>&1
    printf '%-24s %8s %8s %8s %8s %8s %8s\n' '' APDUs sign response data select verify
    for c in signet scd tool engine; do
        case $c in
        scd | engine) have $c || continue ;;
        tool) command -v pkcs11-tool >/dev/null || continue ;;
        esac
        if ! "cards_signs_$c" >>"$T/log" 2>&1; then
            echo "$(cards_title $c) does not sign with the card here"
            continue
        fi
        card bench zero
        for ((i = 0; i < SIGNATURES; i++)); do
            "cards_signs_$c" >>"$T/log" 2>&1 || break
        done
        cards_row $c $i || echo "$(cards_title $c): no signature"
        # The next one begins with a card that is nobody's.
        SIGNET_HOME=$T/signet-cards signet agent stop >/dev/null 2>&1
    done
    cards_raw || echo "OpenSC in one session: not measured"
    cards_stop
}

cards_stop() {
    SIGNET_HOME=$T/signet-cards signet agent stop >/dev/null 2>&1
    (unset SIGNET_BUILD; cards_end)
    unset PCSCLITE_CSOCK_NAME OPENSC_CONF
}
