# SPDX-License-Identifier: LGPL-2.1-or-later
# openssl as a peer, and surgery on bare CMS objects.

openssl_accepts_mail() {  # MAIL [OUT]
    openssl cms -verify -in "$1" -inform SMIME -CAfile "$T/ca/chain.pem" \
        -purpose smimesign -out "${2-/dev/null}" 2>&1
}
openssl_accepts_opaque() {  # DER [OUT]
    openssl cms -verify -binary -in "$1" -inform DER -CAfile "$T/ca/chain.pem" \
        -purpose smimesign -out "${2-/dev/null}" 2>&1
}
openssl_accepts_detached() {  # DER CONTENT
    openssl cms -verify -binary -in "$1" -inform DER -content "$2" -CAfile "$T/ca/chain.pem" \
        -purpose smimesign -out /dev/null 2>&1
}

# openssl_signs NAME DIGEST IN OUT [OPTION]...: with the file key $T/ca/NAME.
openssl_signs() {
    local name=$1 digest=$2 in=$3 out=$4
    shift 4
    openssl cms -sign -in "$in" -signer "$T/ca/$name.crt" -inkey "$T/ca/$name.key" \
        -certfile "$T/ca/inter.crt" -md "$digest" -out "$out" "$@"
}

# The offset of a byte that a test turns, in a DER or BER SignedData with one
# signer: `signature` (its last byte), `attribute` (the last digit of signingTime,
# which stays a digit), `digest` (the messageDigest attribute), `content` (the
# last byte of the first piece of the encapsulated content).
cms_offset() {
    openssl asn1parse -inform DER -in "$1" | awk -v want="$2" '
        {
            at = $0; sub(/:.*/, "", at); at += 0
            match($0, /hl=[0-9]+/); hl = substr($0, RSTART + 3, RLENGTH - 3) + 0
            match($0, /l= *[0-9]+ (prim|cons|inf)/)
            len = substr($0, RSTART + 2, RLENGTH - 2) + 0
            last = at + hl + len - 1
        }
        /:pkcs7-data/ && !data { data = NR }
        /prim: OCTET STRING/ { pos["signature"] = last; if (data && !("content" in pos)) pos["content"] = last }
        /prim: OCTET STRING/ && digest_next { pos["digest"] = last; digest_next = 0 }
        /prim: UTCTIME|prim: GENERALIZEDTIME/ { pos["attribute"] = last - 1 }
        /:messageDigest/ { digest_next = 1 }
        END {
            if (!(want in pos)) exit 1
            print pos[want]
        }'
}

# cms_flip IN WHERE OUT: a copy with one bit turned.
cms_flip() {
    local at
    at=$(cms_offset "$1" "$2") || fail "no $2 in $1" || return
    cp "$1" "$3" && mail_pl flip "$3" "$at"
}

cms_pem_to_der() { openssl cms -cmsout -in "$1" -inform PEM -outform DER -out "$2"; }
