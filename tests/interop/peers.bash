# SPDX-License-Identifier: LGPL-2.1-or-later
# The three peers and Signet as makers and readers of one row. The row is in the array
# R, its content in the file `content`, the shape that is tried in $shape.
#
#   make_PEER OUT      writes the message; false with $why when it cannot
#   read_PEER FILE     true when it takes it, all of it, with the very content; else $why
#   begin_PEER         its keys, after pki_make
#   version_PEER

declare -A R
why=
KEK_ID=7468652d6b6579   # "the-key"

# Runs a command; its output is in $said, and what it said of a failure in $why.
try() {
    local peer=$1
    shift
    said=$("$@" 2>&1 </dev/null) && return
    why=$("words_$peer" <<<"$said")
    return 1
}
same_content() {
    [ -z "${ANY_CONTENT-}" ] || return 0
    cmp -s out content && return
    why='gives other content'
    return 1
}
cannot() {
    why=$1
    return 1
}

leaf_crt() { echo "$T/ca/$1.crt"; }
last_leaf() { echo "${R[key]##*,}"; }

# The key of EncryptedData, which NSS takes from an envelope alone: hex, as long as asked.
secret_key() {
    local key
    key=$(cat "$T/secret" 2>/dev/null || echo 00112233445566778899aabbccddeeff)
    key+=$key
    echo "${key:0:$(tr -dc 0-9 <<<"${R[cipher]}") / 4}"
}

# Each of the row's leaves is among the certificates of `out`, in PEM.
has_certs() {
    local leaf have
    have=$(tr -d '\r\n' <out)
    for leaf in $(each "${R[key]}"); do
        [[ $have == *"$(base64 -w0 "$T/ca/$leaf.der")"* ]] ||
            cannot 'gives other certificates' || return
    done
}

# The inner SignedData comes without a ContentInfo (RFC 5652, 4), which openssl and gpgsm
# want; with one they read it. False too when the reader cannot be told of types.
read_nested() {  # PEER FILE
    local -A outer=([kind]=enveloped [key]=${R[to]} [cipher]=${R[cipher]})
    local inner=${R[key]} ANY_CONTENT=1
    R_as outer "read_$1" "$2" || return
    perl -e 'local $/; my $d = <STDIN>;
        sub tlv { my ($t, $v) = @_; my $n = length $v;
            $t . ($n < 128 ? chr $n : "\x83" . substr(pack("N", $n), 1)) . $v }
        print tlv("\x30", pack("H*", "06092a864886f70d010702") . tlv("\xa0", $d))' <out >inner.der
    local -A signed=([kind]=signed [key]=$inner)
    local shape=opaque
    ANY_CONTENT=
    R_as signed "read_$1" inner.der
}

# R_as ROW COMMAND...: with that array in the place of R.
R_as() {
    local -n as=$1
    local -A R=()
    local k
    for k in "${!as[@]}"; do R[$k]=${as[$k]}; done
    shift
    "$@"
}

for peer in openssl gpgsm nss signet; do
    . "$HERE/peer-$peer.bash"
done
