#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Whether signers were revoked, asked of an authority on loopback: what is told for a note (soft)
# and what is refused (hard), and that nothing is asked twice.

load lib/common
load lib/ports
load lib/httpd
load lib/ldap
load lib/pki

setup_file() {
    e2e_begin openssl perl || return 0
    export WWW=$T/www
    mkdir "$WWW"
    httpd_start "$WWW"
    pki_make
    home_new main
    printf '[fetch]\nprivate = yes\n[trust]\nsystem-anchors = no\n' >>"$SIGNET_HOME/signet.conf"
    home_new quick
    printf '[fetch]\nprivate = yes\ndeadline = 1s\n[trust]\nsystem-anchors = no\n' >>"$SIGNET_HOME/signet.conf"
}
setup() { e2e_test; home_use main; }
teardown_file() { httpd_stop_all; ldap_stop_all; e2e_end; }

# judge STATUS MODE MESSAGE [OPTION]...
judge() {
    local want=$1 mode=$2 message=$3
    shift 3
    ends "$want" signet verify --cms --anchor "$PKI/root.crt" --revocation "$mode" "$@" \
        -o /dev/null "$message"
}

# fresh: nothing is known.
fresh() { rm -rf "$SIGNET_HOME"/certs.db* "$SIGNET_HOME"/*/certs.db*; }

# unknown MESSAGE: its signer's state cannot be learnt.
unknown() {
    fresh
    judge 0 soft "$1" && says 'note +revocation-unchecked' || return
    fresh
    judge 3 hard "$1" && says 'problem +revocation-unknown'
}

@test "CRLs by HTTP: good, revoked, expired, of another issuer; and none is asked for twice" {
    pki_leaf good "cdp=$HTTPD_URL/a.crl"
    pki_leaf gone "cdp=$HTTPD_URL/a.crl"
    pki_leaf stale "cdp=$HTTPD_URL/stale.crl"
    pki_leaf strange "cdp=$HTTPD_URL/strange.crl"
    pki_leaf none "cdp=$HTTPD_URL/none.crl"
    pki_revoke gone
    pki_crl a "$WWW/a.crl"
    pki_crl a "$WWW/stale.crl" -crl_lastupdate "$(date -u -d '9 days ago' +%y%m%d%H%M%SZ)" \
        -crl_nextupdate "$(date -u -d '2 days ago' +%y%m%d%H%M%SZ)"
    pki_crl b "$WWW/strange.crl"
    for name in good gone stale strange none; do pki_mail "$name" "$name.der" a; done
    : >"$WWW/.hits"
    judge 0 hard good.der
    says 'revocation +.*not revoked|revocation +'
    [ "$(httpd_hits "$WWW" 'GET /a.crl')" -eq 1 ]
    [ "$(httpd_hits "$WWW" 'GET /root.crl')" -eq 1 ]
    judge 0 hard good.der
    judge 3 soft gone.der
    says 'problem +revoked'
    [ "$(httpd_hits "$WWW")" -eq 2 ]
    unknown stale.der
    unknown strange.der
    unknown none.der
}

@test "CRLs by hand: with none fetched, in PEM and DER; what is no CRL is said" {
    pki_leaf byhand
    pki_leaf taken
    pki_revoke taken
    pki_crl a a.crl
    pki_crl root root.crl
    openssl crl -inform DER -in a.crl -out a.pem
    openssl crl -inform DER -in root.crl -out root.pem
    cat a.pem root.pem >both.pem
    pki_mail byhand m.der a
    pki_mail taken t.der a
    : >"$WWW/.hits"
    fresh
    judge 0 hard m.der --offline --crl a.crl --crl root.crl
    judge 0 hard m.der --offline --crl both.pem
    judge 3 soft t.der --offline --crl both.pem
    says 'problem +revoked'
    judge 3 hard m.der --offline
    says 'revocation-unknown'
    judge 0 off t.der
    judge 2 off m.der --crl a.crl
    judge 2 hard m.der --crl "$PKI/root.crt"
    says 'is no revocation list'
    [ "$(httpd_hits "$WWW")" -eq 0 ]
}

@test "OCSP: good, revoked, unknown, of a delegate with and without its EKU, of a stranger, replayed" {
    pki_leaf o-good "ocsp=$HTTPD_URL/by-ca"
    pki_leaf o-gone "ocsp=$HTTPD_URL/by-ca"
    pki_leaf o-unknown "ocsp=$HTTPD_URL/by-ca"
    pki_leaf o-delegate "ocsp=$HTTPD_URL/by-delegate"
    pki_leaf o-plain "ocsp=$HTTPD_URL/by-plain"
    pki_leaf o-stranger "ocsp=$HTTPD_URL/by-stranger"
    pki_leaf o-replay "ocsp=$HTTPD_URL/replay"
    pki_revoke o-gone
    sed -i "/CN=o-unknown$/d" "$PKI/a.index"
    pki_responder by-ca a a
    pki_responder by-delegate a delegate
    pki_responder by-plain a plain
    pki_responder by-stranger a b
    # What was once answered about another certificate, to another's question.
    openssl ocsp -issuer "$PKI/a.crt" -cert "$PKI/o-good.crt" -reqout request >/dev/null 2>&1
    "$WWW/by-ca" <request >"$WWW/replay"
    [ -s "$WWW/replay" ]
    for name in good gone unknown delegate plain stranger replay; do
        pki_mail "o-$name" "$name.der" a
    done
    fresh
    : >"$WWW/.hits"
    judge 0 hard good.der
    [ "$(httpd_hits "$WWW" by-ca)" -eq 1 ]
    judge 0 hard good.der
    [ "$(httpd_hits "$WWW" by-ca)" -eq 1 ]
    judge 3 soft gone.der
    says 'problem +revoked'
    judge 0 hard delegate.der
    unknown unknown.der
    unknown plain.der
    unknown stranger.der
    unknown replay.der
}

@test "responders that are down, slow, endless or astray are a note, or with hard a refusal" {
    home_use quick
    pki_leaf down "ocsp=http://127.0.0.1:$(port_free)/"
    pki_leaf slow "ocsp=$HTTPD_URL/slow"
    pki_leaf huge "ocsp=$HTTPD_URL/huge" "cdp=$HTTPD_URL/huge.crl"
    pki_leaf rubbish "ocsp=$HTTPD_URL/root.crl" "cdp=$HTTPD_URL/loop"
    for name in down slow huge rubbish; do
        pki_mail "$name" "$name.der" a
        unknown "$name.der" || fail "$name"
    done
}

@test "offline asks nobody, and an answer at hand is enough" {
    pki_leaf off "cdp=$HTTPD_URL/a.crl"
    pki_crl a "$WWW/a.crl"
    pki_mail off off.der a
    fresh
    : >"$WWW/.hits"
    judge 3 hard off.der --offline
    says 'revocation-unknown'
    judge 0 soft off.der --offline
    [ "$(httpd_hits "$WWW")" -eq 0 ]
    judge 0 hard off.der
    judge 0 hard off.der --offline
}

@test "an intermediate is fetched by AIA, once; a cross-certificate leads to another root" {
    openssl x509 -in "$PKI/a.crt" -outform DER -out "$WWW/a.cer"
    pki_leaf aia "cdp=$HTTPD_URL/a.crl" "issuers=$HTTPD_URL/a.cer"
    pki_crl a "$WWW/a.crl"
    pki_mail aia aia.der
    pki_mail aia cross.der cross a
    fresh
    : >"$WWW/.hits"
    judge 3 soft aia.der --offline
    says 'untrusted-root'
    judge 0 hard aia.der
    [ "$(httpd_hits "$WWW" a.cer)" -eq 1 ]
    ends 0 signet verify --cms --anchor "$PKI/old.crt" --revocation hard -o /dev/null cross.der
    says 'trusted by +--anchor'
    ends 0 signet verify --cms --anchor "$PKI/root.crt" --revocation hard -o /dev/null cross.der
}

@test "a CRL by LDAP" {
    ldap_there || skip "slapd is not installed"
    pki_crl a a.crl
    {
        printf 'dn: o=pki\nobjectClass: organization\no: pki\n\n'
        ldap_crl_point 'cn=a,o=pki' a.crl
    } >pki.ldif
    ldap_start "$BATS_TEST_TMPDIR/ldap" o=pki "$PWD/pki.ldif" || skip "slapd does not start"
    pki_leaf dir "cdp=$LDAP_URL/cn=a%2Co=pki?certificateRevocationList;binary"
    pki_mail dir dir.der a
    fresh
    judge 0 hard dir.der
}

@test "the process that reads a message opens no internet socket; signet-fetch alone does" {
    need strace
    strace -f -o /dev/null true 2>/dev/null || skip "ptrace is not allowed here"
    ! sanitized || skip "sanitizers do not go with ptrace"
    pki_leaf traced "cdp=$HTTPD_URL/a.crl"
    pki_crl a "$WWW/a.crl"
    pki_mail traced traced.der a
    fresh
    ends 0 strace -f -o trace -e trace=execve,socket,connect signet verify --cms \
        --anchor "$PKI/root.crt" --revocation hard -o /dev/null traced.der
    grep -q 'AF_INET' trace || fail "nothing was fetched" "$(cat trace)"
    # Processes that had become signet-fetch when they opened one.
    perl -ne '/^(\d+) .*execve\("[^"]*signet-fetch"/ and $fetch{$1} = 1;
        /^(\d+) .*(clone|fork)/ and next;
        /^(\d+) .*AF_INET/ and !$fetch{$1} and print' trace >others
    # Threads of signet-fetch have numbers of their own, and are born after it began.
    first=$(grep -n 'signet-fetch' trace | head -1 | cut -d: -f1)
    reader=$(head -1 trace | cut -d' ' -f1)
    ! grep -q "^$reader .*AF_INET" trace || fail "the reader opened one" "$(cat trace)"
    ! head -n "$first" trace | grep -q AF_INET
    # With everything at hand, no process is started and no socket opened.
    ends 0 strace -f -o again -e trace=execve,socket,connect signet verify --cms \
        --anchor "$PKI/root.crt" --revocation hard -o /dev/null traced.der
    ! grep -q 'AF_INET\|signet-fetch' again || fail "$(cat again)"
}
