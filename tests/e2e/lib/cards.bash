# SPDX-License-Identifier: LGPL-2.1-or-later
# Virtual smart cards behind a real pcscd and OpenSC, all of one's own: nothing of the
# system's pcscd, readers or OpenSC configuration is touched.
#
#   load lib/common
#   load lib/cards
#   setup_file() {
#       e2e_begin openssl || return 0
#       cards_begin || return 0             pcscd with two empty readers, 0 and 1
#       ca_make "$T/ca"
#       piv_folder alice rsa2048            a card's keys and certificates, $T/cards/alice
#       card_insert alice 0                 a card in reader 0; named after its folder
#   }
#   setup() { e2e_test; home_new "h$BATS_TEST_NUMBER"; cards_conf; }
#   teardown_file() { cards_end; e2e_end; }
#
#   card alice out                          a word of its control interface
#                                           (tests/cards/control.h, piv.h)
#   card_count alice verify                 one counter
#
# PIN and PUK of every card are $CARD_PIN and $CARD_PUK.

CARD_PIN=246813
CARD_PUK=97531864
OPENSC_MODULE=$(ls /usr/lib/*/opensc-pkcs11.so 2>/dev/null | head -1)

cards_tool() { echo "${CARDS_BUILD:-$SIGNET_BUILD/tests/cards}/$1"; }

# The rig itself; 77 when this machine cannot have it, the reason in $T/pcsc/why.
cards_rig_start() {
    local i
    mkdir -m 700 -p "$T/pcsc" "$T/cards"
    printf 'app default {\n    framework pkcs15 {\n        use_file_caching = no;\n    }\n}\n' \
        >"$T/pcsc/opensc.conf"
    [ -n "$OPENSC_MODULE" ] || {
        echo 'opensc-pkcs11 is not installed' >"$T/pcsc/why"
        return 77
    }
    [ -x "$(cards_tool pcscd-rig)" ] || {
        echo 'the virtual cards are not built' >"$T/pcsc/why"
        return 77
    }
    setsid -f "$(cards_tool pcscd-rig)" "$T/pcsc" </dev/null >/dev/null 2>"$T/pcsc/why" 3>&-
    for ((i = 0; i < 1000; i++)); do
        [ ! -e "$T/pcsc/ports" ] || break
        [ ! -e "$T/pcsc/status" ] || return "$(cat "$T/pcsc/status")"
        sleep 0.02
    done
    read -r -a CARD_PORTS <"$T/pcsc/ports" || return 1
    export CARD_PORT_0=${CARD_PORTS[0]} CARD_PORT_1=${CARD_PORTS[1]}
    export PCSCLITE_CSOCK_NAME=$T/pcsc/pcscd.comm OPENSC_CONF=$T/pcsc/opensc.conf
}

# First in setup_file after e2e_begin, with `|| return 0`.
cards_begin() {
    local status=0
    cards_rig_start || status=$?
    [ $status -ne 77 ] || e2e_skip_file "$(cat "$T/pcsc/why")" || return
    [ $status -eq 0 ] || {
        cat "$T/pcsc/why" "$T/pcsc/pcscd.log" >&2
        exit 1
    }
}

# Before e2e_end: agents first, since they hold on to the readers.
cards_end() {
    local pid control
    [ -z "${SIGNET_BUILD-}" ] || home_stop_all
    for control in "$T"/cards/*.control; do
        [ ! -S "$control" ] || "$(cards_tool virtual-piv)" --tell "$control" quit || :
    done
    [ -e "$T/pcsc/pid" ] || return 0
    pid=$(cat "$T/pcsc/pid")
    kill "$pid" 2>/dev/null || return 0
    wait_gone "$pid"
}

# The module in this home's signet.conf.
cards_conf() { printf '[module cards]\npath = %s\n' "$OPENSC_MODULE" >>"$SIGNET_HOME/signet.conf"; }

# piv_key NAME SLOT TYPE: a key and its certificate for SLOT-NAME@cards.example.
piv_key() {
    local dir=$T/cards/$1 slot=$2 type=$3 usage=
    case $slot in
    9a | 9c | 9e) ;;
    *) case $type in rsa*) usage=,keyEncipherment ;; *) usage=,keyAgreement ;; esac ;;
    esac
    ca_key "$dir/$slot.key" "$type" && openssl pkey -in "$dir/$slot.key" -pubout -out "$dir/$slot.pub" &&
        CA_USAGE=$usage ca_issue_key "$T/ca" "$dir/$slot.pub" "$slot-$1@cards.example" "$dir/$slot.crt"
}

# piv_folder NAME TYPE [RETIRED]...: keys 9a 9c 9d 9e of that type, and retired ones.
piv_folder() {
    local name=$1 type=$2 slot
    shift 2
    mkdir -m 700 "$T/cards/$name" || return
    printf '%s\n' "$CARD_PIN" >"$T/cards/$name/pin"
    printf '%s\n' "$CARD_PUK" >"$T/cards/$name/puk"
    for slot in 9a 9c 9d 9e "$@"; do
        piv_key "$name" "$slot" "$type" || return
    done
}

# cac_folder NAME: a CAC's database, with three RSA keys for cac1-NAME@cards.example, ...
cac_folder() {
    local dir=$T/cards/$1 i
    mkdir -m 700 "$dir" && certutil -N -d "sql:$dir" --empty-password || return
    for i in 1 2 3; do
        CA_USAGE=,keyEncipherment ca_leaf "$T/ca" "cac$i" rsa2048 "cac$i-$1@cards.example" &&
            openssl pkcs12 -export -name "CAC $i" -inkey "$T/ca/cac$i.key" \
                -in "$T/ca/cac$i.crt" -passout pass: -out "$T/ca/cac$i.p12" &&
            pk12util -i "$T/ca/cac$i.p12" -d "sql:$dir" -W '' -K '' >/dev/null || return
    done
}

# card_start NAME READER [--out]: a card that is about to be in that reader, or kept out.
card_start() {
    local port=CARD_PORT_$2 program=virtual-piv
    [ ! -e "$T/cards/$1/cert9.db" ] || program=virtual-cac
    setsid -f "$(cards_tool $program)" ${3+"$3"} "${!port}" "$T/cards/$1.control" "$T/cards/$1" \
        </dev/null >"$T/cards/$1.log" 2>&1 3>&-
    wait_until test -S "$T/cards/$1.control"
}

card() {
    local name=$1
    shift
    "$(cards_tool virtual-piv)" --tell "$T/cards/$name.control" "$@"
}

card_count() { card "$1" count | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# pcscd knows of the card, or of its absence.
card_is_in() { [ "$(card_count "$1" seen)" = 1 ]; }
card_wait_in() { wait_until card_is_in "$1"; }
reader_wait() { timeout 20 "$(cards_tool pcsc-user)" wait "$1" "$2"; }  # in|out READER

card_insert() {
    card_start "$1" "$2" && card_wait_in "$1"
}

# Into a card's reader again, after `card NAME out`.
card_back() {
    card "$1" in && card_wait_in "$1"
}
