# SPDX-License-Identifier: LGPL-2.1-or-later
# Both directions of the matrix, for one peer at a time. Each peer is a set of
# functions named after it (PEER_accepts_opaque, ...), see cms, gpgsm, nss.bash.

# A home with a key of each type on the token, file keys of each type for the peer.
interop_begin() {
    local type
    ca_make "$T/ca" || return
    home_new main
    token_new interop || return
    for type; do
        key_new interop "$type" "$type@token.example" || return
        ca_leaf "$T/ca" "$type" "$type" "$type@file.example" || return
    done
    mail_pl sample 10 inner@example.org | sed 's/$/\r/' >"$T/crlf"
    tr -d '\r' <"$T/crlf" >"$T/lf"
    head -c 100000 /dev/urandom >"$T/binary"
}

interop_setup() {
    e2e_test
    home_use main
}

# The digest that every peer takes with a key: gpgsm wants one as long as the curve.
digest_of() {
    case $1 in p384) echo sha384 ;; p521) echo sha512 ;; *) echo sha256 ;; esac
}

# signet_to PEER TYPE [OPTION]...: what Signet signs is good for the peer, in
# every shape.
signet_to() {
    local peer=$1 type=$2 who=$2@token.example mail
    mail=$(mail_of "$who")
    shift 2
    ok signet sign -u "$who" "$@" -o m.eml "$mail"
    mail_pl split m.eml content sig.der
    mime_body_kept content "$mail"
    ok "${peer}_accepts_detached" sig.der content
    ok signet sign -u "$who" "$@" --opaque -o o.eml "$mail"
    mail_pl body o.eml o.der
    ok "${peer}_accepts_opaque" o.der
    ok signet sign -u "$who" "$@" --cms -o b.der "$T/binary"
    ok "${peer}_accepts_opaque" b.der
    ok signet sign -u "$who" "$@" --cms --detached -o d.der "$T/binary"
    ok "${peer}_accepts_detached" d.der "$T/binary"
}

# The body of what was signed is the mail's.
mime_body_kept() {  # CONTENT MAIL
    sed '1,/^\r*$/d' "$1" | tr -d '\r' | cmp - <(sed '1,/^$/d' "$2")
}

good() {
    ends 0 signet verify --anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt" "$@"
    says good
}
