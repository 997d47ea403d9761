#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Where a PIN is: as root sees it in /proc/PID/mem and in core images of the living processes.
# While it is kept: in locked pages of the agent that no core has. After it was forgotten:
# nowhere. What a module keeps in its token host is the module's: SoftHSM keeps a PIN in memory
# that it locks itself, for as long as it takes.

load lib/common

SECRET=scan-me-4182-7391-5560
WRONG=wrong-one-6617-2203-18

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool expect jq || return 0
    [ "$(id -u)" = 0 ] || e2e_skip_file 'only root may read the memory of such processes' || return 0
    # Terabytes of shadow memory, copies of arguments, freed memory that is kept.
    ! grep -qE '__(asan|tsan|msan)_init' "$SIGNET_BUILD/agent/signet-agent" ||
        e2e_skip_file 'a sanitizer keeps copies of what passes' || return 0
    ca_make "$T/ca"
    mail_pl sample 4 card@scan.example >"$T/mail"
    ca_leaf "$T/ca" card p256 card@scan.example
    softhsm_new "$T/hsm"
    PIN=$SECRET softhsm_token "$T/hsm" card
    PIN=$SECRET softhsm_key "$T/hsm" card card 01
    printf '%s\n' "$SECRET" >"$T/needle"
    printf '%s\n' "$WRONG" >"$T/wrong"
    chmod 600 "$T/needle" "$T/wrong"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_new "h$BATS_TEST_NUMBER"
    mkdir card
    cp -r "$T/hsm/tokens" card/
    sed "s|$T/hsm|$PWD/card|" "$T/hsm/softhsm2.conf" >card/softhsm2.conf
    softhsm_conf "$PWD/card"
    export DISPLAY=:none
}

teardown() {
    home_stop_all
    unset DISPLAY
}

agent_pid() { signet agent status --json | jq .pid; }
host_pid() { signet agent status --json | jq '.hosts[0].pid'; }

# scan PID FILE: sets guarded and elsewhere.
scan() {
    read -r _ guarded _ elsewhere < <("$E2E_SCAN" "$1" "$2" 2>"$BATS_TEST_TMPDIR/where")
    [ -n "$elsewhere" ] || fail "process $1 cannot be scanned" "$(cat where)"
}

nowhere() {
    scan "$@"
    [ "$guarded $elsewhere" = '0 0' ] ||
        fail "process $1: $guarded in guarded memory, $elsewhere elsewhere" "$(cat where)"
}

only_guarded() {
    scan "$@"
    [ "$elsewhere" -eq 0 ] || fail "process $1: $elsewhere elsewhere" "$(cat where)"
}

# core PID OPTION...: core.PID, an image of the living process.
core() {
    local pid=$1
    shift
    need gcore
    gcore "$@" -o core "$pid" >gcore.log 2>&1 || fail "no core image" "$(cat gcore.log)"
}

@test "kept: in locked memory that no core has; forgotten: nowhere" {
    pinentry_new "p$BATS_TEST_NUMBER" "$SECRET"
    pinentry_use "p$BATS_TEST_NUMBER"
    ends 0 signet sign -u card@scan.example -o m.eml "$T/mail"
    agent=$(agent_pid) host=$(host_pid)
    only_guarded "$agent" "$T/needle"
    [ "$guarded" -ge 1 ] || fail 'the agent does not keep the PIN; this test sees nothing'
    only_guarded "$host" "$T/needle"
    core "$agent"
    run ! grep -q "$SECRET" "core.$agent"
    rm "core.$agent"
    ends 0 signet pin forget
    nowhere "$agent" "$T/needle"
    nowhere "$host" "$T/needle"
    # The same as the kernel's own tools see it, with all that is left out of other cores.
    core "$agent" -a
    run ! grep -q "$SECRET" "core.$agent"
    core "$host" -a
    run ! grep -q "$SECRET" "core.$host"
    rm -f core.*
}

@test "from a file: the same" {
    printf '%s\n' "$SECRET" >pin
    chmod 600 pin
    pin_source card "$PWD/pin"
    ends 0 signet sign -u card@scan.example -o m.eml "$T/mail"
    agent=$(agent_pid) host=$(host_pid)
    only_guarded "$agent" "$T/needle"
    only_guarded "$host" "$T/needle"
    ends 0 signet pin forget
    nowhere "$agent" "$T/needle"
    nowhere "$host" "$T/needle"
}

@test "from a command: the same" {
    printf '#!/bin/sh\ncat "%s"\n' "$T/needle" >give
    chmod 700 give
    printf '[token card]\npin-source = command:%s\n' "$PWD/give" >>"$SIGNET_HOME/signet.conf"
    ends 0 signet sign -u card@scan.example -o m.eml "$T/mail"
    agent=$(agent_pid)
    only_guarded "$agent" "$T/needle"
    only_guarded "$(host_pid)" "$T/needle"
    ends 0 signet pin forget
    nowhere "$agent" "$T/needle"
    nowhere "$(host_pid)" "$T/needle"
}

@test "typed at the command's terminal: not left in the command either" {
    cat >type.exp <<'EXP'
set timeout 20
log_user 0
spawn signet sign -u card@scan.example -o m.eml $env(T)/mail
expect -re {PIN[^:]*: ?$}
send [exec cat $env(T)/wrong]\r
# It asks again: what was typed has gone to the agent, and the token refused it.
expect -re {PIN[^:]*: ?$}
set scan [exec $env(E2E_SCAN) [exp_pid] $env(T)/wrong 2>@1]
puts $scan
send [exec cat $env(T)/needle]\r
expect eof
exit [lindex [wait] 3]
EXP
    ok expect type.exp
    [[ $output == *'guarded 0 elsewhere 0'* ]] || fail "$output"
    agent=$(agent_pid) host=$(host_pid)
    # The agent knows the wrong one, lest it is sent again.
    only_guarded "$agent" "$T/wrong"
    only_guarded "$agent" "$T/needle"
    nowhere "$host" "$T/wrong"
    ends 0 signet pin forget
    nowhere "$agent" "$T/needle"
    nowhere "$host" "$T/needle"
}
