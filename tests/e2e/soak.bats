#!/usr/bin/env bats
# SPDX-License-Identifier: LGPL-2.1-or-later
# Five clients sign and decrypt while cards are pulled, hosts killed, PINs changed and
# forgotten, and sessions used up at random. Afterwards every request was right or clearly refused, none hung,
# and no try of a PIN was lost. SOAK_SECONDS says how long (20; in the long form 45).

load lib/common
load lib/cards

SECONDS_LONG=${SOAK_SECONDS-20}
[ -z "${E2E_LONG-}" ] || SECONDS_LONG=${SOAK_SECONDS-45}
# No answer may take longer: the deadline of a host that hangs, and its repetition.
HANG_SECONDS=75

setup_file() {
    e2e_begin openssl softhsm2-util pkcs11-tool || return 0
    cards_begin || return 0
    ca_make "$T/ca"
    mail_pl sample 4 twin@soak.example >"$T/mail"
    CA_USAGE=,keyEncipherment ca_leaf "$T/ca" twin rsa2048 twin@soak.example
    home_new main
    cards_conf
    for n in one two; do
        softhsm_new "$T/$n"
        softhsm_token "$T/$n" "$n"
        softhsm_key "$T/$n" "$n" twin 01
        printf '[module %s]\npath = %s\nsofthsm-conf = %s\n[token %s]\npin-source = file:%s\n' \
            $n "$SOFTHSM_MODULE" "$T/$n/softhsm2.conf" $n "$T/pin" >>"$SIGNET_HOME/signet.conf"
    done
    softhsm_token "$T/one" changing
    # A module that has as few sessions as it is told to (tests/pkcs11/fault_module.c).
    ca_leaf "$T/ca" few p256 few@soak.example
    softhsm_new "$T/few"
    softhsm_token "$T/few" few
    softhsm_key "$T/few" few few 01
    printf '[module few]\npath = %s\nsofthsm-conf = %s\n[token few]\npin-source = file:%s\n' \
        "$E2E_FAULT_MODULE" "$T/few/softhsm2.conf" "$T/pin" >>"$SIGNET_HOME/signet.conf"
    echo 556677 >"$T/other"
    chmod 600 "$T/other"
    piv_folder alice rsa2048
    card_insert alice 0
    pinentry_new person "$CARD_PIN"
    pinentry_use person
}

teardown_file() {
    cards_end
    e2e_end
}

setup() {
    e2e_test
    home_use main
    export DISPLAY=:none SIGNET_FAULT_FILE=$T/faults
}

# once NAME COMMAND...: runs it; notes status and seconds in NAME.log.
once() {
    local name=$1 began=$EPOCHSECONDS status=0
    shift
    timeout -k 5 120 "$@" 2>"$name.err" || status=$?
    echo "$status $((EPOCHSECONDS - began)) $(head -c 200 "$name.err" | tr '\n' ' ')" >>"$name.log"
    return $status
}

signing_client() { # NAME KEY
    local round=0
    while [ "$EPOCHSECONDS" -lt "$END" ]; do
        rm -f "$1.out"
        if once "$1" signet sign -u "$2" -o "$1.out" "$T/mail"; then
            openssl_accepts_mail "$1.out" "$1.content" >/dev/null 2>&1 || echo "$round" >>wrong
        elif [ -e "$1.out" ]; then
            echo "output of a failure" >>wrong
        fi
        round=$((round + 1))
    done
}

decrypting_client() { # NAME
    while [ "$EPOCHSECONDS" -lt "$END" ]; do
        rm -f "$1.out"
        if once "$1" signet decrypt --cms -o "$1.out" secret.p7m; then
            cmp -s "$1.out" "$T/mail" || echo decrypted >>wrong
        fi
    done
}

kill_a_host() {
    local pids
    pids=$(signet agent status --json 2>/dev/null | perl -MJSON::PP -0777 -ne '
        print join "\n", grep { $_ > 1 } map { $_->{pid} } @{decode_json($_)->{hosts}}')
    pids=$(shuf -n 1 <<<"$pids")
    [ -z "$pids" ] || kill -9 "$pids" 2>/dev/null || :
}

# For a second the token has one session, or opens none at all; those that are open stay.
use_up_sessions() {
    shuf -n 1 -e 'sessions 1' 'fail C_OpenSession 0 0xb1' >"$SIGNET_FAULT_FILE.new"
    mv "$SIGNET_FAULT_FILE.new" "$SIGNET_FAULT_FILE"
    [ $((RANDOM % 2)) = 0 ] || kill_a_host
    sleep 1
    : >"$SIGNET_FAULT_FILE"
}

change_a_pin() {
    once change signet pin change --token changing --pin-file "$NOW" --new-pin-file "$THEN" || return 0
    local swap=$NOW
    NOW=$THEN THEN=$swap
}

@test "soak: right or clearly refused, no hang, no PIN try lost" {
    export END=$((EPOCHSECONDS + SECONDS_LONG))
    NOW=$T/pin THEN=$T/other
    : >wrong
    ok signet encrypt --cms -r "$T/ca/twin.crt" -o secret.p7m "$T/mail"
    clients=()
    signing_client soft twin@soak.example &
    clients+=($!)
    signing_client again twin@soak.example &
    clients+=($!)
    signing_client card 9a-alice@cards.example &
    clients+=($!)
    decrypting_client opener &
    clients+=($!)
    signing_client few few@soak.example &
    clients+=($!)
    declare -A did
    while [ "$EPOCHSECONDS" -lt "$END" ]; do
        what=$(shuf -n 1 -e pull kill change forget use-up)
        did[$what]=$((${did[$what]-0} + 1))
        case $what in
        pull) card alice out $((RANDOM % 1500 + 100)) >/dev/null ;;
        kill) kill_a_host ;;
        change) change_a_pin ;;
        forget) once forget signet pin forget || : ;;
        use-up) use_up_sessions ;;
        esac
        sleep 0.$((RANDOM % 6 + 3))
    done
    wait "${clients[@]}"
    for name in soft again card opener few change forget; do
        [ -e $name.log ] || continue
        echo "# $name: $(cut -d' ' -f1 $name.log | sort | uniq -c | awk '{ printf "%d with status %d, ", $1, $2 }')longest $(cut -d' ' -f2 $name.log | sort -n | tail -1) s" >&3
    done
    for what in "${!did[@]}"; do echo "# $what: ${did[$what]}" >&3; done
    [ ! -s wrong ] || fail "wrong results:" "$(cat wrong)"
    # Clearly refused: a status of its own, and a sentence.
    awk '($1 != 0 && $1 != 4 && $1 != 6) || ($1 != 0 && NF < 6) { print FILENAME ": " $0; bad = 1 }
         END { exit bad }' ./*.log || fail "not clear"
    awk -v most=$HANG_SECONDS '$2 > most { print; bad = 1 } END { exit bad }' ./*.log || fail "hung"
    # The keys that were not touched never failed.
    ! grep -v '^0 ' soft.log again.log opener.log || fail "failover was noticed"
    card_is_in alice || card_back alice || wait_until card_is_in alice
    ends 0 signet tokens --json
    perl -MJSON::PP -0777 -ne '
        for (@{decode_json($_)}) {
            die "tries lost: $_->{label}\n" if $_->{flags}{pin_count_low} || $_->{flags}{pin_locked};
        }' <<<"$output"
    ends 0 signet sign -u 9a-alice@cards.example -o after "$T/mail"
    ok openssl_accepts_mail after
}
