# SPDX-License-Identifier: LGPL-2.1-or-later
# Verifying a 10 KB mail with everything at hand: the same root, the same CRLs of root and
# intermediate. gpgsm keeps CRLs in a daemon of its own (dirmngr), which it is not made to ask.

verify_prepare() {
    local ca
    openssl cms -sign -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt" -certfile "$T/ca/inter.crt" \
        -from rsa@bench.example -subject bench -in "$T/mail" -out "$T/verify.eml" &&
        openssl cms -sign -binary -nodetach -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt" \
            -certfile "$T/ca/inter.crt" -in "$T/mail" -outform DER -out "$T/verify.der" || return
    for ca in root inter; do
        : >"$T/ca/$ca.index"
        echo 01 >"$T/ca/$ca.number"
        printf '%s\n' '[ca]' 'default_ca = x' '[x]' "database = $T/ca/$ca.index" \
            "crlnumber = $T/ca/$ca.number" 'default_md = sha256' "certificate = $T/ca/$ca.crt" \
            "private_key = $T/ca/$ca.key" 'default_crl_days = 5' 'crl_extensions = ext' \
            '[ext]' 'authorityKeyIdentifier = keyid:always' >"$T/ca/$ca.cnf"
        openssl ca -config "$T/ca/$ca.cnf" -gencrl -out "$T/ca/$ca.crl" || return
    done
    cat "$T/ca/root.crt" "$T/ca/root.crl" "$T/ca/inter.crl" >"$T/verify.pem"
    signet certs add "$T/ca/root.crl" "$T/ca/inter.crl"
}

verify_command() {
    case $1 in
    signet) COMMAND=(signet verify --anchor "$T/ca/root.crt" --revocation hard -o "$T/verify.out"
        "$T/verify.eml") ;;
    given) COMMAND=(signet verify --anchor "$T/ca/root.crt" --revocation hard
        --crl "$T/ca/root.crl" --crl "$T/ca/inter.crl" -o "$T/verify.out" "$T/verify.eml") ;;
    none) COMMAND=(signet verify --anchor "$T/ca/root.crt" --revocation off -o "$T/verify.out"
        "$T/verify.eml") ;;
    openssl) COMMAND=(openssl cms -verify -crl_check_all -CAfile "$T/verify.pem"
        -in "$T/verify.eml" -out "$T/verify.out") ;;
    gpgsm) COMMAND=("GNUPGHOME=$T/gpgsm" gpgsm -q --verify "$T/verify.der") ;;
    esac
}

section_verify() {
    local c line lines args=() COMMAND
    heading "Verify a 10 KB mail with its CRLs at hand, RSA-2048: whole process, $ROUNDS rounds interleaved"
    verify_prepare >>"$T/log" 2>&1 || { tail -5 "$T/log"; echo "could not be prepared"; return; }
    for c in signet given none openssl gpgsm; do
        verify_command "$c"
        if [ "$c" = gpgsm ] && ! env "${COMMAND[@]}" >>"$T/log" 2>&1; then
            echo "gpgsm does not verify it here"
            continue
        fi
        args+=(-- "$c" "${COMMAND[@]}")
    done
    mapfile -t lines < <("$STOPWATCH" -r "$ROUNDS" -w 5 "${args[@]}")
    race_table verify "${lines[@]}"
}
