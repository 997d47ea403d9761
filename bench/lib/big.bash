# SPDX-License-Identifier: LGPL-2.1-or-later
# Large files, large mails, base64: what goes through as a stream, or should.

# A folder with room for that many MiB: in memory, else on a disk; BIG_DIR and BIG_WHERE.
# "disk" asks for a disk at once.
big_folder() {  # MIB [disk]
    BIG_DIR=$(mktemp -d "$T/big/XXXXXX") BIG_WHERE=memory
    [[ $T == /dev/shm/* ]] || BIG_WHERE=${T%/*}
    if [ "${2-}" = disk ] || [ "$(df --output=avail -m "$BIG_DIR" | tail -1)" -lt "$1" ]; then
        BIG_DIR=$(mktemp -d "${TMPDIR:-/var/tmp}/sgb-XXXXXX")
        BIG_WHERE=${BIG_DIR%/*}
        BIG_DISK=$BIG_DIR
    fi
    [ "$(df --output=avail -m "$BIG_DIR" | tail -1)" -ge "$1" ] && return
    echo "skipped: $1 MiB needed in /dev/shm or ${BIG_DIR%/*}"
    big_folder_end
    return 1
}

big_folder_end() { rm -rf "${BIG_DIR:?}"; }

big_heading() {
    heading "$1"
    printf '%-18s %-20s %7s %7s %8s %9s %9s  %s\n' 'GB/s of content' '' median best /Signet \
        'CPU s' memory "DESIGN's"
}

# One kind of work with $SIZE bytes of content: contestants and their commands as
# stopwatch wants them. $ROUNDS_BIG rounds, $WARM_BIG before. What fails is shown with the
# last that it said.
big_race() {  # SECTION WHAT TARGET [-x FILE]... -- NAME COMMAND...
    local section=$1 what=$2 target=$3 lines line ours why
    shift 3
    rm -f "$T"/big.errors.*
    lines=$("$STOPWATCH" -r "$ROUNDS_BIG" -w "$WARM_BIG" -e "$T/big.errors" "$@")
    ours=$(value "$(grep '"name": "signet"' <<<"$lines")" median_ms)
    while read -r line; do
        [ "$(value "$line" failures)" = 0 ] && why= ||
            why=$(grep -a . "$T/big.errors.$(value "$line" name)" 2>/dev/null | tail -1 | tr -d '"\\' | cut -c1-100)
        keep "$section" "{\"work\": \"$what\", \"bytes\": $SIZE, ${why:+\"why\": \"$why\", }${line#\{}"
        awk -v what="$what" -v who="$(title "$(value "$line" name)")" -v bytes="$SIZE" \
            -v ms="$(value "$line" median_ms)" -v best="$(value "$line" best_ms)" \
            -v cpu="$(value "$line" cpu_ms)" -v kib="$(value "$line" peak_kib)" \
            -v ours="$ours" -v bad="$(value "$line" failures)" -v why="$why" \
            -v target="$([ "$(value "$line" name)" = signet ] && [ $section != huge ] &&
                echo "$target")" 'BEGIN {
                printf "%-18s %-20s ", what, who
                if (bad > 0)
                    printf "%7s %7s %8s ", "failed", "-", "-"
                else
                    printf "%7.3f %7.3f %8.2f ", bytes / 1e6 / ms, bytes / 1e6 / best, ours ? ms / ours : 0
                printf "%9.2f %6d KB  %s\n", cpu / 1e3, kib, (bad > 0 ? why : target) }'
    done < <(grep '"name": "signet"' <<<"$lines"; grep -v '"name": "signet"' <<<"$lines")
}

# The commands of the peers, for whatever has a file key.
big_commands() {
    ANCHORS=(--anchor "$T/ca/root.crt" --anchor "$T/ca/inter.crt")
    OSSL_SIGN=(openssl cms -sign -binary -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt"
        -certfile "$T/ca/inter.crt" -outform DER)
    OSSL_VERIFY=(openssl cms -verify -binary -inform DER -CAfile "$T/ca/chain.pem" -purpose smimesign)
    OSSL_DECRYPT=(openssl cms -decrypt -binary -inform DER -inkey "$T/ca/rsa.key" -recip "$T/ca/rsa.crt")
    SCD=() GPGSM=()
    ! have scd || SCD=(-- scd "GNUPGHOME=$T/gpgsm" gpgsm -q --yes)
    ! have gpgsm || GPGSM=(-- gpgsm "GNUPGHOME=$T/gpgsm-file" gpgsm -q --yes)
}

big_sign() {  # SECTION: $DIR/in signed and verified
    local s=$1 u="-u rsa@bench.example"
    big_race $s "sign detached" "95 % of sha256" -x "$DIR/d" \
        -- signet signet sign $u --cms --detached -o "$DIR/d" "$DIR/in" \
        -- file "${OSSL_SIGN[@]}" -in "$DIR/in" -out "$DIR/d" \
        ${SCD:+"${SCD[@]}" $u --detach-sign -o "$DIR/d" "$DIR/in"}
    signet sign $u --cms --detached -o "$DIR/d" "$DIR/in"
    big_race $s "verify detached" "" \
        -- signet signet verify "${ANCHORS[@]}" --content "$DIR/in" "$DIR/d" \
        -- file "${OSSL_VERIFY[@]}" -in "$DIR/d" -content "$DIR/in" -out /dev/null \
        ${SCD:+"${SCD[@]}" --verify "$DIR/d" "$DIR/in"}
    big_race $s "sign opaque" "" -x "$DIR/o" \
        ${SCD:+"${SCD[@]}" $u --sign -o "$DIR/o" "$DIR/in"} \
        -- file "${OSSL_SIGN[@]}" -nodetach -stream -in "$DIR/in" -out "$DIR/o" \
        -- signet signet sign $u --cms -o "$DIR/o" "$DIR/in"
    big_race $s "verify opaque" "1.2" -x "$DIR/out" \
        ${SCD:+"${SCD[@]}" -o "$DIR/out" --verify "$DIR/o"} \
        -- file "${OSSL_VERIFY[@]}" -in "$DIR/o" -out "$DIR/out" \
        -- signet signet verify "${ANCHORS[@]}" -o "$DIR/out" "$DIR/o"
    big_same "verify opaque"
    rm -f "$DIR/o" "$DIR/out" "$DIR/d"
}

# Signet comes last, so that its result is what is looked at.
big_same() {
    cmp "$DIR/in" "$DIR/out" || echo "$1: Signet's result is not what it was"
}

big_encrypt() {  # SECTION: to one recipient and back; all decrypt Signet's message
    local s=$1 crt=$T/ca/rsa.crt
    big_race $s "encrypt GCM" "1.3" -x "$DIR/e" \
        -- file openssl cms -encrypt -binary -stream -aes-256-gcm -outform DER -in "$DIR/in" \
        -out "$DIR/e" "$crt" \
        -- signet signet encrypt --cms -r "$crt" -o "$DIR/e" "$DIR/in"
    big_race $s "decrypt GCM" "1.2" -x "$DIR/out" \
        -- file "${OSSL_DECRYPT[@]}" -in "$DIR/e" -out "$DIR/out" \
        -- signet signet decrypt --cms -o "$DIR/out" "$DIR/e"
    big_same "decrypt GCM"
    big_race $s "encrypt CBC" "" -x "$DIR/e" \
        ${GPGSM:+"${GPGSM[@]}" --cipher-algo AES256 -r rsa@bench.example --encrypt -o "$DIR/e" "$DIR/in"} \
        -- file openssl cms -encrypt -binary -stream -aes-256-cbc -outform DER -in "$DIR/in" \
        -out "$DIR/e" "$crt" \
        -- signet signet encrypt --cms --cipher aes256-cbc --pkcs1 -r "$crt" -o "$DIR/e" "$DIR/in"
    big_race $s "decrypt CBC" "" -x "$DIR/out" \
        ${GPGSM:+"${GPGSM[@]}" --decrypt -o "$DIR/out" "$DIR/e"} \
        -- file "${OSSL_DECRYPT[@]}" -in "$DIR/e" -out "$DIR/out" \
        -- signet signet decrypt --cms -o "$DIR/out" "$DIR/e"
    big_same "decrypt CBC"
    rm -f "$DIR/e" "$DIR/out"
}

section_big() {
    local ROUNDS_BIG=3 WARM_BIG=1 SIZE=$((MIB * 1048576)) DIR
    big_folder $((MIB * 4 + 256)) || return 0
    DIR=$BIG_DIR
    big_commands
    big_heading "CMS of a $MIB MiB file in $BIG_WHERE"
    head -c "${MIB}M" /dev/urandom >"$DIR/in"
    big_race big "sha256" "" -- "openssl dgst" openssl dgst -sha256 "$DIR/in"
    big_race big "copy" "" -x "$DIR/out" -- cp cp "$DIR/in" "$DIR/out"
    rm -f "$DIR/out"
    big_sign big
    big_encrypt big
    big_folder_end
}

# More than 32 bits count. On a disk: in memory there is rarely room. The content is a
# file with holes, so that the disk has one copy to write alone.
section_huge() {
    local ROUNDS_BIG=1 WARM_BIG=0 SIZE=$((HUGE_MIB * 1048576 + 13)) DIR
    big_folder $((HUGE_MIB * 2 + 1024)) disk || return 0
    DIR=$BIG_DIR
    big_commands
    big_heading "CMS of a $HUGE_MIB MiB file on the disk of $BIG_WHERE, one round"
    truncate -s "${HUGE_MIB}M" "$DIR/in"
    printf 'and its end.\n' >>"$DIR/in"
    # Whoever came first would read it from the disk, the others from memory.
    big_race huge "sha256" "" -- "openssl dgst" openssl dgst -sha256 "$DIR/in"
    big_sign huge
    big_encrypt huge
    big_folder_end
}

section_mails() {
    local ROUNDS_BIG=5 WARM_BIG=1 SIZE DIR u="-u rsa@bench.example"
    big_folder $((MAIL_MB * 6)) || return 0
    DIR=$BIG_DIR
    big_commands
    perl "$ROOT/tests/e2e/lib/mail.pl" sample $((MAIL_MB * 1000)) rsa@bench.example >"$DIR/in"
    SIZE=$(stat -c %s "$DIR/in")
    local ossl_sign=(openssl cms -sign -stream -inkey "$T/ca/rsa.key" -signer "$T/ca/rsa.crt"
        -certfile "$T/ca/inter.crt" -in "$DIR/in")
    local ossl_verify=(openssl cms -verify -inform SMIME -CAfile "$T/ca/chain.pem" -purpose smimesign)
    big_heading "S/MIME mails of $((SIZE / 1000000)) MB in $BIG_WHERE"
    big_race mails "sign clear" "" -x "$DIR/m" \
        -- file "${ossl_sign[@]}" -out "$DIR/m" \
        -- signet signet sign $u -o "$DIR/m" "$DIR/in"
    big_race mails "verify clear" "1.0" -x "$DIR/out" \
        -- file "${ossl_verify[@]}" -in "$DIR/m" -out "$DIR/out" \
        -- signet signet verify "${ANCHORS[@]}" -o "$DIR/out" "$DIR/m"
    big_race mails "sign opaque" "" -x "$DIR/m" \
        -- file "${ossl_sign[@]}" -nodetach -out "$DIR/m" \
        -- signet signet sign $u --opaque -o "$DIR/m" "$DIR/in"
    big_race mails "verify opaque" "0.9" -x "$DIR/out" \
        -- file "${ossl_verify[@]}" -in "$DIR/m" -out "$DIR/out" \
        -- signet signet verify "${ANCHORS[@]}" -o "$DIR/out" "$DIR/m"
    big_folder_end
}

section_base64() {
    local tool line
    tool=$(find "$BUILD" -name base64-rate -type f -perm -u+x | head -1)
    [ -n "$tool" ] || return 0
    heading "Lines of base64, in memory, one thread: GB/s of text"
    printf '%-10s %8s %6s %10s %10s %8s\n' '' columns CRLF Signet openssl ratio
    while read -r line; do
        keep base64 "$line"
        printf '%-10s %8s %6s %10s %10s %8s\n' "$(value "$line" work)" "$(value "$line" columns)" \
            "$(value "$line" crlf)" "$(value "$line" gb_per_second)" "$(value "$line" openssl)" \
            "$(ratio "$(value "$line" gb_per_second)" "$(value "$line" openssl)")"
    done < <("$tool")
}
