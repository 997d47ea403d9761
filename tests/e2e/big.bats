#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Messages of any size in constant memory, both directions: 256 MiB here, 4 GiB in
# the long suite. The input is a sparse file with some text at both ends.

load lib/common

MIB=256
[ -z "${E2E_LONG-}" ] || MIB=4096
PEAK_KIB=$((16 * 1024))

setup_file() {
    # What is written beside the sparse input: the opaque message, then the content
    # that verify gives back.
    local free
    e2e_begin openssl || return 0
    free=$(df --output=avail -m "$T" | tail -1)
    [ "$free" -gt $((MIB * 2 + 512)) ] ||
        e2e_skip_file "$free MiB free in $T, $((MIB * 2 + 512)) needed: choose another TMPDIR" ||
        return 0
    ca_make "$T/ca"
    home_new main
    token_new big
    CA_USAGE=,keyEncipherment key_new big rsa2048 big@size.example
    printf 'the beginning\n' >"$T/content"
    truncate -s ${MIB}M "$T/content"
    printf 'the end\n' >>"$T/content"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
}

# small COMMAND...: succeeds within the memory allowed.
small() {
    rm -f peak
    ends 0 "$E2E_PEAK" peak "$@"
    local kib
    kib=$(sed 's/.*"kib": \([0-9]*\).*/\1/' peak)
    echo "# $(basename "$1") $2: $kib KiB" >&3
    sanitized || [ "$kib" -lt $PEAK_KIB ] || fail "$kib KiB of memory: $*"
}

@test "detached: signed and verified" {
    small signet sign -u big@size.example --cms --detached -o d.der "$T/content"
    small signet verify --anchor "$T/ca/chain.pem" --content "$T/content" d.der
    says good
    # openssl reads detached content of any size.
    ok openssl_accepts_detached d.der "$T/content"
}

@test "opaque: signed and verified, the content back unchanged" {
    small signet sign -u big@size.example --cms -o o.der "$T/content"
    small signet verify --anchor "$T/ca/chain.pem" -o out o.der
    says good
    cmp out "$T/content"
    rm out
    # From a pipe, where the size is not known beforehand.
    small bash -c 'signet verify --anchor "$1" -o /dev/null <o.der' bash "$T/ca/chain.pem"
    # One turned bit near the end.
    printf XXXX | dd of=o.der bs=1 seek=$((MIB * 1024 * 1024 - 5)) conv=notrunc status=none
    ends 1 signet verify --anchor "$T/ca/chain.pem" -o out o.der
    [ ! -e out ]
}

# 256 MiB in both suites: openssl cannot write 4 GiB.
@test "opaque from openssl -stream (BER, indefinite lengths)" {
    ca_leaf "$T/ca" peer rsa2048 peer@size.example
    printf 'the beginning\n' >in
    truncate -s 256M in
    printf 'the end\n' >>in
    openssl_signs peer sha256 in o.der -binary -nodetach -outform DER -stream
    small signet verify --anchor "$T/ca/chain.pem" -o out o.der
    cmp out in
}

# In 12 MB, whatever the direction.
crypt_small() {
    PEAK_KIB=$((12 * 1000)) small "$@"
}

@test "encrypted and decrypted" {
    # The system's anchors are read once for all runs, which takes memory of its own.
    ok signet encrypt --cms -r big@size.example -o /dev/null "$T/ca/chain.pem"
    for cipher in aes256-gcm aes256-cbc; do
        crypt_small signet encrypt --cms -r big@size.example --cipher $cipher -o e.der "$T/content"
        crypt_small signet -q decrypt -o out e.der
        cmp out "$T/content"
        rm out
    done
    # Sizes that are not known beforehand; nothing is spooled beside the output.
    crypt_small bash -c 'signet encrypt --cms -r big@size.example <"$1" | cat >e.der' bash \
        "$T/content"
    crypt_small signet decrypt -o out e.der
    cmp out "$T/content"
}

@test "signed and encrypted" {
    crypt_small signet encrypt --cms --sign -u big@size.example -r big@size.example -o e.der \
        "$T/content"
    crypt_small signet decrypt --anchor "$T/ca/chain.pem" -o out e.der
    says good
    cmp out "$T/content"
}

# One turned bit, seen at the very end: nothing is left of all that was decrypted.
@test "a tag that does not match, at the end" {
    crypt_small signet encrypt --cms -r big@size.example -o e.der "$T/content"
    printf XXXXXXXX | dd of=e.der bs=1 seek=$((MIB * 1024 * 1024 / 2)) conv=notrunc status=none
    mkdir d
    crypt_small bash -c 'signet decrypt -o d/out e.der; [ $? -eq 5 ]'
    says 'cannot be decrypted'
    only_files d
    [ -z "$(ls -A "$TMPDIR")" ]
    crypt_small bash -c 'signet decrypt <e.der >d/out; [ $? -eq 5 ]'
    [ ! -s d/out ]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "a big mail, multipart/signed and opaque" {
    {
        printf 'From: big@size.example\nSubject: big\nMIME-Version: 1.0\nContent-Type: text/plain\n\n'
        yes 'The quick brown fox jumps over the lazy dog, again and again.' |
            head -c $((MIB / 4))M
        echo
    } >mail
    small signet sign -u big@size.example -o m.eml mail
    small signet verify --anchor "$T/ca/chain.pem" -o out m.eml
    tr -d '\r' <out | tail -c 1000 | cmp - <(tail -c 1000 mail)
    rm out m.eml
    small signet sign -u big@size.example --opaque -o o.eml mail
    small signet verify --anchor "$T/ca/chain.pem" -o out o.eml
    tr -d '\r' <out | tail -c 1000 | cmp - <(tail -c 1000 mail)
}
