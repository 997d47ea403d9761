# SPDX-License-Identifier: LGPL-2.1-or-later
# SoftHSM tokens made by its own tools, as a card would come to us, and a spy that
# writes down every PKCS#11 call.

SOFTHSM_MODULE=/usr/lib/softhsm/libsofthsm2.so
SPY_MODULE=/usr/lib/x86_64-linux-gnu/pkcs11-spy.so
[ -e "$SPY_MODULE" ] || SPY_MODULE=$(ls /usr/lib/*/pkcs11-spy.so 2>/dev/null | head -1)

# softhsm_new DIR: a token folder with its configuration, DIR/softhsm2.conf.
softhsm_new() {
    mkdir -m 700 -p "$1/tokens" &&
        printf '%s\n' "directories.tokendir = $1/tokens" 'objectstore.backend = file' \
            'log.level = ERROR' >"$1/softhsm2.conf"
}

# softhsm_token DIR LABEL
softhsm_token() {
    SOFTHSM2_CONF=$1/softhsm2.conf softhsm2-util --init-token --free --label "$2" \
        --so-pin 87654321 --pin "$PIN"
}

# softhsm_key DIR LABEL LEAF ID: the CA's leaf with its certificate.
softhsm_key() {
    local dir=$1 label=$2 leaf=$T/ca/$3 id=$4
    openssl pkcs8 -topk8 -nocrypt -in "$leaf.key" -out "$leaf.p8" &&
        openssl x509 -in "$leaf.crt" -outform DER -out "$leaf.der" &&
        SOFTHSM2_CONF=$dir/softhsm2.conf softhsm2-util --import "$leaf.p8" --token "$label" \
            --label "$3" --id "$id" --pin "$PIN" &&
        SOFTHSM2_CONF=$dir/softhsm2.conf pkcs11-tool --module "$SOFTHSM_MODULE" \
            --token-label "$label" --login --pin "$PIN" --write-object "$leaf.der" \
            --type cert --id "$id" --label "$3"
}

# softhsm_conf DIR [MODULE]: the module in this home's signet.conf.
softhsm_conf() {
    printf '[module soft]\npath = %s\nsofthsm-conf = %s\n' "${2-$SOFTHSM_MODULE}" \
        "$1/softhsm2.conf" >>"$SIGNET_HOME/signet.conf"
}

# pin_source LABEL FILE
pin_source() {
    printf '[token %s]\npin-source = file:%s\n' "$1" "$2" >>"$SIGNET_HOME/signet.conf"
}

# spy_begin LOG: token hosts started from now on through SPY_MODULE write to LOG.
spy_begin() {
    [ -e "$SPY_MODULE" ] || skip "pkcs11-spy (opensc-pkcs11) is not installed"
    export PKCS11SPY=$SOFTHSM_MODULE PKCS11SPY_OUTPUT=$1
}
spy_end() { unset PKCS11SPY PKCS11SPY_OUTPUT; }

# How often a function was called.
spy_calls() { grep -c "^[0-9]*: $1\$" "$PKCS11SPY_OUTPUT"; }
