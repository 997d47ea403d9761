#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is said of a signature: lines for people, colours, and GnuPG's words beside gpgsm's.

load lib/common

setup_file() {
    e2e_begin openssl perl || return 0
    ca_make "$T/ca"
    CA_USAGE=,keyEncipherment ca_leaf "$T/ca" alice rsa2048 alice@example.org
    CA_EMAIL=alice@example.org openssl x509 -req -in "$T/ca/alice.csr" -CA "$T/ca/inter.crt" \
        -CAkey "$T/ca/inter.key" -extfile "$T/ca/ext.cnf" -extensions leaf -days -1 \
        -set_serial 77 -out "$T/ca/old.crt" 2>/dev/null
    cp "$T/ca/alice.key" "$T/ca/old.key"
    printf 'The words.\n' >"$T/words"
    for name in alice old; do
        openssl cms -sign -binary -nodetach -signer "$T/ca/$name.crt" -inkey "$T/ca/$name.key" \
            -certfile "$T/ca/inter.crt" -in "$T/words" -outform DER -out "$T/$name.der"
    done
    openssl cms -sign -binary -nodetach -nocerts -signer "$T/ca/alice.crt" \
        -inkey "$T/ca/alice.key" -in "$T/words" -outform DER -out "$T/nocert.der"
    perl -0777 -pe 's/The words/The wordz/' "$T/alice.der" >"$T/altered.der"
    perl -0777 -pe 'substr($_, -5, 1) ^= "\x01"' "$T/alice.der" >"$T/badsig.der"
    home_new main
    printf '[trust]\nrevocation = off\nsystem-anchors = no\n' >>"$SIGNET_HOME/signet.conf"
}
setup() { e2e_test; home_use main; }
teardown_file() { e2e_end; }

verifies() { ends "$1" signet verify --anchor "$T/ca/root.crt" -o /dev/null "${@:2}"; }

# The words of GnuPG in a file, one a line, without what is but progress.
words_of() { sed -n 's/^\[GNUPG:\] \([A-Z_]*\).*/\1/p' "$1" | grep -v '^PROGRESS$'; }

@test "the verdict says who, when, how strong, why trusted, what is wrong and what to do" {
    verifies 0 "$T/alice.der"
    says '^good signature$'
    says '^  signer +.*CN=alice'
    says '^  address +alice@example.org$'
    says '^  time +20[0-9-]+T[0-9:]+Z$'
    says '^  algorithm +rsa-pkcs1-sha256, RSA 2048 bits, digest sha256$'
    says '^  issued by +Intermediate, and that by Root '
    says '^  trusted by +--anchor .*root.crt'
    verifies 3 "$T/old.der"
    says '^  problem +expired: '
    says '^  do +ask the sender for a new signature'
    verifies 1 "$T/altered.der"
    says '^  problem +content-altered: '
    says '^  do +have it sent again$'
    ends 0 signet verify --json --anchor "$T/ca/root.crt" "$T/alice.der"
    perl -MJSON::PP -0777 -e '
        my $s = decode_json(<STDIN>)->{signatures}[0];
        $s->{anchor} =~ /^--anchor/ or die "anchor";
        @{$s->{chain}} == 3 and $s->{chain}[1]{subject} =~ /Intermediate/ or die "chain";
        $s->{signer}{key}{bits} == 2048 or die "bits";
        exists $s->{revocation} && !@{$s->{details}} or die "details"' <<<"$output"
}

@test "colour: always, never, and neither in a pipe nor against NO_COLOR" {
    verifies 0 --color=always "$T/alice.der"
    grep -q $'\033\[1;32mgood signature' <<<"$stderr"
    verifies 3 --color=always "$T/old.der"
    grep -q $'\033\[1;33mproblem' <<<"$stderr"
    verifies 0 "$T/alice.der"
    ! grep -q $'\033' <<<"$stderr"
    need script
    on_terminal() { script -qec "signet verify --anchor $T/ca/root.crt -o /dev/null $* $T/alice.der" /dev/null </dev/null; }
    TERM=xterm on_terminal | grep -q $'\033\[1;32mgood'
    ! TERM=xterm NO_COLOR=1 on_terminal | grep -q $'\033\[1;32m'
    ! TERM=dumb on_terminal | grep -q $'\033\[1;32m'
    ! TERM=xterm on_terminal --color=never | grep -q $'\033\[1;32m'
}

@test "options that say whom to trust: what is no time, no policy, no descriptor" {
    verifies 2 --time yesterday "$T/alice.der"
    says '2026-11-23T15:04:05Z'
    verifies 2 --policy words "$T/alice.der"
    says 'object identifier'
    verifies 2 --status-fd 77 "$T/alice.der"
    says 'no open descriptor'
    verifies 2 --revocation sometimes "$T/alice.der"
    says 'off\|soft\|hard'
    verifies 3 --require-policy "$T/alice.der"
    says 'problem +policy-mismatch'
    verifies 0 --policy 1.2.3.4 "$T/alice.der"
    verifies 3 --require-policy --policy 1.2.3.4 "$T/alice.der"
    says 'policy-mismatch'
}

@test "an anchor of the user's folder is one, and said to be" {
    mkdir -p "$SIGNET_HOME/anchors"
    cp "$T/ca/root.crt" "$SIGNET_HOME/anchors/"
    ends 0 signet verify -o /dev/null "$T/alice.der"
    says '^  trusted by +.*anchors'
    rm -r "$SIGNET_HOME/anchors"
    ends 3 signet verify -o /dev/null "$T/alice.der"
    says 'problem +untrusted-root'
}

@test "GnuPG's words are those that gpgsm prints" {
    need gpgsm
    gpgsm_new verifier
    for name in alice altered badsig; do
        GNUPGHOME=$T/verifier gpgsm --status-fd 1 --verify "$T/$name.der" >theirs 2>/dev/null || true
        signet verify --anchor "$T/ca/root.crt" --status-fd 9 -o /dev/null "$T/$name.der" \
            9>ours 2>/dev/null || true
        [ -s ours ]
        diff <(words_of theirs) <(words_of ours) || fail "$name" "$(cat theirs ours)"
        # Fingerprint, name, times and numbers, too.
        diff <(grep -v 'PROGRESS\|TRUST_' theirs) <(grep -v TRUST_ ours) || fail "$name"
    done
    # Nobody vouches for it.
    signet verify --status-fd 9 -o /dev/null "$T/alice.der" 9>ours 2>/dev/null || true
    [ "$(words_of ours)" = $'NEWSIG\nGOODSIG\nVALIDSIG\nTRUST_UNDEFINED' ]
    # gpgsm fully trusts what has expired; we say that it has, and do not.
    GNUPGHOME=$T/verifier gpgsm --status-fd 1 --verify "$T/old.der" >theirs 2>/dev/null || true
    signet verify --anchor "$T/ca/root.crt" --status-fd 9 -o /dev/null "$T/old.der" 9>ours 2>/dev/null || true
    diff <(grep 'EXPKEYSIG\|VALIDSIG' theirs) <(grep 'EXPKEYSIG\|VALIDSIG' ours)
    grep -q 'TRUST_UNDEFINED expired' ours
    signet verify --status-fd 9 -o /dev/null "$T/nocert.der" 9>ours 2>/dev/null || true
    [ "$(words_of ours)" = $'NEWSIG\nERRSIG\nERROR' ]
}

@test "GnuPG's words on what is decrypted" {
    echo secret >password
    openssl cms -encrypt -aes-256-cbc -binary -pwri_password secret -in "$T/alice.der" \
        -outform DER -out sealed.der
    signet decrypt --cms --password-file password --status-fd 9 -o out sealed.der 9>ours 2>/dev/null
    grep -q '^\[GNUPG:\] DECRYPTION_OKAY$' ours
    echo wrong >password
    ! signet decrypt --cms --password-file password --status-fd 9 -o out2 sealed.der 9>ours 2>/dev/null
    grep -q '^\[GNUPG:\] DECRYPTION_FAILED$' ours
}
