#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# servers.bash FOLDER: a directory and three zones (signed, spoiled, unsigned) on loopback, until
# standard input ends. Writes NAME=VALUE lines and "ready". Exit status 77: one is not installed.
set -u
T=$1
for piece in ports ldap dnssec; do . "$E2E_LIB/$piece.bash"; done
ldap_there && dnssec_there && command -v openssl >/dev/null || exit 77
trap 'ldap_stop_all; dnssec_stop_all; servers_stop "$T/tls.pids"' EXIT
mkdir -p "$T/signed" "$T/spoiled" "$T/unsigned"
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/key" \
        -subj "/CN=$1" -outform DER -out "$T/$1.der" 2>/dev/null
}
certificate one && certificate two || exit 1
{
    printf 'dn: o=Test\nobjectClass: organization\no: Test\n\n'
    ldap_person cn=ann,o=Test ann@example.org "$T/one.der" "$T/two.der"
    printf 'dn: cn=bare,o=Test\nobjectClass: inetOrgPerson\ncn: bare\nsn:: %s\n\n' "$(printf 'caf\303\251' | base64)"
    printf 'dn: ou=there,o=Test\nobjectClass: referral\nobjectClass: extensibleObject\nou: there\nref: ldap://127.0.0.1:1/o=Test\n\n'
} >"$T/entries.ldif"
ldap_start "$T/ldap" o=Test "$T/entries.ldif" >&2 || exit 1
{
    smimea_record ann@example.org "$T/one.der"
    smimea_record ann@example.org "$T/two.der"
} >"$T/records"
signed() { # FOLDER SPOIL NAME
    DNSSEC_SPOIL=$2 dnssec_start "$1" example.org "$T/records" >&2 || exit 1
    printf '%s=%s\n%s_ANCHOR=%s\n' "$3" "$DNS_RESOLVER" "$3" "$DNS_ANCHOR"
}
DNSSEC_UNSIGNED=1 dnssec_start "$T/plain" example.org "$T/records" >&2 || exit 1
printf 'LDAP=%s\nPLAIN=%s\n' "$LDAP_URL" "$DNS_RESOLVER"
unset DNSSEC_UNSIGNED
port=$(port_free)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$T/tls.key" \
    -out "$T/tls.pem" -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
openssl s_server -accept "127.0.0.1:$port" -cert "$T/tls.pem" -key "$T/tls.key" -www -quiet \
    </dev/null >/dev/null 2>&1 &
echo $! >"$T/tls.pids"
port_await "$port" $! || exit 1
printf 'TLS=https://127.0.0.1:%s/\nTLS_CERTIFICATE=%s\n' "$port" "$T/tls.pem"
signed "$T/signed" '' SIGNED
signed "$T/spoiled" '/RRSIG[[:space:]]SMIMEA/s/example\.org\. ..../example.org. AAAA/' SPOILED
printf 'ONE=%s\nTWO=%s\nready\n' "$T/one.der" "$T/two.der"
cat >/dev/null
