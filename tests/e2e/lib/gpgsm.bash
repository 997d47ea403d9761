# SPDX-License-Identifier: LGPL-2.1-or-later
# gpgsm as a peer: private homes in $T, the throw-away root trusted, no network.
#
# What Debian 12's gpgsm (2.2.40) does not do, shown by tests/e2e/rig.bats:
#  - it cannot verify P-521 at all ("DSA requires the hash length to be a multiple
#    of 8 bits"), though it signs with it;
#  - for P-384 it neither verifies nor signs a digest shorter than the curve;
#  - it imports no EC key from PKCS#12 and not every RSA key, hence the key files
#    written below;
#  - its ECDSA signatures have NULL parameters in the AlgorithmIdentifier.

# gpgsm_new NAME: a home at $T/NAME, with root and intermediate.
gpgsm_new() {
    local home=$T/$1 root
    mkdir -m 700 "$home" "$home/private-keys-v1.d" || return
    printf '%s\n' disable-crl-checks disable-dirmngr batch no-secmem-warning >"$home/gpgsm.conf"
    printf '%s\n' disable-scdaemon 'pinentry-program /bin/false' >"$home/gpg-agent.conf"
    root=$(openssl x509 -in "$T/ca/root.crt" -noout -fingerprint -sha1) || return
    echo "${root#*=} S relax" >"$home/trustlist.txt"
    GNUPGHOME=$home gpgsm --import "$T/ca/root.crt" "$T/ca/inter.crt" 2>&1
}

gpgsm_in() {  # HOME-NAME ARGUMENT...
    local home=$T/$1
    shift
    GNUPGHOME=$home gpgsm "$@" 2>&1
}

gpgsm_stop_all() {
    local home
    for home in "$T"/*/gpgsm.conf; do
        [ -e "$home" ] && GNUPGHOME=${home%/*} gpgconf --kill all
    done
    return 0
}

# One component of a private key as hex: pub, priv, modulus, prime1, ...
key_hex() {
    openssl pkey -in "$1" -text -noout |
        awk -v w="$2:" '$0 == w { on = 1; next } /^[^ ]/ { on = 0 } on { gsub(/[ :]/, ""); printf "%s", $0 }'
}

# The private key as libgcrypt writes it. Its u is p^-1 mod q, openssl's
# coefficient q^-1 mod p, so the primes change places.
key_sexp() {
    local key=$1 curve
    curve=$(openssl pkey -in "$key" -text -noout | sed -n 's/^NIST CURVE: //p')
    if [ -n "$curve" ]; then
        printf '(private-key (ecc (curve "NIST %s")(q #%s#)(d #%s#)))\n' "$curve" \
            "$(key_hex "$key" pub)" "$(key_hex "$key" priv)"
    else
        printf '(private-key (rsa (n #%s#)(e #010001#)(d #%s#)(p #%s#)(q #%s#)(u #%s#)))\n' \
            "$(key_hex "$key" modulus)" "$(key_hex "$key" privateExponent)" \
            "$(key_hex "$key" prime2)" "$(key_hex "$key" prime1)" "$(key_hex "$key" coefficient)"
    fi
}

# gpgsm_add_key HOME-NAME LEAF: certificate and unprotected private key of the
# CA's leaf $T/ca/LEAF.
gpgsm_add_key() {
    local home=$1 leaf=$T/ca/$2 grip
    gpgsm_in "$home" --import "$leaf.crt" || return
    grip=$(gpgsm_in "$home" --with-keygrip --with-colons -k "$(gpgsm_fpr "$leaf.crt")" |
        awk -F: '$1 == "grp" { print $10; exit }')
    echo "Key: $(key_sexp "$leaf.key")" >"$T/$home/private-keys-v1.d/$grip.key"
}

gpgsm_fpr() { openssl x509 -in "$1" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g'; }

# gpgsm_signs HOME-NAME LEAF DIGEST IN OUT [OPTION]...
gpgsm_signs() {
    local home=$1 leaf=$2 digest=$3 in=$4 out=$5
    shift 5
    gpgsm_in "$home" -u "$(gpgsm_fpr "$T/ca/$leaf.crt")" --digest-algo "$digest" \
        --sign "$@" -o "$out" "$in"
}

gpgsm_accepts_opaque() { gpgsm_in verifier --verify "$1"; }         # DER
gpgsm_accepts_detached() { gpgsm_in verifier --verify "$1" "$2"; }  # DER CONTENT
