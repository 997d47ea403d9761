#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# signet read with keys on a token: our own triple wrap with its header protected, and
# the same wrapped by openssl, gpgsm and NSS, all read alike.

load lib/common
. "$E2E_DIR/lib/mails.bash"

setup_file() {
    e2e_begin openssl jq || return 0
    ca_make "$T/ca"
    home_new main
    (umask 077 && echo unused >"$T/password")
    token_new demo
    export CA_USAGE=,keyEncipherment
    key_new demo rsa2048 alice@example.org
    ca_leaf "$T/ca" carol rsa2048 carol@example.org
    export CA_USAGE=
    if command -v gpgsm >/dev/null; then
        gpgsm_new signer && gpgsm_add_key signer carol &&
            gpgsm_in signer --import "$T/certs/alice@example.org.crt"
    fi
    if command -v cmsutil >/dev/null; then
        nss_new && nss_add_key carol &&
            certutil -A -d "sql:$T/nss" -n alice -t ,, -a -i "$T/certs/alice@example.org.crt"
    fi
    cat >"$T/mail" <<'MAIL'
From: Alice <alice@example.org>
To: Alice <alice@example.org>
Subject: Quarterly numbers
Date: Fri, 21 Jan 2022 20:40:48 -0500
Content-Type: text/plain; charset=utf-8

Four and twenty.
MAIL
    printf 'Content-Type: text/plain; charset=utf-8\r\n\r\nFour and twenty.\r\n' >"$T/content"
}
teardown_file() {
    gpgsm_stop_all
    e2e_end
}
setup() {
    e2e_test
    home_use main
}

# shows KIND...: the layers in order, all of them good, and the text.
shows() {
    local want="$*"
    reads 0 good -- --text
    [ "$(cat out)" = 'Four and twenty.' ] || fail "$(cat out)"
    ends 0 signet read --json --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" mail
    [ "$(jq -r '[.layers[] | .kind + ":" + .status] | join(" ")' <<<"$output")" = "$want" ] ||
        fail "$output"
}

@test "signed, encrypted, and signed: three layers in order, the header from within" {
    for cipher in aes256-gcm aes256-cbc; do
        ok signet encrypt --sign --triple --cipher $cipher -u alice@example.org -o mail "$T/mail"
        grep -q '^Subject: \[\.\.\.\]' mail
        kind=authEnveloped-data
        [ $cipher = aes256-gcm ] || kind=enveloped-data
        shows signed-data:good $kind:good signed-data:good
        [ "$(jq -r '[.subject, .from, .header_protection] | join(" ")' <<<"$output")" = \
            'Quarterly numbers alice@example.org cipher' ]
        [ "$(jq -r '.layers[1].cipher' <<<"$output")" = $cipher ]
        # Whoever changes what is outside is seen.
        sed -i 's/^Subject: .*/Subject: Pay now/' mail
        reads 3 header-mismatch --
        says 'subject +Quarterly numbers'
    done
}

@test "without the key, its layers are told, and why no further" {
    ok signet encrypt --sign --triple -u alice@example.org -o mail "$T/mail"
    home_new none
    ends 4 signet read --json --anchor "$T/ca/root.crt" -o out mail
    [ ! -e out ]
    [ "$(jq -r '[.status, .layers[].kind] | join(" ")' <<<"$output")" = \
        'unreadable signed-data authEnveloped-data' ] ||
        [ "$(jq -r '[.status, .layers[].kind] | join(" ")' <<<"$output")" = \
            'unreadable signed-data enveloped-data' ] || fail "$output"
    says '^signet: mail: layer 2: '
    home_stop none
}

@test "wrapped three times by openssl" {
    openssl_signs carol sha256 "$T/content" s1 -binary -outform DER -nodetach
    opaque_entity s1 >one
    openssl cms -encrypt -aes-256-cbc -binary -in one -outform DER -out e1 \
        -recip "$T/certs/alice@example.org.crt" -keyopt rsa_padding_mode:oaep
    opaque_entity e1 >two
    clear carol two | mail 'From: carol@example.org' >mail
    shows signed-data:good enveloped-data:good signed-data:good
}

@test "wrapped three times by gpgsm" {
    need gpgsm
    ok gpgsm_signs signer carol SHA256 "$T/content" s1
    opaque_entity s1 >one
    ok gpgsm_in signer --encrypt -r alice@example.org -o e1 one
    opaque_entity e1 >two
    ok gpgsm_signs signer carol SHA256 two s2 --detach-sign
    clear_entity two s2 | mail 'From: carol@example.org' >mail
    shows signed-data:good enveloped-data:good signed-data:good
}

@test "wrapped three times by NSS" {
    need cmsutil
    nss_signs carol SHA256 "$T/content" s1
    opaque_entity s1 >one
    cmsutil -E -d "sql:$T/nss" -r alice@example.org -i one -o e1
    opaque_entity e1 >two
    nss_signs carol SHA256 two s2 -T
    clear_entity two s2 | mail 'From: carol@example.org' >mail
    shows signed-data:good enveloped-data:good signed-data:good
}
