#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Who may use which key, as an administrator sets it up: rules in signet.conf and policy.d, read
# anew while the agent runs.

load lib/common

setup_file() {
    e2e_begin openssl jq softhsm2-util pkcs11-tool || return 0
    ca_make "$T/ca"
    home_new main
    softhsm_new "$T/hsm"
    softhsm_token "$T/hsm" work
    softhsm_conf "$T/hsm"
    pin_source work "$T/pin"
    for who in invoice person; do
        CA_USAGE=,keyEncipherment ca_leaf "$T/ca" $who rsa2048 $who@policy.example
        softhsm_key "$T/hsm" work $who "$([ $who = invoice ] && echo 01 || echo 02)"
    done
    mail_pl sample 2 invoice@policy.example >"$T/mail"
    cp "$SIGNET_HOME/signet.conf" "$T/conf"
}

teardown_file() { e2e_end; }

setup() {
    e2e_test
    home_use main
    cp "$T/conf" "$SIGNET_HOME/signet.conf"
    rm -rf "$SIGNET_HOME/policy.d"
    mkdir -m 700 "$SIGNET_HOME/policy.d"
    policy ""
}

# policy TEXT: becomes the policy of the running agent.
policy() {
    printf '%b' "$1" >"$SIGNET_HOME/policy.d/10.conf"
    chmod 600 "$SIGNET_HOME/policy.d/10.conf"
    signet agent reload
}

sign() { signet --batch sign -u "$1@policy.example" -o /dev/null "${@:2}" "$T/mail"; }

@test "without rules the owner uses all keys, and is told so" {
    ok sign invoice
    ends 0 signet agent policy
    says "there are no rules"
}

@test "a rule names what its key is for; what is denied says which rule, and is in the log" {
    ok policy '[key token:work]\noperations = sign\nschemes = rsa-pkcs1-sha256\n'
    ok sign invoice
    ends 4 sign invoice --digest sha512
    says 'policy.d/10.conf:1, whose "schemes" are others'
    says "rsa-pkcs1-sha512"
    ok signet encrypt --cms -r "$T/ca/invoice.crt" -o secret.p7m "$T/mail"
    ends 4 signet --batch decrypt --cms -o opened secret.p7m
    says "10.conf"
    [ ! -e opened ]
    ends 0 signet audit show --json --event denial
    jq -se '.[-1] | .operation == "decrypt" and .result == "E_DENIED" and (.note | contains("10.conf"))' <<<"$output" || fail "$output"
    ends 0 signet agent policy
    [[ $output == *allow*"operations sign; schemes rsa-pkcs1-sha256"*10.conf* ]] || fail "$output"
    ends 0 signet agent policy --json
    jq -e 'length == 1 and .[0].action == "allow"' <<<"$output"
}

@test "a faulty policy is refused with file and line, and the one before stays" {
    ok policy '[key *]\naction = deny\n'
    ends 4 sign invoice
    printf '[key *]\naction = allow\ncolour = blue\n' >"$SIGNET_HOME/policy.d/10.conf"
    ends 2 signet agent reload
    says '10.conf.*3'
    ends 4 sign invoice
    printf '[key *]\noperations = sing\n' >"$SIGNET_HOME/policy.d/10.conf"
    ends 2 signet agent reload
    says '10.conf:2: .key .*: operations: only sign'
    printf '[key *]\n[key *]\nusers = 1\n' >"$SIGNET_HOME/policy.d/10.conf"
    ends 2 signet agent reload
    says '10.conf:2: .* is never looked at'
    chmod 666 "$SIGNET_HOME/policy.d/10.conf"
    ends 2 signet agent reload
    says "writable by nobody"
    ends 4 sign invoice
    ends 0 signet audit show --json --event policy --result failed
    [ "$(wc -l <<<"$output")" -ge 2 ]
    # Nor does an agent start with it.
    ok signet agent stop
    ends 6 sign invoice
    says "10.conf"
    ok policy ''
    ok sign invoice
}

@test "programs, users and fronts" {
    ok policy '[key *]\nexecutables = /usr/bin/false\n'
    ends 4 sign invoice
    ok policy "[key *]\nexecutables = $(command -v signet)\nfronts = cli\nusers = $(id -u)\n"
    ok sign invoice
    ok policy "[key *]\nusers = 4242\n"
    ends 4 sign invoice
    says "user $(id -u)"
    ok policy "[key *]\nfronts = ssh\n"
    ends 4 sign invoice
}

@test "a rate and a count" {
    ok policy '[key *]\nrate = 2/hour\n'
    ok sign invoice
    ok sign invoice
    ends 4 sign invoice
    says "10.conf"
    ok sign person
    ok policy '[key *]\ncount = 1\n'
    ok sign invoice
    ends 4 sign invoice
    ok signet agent stop
    ends 4 sign invoice
}

@test "two rules for one key, of one file" {
    ok policy '[key *]\nfronts = ssh\n[key *]\nfronts = cli\nrate = 9/hour\nper-user = yes\n'
    ok sign invoice
    ends 0 signet agent policy
    [ "$(grep -c 10.conf <<<"$output")" = 2 ] || fail "$output"
    [[ $output == *"fronts cli; rate 9/hour, per user"*10.conf:3* ]] || fail "$output"
    ends 0 signet agent policy --json
    jq -e '.[1] | .rate == "9/hour" and .per_user and .fronts == ["cli"]' <<<"$output"
    ends 0 signet agent status --json
    jq -e '.metrics.denials.policy >= 0' <<<"$output"
    ok signet agent reload --help
    ok signet agent policy --help
}

@test "hours that never are" {
    day=$(LC_ALL=C date -d '2 days' +%a | tr A-Z a-z)
    ok policy "[key *]\nhours = $day 00:00-00:01\n"
    ends 4 sign invoice
    says "10.conf"
}

@test "a confirmation that nobody can be asked for is a denial" {
    ok policy '[key *]\nconfirm = each\n'
    ends 4 sign invoice
}

@test "SIGHUP reads it anew" {
    printf '[key *]\naction = deny\n' >"$SIGNET_HOME/policy.d/10.conf"
    kill -HUP "$(agent_pid)"
    denied() { ! sign invoice 2>/dev/null; }
    wait_until denied
    ends 4 sign invoice
}
