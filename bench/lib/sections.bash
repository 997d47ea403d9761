# SPDX-License-Identifier: LGPL-2.1-or-later
# The measurements. Each prints a table and keeps its figures for the JSON.

# The command lines that stopwatch runs, one array per contestant, without a shell
# in between. IN and OUT are set by the caller.
mail_command() {
    case $1 in
    signet) COMMAND=(signet sign -u rsa@bench.example -o "$OUT" "$IN") ;;
    file) COMMAND=(openssl cms -sign -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt" -in "$IN" -out "$OUT") ;;
    engine) COMMAND=("SOFTHSM2_CONF=$T/hsm-engine/softhsm2.conf" openssl cms -sign -engine pkcs11
        -keyform engine -inkey "$ENGINE_KEY" -signer "$T/ca/rsa.crt" -in "$IN" -out "$OUT") ;;
    provider) COMMAND=("OPENSSL_CONF=$T/provider.cnf" "SOFTHSM2_CONF=$T/hsm-provider/softhsm2.conf"
        openssl cms -sign -inkey "pkcs11:token=$TOKEN;object=rsa;type=private"
        -signer "$T/ca/rsa.crt" -in "$IN" -out "$OUT") ;;
    scd) COMMAND=("GNUPGHOME=$T/gpgsm" gpgsm -q -u rsa@bench.example --detach-sign --yes -o "$OUT" "$IN") ;;
    esac
}

order() {  # Signet first, then the others that are there
    local c
    for c in signet scd engine provider file; do
        have $c && echo $c
    done
}

section_mail() {
    local c line lines args=() IN=$T/mail OUT COMMAND token
    heading "Sign a 10 KB mail, RSA-2048: whole process, warm agent, $ROUNDS rounds interleaved"
    for c in $(order); do
        OUT=$T/out.$c
        mail_command "$c"
        args+=(-- "$c" "${COMMAND[@]}")
    done
    mapfile -t lines < <("$STOPWATCH" -r "$ROUNDS" -w 5 "${args[@]}")
    race_table mail "${lines[@]}"
    [ -z "$ABSENT" ] || echo "absent: $ABSENT"
    for line in "${lines[@]:1}"; do
        printf '%s takes %s times as long as Signet (medians), %s (best of each)\n' \
            "$(title "$(value "$line" name)")" \
            "$(ratio "$(value "$line" median_ms)" "$(value "${lines[0]}" median_ms)")" \
            "$(ratio "$(value "$line" best_ms)" "$(value "${lines[0]}" best_ms)")"
    done
    token=$(token_rate rsa 1)
    [ -n "$token" ] || return 0
    awk -v ms="$(value "${lines[0]}" median_ms)" -v rate="$token" 'BEGIN {
        printf "the token alone signs in %.2f ms; Signet'"'"'s whole process takes %.1f times that\n",
            1000 / rate, ms * rate / 1000 }'
    keep mail "$(awk -v ms="$(value "${lines[0]}" median_ms)" -v rate="$token" 'BEGIN {
        printf "{\"name\": \"token\", \"median_ms\": %.4f, \"signet_to_token\": %.2f}",
            1000 / rate, ms * rate / 1000 }')"
}

# Signatures per second of the token itself: key, threads. Empty when unknown.
token_rate() {
    local tool
    tool=$(find "$BUILD" -name token-rate -type f -perm -u+x | head -1)
    [ -n "$tool" ] || return 0
    SOFTHSM2_CONF=$T/hsm/softhsm2.conf "$tool" --module "$SOFTHSM_MODULE" --token $TOKEN \
        --pin-file "$T/pin" --key "$1" --threads "$2" --seconds 1 2>>"$T/log" |
        sed -n 's/.*"per_second": *\([0-9.]*\).*/\1/p'
}

agent_rate() {
    local tool
    tool=$(find "$BUILD" -name agent-rate -type f -perm -u+x | head -1)
    [ -n "$tool" ] || return 0
    "$tool" --key "$1@bench.example" --clients "$2" --seconds 1 2>>"$T/log" |
        sed -n 's/.*"per_second": *\([0-9.]*\).*/\1/p'
}

# The middle one of the numbers on standard input; nothing of nothing.
median() { sort -n | awk 'NF { v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

# Token, agent, token, agent ..., so that the machine's moods fall on both.
section_rate() {
    local key n i token agent share
    heading "Signatures per second, through the agent and in the token itself"
    printf '%-10s %8s %12s %12s %8s\n' key clients agent token share
    for key in rsa ec; do
        for n in 1 4; do
            : >"$T/rate.token"
            : >"$T/rate.agent"
            for i in 1 2 3; do
                token_rate $key $n >>"$T/rate.token"
                agent_rate $key $n >>"$T/rate.agent"
            done
            token=$(median <"$T/rate.token")
            agent=$(median <"$T/rate.agent")
            share=$(ratio "${agent:-0}" "${token:-0}")
            printf '%-10s %8s %12s %12s %8s\n' $key $n "${agent:-unknown}" "${token:-unknown}" "$share"
            keep rate "{\"name\": \"$key\", \"clients\": $n, \"agent\": ${agent:-null}, \"token\": ${token:-null}, \"share\": \"$share\"}"
        done
    done
}

# Four clients at once, each a quarter of the mails; then every result is verified.
section_parallel() {
    local c i n per=$((MAILS / 4)) good start took line
    heading "$MAILS mails, 4 clients at once: valid signatures (by openssl)"
    printf '%-24s %8s %10s\n' '' valid 'mails/s'
    for ((i = 0; i < per * 4; i++)); do
        sed "s/^Subject:.*/Subject: mail $i/" "$T/mail" >"$T/par.in.$i"
    done
    for c in $(order); do
        start=$(date +%s%N)
        for n in 0 1 2 3; do
            for ((i = n * per; i < (n + 1) * per; i++)); do
                "signs_$c" "$T/par.in.$i" "$T/par.$c.$i"
            done >/dev/null 2>&1 &
            clients[n]=$!
        done
        wait "${clients[@]}"
        took=$(($(date +%s%N) - start))
        good=0
        for ((i = 0; i < per * 4; i++)); do
            valid "$c" "$T/par.$c.$i" "$T/par.in.$i" && good=$((good + 1))
        done
        rm -f "$T/par.$c".*
        line=$(awk -v c="$c" -v g=$good -v m=$((per * 4)) -v ns=$took 'BEGIN {
            printf "{\"name\": \"%s\", \"valid\": %d, \"mails\": %d, \"mails_per_second\": %.1f}",
                c, g, m, m * 1e9 / ns }')
        keep parallel "$line"
        printf '%-24s %4d/%-4d %9.1f\n' "$(title "$c")" $good $((per * 4)) "$(value "$line" mails_per_second)"
    done
    rm -f "$T"/par.*
}

valid() {
    local form=(-inform SMIME)
    [ -s "$2" ] || return 1
    [ "$1" != scd ] || form=(-inform DER -binary -content "$3")
    openssl cms -verify -in "$2" "${form[@]}" -CAfile "$T/ca/chain.pem" \
        -purpose smimesign -out /dev/null 2>/dev/null
}
