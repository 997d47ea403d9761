# SPDX-License-Identifier: LGPL-2.1-or-later
# The rows of the table: group | what it is | attributes. bash, sourced by `matrix`.
#
#   kind      mail signed certs enveloped digested encrypted authenticated compressed
#   key       leaves of the CA (pki.bash), several with commas: who signs, who receives
#   md        the signature's digest, OAEP's, or the key derivation's
#   pad       pkcs1 (default), pss; oaep
#   shapes    what of it is tried: detached,opaque (default of signed)
#   attrs=no  ski=yes  certs=none|signer|chain  code=ber|pem  content=binary|empty
#   cipher    of the content; theirs: what a peer without a choice may take instead
#   kek       hex; its name is "the-key"        password
#   layers    of a mail, from the inside out (mails.bash); to: who receives it
#   protect=no   the mail's header is not protected    self=yes  for its sender, too
#   weak      Signet makes none; it reads it with --allow-weak alone

ROWS=()
row() { ROWS+=("$1|$2|$3"); }

signed_rows() {
    local bits md key curve
    for bits in 2048 3072 4096; do
        for md in 256 384 512; do
            row Signers "RSA-$bits, v1.5, SHA-$md" "kind=signed key=rsa$bits md=sha$md"
        done
    done
    for bits in 2048 3072; do
        for md in 256 384 512; do
            row Signers "RSA-$bits, PSS, SHA-$md" "kind=signed key=rsa$bits md=sha$md pad=pss"
        done
    done
    for curve in P-256:p256 P-384:p384 P-521:p521; do
        for md in 256 384 512; do
            row Signers "${curve%:*}, SHA-$md" "kind=signed key=${curve#*:} md=sha$md"
        done
    done
    row Signers 'brainpoolP256r1, SHA-256' 'kind=signed key=bp256 md=sha256'
    row Signers 'brainpoolP384r1, SHA-384' 'kind=signed key=bp384 md=sha384'
    row Signers 'brainpoolP512r1, SHA-512' 'kind=signed key=bp512 md=sha512'
    row Signers 'Ed25519' 'kind=signed key=ed25519 md=sha512'
    row Signers 'Ed448' 'kind=signed key=ed448 md=shake256'
    row Signers 'RSA-2048, SHA3-256' 'kind=signed key=rsa2048 md=sha3-256'
    row Signers 'P-256, SHA3-256' 'kind=signed key=p256 md=sha3-256'
    row Signers 'RSA-2048, SHA-1 (weak)' 'kind=signed key=rsa2048 md=sha1 weak=yes'
}

shape_rows() {
    local key name
    for key in rsa2048:RSA-2048 p256:P-256; do
        name=${key#*:}
        key=${key%:*}
        row 'Forms of SignedData' "$name, no signed attributes" "kind=signed key=$key md=sha256 attrs=no"
        row 'Forms of SignedData' "$name, signer named by key identifier" \
            "kind=signed key=$key md=sha256 ski=yes"
        row 'Forms of SignedData' "$name, no certificates" "kind=signed key=$key md=sha256 certs=none"
        row 'Forms of SignedData' "$name, the signer's certificate alone" \
            "kind=signed key=$key md=sha256 certs=signer"
        row 'Forms of SignedData' "$name, BER with indefinite lengths" \
            "kind=signed key=$key md=sha256 code=ber shapes=opaque"
        row 'Forms of SignedData' "$name, PEM" "kind=signed key=$key md=sha256 code=pem"
        row 'Forms of SignedData' "$name, empty content" \
            "kind=signed key=$key md=sha256 content=empty"
    done
    row 'Forms of SignedData' 'two signers: RSA-2048 and P-256' \
        'kind=signed key=rsa2048,p256 md=sha256'
    row 'Forms of SignedData' 'two signers: RSA-2048 and RSA-3072' \
        'kind=signed key=rsa2048,rsa3072 md=sha256'
    row 'Forms of SignedData' 'two signers: P-256 and Ed25519' \
        'kind=signed key=p256,ed25519 md=sha256'
    row 'Forms of SignedData' 'certificates only' 'kind=certs key=rsa2048,p256 shapes=certs'
}

enveloped_rows() {
    local bits md curve key g='Recipients (EnvelopedData, AES-256-CBC)'
    local c='kind=enveloped cipher=aes256-cbc theirs=aes128-cbc'
    for bits in 2048 3072 4096; do
        row "$g" "RSA-$bits, v1.5" "$c key=rsa$bits"
    done
    for md in 1 256 384 512; do
        row "$g" "RSA-2048, OAEP, SHA-$md" "$c key=rsa2048 pad=oaep md=sha$md"
    done
    for curve in P-256:p256 P-384:p384 P-521:p521; do
        for md in 1 256 384 512; do
            row "$g" "${curve%:*}, ECDH, X9.63 KDF, SHA-$md" "$c key=${curve#*:} md=sha$md"
        done
    done
    row "$g" 'X25519, HKDF, SHA-256' "$c key=x25519 md=sha256"
    row "$g" 'X448, HKDF, SHA-512' "$c key=x448 md=sha512"
    for bits in 128 192 256; do
        key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        row "$g" "key-encryption key, AES-$bits wrap" "$c kek=${key:0:bits / 4}"
    done
    row "$g" 'password' "$c password=geheim"
    row "$g" 'RSA-2048, named by key identifier' "$c key=rsa2048 ski=yes"
    row "$g" 'P-256, named by key identifier' "$c key=p256 ski=yes md=sha256"
    row "$g" "somebody else's RSA, then RSA-2048" "$c key=strange-rsa,rsa2048"
    row "$g" "somebody else's P-256, then RSA-2048" "$c key=strange-p256,rsa2048 md=sha256"
    row "$g" "somebody else's P-256, then P-256" "$c key=strange-p256,p256 md=sha256"
    row "$g" 'a password and RSA-2048, opened with the key' \
        "$c key=rsa2048 password=geheim with=key"
}

cipher_rows() {
    local name key g='Ciphers of EnvelopedData'
    for key in rsa2048:RSA-2048 p256:P-256; do
        name=${key#*:}
        key=${key%:*}
        for bits in 128 192 256; do
            row "$g" "AES-$bits-CBC, $name" "kind=enveloped cipher=aes$bits-cbc key=$key md=sha256"
        done
        row "$g" "3DES, $name (weak)" "kind=enveloped cipher=3des key=$key md=sha256 weak=yes"
    done
    row "$g" 'RC2, RSA-2048 (weak)' 'kind=enveloped cipher=rc2 key=rsa2048 weak=yes'
    row "$g" 'AES-256-CBC, RSA-2048, BER with indefinite lengths' \
        'kind=enveloped cipher=aes256-cbc key=rsa2048 code=ber'
    row "$g" 'AES-256-CBC, RSA-2048, PEM' 'kind=enveloped cipher=aes256-cbc key=rsa2048 code=pem'
    row "$g" 'AES-256-CBC, RSA-2048, empty content' \
        'kind=enveloped cipher=aes256-cbc key=rsa2048 content=empty'

    g='AuthEnvelopedData'
    for bits in 128 192 256; do
        row "$g" "AES-$bits-GCM, RSA-2048" "kind=enveloped cipher=aes$bits-gcm key=rsa2048"
    done
    row "$g" 'AES-256-GCM, RSA-2048 with OAEP, SHA-256' \
        'kind=enveloped cipher=aes256-gcm key=rsa2048 pad=oaep md=sha256'
    row "$g" 'AES-256-GCM, P-256' 'kind=enveloped cipher=aes256-gcm key=p256 md=sha256'
    row "$g" 'AES-256-GCM, X25519' 'kind=enveloped cipher=aes256-gcm key=x25519 md=sha256'
    row "$g" 'AES-256-GCM, key-encryption key' \
        'kind=enveloped cipher=aes256-gcm kek=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'
    row "$g" 'AES-256-GCM, password' 'kind=enveloped cipher=aes256-gcm password=geheim'
    row "$g" 'AES-256-GCM, RSA-2048, BER with indefinite lengths' \
        'kind=enveloped cipher=aes256-gcm key=rsa2048 code=ber'
    row "$g" 'AES-256-GCM, RSA-2048, empty content' \
        'kind=enveloped cipher=aes256-gcm key=rsa2048 content=empty'
    row "$g" 'AES-256-CCM, RSA-2048' 'kind=enveloped cipher=aes256-ccm key=rsa2048'
    row "$g" 'ChaCha20-Poly1305, RSA-2048' 'kind=enveloped cipher=chacha20-poly1305 key=rsa2048'
}

mail_rows() {
    local g='Mails'
    row "$g" 'multipart/signed, RSA-2048' 'kind=mail layers=signed key=rsa2048'
    row "$g" 'multipart/signed, P-256' 'kind=mail layers=signed key=p256'
    row "$g" 'signed-data, RSA-2048' 'kind=mail layers=opaque key=rsa2048'
    row "$g" 'enveloped-data, AES-256-CBC, RSA' 'kind=mail layers=enveloped to=rsa3072'
    row "$g" 'enveloped-data, AES-256-CBC, P-256' 'kind=mail layers=enveloped to=p256'
    row "$g" 'authEnveloped-data, AES-256-GCM, RSA' 'kind=mail layers=auth to=rsa3072'
    row "$g" 'multipart/signed in enveloped-data' \
        'kind=mail layers=signed,enveloped key=rsa2048 to=rsa3072'
    row "$g" 'signed-data in enveloped-data' \
        'kind=mail layers=opaque,enveloped key=rsa2048 to=rsa3072'
    row "$g" 'multipart/signed in authEnveloped-data' \
        'kind=mail layers=signed,auth key=rsa2048 to=rsa3072'
    row "$g" 'multipart/signed in enveloped-data, header not protected' \
        'kind=mail layers=signed,enveloped key=rsa2048 to=rsa3072 protect=no'
    row "$g" 'multipart/signed in enveloped-data, to oneself as well' \
        'kind=mail layers=signed,enveloped key=rsa2048 to=rsa3072 self=yes'
    row "$g" 'compressed-data in enveloped-data' \
        'kind=mail layers=compressed,enveloped to=rsa3072'
    row "$g" 'triple wrap: signed, enveloped, signed' \
        'kind=mail layers=signed,enveloped,signed key=rsa2048 to=rsa3072'
}

other_rows() {
    local md bits g='Other contents'
    for md in 256 384 512; do
        row "$g" "DigestedData, SHA-$md" "kind=digested md=sha$md"
    done
    for bits in 128 192 256; do
        row "$g" "EncryptedData, AES-$bits-CBC" "kind=encrypted cipher=aes$bits-cbc"
    done
    row "$g" 'AuthenticatedData, RSA-2048, HMAC-SHA-256' 'kind=authenticated key=rsa2048'
    row "$g" 'AuthenticatedData, P-256, no authenticated attributes' \
        'kind=authenticated key=p256 attrs=no'
    row "$g" 'SignedData in EnvelopedData, AES-256-CBC' \
        'kind=nested key=rsa2048 to=rsa3072 cipher=aes256-cbc'
    row "$g" 'SignedData in AuthEnvelopedData, AES-256-GCM' \
        'kind=nested key=rsa2048 to=rsa3072 cipher=aes256-gcm'
    row "$g" 'CompressedData' 'kind=compressed'
}

mail_rows
signed_rows
shape_rows
enveloped_rows
cipher_rows
other_rows
