# SPDX-License-Identifier: LGPL-2.1-or-later
# A throw-away certification authority in openssl: a root, an intermediate, and
# leaf certificates for e-mail as gpgsm and NSS want them (key usage, e-mail
# protection, subjectAltName).
#
#   ca_make DIR                     root.crt, inter.crt, chain.pem, keys beside
#   ca_key FILE TYPE                a file key: rsa2048 ... p521, ed25519
#   ca_leaf DIR NAME TYPE EMAIL     DIR/NAME.key, DIR/NAME.crt
#   ca_issue DIR CSR EMAIL OUT [DAYS]   a certificate (PEM) for a request
#   ca_issue_key DIR PUBKEY EMAIL OUT   the same for a key that cannot sign a request
#
# CA_USAGE=,keyEncipherment or =,keyAgreement before these: certificates to encrypt to.

# RSA-2048 for both authorities: every peer reads it.
ca_make() {
    local dir=$1
    mkdir -p "$dir" || return
    cat >"$dir/ext.cnf" <<'CNF'
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[inter]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,nonRepudiation${ENV::CA_USAGE}
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:${ENV::CA_EMAIL}
CNF
    export CA_EMAIL=nobody@example.org CA_USAGE=${CA_USAGE-}
    ca_key "$dir/root.key" rsa2048 && ca_key "$dir/inter.key" rsa2048 || return
    openssl req -x509 -new -config "$dir/ext.cnf" -extensions root -sha256 -days 90 \
        -key "$dir/root.key" -subj "/O=Signet Test/CN=Root $RANDOM$RANDOM" \
        -out "$dir/root.crt" || return
    openssl req -new -config "$dir/ext.cnf" -key "$dir/inter.key" \
        -subj "/O=Signet Test/CN=Intermediate" -out "$dir/inter.csr" || return
    openssl x509 -req -in "$dir/inter.csr" -CA "$dir/root.crt" -CAkey "$dir/root.key" \
        -extfile "$dir/ext.cnf" -extensions inter -sha256 -days 90 \
        -set_serial "0x$(openssl rand -hex 8)" -out "$dir/inter.crt" 2>/dev/null || return
    cat "$dir/inter.crt" "$dir/root.crt" >"$dir/chain.pem"
}

ca_key() {
    local out=$1
    case $2 in
    rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:${2#rsa}" -out "$out" ;;
    p*) openssl genpkey -quiet -algorithm EC -pkeyopt "ec_paramgen_curve:P-${2#p}" \
        -pkeyopt ec_param_enc:named_curve -out "$out" ;;
    ed25519) openssl genpkey -quiet -algorithm ED25519 -out "$out" ;;
    *) echo "ca_key: unknown type $2" >&2; return 2 ;;
    esac
}

ca_issue() {
    local dir=$1 csr=$2 email=$3 out=$4 days=${5:-90}
    CA_EMAIL=$email openssl x509 -req -in "$csr" -CA "$dir/inter.crt" -CAkey "$dir/inter.key" \
        -extfile "$dir/ext.cnf" -extensions leaf -sha256 -days "$days" \
        -set_serial "0x$(openssl rand -hex 8)" -out "$out" 2>/dev/null
}

ca_issue_key() {
    local dir=$1 pub=$2 email=$3 out=$4
    CA_EMAIL=$email openssl x509 -new -force_pubkey "$pub" -subj "/O=Signet Test/CN=$email" \
        -CA "$dir/inter.crt" -CAkey "$dir/inter.key" -extfile "$dir/ext.cnf" -extensions leaf \
        -sha256 -days 90 -set_serial "0x$(openssl rand -hex 8)" -out "$out" 2>/dev/null
}

ca_leaf() {
    local dir=$1 name=$2 type=$3 email=$4
    ca_key "$dir/$name.key" "$type" &&
        openssl req -new -config "$dir/ext.cnf" -key "$dir/$name.key" \
            -subj "/O=Signet Test/CN=$name/emailAddress=$email" -out "$dir/$name.csr" &&
        ca_issue "$dir" "$dir/$name.csr" "$email" "$dir/$name.crt"
}
