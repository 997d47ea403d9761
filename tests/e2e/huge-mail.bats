#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Mails that are too much of something: one line of 64 MiB (1 GiB in the long suite), a
# hundred thousand parts (a million), long boundaries, deep nesting, long headers,
# base64 with garbage. Each gets its verdict or its error, in the memory of any other.

load lib/common
. "$E2E_DIR/lib/mails.bash"

MIB=64
PARTS=100000
[ -z "${E2E_LONG-}" ] || { MIB=1024; PARTS=1000000; }
PEAK_KIB=$((20 * 1024))

setup_file() {
    local free
    e2e_begin openssl || return 0
    free=$(df --output=avail -m "$T" | tail -1)
    [ "$free" -gt $((MIB * 4 + 256)) ] ||
        e2e_skip_file "$free MiB free in $T, $((MIB * 4 + 256)) needed: choose another TMPDIR" ||
        return 0
    ca_make "$T/ca"
    ca_leaf "$T/ca" alice p256 alice@example.org
    home_new main
    (umask 077 && echo 'open sesame' >"$T/password")
    printf 'Content-Type: text/plain\r\n\r\nHello.\r\n' >"$T/content"
}
teardown_file() { e2e_end; }
setup() {
    e2e_test
    home_use main
}

# ends_small STATUS SENTENCE COMMAND [OPTION]...: `signet COMMAND` of `mail`.
ends_small() {
    local want=$1 sentence=$2 command=$3 kib
    shift 3
    rm -f peak out
    ends "$want" "$E2E_PEAK" peak signet "$command" --anchor "$T/ca/root.crt" \
        --anchor "$T/ca/inter.crt" -o out "$@" mail
    [ -z "$sentence" ] || says "$sentence"
    kib=$(sed 's/.*"kib": \([0-9]*\).*/\1/' peak)
    echo "# $command: $kib KiB" >&3
    sanitized || [ "$kib" -lt $PEAK_KIB ] || fail "$kib KiB of memory"
}

@test "one line" {
    { printf 'Content-Type: text/plain\r\n\r\n'; head -c ${MIB}M /dev/zero | tr '\0' x; } >line
    clear alice line | mail 'From: alice@example.org' >mail
    rm line
    ends_small 0 good verify
    ends_small 0 good read
    ends_small 0 good read --text
    [ "$(head -c 3 out)" = xxx ]
}

@test "one line that is all of the input" {
    head -c ${MIB}M /dev/zero | tr '\0' x >mail
    ends_small 5 'no header' verify
    ends_small 0 'unsigned mail' read
    { printf 'From: a@b\r\nX: '; head -c ${MIB}M /dev/zero | tr '\0' x; } >mail
    ends_small 5 'larger than' verify
    ends_small 5 'larger than' read
}

@test "parts without number" {
    part=$'--p\r\nContent-Type: text/plain\r\n\r\nx\r\n'
    { printf 'Content-Type: multipart/mixed; boundary=p\r\n\r\n'
      perl -e 'print $ARGV[1] x $ARGV[0]' "$PARTS" "$part"; printf -- '--p--\r\n'; } >parts
    mail 'From: alice@example.org' <parts >mail
    ends_small 5 'not signed' verify
    ends_small 0 'unsigned' read --text
    clear alice parts | mail 'From: alice@example.org' >mail
    ends_small 0 good verify
    ends_small 0 good read --text
    [ "$(grep -c '^x$' out)" -eq "$PARTS" ]
    # And all of them beside the signed one.
    { printf 'From: alice@example.org\r\nContent-Type: multipart/mixed; boundary=p\r\n\r\n'
      perl -e 'print $ARGV[1] x $ARGV[0]' "$PARTS" "$part"; printf -- '--p\r\n'
      clear alice "$T/content"; printf -- '\r\n--p--\r\n'; } >mail
    ends_small 3 "cover $PARTS part.*and more" verify
}

@test "multiparts in multiparts without end" {
    perl -e 'for (1..$ARGV[0]) { print "Content-Type: multipart/mixed; boundary=n$_\r\n\r\n--n$_\r\n" }
        print "\r\nbottom\r\n"' "$PARTS" >deep
    mail 'From: alice@example.org' <deep >mail
    ends_small 5 'not signed|no signed part' verify
    ends_small 0 'unsigned' read
    clear alice deep | mail 'From: alice@example.org' >mail
    ends_small 0 good read --text
}

@test "boundaries of 10,000 bytes, and headers of a megabyte" {
    long=$(perl -e 'print "b" x 10000')
    boundary=$long clear alice "$T/content" | mail 'From: alice@example.org' >mail
    ends_small 5 'no usable boundary' verify
    ends_small 5 'no usable boundary' read
    boundary=$(perl -e 'print "b" x 250') clear alice "$T/content" | mail 'From: alice@example.org' >mail
    ends_small 0 good verify
    { printf 'From: alice@example.org\r\n'; perl -e 'print "X: y\r\n" x 20000'
      clear alice "$T/content"; } >mail
    ends_small 5 'more than 10000 fields' verify
    { perl -e 'print "From: alice\@example.org\r\nX: ", "y" x 900000, "\r\n"'
      clear alice "$T/content"; } >mail
    ends_small 0 good verify
    { printf 'From: '; perl -e 'print "(" x 200000, ")" x 200000'; printf ' alice@example.org\r\n'
      clear alice "$T/content"; } >mail
    ends_small 3 address-mismatch verify
}

@test "base64 with garbage" {
    signed_part alice "$T/content" o.der -nodetach
    opaque_entity o.der | mail 'From: alice@example.org' >whole
    for change in 's/(\r\n\r\n.{50})/$1\0/s' 's/(\r\n\r\n.{50})/$1\xff\xfe/s' 's/(\r\n\r\n.{50})/$1=/s' \
        's/(\r\n\r\n.{50})/$1-----BEGIN/s' 's/(\r\n\r\n.{51})./$1/s' 's/\r\n\r\n.*/\r\n\r\n====/s' \
        's/\r\n\r\n.*/\r\n\r\n/s' 's/\r\n\r\n.*/\r\n\r\nAAAA/s'; do
        perl -0pe "$change" whole >mail
        ends_small 5 '' verify
        says '^signet: mail: .*; '
        ends_small 5 '' read
        [ ! -e out ]
    done
    { cat whole; head -c ${MIB}M /dev/zero | tr '\0' '*'; } >mail
    ends_small 5 '' verify
    { cat whole; head -c ${MIB}M /dev/zero | tr '\0' A; } >mail
    ends_small 5 '' verify
}
