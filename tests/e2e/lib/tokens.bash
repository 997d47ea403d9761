# SPDX-License-Identifier: LGPL-2.1-or-later
# The bench of tokens that are no cards, each started privately under $T/bench:
#
#   token_bench NAME     softhsm, nss, sealed, tpm, swtok: makes the token, with PIN $PIN, and this
#                        home's signet.conf; its label goes to TOKEN
#   token_bench_end      ends what was started
#   can CAPABILITY       true, or skips with the reason of tests/tokens/capabilities

. "$E2E_DIR/lib/ports.bash"

BENCH_SO_PIN=87654321
TOKEN_CAPABILITIES=$E2E_DIR/../tokens/capabilities

capability() {
    awk -v t="$BENCH" -v c="$1" '$1 == t && $2 == c { $1 = $2 = ""; sub(/^ +/, ""); print }' \
        "$TOKEN_CAPABILITIES"
}

has() { [[ $(capability "$1") == yes ]]; }

can() {
    local says
    says=$(capability "$1")
    case $says in
    yes) ;;
    no*) skip "$BENCH: ${says#no }" ;;
    *) fail "tests/tokens/capabilities has no line \"$BENCH $1\"" ;;
    esac
}

token_bench() {
    BENCH=$1
    TOKEN=bench-$1
    export BENCH TOKEN
    mkdir -p "$T/bench"
    pin_source "$TOKEN" "$T/pin"
    "bench_$1"
}

token_bench_end() {
    servers_stop "$T/bench/servers"
}

# A background process of the bench; waits for nothing.
bench_start() {
    "$@" >>"$T/bench/log" 2>&1 3>&- 4>&- &
    BENCH_PID=$!
    echo "$BENCH_PID" >>"$T/bench/servers"
}

module_path() { # FILE...: the first that there is
    local f
    for f; do [ -e "$f" ] && echo "$f" && return; done
    fail "not installed: $*"
}

bench_softhsm() {
    softhsm_new "$T/bench/hsm" && softhsm_token "$T/bench/hsm" "$TOKEN" &&
        softhsm_conf "$T/bench/hsm"
}

bench_nss() {
    local db=$T/bench/nss module
    module=$(module_path /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so) || return
    mkdir "$db" && certutil -N -d "sql:$db" -f "$T/pin" || return
    cat >>"$SIGNET_HOME/signet.conf" <<CONF
[module nss]
path = $module
init-args = configdir='sql:$db' certPrefix='' keyPrefix='' secmod='' flags= dbTokenDescription='$TOKEN' minPWLen=4
CONF
}

# softokn behind tests/pkcs11/fault_module.c, as HSMs in FIPS mode are: key agreement with a KDF
# alone, and derived keys cannot be read.
bench_sealed() {
    bench_nss || return
    SIGNET_FAULT_MODULE=$(sed -n 's/^path = \(.*softokn.*\)/\1/p' "$SIGNET_HOME/signet.conf")
    export SIGNET_FAULT_MODULE SIGNET_FAULT='derive null;sealed'
    sed -i "s|^path = .*softokn.*|path = $E2E_FAULT_MODULE|" "$SIGNET_HOME/signet.conf"
}

# The TPM, a message bus of its own and the resource manager on it.
bench_tpm() {
    local port dir=$T/bench/tpm module i
    module=$(module_path /usr/lib/*/pkcs11/libtpm2_pkcs11.so /usr/lib/*/libtpm2_pkcs11.so) || return
    mkdir -p "$dir/state" "$dir/store"
    for i in 1 2 3; do
        port=$(port_free) || return
        bench_start swtpm socket --tpm2 --tpmstate dir="$dir/state" \
            --server type=tcp,port="$port",bindaddr=127.0.0.1 \
            --ctrl type=tcp,port=$((port + 1)),bindaddr=127.0.0.1 \
            --flags not-need-init,startup-clear
        port_listens "$port" "$BENCH_PID" && break
    done
    cat >"$dir/bus.conf" <<CONF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=$T/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
CONF
    bench_start dbus-daemon --nofork --config-file="$dir/bus.conf"
    wait_until test -S "$T/bus" || return
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$T/bus
    bench_start tpm2-abrmd --session --allow-root --tcti="swtpm:host=127.0.0.1,port=$port"
    wait_until abrmd_there || return
    export TPM2_PKCS11_TCTI=tabrmd:bus_type=session TPM2_PKCS11_STORE=$dir/store
    export TPM2_PKCS11_LOG_LEVEL=0
    pkcs11-tool --module "$module" --slot-index 0 --init-token --label "$TOKEN" \
        --so-pin "$BENCH_SO_PIN" &&
        pkcs11-tool --module "$module" --token-label "$TOKEN" --init-pin --login \
            --login-type so --so-pin "$BENCH_SO_PIN" --pin "$PIN" || return
    printf '[module tpm]\npath = %s\n' "$module" >>"$SIGNET_HOME/signet.conf"
}

# The port takes connections, seen without making one: swtpm serves a single client.
port_listens() {
    local i hex
    hex=$(printf ':%04X' "$1")
    for ((i = 0; i < 500; i++)); do
        kill -0 "$2" 2>/dev/null || return 1
        awk -v p="$hex" '$2 ~ p "$" && $4 == "0A" { f = 1 } END { exit !f }' /proc/net/tcp && return
        sleep 0.02
    done
    return 1
}

abrmd_there() {
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / \
        org.freedesktop.DBus.NameHasOwner string:com.intel.tss2.Tabrmd 2>/dev/null |
        grep -q 'boolean true'
}

# All of openCryptoki's paths are compiled in: daemon, tools and our agent share one
# namespace in which they are private folders.
bench_swtok() {
    local dir=$T/bench/ock module
    module=$(module_path /usr/lib/*/opencryptoki/libopencryptoki.so) || return
    mkdir -p "$dir"/{etc,var/swtok/TOK_OBJ,run,lock/swtok,log,shm}
    printf 'version opencryptoki-3.1\nslot 3\n{\nstdll = libpkcs11_sw.so\n}\n' \
        >"$dir/etc/opencryptoki.conf"
    printf 'root:x:0:0:root:/root:/bin/sh\n' >"$dir/passwd"
    printf 'root:x:0:\npkcs11:x:0:root\n' >"$dir/group"
    printf '[module swtok]\npath = %s\n' "$module" >>"$SIGNET_HOME/signet.conf"
    cat >"$dir/inside" <<IN
set -e
ulimit -c 0
pkcsslotd
mod=$module
pkcs11-tool --module \$mod --slot 3 --init-token --label $TOKEN --so-pin $BENCH_SO_PIN
pkcs11-tool --module \$mod --slot 3 --init-pin --login --login-type so --so-pin $BENCH_SO_PIN \
    --new-pin $PIN --pin $PIN
exec "$SIGNET_BUILD/agent/signet-agent" --foreground
IN
    bench_start bwrap --unshare-user --uid 0 --gid 0 --unshare-ipc --unshare-pid \
        --die-with-parent --dev-bind / / \
        --proc /proc --bind "$dir/etc" /etc/opencryptoki --bind "$dir/var" /var/lib/opencryptoki \
        --bind "$dir/run" /run --dir /run/lock --bind "$dir/lock" /run/lock/opencryptoki \
        --bind "$dir/log" /var/log/opencryptoki --bind "$dir/shm" /dev/shm \
        --ro-bind "$dir/passwd" /etc/passwd --ro-bind "$dir/group" /etc/group \
        bash "$dir/inside"
    wait_until agent_listens
}

agent_listens() { [ -n "$(find "$SIGNET_HOME" -type s)" ]; }
