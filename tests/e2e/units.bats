#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is installed for systemd and udev, judged by systemd's own tools.

load lib/common

UNITS=$SIGNET_BUILD/systemd
ROOT=${BATS_TEST_DIRNAME%/tests/e2e}

setup_file() { e2e_begin openssl || return 0; }
teardown_file() { e2e_end; }
setup() { e2e_test; }

# score UNIT: its exposure, as systemd-analyze has it.
score() {
    systemd-analyze security --offline=yes --no-pager "$UNITS/$1" 2>/dev/null |
        sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p'
}

is_below_two() {
    local n
    need systemd-analyze
    n=$(score "$1")
    [ -n "$n" ] || skip "this systemd-analyze judges no unit files (systemd 250 does)"
    echo "# $1: exposure $n" >&3
    awk -v n="$n" 'BEGIN { exit !(n < 2.0) }' || fail "$1 has an exposure of $n" \
        "$(systemd-analyze security --offline=yes --no-pager "$UNITS/$1" | grep '✗')"
}

@test "the user's agent has an exposure below 2" { is_below_two signet-agent.service; }
@test "the machine's agent has an exposure below 2" { is_below_two signet-agent-system.service; }

# verified [option] UNIT...: with a program that exists in the place of the installed one.
verified() {
    local option=$1 f
    shift
    mkdir units
    for f; do
        sed 's,/[^ ]*/signet-agent ,/bin/true ,' "$(ls "$UNITS/$f" "$ROOT/systemd/$f" 2>/dev/null)" >"units/$f"
    done
    XDG_RUNTIME_DIR=$T/xrun run systemd-analyze "$option" verify --man=no units/*
    [[ $output != *"Failed to initialize manager"* ]] || skip "systemd-analyze cannot run here: $output"
    [ "$status" -eq 0 ] || fail "$output"
    # What it does not know it only mentions.
    [[ $output != *"nknown "* ]] || fail "$output"
}

@test "the user's units are well-formed" {
    need systemd-analyze
    verified --user signet-agent.service signet-agent.socket
}

@test "no-namespace.conf takes back all that needs a namespace, and is well-formed" {
    local drop=$ROOT/systemd/no-namespace.conf key
    # What systemd.exec(5) has for a user's manager "when PrivateUsers= is enabled".
    for key in PrivateUsers CapabilityBoundingSet ProtectSystem ProtectHome ProtectProc ProcSubset \
        ProtectClock ProtectControlGroups ProtectHostname ProtectKernelLogs ProtectKernelModules \
        ProtectKernelTunables PrivateTmp PrivateDevices PrivateNetwork PrivateMounts PrivateIPC \
        BindPaths BindReadOnlyPaths ReadWritePaths ReadOnlyPaths InaccessiblePaths TemporaryFileSystem; do
        ! grep -q "^$key=" "$UNITS/signet-agent.service" || grep -q "^$key=" "$drop" ||
            fail "$key stays"
    done
    need systemd-analyze
    verified --user signet-agent.service signet-agent.socket
    mkdir units/signet-agent.service.d
    cp "$drop" units/signet-agent.service.d
    XDG_RUNTIME_DIR=$T/xrun ok systemd-analyze --user verify --man=no units/signet-agent.service
    [[ $output != *"nknown "* && $output != *ignoring* ]] || fail "$output"
}

@test "the machine's units are well-formed" {
    need systemd-analyze
    verified --system signet-agent-system.service signet-agent-system.socket
}

@test "the units start the agent that is installed" {
    local agent
    agent=$(sed -n 's/^ExecStart=\([^ ]*\) --foreground$/\1/p' "$UNITS/signet-agent.service")
    [[ $agent == /*/signet/signet-agent ]]
    grep -qx "ExecStart=$agent --system --foreground" "$UNITS/signet-agent-system.service"
    ! grep -q '@agent' "$UNITS/signet-agent.service" || fail "a place was not filled in"
}

# calls GROUP...: the system calls in systemd's groups of them.
calls() {
    local word
    for word; do
        case $word in
        @*) # shellcheck disable=SC2046
            calls $(systemd-analyze syscall-filter --no-pager "$word" | sed '1d;/#/d') ;;
        *) echo "$word" ;;
        esac
    done
}

# let_through UNIT: the system calls that its filters leave, in their order.
let_through() {
    local filter
    : >left
    while read -r filter; do
        # shellcheck disable=SC2086
        case $filter in
        '~'*) calls ${filter#\~} | sort -u >these; comm -23 left these >next ;;
        *) calls $filter | sort -u >these; sort -u left these >next ;;
        esac
        mv next left
    done < <(sed -n 's/^SystemCallFilter=//p' "$UNITS/$1")
}

@test "the units' filters let through what the agent and a token host call" {
    need strace systemd-analyze
    sanitized && skip "sanitizers do not go with ptrace"
    ca_make "$T/ca"
    home_new traced
    token_new demo
    key_new demo p256 alice@units.example
    signet agent stop
    strace -f -qq -o trace "$SIGNET_BUILD/agent/signet-agent" --foreground 2>errors 3>&- &
    tracer=$!
    wait_until test -S "$SIGNET_HOME/run/agent.sock"
    echo x | signet sign --cms -u alice@units.example -o out
    signet agent stop
    wait $tracer
    home_stop
    sed -nE 's/^[0-9]+ +(<\.\.\. )?([a-z0-9_]+)[( ].*/\2/p' trace | sort -u >called
    [ "$(wc -l <called)" -gt 30 ]
    for unit in signet-agent.service signet-agent-system.service; do
        let_through $unit
        [ "$(wc -l <left)" -gt 200 ]
        [ -z "$(comm -23 called left)" ] || fail "$unit forbids: $(comm -23 called left | tr '\n' ' ')"
    done
}

@test "the machine's user and folders" {
    grep -Eq '^u signet -' "$ROOT/systemd/sysusers.conf"
    grep -Eq '^d /run/signet 0755 signet signet' "$ROOT/systemd/tmpfiles.conf"
    need systemd-sysusers systemd-tmpfiles
    mkdir -p root/etc root/run root/var/lib
    ok systemd-sysusers --root="$PWD/root" "$ROOT/systemd/sysusers.conf"
    grep -q '^signet:.*:/var/lib/signet:' root/etc/passwd
    grep -q '^signet:' root/etc/group
    [ "$(id -u)" = 0 ] || skip "only root may give folders to another user"
    ok systemd-tmpfiles --root="$PWD/root" --create "$ROOT/systemd/tmpfiles.conf"
    [ "$(stat -c %a root/var/lib/signet)" = 700 ]
    [ "$(stat -c %a root/etc/signet/policy.d)" = 755 ]
}

@test "a user's installation needs no root and nothing outside its prefix" {
    need meson
    [ -w "$ROOT" ] || skip "the sources are not writable"
    ok meson setup --prefix "$PWD/home/.local" -Dmachine=false -Dtests=false "$PWD/b" "$ROOT"
    ok meson introspect --installed "$PWD/b"
    run jq -r '.[]' <<<"$output"
    ! grep -v "^$PWD/home/.local/" <<<"$output" || fail "outside the prefix"
    grep -q '/share/systemd/user/signet-agent.socket$' <<<"$output"
    ! grep -Eq 'udev|sysusers|tmpfiles|systemd/system' <<<"$output"
}

@test "the table of readers is sorted, each is there once, and the rules are current" {
    ok "$ROOT/udev/make-rules" "$ROOT/udev/tokens.table" "$ROOT/udev/70-signet.rules"
    [ -z "$output" ]
}

# faulty SED SENTENCE: the table altered so is refused with this.
faulty() {
    sed -E "$1" "$ROOT/udev/tokens.table" >table
    ends 1 "$ROOT/udev/make-rules" table
    says "$2"
}

@test "a faulty table is refused, with file and line" {
    faulty '/^1050:0407/{h;d};$G' 'table:[0-9]+: 1050:0407 belongs before'
    faulty '/^1050:0407/p' 'table:[0-9]+: 1050:0407 is there twice'
    faulty 's/^1050:0407\t/1050:0407 /' 'table:[0-9]+: not "vvvv:pppp<tab>name": 1050:0407'
    faulty 's/^1050:0407/1050:407/' 'table:[0-9]+: not'
    faulty 's/^(1050:0407\t)/\1 /' 'table:[0-9]+: not'
    faulty 's/^1050:0407/1050:0407"/' 'table:[0-9]+: not'
    faulty '/^[^#]/d' 'table: no line'
    sed '/^1050:0407/d' "$ROOT/udev/tokens.table" >table
    ends 1 "$ROOT/udev/make-rules" table "$ROOT/udev/70-signet.rules"
    says 'not what table gives'
}

@test "the rules are udev's language, and each jump has its end" {
    local rules=$ROOT/udev/70-signet.rules word='[A-Z_]+(\{[A-Za-z_]+\})?(==|!=|\+?=)"[^"]*"'
    if udevadm verify --help >/dev/null 2>&1; then
        ok udevadm verify --resolve-names=never "$rules"
    fi
    ! grep -vE "^(#.*|$word(, $word)*)$" "$rules" || fail "no rules"
    for label in $(grep -o 'GOTO="[a-z_]*"' "$rules" | sort -u | cut -d'"' -f2); do
        awk -v l="$label" '$0 ~ "GOTO=\"" l "\"" { last = NR } $0 == "LABEL=\"" l "\"" { at = NR }
            END { exit !(at > last) }' "$rules" || fail "no LABEL behind GOTO $label"
    done
    grep -q 'TAG+="uaccess".*ENV{SYSTEMD_USER_WANTS}+="signet-agent.service"' "$rules"
}
