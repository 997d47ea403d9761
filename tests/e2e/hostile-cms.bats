#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Bare CMS that is damaged or hostile, before verify and decrypt: a sentence with
# the offset, the documented exit status, nothing under the output's name, and memory that
# does not grow with what the message claims.

load lib/common

setup_file() {
    e2e_begin openssl perl || return 0
    ca_make "$T/ca"
    home_new main
    CA_USAGE=,keyEncipherment ca_leaf "$T/ca" leaf rsa2048 leaf@hostile.example
    printf 'Pay 100 to Alice.\n' >"$T/content"
    printf 'correct horse\n' >"$T/password"
    openssl_signs leaf sha256 "$T/content" "$T/signed" -binary -nodetach -outform DER
    signet encrypt --cms -r "$T/ca/leaf.crt" --password-file "$T/password" -o "$T/encrypted" \
        "$T/content"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    mkdir d
    cd d || return
    home_use main
}

hostile() { perl "$E2E_DIR/lib/hostile.pl" "$@"; }

# refused FILE WORDS: by both commands, with nothing written.
refused() {
    local command
    for command in "verify --cms" "decrypt --cms --password-file $T/password"; do
        echo precious >out
        # shellcheck disable=SC2086
        ends 5 signet $command -o out "$1"
        says "$2"
        [[ $stderr == "signet: "* ]] || fail "not a sentence of signet's: $stderr"
        [ "$(cat out)" = precious ] || fail "$command: output was touched"
        rm out
        # shellcheck disable=SC2086
        ends 5 signet $command "$1"
        [[ $command == decrypt* ]] || [ -z "$output" ] || fail "$command: on standard output: $output"
    done
    only_files . "$1"
    [ -z "$(ls -A "$TMPDIR")" ] || fail "left in TMPDIR: $(ls -A "$TMPDIR")"
}

@test "lengths that cannot be" {
    while read -r what words; do
        hostile "$what" >m
        refused m "$words"
    done <<'CASES'
terabyte ends at offset [0-9]+, before it is complete
beyond ends at offset 17, before it is complete
outside element at offset [0-9]+ is longer than what it is in
huge element at offset 0 has a tag or length too big
CASES
}

@test "the wrong thing in its place" {
    while read -r what words; do
        hostile "$what" >m
        refused m "$words"
    done <<'CASES'
set digestAlgorithms was expected at offset 2[0-9]
version version of SignedData.*newer than is known
CASES
    # Not even a SEQUENCE: it is taken for text.
    hostile tag >m
    refused m 'neither DER, BER, PEM nor base64'
    : >m
    refused m 'empty'
    printf 'just words, and no message at all\n' >m
    refused m 'offset|base64|message'
}

@test "too many of anything" {
    hostile signers 10000 >m
    refused m 'more than 256 signers, at offset [0-9]+'
    hostile certificates 100000 >m
    refused m 'more than 1024 certificates, at offset [0-9]+'
    hostile recipients 10000 >m
    refused m 'more than 4096 recipients, at offset [0-9]+'
}

@test "100,000 tags, one in the other" {
    hostile nested 100000 >m
    refused m 'offset [0-9]+ are nested deeper than 32 levels'
    hostile tags 100000 >m
    refused m 'offset [0-9]+'
}

@test "memory does not grow with it" {
    for what in 'signers 200' 'signers 10000' 'certificates 100000' 'nested 1000000' terabyte \
        'recipients 10000'; do
        # shellcheck disable=SC2086
        hostile $what >m
        run "$E2E_PEAK" peak signet verify --cms -o out m
        kib=$(sed 's/.*"kib": \([0-9]*\).*/\1/' peak)
        sanitized || [ "$kib" -lt 40000 ] || fail "$what took $kib KiB"
        rm -f out peak
    done
}

@test "no recipients" {
    hostile recipients 0 >m
    ends 5 signet decrypt --cms --password-file "$T/password" -o out m
    says 'it has no recipients, at offset [0-9]+'
    only_files . m
}

@test "cut anywhere" {
    local size at
    for what in signed encrypted; do
        size=$(stat -c %s "$T/$what")
        for at in 1 2 3 20 $((size / 4)) $((size / 3)) $((size / 2)) $((size - 40)) $((size - 2)) \
            $((size - 1)); do
            head -c "$at" "$T/$what" >m
            for command in "verify --cms" "decrypt --cms --password-file $T/password"; do
                # shellcheck disable=SC2086
                ends 5 signet $command -o out m
                says "offset $at, before it is complete|is encrypted, not signed|is not encrypted|offset [0-9]+"
                only_files . m
            done
        done
        (cat "$T/$what"; printf '\1') >m
        command="verify --cms --anchor $T/ca/chain.pem"
        [ $what = signed ] || command="decrypt --cms --password-file $T/password"
        # shellcheck disable=SC2086
        ends 5 signet $command -o out m
        says "ends at offset $size, but other bytes follow"
        only_files . m
        cp "$T/$what" m
        # shellcheck disable=SC2086
        ends 0 signet $command -o out m
        cmp out "$T/content"
        rm out
    done
}

@test "the wrong password" {
    printf 'battery staple\n' >"$T/wrong"
    cp "$T/encrypted" m
    run --separate-stderr signet decrypt --cms --password-file "$T/wrong" -o out m
    [ "$status" -eq 5 ] || [ "$status" -eq 4 ] || fail "status $status: $stderr"
    says 'password'
    only_files . m
}

@test "digests and deflated content that are none" {
    hostile digest >m
    ends 1 signet verify --cms -o out m
    [ ! -e out ]
    hostile inflate >m
    run --separate-stderr signet verify --cms -o out m
    [ "$status" -ne 0 ]
    [ ! -e out ]
}
