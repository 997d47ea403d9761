#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the agent counts, as STATUS, as a file and over a socket.

load lib/common

setup_file() {
    e2e_begin openssl jq || return 0
    ca_make "$T/ca"
    home_new main
    token_new demo
    key_new demo p256 alice@metrics.example
    echo "$KEY" >"$T/key"
    cp "$SIGNET_HOME/signet.conf" "$T/conf"
    signet agent stop
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    cp "$T/conf" "$SIGNET_HOME/signet.conf"
    FILE=$PWD/signet.prom
    SOCK=$T/metrics.sock
    KEY=$(cut -c1-16 "$T/key")
}

teardown() {
    signet agent stop
    rm -f "$SOCK"
}

conf() { printf '[agent]\n%s\n' "$@" >>"$SIGNET_HOME/signet.conf"; }
sign() { echo hello | signet sign --cms -u alice@metrics.example -o out; }
status() { signet agent status --json | jq -r "$1"; }
has() { grep -qxF -- "$1" "$FILE"; }

@test "STATUS has operations, latencies, logins and clients" {
    for _ in 1 2 3; do sign; done
    [ "$(status ".metrics.keys[] | select(.key == \"$KEY\" and .token == \"demo\") | .sign.ok")" = 3 ]
    [ "$(status '.metrics.keys[0].latency.count')" = 3 ]
    [ "$(status '.metrics.keys[0].latency | (.buckets | add)')" = 3 ]
    [ "$(status '.metrics.ok')" = 3 ]
    [ "$(status '.metrics.logins')" -ge 1 ]
    [ "$(status '.metrics.clients')" -ge 3 ]
    [ "$(status '.hosts[0].waiting')" = 0 ]
    ok signet agent status
    [[ $output == *$'\noperations   3 done, 0 denied, 0 failed\n'* ]]
}

@test "failures and questions that nobody answered are counted" {
    sed -i '/pin-source/d' "$SIGNET_HOME/signet.conf"
    ends 4 signet sign --batch --cms -u alice@metrics.example -o out /dev/null
    [ "$(status '.metrics.failed')" = 1 ]
    [ "$(status '.metrics.prompts.impossible')" -ge 1 ]
    [ "$(status '.metrics.ok')" = 0 ]
}

@test "a token host that was started anew is counted" {
    conf "metrics-file = $FILE" 'metrics-interval = 1s'
    sign
    kill -9 "$(token_host_pids)"
    sign
    wait_until has 'signet_token_host_restarts_total{module="softhsm-embedded"} 1'
    has 'signet_token_host_up{module="softhsm-embedded"} 1'
    has 'signet_token_host_waiting{module="softhsm-embedded"} 0'
}

@test "the file: whole, for all to read, replaced when something changed" {
    conf "metrics-file = $FILE" 'metrics-interval = 1s'
    ok signet agent start
    wait_until test -s "$FILE"
    [ "$(stat -c %a "$FILE")" = 644 ]
    sign
    wait_until has "signet_operations_total{key=\"$KEY\",token=\"demo\",operation=\"sign\",result=\"ok\"} 1"
    has "signet_operation_duration_seconds_count{key=\"$KEY\",token=\"demo\"} 1"
    has 'signet_denials_total{reason="policy"} 0'
    only_files . signet.prom out
    # The form (Prometheus, text format 0.0.4): each sample has its HELP and TYPE before it.
    awk '/^# HELP/ { help[$3] = 1; next }
         /^# TYPE/ { if (!help[$3] || $4 !~ /^(counter|gauge|histogram)$/) exit 1; type[$3] = $4; next }
         { name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
           if (!(name in type) && type[base] != "histogram") exit 1
           if ($0 !~ /^[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? [0-9.]+$/) exit 1 }
         END { if (NR < 30) exit 1 }' "$FILE" || fail "$(cat "$FILE")"
}

@test "an idle agent writes no file" {
    conf "metrics-file = $FILE" 'metrics-interval = 1s'
    sign
    wait_until has "signet_operations_total{key=\"$KEY\",token=\"demo\",operation=\"sign\",result=\"ok\"} 1"
    # What the last client's going left to tell is written; then nothing more is.
    sleep 1.2
    before=$(stat -c '%i %y' "$FILE")
    sleep 2.5
    [ "$(stat -c '%i %y' "$FILE")" = "$before" ]
}

@test "the last figures are written at the end" {
    conf "metrics-file = $FILE" 'metrics-interval = 10m'
    sign
    sign
    signet agent stop
    has "signet_operations_total{key=\"$KEY\",token=\"demo\",operation=\"sign\",result=\"ok\"} 2"
}

@test "a file that cannot be written stops nothing" {
    mkdir dir
    conf "metrics-file = $PWD/no/such/folder.prom" 'metrics-interval = 1s'
    ok sign
    wait_until grep -q 'metrics cannot be written to .*No such file' "$SIGNET_HOME/agent.log"
    ok signet agent stop
    cp "$T/conf" "$SIGNET_HOME/signet.conf"
    conf "metrics-file = $PWD/dir"
    ok sign
    ok signet agent stop
    [ -d dir ]
    only_files . dir out
}

@test "a link in the file's place is replaced, not followed" {
    echo precious >target
    ln -s target "$FILE"
    conf "metrics-file = $FILE" 'metrics-interval = 1s'
    sign
    signet agent stop
    [ "$(cat target)" = precious ]
    [ ! -L "$FILE" ]
}

# fetch REQUEST: what the socket answers.
fetch() {
    perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$!\n";
        print $s $ARGV[1]; $s->shutdown(1); print while <$s>' "$SOCK" "$1"
}

@test "the socket answers a GET, for its owner alone" {
    conf "metrics-socket = $SOCK"
    sign
    [ "$(stat -c %a "$SOCK")" = 600 ]
    ok fetch $'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
    [[ $output == "HTTP/1.1 200 OK"*"text/plain; version=0.0.4"* ]]
    [[ $output == *"signet_operations_total{key=\"$KEY\",token=\"demo\",operation=\"sign\",result=\"ok\"} 1"* ]]
    if command -v curl >/dev/null; then
        ok curl -sS --fail --max-time 10 --unix-socket "$SOCK" http://localhost/metrics
        [[ $output == *signet_agent_info* ]]
        run curl -sS --fail --max-time 10 --unix-socket "$SOCK" http://localhost/other
        [ "$status" = 22 ]
    fi
    signet agent stop
    [ ! -e "$SOCK" ]
}

@test "clients that say nothing, or nonsense, or go, keep nobody waiting for long" {
    conf "metrics-socket = $SOCK"
    ok signet agent start
    perl -MIO::Socket::UNIX -e 'for (1..2) { push @s, IO::Socket::UNIX->new(Peer => $ARGV[0]) }
        print "there\n"; $| = 1; sleep 60' "$SOCK" >there 3>&- &
    silent=$!
    perl -MIO::Socket::UNIX -e 'for (1..50) { $s = IO::Socket::UNIX->new(Peer => $ARGV[0]);
        print $s "GET / HT" if $_ % 2; close $s }' "$SOCK"
    ok fetch $'GET / HTTP/1.1\r\n\r\n'
    [[ $output == "HTTP/1.1 200"* ]]
    kill $silent
    wait $silent || true
    # More than a request may have: the answer comes, or the connection ends under it.
    run fetch "$(head -c 100000 /dev/zero | tr '\0' x)"
    [[ $output != *"200 OK"* ]]
    ok fetch $'GET / HTTP/1.1\r\n\r\n'
    [[ $output == "HTTP/1.1 200"* ]]
    ok sign
}

@test "a socket that cannot be made is said, and the agent does not start" {
    echo precious >file
    conf "metrics-socket = $PWD/file"
    ends 6 signet agent start
    says 'metrics-socket \(\[agent\]\): .*/file is in the way'
    [ "$(cat file)" = precious ]
    cp "$T/conf" "$SIGNET_HOME/signet.conf"
    conf "metrics-socket = $PWD/no/such/sock"
    ends 6 signet agent start
    says 'metrics-socket \(\[agent\]\): .*cannot be made'
}

@test "settings in the wrong form are refused" {
    conf 'metrics-file = relative.prom'
    ends 2 signet agent start
    says 'signet.conf:[0-9]+: .*metrics-file.* absolute path'
    cp "$T/conf" "$SIGNET_HOME/signet.conf"
    conf 'metrics-interval = 0s'
    ends 2 signet agent start
    says 'metrics-interval'
}

@test "a service manager's socket named metrics is used, and stays" {
    "$E2E_MANAGER" "$PWD/log" agent="$SIGNET_HOME/run/agent.sock" metrics="$SOCK" -- \
        "$SIGNET_BUILD/agent/signet-agent" --foreground 2>errors 3>&- &
    manager=$!
    ok sign
    ok fetch $'GET / HTTP/1.1\r\n\r\n'
    [[ $output == *'signet_clients_total{result="admitted"} '[1-9]* ]] || fail "$output"
    kill -TERM $manager
    wait $manager
    grep -qx "socket $SOCK kept" log
    rm -f "$SIGNET_HOME/run/agent.sock"
}
