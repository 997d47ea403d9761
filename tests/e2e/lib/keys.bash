# SPDX-License-Identifier: LGPL-2.1-or-later
# Keys on a software token of SIGNET_HOME, with certificates of the throw-away CA.

# token_new LABEL: an embedded software token whose PIN lies in $T/pin.
token_new() { signet token create --label "$1" --pin-file "$T/pin"; }

# key_new TOKEN TYPE EMAIL [LABEL]: makes the key and its certificate; the key's
# name goes to KEY and the certificate to $T/certs/EMAIL.crt.
key_new() {
    local token=$1 type=$2 email=$3 label=${4-$2}
    mkdir -p "$T/certs"
    KEY=$(signet key generate --token "$token" --type "$type" --label "$label") || return
    [[ $KEY =~ ^[0-9a-f]{64}$ ]] || fail "key generate printed: $KEY" || return
    signet csr -u "$KEY" --subject "CN=$type,O=Signet Test" --email "$email" \
        >"$T/certs/$email.csr" || return
    ca_issue "$T/ca" "$T/certs/$email.csr" "$email" "$T/certs/$email.crt" || return
    signet cert import "$T/certs/$email.crt"
}

# mail_of EMAIL [KB]: a sample mail from that address; its path.
mail_of() {
    local file=$T/mail-$1-${2-10}
    [ -e "$file" ] || mail_pl sample "${2-10}" "Sample <$1>" >"$file"
    echo "$file"
}
