# SPDX-License-Identifier: LGPL-2.1-or-later
# Keys and certificates of the matrix: leaves that may sign and receive, the same for
# Signet (a software token) and for every peer.

LEAVES_RSA='rsa2048 rsa3072 rsa4096'
LEAVES_EC='p256 p384 p521'
LEAVES_OTHER='ed25519 ed448 x25519 x448 bp256 bp384 bp512'

leaf_key() {  # FILE NAME
    local alg
    case $2 in
    rsa* | p[0-9]* | ed25519) ca_key "$1" "$2"; return ;;
    strange-rsa) ca_key "$1" rsa2048; return ;;
    strange-p256) ca_key "$1" p256; return ;;
    bp*) alg="EC -pkeyopt ec_paramgen_curve:brainpoolP${2#bp}r1 -pkeyopt ec_param_enc:named_curve" ;;
    *) alg=${2^^} ;;
    esac
    # shellcheck disable=SC2086
    openssl genpkey -quiet -algorithm $alg -out "$1"
}

# Not from a request: keys for agreement alone can sign none.
leaf_make() {  # NAME
    local at=$T/ca/$1
    leaf_key "$at.key" "$1" && openssl pkey -in "$at.key" -pubout -out "$at.pub" &&
        CA_EMAIL=$1@file.example openssl x509 -new -force_pubkey "$at.pub" \
            -subj "/O=Signet Test/CN=$1" -CA "$T/ca/inter.crt" -CAkey "$T/ca/inter.key" \
            -extfile "$T/ca/ext.cnf" -extensions both -sha256 -days 30 \
            -set_serial "0x$(openssl rand -hex 8)" -out "$at.crt" &&
        openssl x509 -in "$at.crt" -outform DER -out "$at.der"
}

pki_make() {
    local leaf
    ca_make "$T/ca" || return
    cat >>"$T/ca/ext.cnf" <<'CNF'
[both]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation,keyEncipherment,keyAgreement
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:${ENV::CA_EMAIL}
CNF
    for leaf in $LEAVES_RSA $LEAVES_EC $LEAVES_OTHER strange-rsa strange-p256; do
        leaf_make "$leaf" || return
    done
    cat "$T/ca/"{rsa,p,ed,bp}*.crt >"$T/ca/leaves.pem"
}

# The words of a comma list.
each() { tr , '\n' <<<"$1"; }
