# SPDX-License-Identifier: LGPL-2.1-or-later
# The contestants of bench/run, each with a private copy of the same software
# token (one RSA-2048 key, one P-256 key): Signet with a warm agent; openssl with the pkcs11
# engine, and the provider where there is one; openssl with a file key; gpgsm with
# gnupg-pkcs11-scd. What is not installed is named as absent.

. "$ROOT/tests/e2e/lib/ca.bash"
. "$ROOT/tests/e2e/lib/gpgsm.bash"
. "$ROOT/tests/e2e/lib/softhsm.bash"

PIN=739164
TOKEN=bench
ABSENT=

absent() {  # CONTESTANT WHY
    ABSENT="${ABSENT:+$ABSENT; }$1: $2"
}

have() { [[ " $CONTESTANTS " == *" $1 "* ]]; }

# A folder for all of it: short, since sockets live in it, and in memory if programs
# may run there, so that no disk is measured.
bench_folder() {
    local dir
    if dir=$(mktemp -d /dev/shm/sgb-XXXXXX); then
        if cp /bin/true "$dir/" && "$dir/true"; then
            rm "$dir/true"
            echo "$dir"
            return
        fi
        rm -rf "$dir"
    fi
    mktemp -d /tmp/sgb-XXXXXX
}

bench_begin() {
    T=$(bench_folder 2>/dev/null) || return
    export T HOME=$T/user LC_ALL=C TZ=UTC
    export PATH="$BUILD/cli:$PATH"
    unset DISPLAY SIGNET_LIBEXEC GNUPGHOME SOFTHSM2_CONF
    mkdir -m 700 "$T/user" "$T/big"
    STOPWATCH=$(find "$BUILD" -name stopwatch -type f | head -1)
    [ -x "$STOPWATCH" ] || { echo "bench/run: stopwatch is not built" >&2; return 1; }
    printf %s "$PIN" >"$T/pin"
    chmod 600 "$T/pin"
    perl "$ROOT/tests/e2e/lib/mail.pl" sample 10 rsa@bench.example >"$T/mail"
    CONTESTANTS="signet file"
    {
        ca_make "$T/ca" &&
            # The same key signs and decrypts.
            sed -i 's/digitalSignature,nonRepudiation/&,keyEncipherment/' "$T/ca/ext.cnf" &&
            ca_leaf "$T/ca" rsa rsa2048 rsa@bench.example &&
            ca_leaf "$T/ca" ec p256 ec@bench.example &&
            softhsm_new "$T/hsm" && softhsm_token "$T/hsm" $TOKEN &&
            softhsm_key "$T/hsm" $TOKEN rsa 01 && softhsm_key "$T/hsm" $TOKEN ec 02 &&
            rig_signet
    } >"$T/log" 2>&1 || { cat "$T/log" >&2; return 1; }
    rig_engine >>"$T/log" 2>&1
    rig_provider >>"$T/log" 2>&1
    rig_scd >>"$T/log" 2>&1
    rig_gpgsm >>"$T/log" 2>&1
    return 0
}

bench_end() {
    SIGNET_HOME=$T/signet signet agent stop >/dev/null 2>&1
    gpgsm_stop_all >/dev/null 2>&1
    rm -rf "$T"
}

# A copy of the token folder, so that no two contestants share one (SoftHSM's own
# races would count against whoever comes second).
hsm_copy() {  # NAME
    mkdir -m 700 "$T/$1" && cp -r "$T/hsm/tokens" "$T/$1/" &&
        sed "s|$T/hsm|$T/$1|" "$T/hsm/softhsm2.conf" >"$T/$1/softhsm2.conf"
}

rig_signet() {
    export SIGNET_HOME=$T/signet
    mkdir -m 700 "$SIGNET_HOME" && hsm_copy hsm-signet &&
        cat >"$SIGNET_HOME/signet.conf" <<CONF
[agent]
p11-kit = no
pinentry = none
[module soft]
path = $SOFTHSM_MODULE
softhsm-conf = $T/hsm-signet/softhsm2.conf
[token $TOKEN]
pin-source = file:$T/pin
CONF
    signet sign -u rsa@bench.example -o /dev/null "$T/mail"
}

ENGINE_KEY="pkcs11:token=$TOKEN;object=rsa;pin-value=$PIN"
rig_engine() {
    ls "$(openssl version -e | sed 's/.*"\(.*\)"/\1/')"/pkcs11.so || {
        absent openssl-engine "libengine-pkcs11-openssl is not installed"
        return
    }
    hsm_copy hsm-engine
    export PKCS11_MODULE_PATH=$SOFTHSM_MODULE
    if signs_engine "$T/mail" "$T/engine.out"; then
        CONTESTANTS="$CONTESTANTS engine"
    else
        absent openssl-engine "does not sign here"
    fi
}
signs_engine() {
    SOFTHSM2_CONF=$T/hsm-engine/softhsm2.conf openssl cms -sign -engine pkcs11 \
        -keyform engine -inkey "$ENGINE_KEY" -signer "$T/ca/rsa.crt" -in "$1" -out "$2"
}

rig_provider() {
    ls "$(openssl version -m | sed 's/.*"\(.*\)"/\1/')"/pkcs11.so || {
        absent openssl-provider "pkcs11-provider is not installed"
        return
    }
    hsm_copy hsm-provider
    cat >"$T/provider.cnf" <<CONF
openssl_conf = init
[init]
providers = providers
[providers]
default = default
pkcs11 = pkcs11
[default]
activate = 1
[pkcs11]
pkcs11-module-path = $SOFTHSM_MODULE
pkcs11-module-token-pin = file:$T/pin
activate = 1
CONF
    if signs_provider "$T/mail" "$T/provider.out"; then
        CONTESTANTS="$CONTESTANTS provider"
    else
        absent openssl-provider "does not sign here"
    fi
}
signs_provider() {
    OPENSSL_CONF=$T/provider.cnf SOFTHSM2_CONF=$T/hsm-provider/softhsm2.conf openssl cms -sign \
        -inkey "pkcs11:token=$TOKEN;object=rsa;type=private" -signer "$T/ca/rsa.crt" -in "$1" -out "$2"
}

# gpg-agent takes gnupg-pkcs11-scd for its scdaemon; the PIN comes from a scripted
# pinentry; gpgsm learns the certificate from the "card".
rig_scd() {
    if ! command -v gpgsm || ! command -v gnupg-pkcs11-scd; then
        absent gpgsm "gpgsm or gnupg-pkcs11-scd is not installed"
        return
    fi
    hsm_copy hsm-scd
    gpgsm_new gpgsm
    cat >"$T/gpgsm/pinentry" <<PINENTRY
#!/bin/sh
echo "OK ready"
while read -r line; do
    case \$line in
    GETPIN*) echo "D $PIN"; echo OK ;;
    BYE*) echo OK; exit 0 ;;
    *) echo OK ;;
    esac
done
PINENTRY
    chmod 700 "$T/gpgsm/pinentry"
    printf '%s\n' 'scdaemon-program /usr/bin/gnupg-pkcs11-scd' \
        "pinentry-program $T/gpgsm/pinentry" >"$T/gpgsm/gpg-agent.conf"
    printf '%s\n' 'providers soft' "provider-soft-library $SOFTHSM_MODULE" \
        >"$T/gpgsm/gnupg-pkcs11-scd.conf"
    if scd_env gpgsm --learn-card && signs_scd "$T/mail" "$T/scd.out"; then
        CONTESTANTS="$CONTESTANTS scd"
    else
        absent gpgsm "does not sign through gnupg-pkcs11-scd here"
    fi
}
# gpgsm with a file key, which decrypts.
rig_gpgsm() {
    command -v gpgsm && gpgsm_new gpgsm-file && gpgsm_add_key gpgsm-file rsa &&
        CONTESTANTS="$CONTESTANTS gpgsm"
}
scd_env() {
    GNUPGHOME=$T/gpgsm GNUPG_PKCS11_SOCKETDIR=$T/gpgsm SOFTHSM2_CONF=$T/hsm-scd/softhsm2.conf "$@"
}
signs_scd() {
    scd_env gpgsm -q -u rsa@bench.example --detach-sign --yes -o "$2" "$1"
}

signs_signet() { signet sign -u rsa@bench.example -o "$2" "$1"; }
signs_file() {
    openssl cms -sign -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt" -in "$1" -out "$2"
}

title() {
    case $1 in
    signet) echo "Signet" ;;
    engine) echo "openssl + engine" ;;
    provider) echo "openssl + provider" ;;
    file) echo "openssl, file key" ;;
    scd) echo "gpgsm + pkcs11-scd" ;;
    gpgsm) echo "gpgsm, file key" ;;
    given) echo "Signet, --crl" ;;
    none) echo "Signet, revocation off" ;;
    openssl) echo "openssl" ;;
    *) echo "$1" ;;
    esac
}
