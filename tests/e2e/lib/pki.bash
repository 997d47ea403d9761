# SPDX-License-Identifier: LGPL-2.1-or-later
# An authority whose certificates can be asked about: a root, two intermediates (a and b), an
# older root that certified a's key, too (the cross-certificate), certificates with the places
# where their state is told, lists of any age, and an OCSP responder behind tests/e2e/httpd.c.
# Needs lib/ca.bash and a started httpd, whose folder is $WWW.
#
#   pki_make                  $PKI/{root,old,a,b,cross}.{crt,key}, a leaf's key, in $PKI
#   pki_leaf NAME [cdp=URL] [ocsp=URL] [issuers=URL] [ca=a|b]   $PKI/NAME.crt
#   pki_revoke NAME [CA]      from now on CA's database says so
#   pki_crl CA OUT [OPTION]...   a list (DER) of CA's database; options of openssl ca
#   pki_responder NAME CA SIGNER [OPTION]...   $HTTPD_URL/NAME answers OCSP from CA's database
#   pki_mail NAME OUT [CERT]... an opaque message signed by NAME, with those certificates

pki_make() {
    export PKI=$T/pki WWW
    mkdir -p "$PKI" || return
    printf '%s\n' '[req]' 'distinguished_name = dn' 'prompt = no' '[dn]' 'CN = unused' >"$PKI/req.cnf"
    local ca
    for ca in root old a b leaf delegate plain; do
        ca_key "$PKI/$ca.key" p256 || return
        openssl req -new -config "$PKI/req.cnf" -key "$PKI/$ca.key" \
            -subj "/O=Signet Test/CN=$ca" -out "$PKI/$ca.csr" || return
    done
    pki_issue root root root ca=1 && pki_issue old old old ca=1 &&
        pki_issue a a root ca=1 "cdp=$HTTPD_URL/root.crl" &&
        pki_issue b b root ca=1 "cdp=$HTTPD_URL/root.crl" &&
        pki_issue cross a old ca=1 "cdp=$HTTPD_URL/old.crl" &&
        pki_issue delegate delegate a eku=OCSPSigning &&
        pki_issue plain plain a eku=emailProtection || return
    for ca in root old a b; do
        : >"$PKI/$ca.index"
        : >"$PKI/$ca.index.attr"
        echo 01 >"$PKI/$ca.number"
        printf '%s\n' '[ca]' 'default_ca = x' '[x]' "database = $PKI/$ca.index" \
            "crlnumber = $PKI/$ca.number" 'default_md = sha256' "certificate = $PKI/$ca.crt" \
            "private_key = $PKI/$ca.key" 'default_crl_days = 5' 'crl_extensions = ext' \
            '[ext]' 'authorityKeyIdentifier = keyid:always' >"$PKI/$ca.cnf"
    done
    pki_crl root "$WWW/root.crl" && pki_crl old "$WWW/old.crl" && pki_crl a "$WWW/a.crl"
}

# pki_issue NAME REQUEST CA [ca=1] [eku=E] [cdp=URL] [ocsp=URL] [issuers=URL]
pki_issue() {
    local name=$1 request=$2 ca=$3 word is_ca=FALSE usage=digitalSignature eku='' cdp='' aia=''
    shift 3
    for word; do
        case $word in
        ca=1) is_ca=TRUE usage=keyCertSign,cRLSign,digitalSignature ;;
        eku=*) eku=${word#*=} ;;
        cdp=*) cdp=${word#*=} ;;
        ocsp=*) aia="${aia:+$aia,}OCSP;URI:${word#*=}" ;;
        issuers=*) aia="${aia:+$aia,}caIssuers;URI:${word#*=}" ;;
        esac
    done
    {
        echo "basicConstraints = critical,CA:$is_ca"
        echo "keyUsage = critical,$usage"
        echo 'subjectKeyIdentifier = hash'
        [ "$name" = "$ca" ] || echo 'authorityKeyIdentifier = keyid'
        [ -z "$eku" ] || echo "extendedKeyUsage = $eku"
        [ "$eku" != emailProtection ] || echo 'subjectAltName = email:alice@example.org'
        [ -z "$cdp" ] || echo "crlDistributionPoints = URI:$cdp"
        [ -z "$aia" ] || echo "authorityInfoAccess = $aia"
    } >"$PKI/$name.ext"
    local by=(-CA "$PKI/$ca.crt" -CAkey "$PKI/$ca.key")
    [ "$name" != "$ca" ] || by=(-signkey "$PKI/$ca.key")
    openssl x509 -req -in "$PKI/$request.csr" "${by[@]}" -extfile "$PKI/$name.ext" -sha256 \
        -days 20 -set_serial "0x$(openssl rand -hex 8 | sed 's/^./5/')" \
        -out "$PKI/$name.crt" 2>/dev/null
}

pki_leaf() {
    local name=$1 ca=a word rest=()
    shift
    for word; do
        case $word in ca=*) ca=${word#*=} ;; *) rest+=("$word") ;; esac
    done
    pki_issue "$name" leaf "$ca" eku=emailProtection "${rest[@]}" &&
        pki_list "$name" "$ca" V ''
}

# A line of the database, as openssl ca writes it.
pki_list() {
    printf '%s\t351231235959Z\t%s\t%s\tunknown\t/CN=%s\n' "$3" "$4" \
        "$(openssl x509 -in "$PKI/$1.crt" -noout -serial | cut -d= -f2)" "$1" >>"$PKI/$2.index"
}

pki_revoke() {
    local ca=${2-a} serial
    serial=$(openssl x509 -in "$PKI/$1.crt" -noout -serial | cut -d= -f2)
    sed -i "/	$serial	/d" "$PKI/$ca.index"
    pki_list "$1" "$ca" R "$(date -u -d '1 day ago' +%y%m%d%H%M%SZ),keyCompromise"
}

pki_crl() {
    local ca=$1 out=$2
    shift 2
    openssl ca -config "$PKI/$ca.cnf" -gencrl "$@" -out "$PKI/crl.pem" 2>>"$PKI/log" &&
        openssl crl -in "$PKI/crl.pem" -outform DER -out "$out"
}

pki_responder() {
    local name=$1 ca=$2 signer=$3
    shift 3
    cat >"$WWW/$name.new" <<SH
#!/bin/bash
d=\$(mktemp -d "$T/tmp/ocsp-XXXXXX") && cd "\$d" && cat >request && "$(command -v openssl)" ocsp -index "$PKI/$ca.index" \
    -CA "$PKI/$ca.crt" -rsigner "$PKI/$signer.crt" -rkey "$PKI/$signer.key" -ndays 1 \
    -reqin request -respout answer $* >/dev/null 2>&1 && cat answer
SH
    chmod +x "$WWW/$name.new" && mv "$WWW/$name.new" "$WWW/$name"
}

pki_mail() {
    local name=$1 out=$2 certs=() cert
    shift 2
    for cert; do cat "$PKI/$cert.crt"; done >"$PKI/more.pem"
    [ $# -eq 0 ] || certs=(-certfile "$PKI/more.pem")
    echo 'Words of the message.' >"$T/words"
    openssl cms -sign -binary -nodetach -signer "$PKI/$name.crt" -inkey "$PKI/leaf.key" \
        "${certs[@]}" -in "$T/words" -outform DER -out "$out"
}
