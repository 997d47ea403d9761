#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Rules that want more than being met, on the machine's agent with clients of several users:
# others approve (signet approve), rates, totals that outlive the agent, hours.

load lib/common

AGENT=$SIGNET_BUILD/agent/signet-agent
OWN=64301 ASKER=64302 ALICE=64303 BOB=64304 OTHER=64305 GROUP=64300

setup_file() {
    e2e_begin setpriv jq || return 0
    [ "$(id -u)" = 0 ] || { e2e_skip_file "only root may become other users" || return 0; }
    printf '123456\n' >"$T/pin"
    chmod 600 "$T/pin"
    chmod o+x "$T" "${T%/*}" "${T%/*/*}"
    setpriv --reuid $OTHER --regid $OTHER --clear-groups \
        sh -c "test -x '$AGENT' && cd '$T'" 2>/dev/null ||
        { e2e_skip_file "other users cannot reach the build folder here" || return 0; }
    mkdir -m 755 "$T/etc" "$T/run"
    mkdir -m 700 "$T/state"
    mkdir -m 1777 "$T/world"
    chown $OWN:$GROUP "$T/run" "$T/state" "$T/pin"
    {
        printf '[agent]\np11-kit = no\npinentry = none\nmax-connections = 40\n'
        printf '[key token:hsm]\nusers = %s\n' $OWN
        printf '[key two]\napprovers = 2 of %s, %s, %s\napprove-within = 60s\n' $ASKER $ALICE $BOB
        printf '[key soon]\napprovers = 1 of %s\napprove-within = 1s\n' $ALICE
        printf '[key few]\ncount = 3\n'
        printf '[key slow]\nrate = 1/hour\nper-user = yes\n'
        printf '[key asked]\nconfirm = each\n'
        printf '[key never]\nhours = %s 00:00-24:00\n' "$(LC_ALL=C date -d '3 days' +%a)"
    } >"$T/etc/signet.conf"
    machine_start
    export SIGNET_AGENT=$T/run/agent.sock SIGNET_HOME=$T/homes/admin
    mkdir -m 700 "$SIGNET_HOME"
    chown $OWN "$SIGNET_HOME" "$T/homes"
    as $OWN signet token create --label hsm --pin-file "$T/pin"
    for label in two soon few slow asked never; do
        as $OWN signet key generate --token hsm --type p256 --label $label
    done
}

teardown_file() {
    machine_stop
    unset SIGNET_AGENT
    rm -rf "$T/homes/admin"
    e2e_end
}

setup() {
    e2e_test
    chmod 777 .
    export SIGNET_AGENT=$T/run/agent.sock
    unset SIGNET_HOME
}

# as UID COMMAND...: as that user, in the agent's group.
as() {
    local uid=$1
    shift
    mkdir -p "$T/world/$uid"
    chown "$uid" "$T/world/$uid"
    env HOME="$T/world/$uid" XDG_RUNTIME_DIR="$T/world/$uid" XDG_CONFIG_HOME="$T/world/$uid" \
        XDG_DATA_HOME="$T/world/$uid" TMPDIR="$T/world" \
        setpriv --reuid "$uid" --regid "$uid" --groups $GROUP "$@"
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

machine_stop() {
    [ -e "$T/manager.pid" ] || return 0
    ! kill -TERM "$(cat "$T/manager.pid")" 2>/dev/null || wait_gone "$(cat "$T/manager.pid")"
    rm -f "$T/manager.pid" "$T/log" "$T/run/agent.sock"
}

# One signature with that key.
signs() { as "$1" signet --batch csr -u "$2" --subject CN=x --email x@machine.example; }

# ask KEY: in the background; its exit status goes to the file "ended", ID is the request's.
ask() {
    (
        code=0
        signs $ASKER "$1" >csr 2>said || code=$?
        echo $code >ended
    ) 3>&- &
    ID=$(as $ALICE signet approve --wait=30 --json | jq -r '.[0].id')
    [ ${#ID} = 16 ]
}

ended() {
    wait_until test -s ended
    [ "$(cat ended)" = "$1" ] || fail "ended with $(cat ended): $(cat said)"
}

in_log() { jq -se "[.[] | select($1)] | length > 0" "$T/state/audit.log" >/dev/null; }

@test "two of three approve, and it is used once" {
    ask two
    ok as $ALICE signet approve
    [[ $output == *"$ID sign with key \"two\""*"digest "*"$ASKER"*"0 of 2"* ]]
    ends 4 as $ASKER signet approve "$ID"
    says "is your own"
    ends 4 as $OTHER signet approve "$ID"
    says "you are no approver of rule"
    ok as $ALICE signet approve "$ID"
    ok as $BOB signet approve
    [[ $output == *"1 of 2"*"you may decide"* ]]
    ends 4 as $ALICE signet approve "$ID"
    says "you have approved"
    [ ! -e ended ]
    ok as $BOB signet approve --json "$ID"
    jq -e ".approved_by == [$ALICE, $BOB] and .key and .digest" <<<"$output"
    ended 0
    grep -q 'BEGIN CERTIFICATE REQUEST' csr
    ends 4 as $BOB signet approve "$ID"
    says "no request $ID waits"
    in_log ".event == \"approval\" and .operation == \"approve\" and .peer.uid == $BOB and
        .result == \"ok\""
    in_log ".operation == \"approve\" and .peer.uid == $OTHER and .result == \"E_DENIED\""
    in_log ".operation == \"grant\" and .peer.uid == $ASKER"
}

@test "one refusal ends it" {
    ask two
    ok as $BOB signet approve --refuse "$ID"
    ended 4
    grep -q "was refused by user $BOB" said
}

@test "who goes away withdraws" {
    signs $ASKER two >csr 2>said 3>&- &
    asker=$!
    ID=$(as $ALICE signet approve --wait=30 --json | jq -r '.[0].id')
    pkill -KILL -U $ASKER -x signet
    wait $asker || true
    wait_until in_log ".operation == \"withdraw\" and (.note | contains(\"$ID\"))"
    ends 4 as $ALICE signet approve "$ID"
    says "it may have expired"
    ok as $ALICE signet approve --json
    [ "$(jq length <<<"$output")" = 0 ]
}

@test "requests expire, and unknown ones are said to be" {
    ends 4 signs $ASKER soon
    says "had 0 of 1 approvals when its 1 seconds were over"
    ends 4 as $ALICE signet approve 0123456789abcdef
    says "no request 0123456789abcdef waits"
    ends 2 as $ALICE signet approve ../etc
    ends 2 as $ALICE signet approve --refuse
    ends 6 as $ALICE signet approve --wait=0
    says "no request for approval came"
}

@test "a total outlives the agent" {
    ok signs $ASKER few
    ok signs $OTHER few
    machine_stop
    machine_start
    ok signs $ASKER few
    ends 4 signs $ASKER few
    says 'may be used 3 times, and was'
    machine_stop
    machine_start
    ends 4 signs $OTHER few
    [ "$(stat -c '%a %u' "$T/state/counts")" = "600 $OWN" ]
    in_log '.event == "denial" and (.note | contains("few"))'
}

@test "a rate for each user" {
    ok signs $ASKER slow
    ends 4 signs $ASKER slow
    says 'may be used 1 times per hour by each user, and was; try again in'
    ok signs $OTHER slow
}

@test "hours, and a yes that nobody can give" {
    ends 4 signs $ASKER never
    says 'is not to be used now'
    ends 4 signs $ASKER asked
    says 'must be confirmed'
}
