#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# The machine's agent (signet-agent --system) with a user of its own, and clients of other
# users: its folders, its group socket, what its clients may not do. Under the manager of
# manager.c, as systemd would run it. Users here are numbers that nobody else has.

load lib/common

AGENT=$SIGNET_BUILD/agent/signet-agent
OWN=64201 MEMBER=64202 STRANGER=64203 NEIGHBOUR=64204 GROUP=64200

setup_file() {
    e2e_begin openssl setpriv || return 0
    [ "$(id -u)" = 0 ] || { e2e_skip_file "only root may become other users" || return 0; }
    ca_make "$T/ca"
    # Others need the way to the sockets, and to the programs.
    chmod o+x "$T" "${T%/*}" "${T%/*/*}"
    setpriv --reuid $STRANGER --regid $STRANGER --clear-groups \
        sh -c "test -x '$AGENT' && cd '$T'" 2>/dev/null ||
        { e2e_skip_file "other users cannot reach the build folder here" || return 0; }
    mkdir -m 755 "$T/etc" "$T/run"
    mkdir -m 700 "$T/state"
    mkdir -m 1777 "$T/world"
    mkdir "$T/etc/policy.d"
    chown $OWN:$GROUP "$T/run" "$T/state" "$T/pin"
    printf '[agent]\np11-kit = no\npinentry = none\nmax-connections = 40\n' >"$T/etc/signet.conf"
    [ ! -e "$T/policy" ] || cp "$T/policy" "$T/etc/policy.d/"
    machine_start
    export SIGNET_AGENT=$T/run/agent.sock
    # Made by the machine's own user, as its administrator would.
    export SIGNET_HOME=$T/homes/admin
    mkdir -m 700 "$SIGNET_HOME"
    chown $OWN "$SIGNET_HOME" "$T/homes"
    as $OWN signet token create --label hsm --pin-file "$T/pin"
    KEY=$(as $OWN signet key generate --token hsm --type p256 --label mail)
    echo "$KEY" >"$T/key"
    as $OWN signet csr -u "$KEY" --subject CN=hsm --email hsm@machine.example >"$T/csr"
    ca_issue "$T/ca" "$T/csr" hsm@machine.example "$T/hsm.crt"
    as $OWN signet cert import - <"$T/hsm.crt"
}

teardown_file() {
    [ ! -e "$T/manager.pid" ] || ! kill -TERM "$(cat "$T/manager.pid")" 2>/dev/null ||
        wait_gone "$(cat "$T/manager.pid")"
    unset SIGNET_AGENT
    rm -rf "$T/homes/admin"
    e2e_end
}

setup() {
    e2e_test
    chmod 777 .
    KEY=$(cat "$T/key")
    export SIGNET_AGENT=$T/run/agent.sock
    unset SIGNET_HOME
}

# as UID [+GID] COMMAND...: as that user, in a further group if so.
as() {
    local uid=$1 groups=--clear-groups
    shift
    case $1 in +*) groups="--groups ${1#+}"; shift ;; esac
    mkdir -p "$T/world/$uid"
    chown "$uid" "$T/world/$uid"
    # shellcheck disable=SC2086
    env HOME="$T/world/$uid" XDG_RUNTIME_DIR="$T/world/$uid" XDG_CONFIG_HOME="$T/world/$uid" \
        XDG_DATA_HOME="$T/world/$uid" TMPDIR="$T/world" \
        setpriv --reuid "$uid" --regid "$uid" $groups "$@"
}

machine_start() {
    env STATE_DIRECTORY="$T/state" RUNTIME_DIRECTORY="$T/run" CONFIGURATION_DIRECTORY="$T/etc" \
        "$E2E_MANAGER" "$T/log" mode=0660 agent="$T/run/agent.sock" -- \
        setpriv --reuid $OWN --regid $GROUP --clear-groups "$AGENT" --system --foreground \
        2>"$T/errors" 3>&- &
    echo $! >"$T/manager.pid"
    wait_until test -S "$T/run/agent.sock"
    chown $OWN:$GROUP "$T/run/agent.sock"
    wait_until grep -q '^READY=1' "$T/log"
}

@test "a member of the group sees its keys, from a home of its own" {
    ok as $MEMBER +$GROUP signet keys --json
    [ "$(jq -r '.[0].name' <<<"$output")" = "$KEY" ]
    ok as $MEMBER +$GROUP signet agent status --json
    [ "$(jq -r .socket <<<"$output")" = "$T/run/agent.sock" ]
    [ "$(jq .system <<<"$output")" = true ]
    # No agent of the member's own was started for it.
    [ "$(daemons signet-agent | wc -l)" = 1 ]
}

@test "a member signs, and the log says who" {
    echo hello >mail
    ok as $MEMBER +$GROUP signet sign --cms -u hsm@machine.example -o signed mail
    ok signet verify --home "$PWD/h" --cms --anchor "$T/ca/chain.pem" -o content signed
    jq -se ".[] | select(.operation == \"sign\" and .peer.uid == $MEMBER)" "$T/state/audit.log"
}

@test "--agent does the same as SIGNET_AGENT, and wins" {
    SIGNET_AGENT=/nowhere/agent.sock ok as $MEMBER +$GROUP signet keys --agent "$T/run/agent.sock"
    unset SIGNET_AGENT
    ok as $MEMBER +$GROUP signet --agent "$T/run/agent.sock" keys
}

@test "who is not in the group cannot connect" {
    SIGNET_AGENT=$T/run/agent.sock ends 4 as $STRANGER signet keys
    says 'is not for this user; ask its administrator'
}

@test "a member may not change it" {
    for command in "agent stop" "pin forget" "token create --label x --pin-file $T/pin" \
        "key generate --token hsm --type p256" "pin change --token hsm"; do
        # shellcheck disable=SC2086
        ends 4 as $MEMBER +$GROUP signet --batch $command
        says "changes this machine.s agent, which its administrator does"
    done
    ok as $MEMBER +$GROUP signet agent status --json
    [ "$(jq .metrics.denials.command <<<"$output")" -ge 5 ]
}

@test "a member cannot keep the others out" {
    as $MEMBER +$GROUP perl -MIO::Socket::UNIX -e '$SIG{PIPE} = "IGNORE";
        for (1..60) { push @s, $s = IO::Socket::UNIX->new(Peer => $ARGV[0]); $line = <$s>;
            $heard++ if $line =~ /^OK/ }
        open F, ">", $ARGV[1]; print F "$$ $heard"; close F; sleep 30' \
        "$T/run/agent.sock" "$PWD/heard" 3>&- &
    wait_until test -s heard
    read -r crowd heard <heard || true
    # A quarter of 40.
    [ "$heard" = 10 ] || fail "$heard of 60 were heard"
    ends 6 as $MEMBER +$GROUP signet keys
    says 'agent on .* does not answer'
    ok as $NEIGHBOUR +$GROUP signet keys
    ok signet --home "$PWD/h" agent status
    kill "$crowd"
    wait_gone "$crowd"
}

@test "its own user and root may" {
    ok as $OWN signet pin forget
    ok signet --home "$PWD/rh" pin forget
}

@test "an agent that does not run is not started, and it is said who does" {
    SIGNET_AGENT=$PWD/agent.sock ends 6 as $MEMBER signet keys
    says 'no agent is running on .*/agent.sock; the machine.s agent is started by its administrator'
    ends 2 signet keys --agent machine
    says '"machine" is neither "system"'
}

@test "a socket in a folder of somebody else's is not talked to" {
    mkdir -m 777 trap
    "$E2E_MANAGER" "$PWD/log" silent mode=0666 agent="$PWD/trap/agent.sock" -- \
        setpriv --reuid $STRANGER --regid $STRANGER --clear-groups sleep 100 3>&- &
    trap=$!
    wait_until test -S trap/agent.sock
    # Made by root, who may; then by the stranger, who may not.
    kill -TERM $trap
    wait $trap || true
    rm -f trap/agent.sock
    as $STRANGER perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => $ARGV[0],
        Listen => 1); chmod 0666, $ARGV[0]; open F, ">", $ARGV[1]; print F $$; close F; sleep 100
        ' "$PWD/trap/agent.sock" "$PWD/trap/pid" 3>&- &
    wait_until test -s trap/pid
    trap=$(cat trap/pid)
    run --separate-stderr env SIGNET_AGENT="$PWD/trap/agent.sock" timeout 20 \
        setpriv --reuid $MEMBER --regid $MEMBER --clear-groups "$(command -v signet)" --home "$T/world/m" keys
    kill "$trap"
    wait_gone "$trap"
    [ "$status" -ne 0 ]
    says "the agent's socket .* cannot be used"
}

@test "its state is its own" {
    [ "$(stat -c '%a %u' "$T/state")" = "700 $OWN" ]
    for f in audit.log signet.conf; do
        [ "$(stat -c '%a %u' "$T/state/$f")" = "600 $OWN" ] || fail "$f"
    done
    [ ! -e "$T/etc/softhsm" ]
}

@test "its configuration is the site's, and then its own" {
    mkdir e s r
    chmod 700 s r
    echo '[agent]' >e/signet.conf
    echo 'nonsense = 1' >>e/signet.conf
    CONFIGURATION_DIRECTORY=$PWD/e STATE_DIRECTORY=$PWD/s RUNTIME_DIRECTORY=$PWD/r \
        ends 2 "$AGENT" --system --foreground
    says 'e/signet.conf:2'
    rm e/signet.conf
    chmod 775 r
    CONFIGURATION_DIRECTORY=$PWD/e STATE_DIRECTORY=$PWD/s RUNTIME_DIRECTORY=$PWD/r \
        ends 4 "$AGENT" --system --foreground
    says 'socket folder .* can be written by others \(mode 775\)'
}

@test "its policy tells members apart, and is not theirs to change" {
    printf '[key token:hsm]\nusers = %s\noperations = sign\n' $MEMBER >"$T/etc/policy.d/10.conf"
    chmod 644 "$T/etc/policy.d/10.conf"
    ok signet agent reload
    echo hello >mail
    ok as $MEMBER +$GROUP signet sign --cms -u hsm@machine.example -o signed mail
    ends 4 as $NEIGHBOUR +$GROUP signet sign --cms -u hsm@machine.example -o other mail
    says "by user $NEIGHBOUR\\).*policy.d/10.conf:1, whose \"users\" are others"
    [ ! -e other ]
    # A group that both are in, and one that neither is.
    printf '[key token:hsm]\ngroups = %s\n' $GROUP >"$T/etc/policy.d/10.conf"
    ok signet agent reload
    ok as $NEIGHBOUR +$GROUP signet sign --cms -u hsm@machine.example -o other mail
    ends 4 as $MEMBER +$GROUP signet agent reload
    says 'administrator'
    printf '[key token:hsm]\ngroups = 64299\n' >"$T/etc/policy.d/10.conf"
    ok signet agent reload
    ends 4 as $NEIGHBOUR +$GROUP signet sign --cms -u hsm@machine.example -o third mail
    says '"groups" are others'
    chown $MEMBER "$T/etc/policy.d/10.conf"
    ends 2 signet agent reload
    says 'must be a plain file of root'
    rm "$T/etc/policy.d/10.conf"
    ok signet agent reload
    ok as $NEIGHBOUR +$GROUP signet sign --cms -u hsm@machine.example -o fourth mail
    jq -se "[.[] | select(.event == \"denial\" and .peer.uid == $NEIGHBOUR)] | length == 2" "$T/state/audit.log"
}
