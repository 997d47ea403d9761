#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Certificates found in a directory (slapd) and in a signed zone (nsd).

load lib/common
load lib/ports
load lib/ldap
load lib/dnssec

setup_file() {
    e2e_begin openssl || return 0
    export CA_USAGE=,keyEncipherment
    ca_make "$T/ca"
    ca_key "$T/bob.key" rsa2048
    openssl pkey -in "$T/bob.key" -pubout -out "$T/bob.pub"
    for n in bob 'b(o)b*' other; do
        ca_issue_key "$T/ca" "$T/bob.pub" "$n@example.org" "$T/$n.crt"
        openssl x509 -in "$T/$n.crt" -outform DER -out "$T/$n.der"
    done
    home_new main
    printf '\n[fetch]\nprivate = yes\n' >>"$T/homes/main/signet.conf"
}

teardown_file() {
    if ldap_there; then ldap_stop_all; fi
    if dnssec_there; then dnssec_stop_all; fi
    e2e_end
}

setup() {
    e2e_test
    home_use main
    rm -f "$SIGNET_HOME"/certs.db*
    CONF=$SIGNET_HOME/signet.conf
    [ -f "$CONF.plain" ] || cp "$CONF" "$CONF.plain"
    cp "$CONF.plain" "$CONF"
}

directory() {
    ldap_there || skip "slapd is not installed"
    [ -n "${LDAP_URL-}" ] && return
    if [ -f "$T/ldap.url" ]; then LDAP_URL=$(cat "$T/ldap.url"); return; fi
    openssl crl2pkcs7 -nocrl -certfile "$T/ca/inter.crt" -certfile "$T/bob.crt" -outform DER -out "$T/bob.p7"
    {
        printf 'dn: o=Example\nobjectClass: organization\no: Example\n\n'
        ldap_person 'cn=bob,o=Example' bob@example.org "$T/bob.der" "$T/other.der"
        ldap_person 'cn=odd,o=Example' 'b(o)b*@example.org' "$T/b(o)b*.der"
        printf 'dn: cn=smime,o=Example\nobjectClass: inetOrgPerson\ncn: s\nsn: s\nmail: smime@example.org\n'
        printf 'mail: bob@example.org\nuserSMIMECertificate:: %s\n\n' "$(base64 -w0 "$T/bob.p7")"
    } >"$T/people.ldif"
    ldap_start "$T/ldap" o=Example "$T/people.ldif" || fail "slapd does not start"
    echo "$LDAP_URL" >"$T/ldap.url"
}

@test "a directory's certificates are found, left when they are another's, and added" {
    directory
    ends 0 signet -v certs find --ldap "$LDAP_URL/o=Example" --add bob@example.org
    [[ $output == *bob@example.org*"$LDAP_URL"* && $output != *other@example.org* ]] || fail "$output" "$stderr"
    says "is not for bob@example.org"
    says "1 certificate added"
    ok signet certs list bob@example.org
    [[ $output == *"ldap://"* ]]
    # Nothing vouches for it but the directory; with its root trusted it is good.
    echo hello >m
    ends 3 signet encrypt --cms -r bob@example.org -o out m
    says "signet certs trust"
    ok signet certs add "$T/ca/inter.crt"
    ok signet certs trust --yes "$T/ca/root.crt"
    ok signet encrypt --cms -r bob@example.org -o out m
    openssl cms -decrypt -inform DER -in out -inkey "$T/bob.key" | grep -q hello
}

@test "the configuration names directories, and filters are escaped" {
    directory
    printf '\n[certs]\nldap = %s/o=Example\n' "$LDAP_URL" >>"$CONF"
    ok signet certs find 'b(o)b*@example.org'
    [[ $output == *'b(o)b*@example.org'* ]]
    ends 4 signet certs find 'b*@example.org'
    says "was found"
}

@test "userSMIMECertificate holds them as PKCS#7" {
    directory
    ends 4 signet certs find --ldap "$LDAP_URL/o=Example" smime@example.org
    ok signet certs find --json --ldap "$LDAP_URL/cn=smime,o=Example" bob@example.org
    [[ $output == *'"bob@example.org"'* ]] || fail "$output"
}

@test "what is no directory, or not there, is told" {
    ends 2 signet certs find --ldap http://example.org bob@example.org
    says "is no directory"
    ends 4 signet certs find --ldap "ldap://127.0.0.1:$(port_free)/o=x" bob@example.org
    ends 4 signet certs find --offline --ldap "ldap://127.0.0.1:1/o=x" bob@example.org
    says offline
}

@test "SMIMEA counts when DNSSEC proves it" {
    dnssec_there || skip "nsd or ldns is not installed"
    smimea_record bob@example.org "$T/bob.der" >records
    dnssec_start "$T/dns" example.org records || fail "nsd does not start"
    printf 'resolver = %s\ndnssec-anchor = %s\n' "$DNS_RESOLVER" "$DNS_ANCHOR" >>"$CONF"
    ok signet certs find --smimea --add bob@example.org
    [[ $output == *"smimea (DANE-EE)"* ]] || fail "$output"
    echo hello >m
    ok signet encrypt --cms -r bob@example.org -o out m
    openssl cms -decrypt -inform DER -in out -inkey "$T/bob.key" | grep -q hello
    ends 4 signet certs find --smimea nobody@example.org
}

@test "an unsigned zone says nothing" {
    dnssec_there || skip "nsd or ldns is not installed"
    smimea_record bob@example.org "$T/bob.der" >records
    DNSSEC_UNSIGNED=1 dnssec_start "$T/dns2" example.org records || fail "nsd does not start"
    printf 'resolver = %s\ndnssec-anchor = %s\n' "$DNS_RESOLVER" "$DNS_ANCHOR" >>"$CONF"
    ends 4 signet certs find --smimea bob@example.org
}
