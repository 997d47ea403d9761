# SPDX-License-Identifier: LGPL-2.1-or-later
# NSS's cmsutil as a peer, with a database in $T/nss.
#
# Its quirks: -D ends with 0 whatever the signature is worth, so the status is read
# from the headers that -h prints; -S with an RSA key that may not encipher wants
# -Y NONE; it signs RSA with the algorithm rsaEncryption.

nss_new() {
    mkdir "$T/nss" &&
        certutil -N -d "sql:$T/nss" --empty-password &&
        certutil -A -d "sql:$T/nss" -n root -t ",C," -a -i "$T/ca/root.crt" &&
        certutil -A -d "sql:$T/nss" -n inter -t ",," -a -i "$T/ca/inter.crt"
}

nss_add_key() {  # LEAF
    local leaf=$T/ca/$1
    openssl pkcs12 -export -name "$1" -inkey "$leaf.key" -in "$leaf.crt" -passout pass:x \
        -out "$leaf.p12" &&
        pk12util -i "$leaf.p12" -d "sql:$T/nss" -W x -n "$1"
}

nss_good() {
    local text
    text=$(cmsutil -D -d "sql:$T/nss" -h 1 -n "$@" 2>&1)
    printf '%s\n' "$text"
    [[ $text == *'nsigners=1'*'signer0.status=GoodSignature'* ]]
}
nss_accepts_opaque() { nss_good -i "$1"; }           # DER
nss_accepts_detached() { nss_good -i "$1" -c "$2"; }  # DER CONTENT

# nss_signs LEAF DIGEST IN OUT [-T]: DIGEST as SHA256
nss_signs() {
    local leaf=$1 digest=$2 in=$3 out=$4
    shift 4
    cmsutil -S -G -Y NONE -d "sql:$T/nss" -N "$leaf" -H "$digest" -i "$in" -o "$out" "$@"
}
