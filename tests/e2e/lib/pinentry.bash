# SPDX-License-Identifier: LGPL-2.1-or-later
# A pinentry that a script answers, and a person at a terminal (expect).

# pinentry_new NAME WORD...: $T/NAME, a pinentry that answers the first GETPIN with
# the first word and so on, the last one again and again: a PIN, or `cancel`, or
# `hang` (no answer as long as the agent lives). What it was asked is in $T/NAME.log.
pinentry_new() {
    local file=$T/$1
    shift
    printf '%s\n' "$@" >"$file.answers"
    cat >"$file" <<'SH'
#!/bin/sh
answers=$0.answers
log() { printf '%s\n' "$1" >>"$0.log"; }
log START
echo "OK scripted pinentry"
while read -r line; do
    log "$line"
    case $line in
    GETPIN*)
        answer=$(head -1 "$answers")
        [ "$(wc -l <"$answers")" -le 1 ] || sed -i 1d "$answers"
        case $answer in
        cancel) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
        hang) cat >/dev/null; log GONE; exit 1 ;;
        *) echo "D $answer"; echo OK ;;
        esac ;;
    GETINFO*pid*) echo "D $$"; echo OK ;;
    BYE*) echo "OK closing connection"; exit 0 ;;
    *) echo OK ;;
    esac
done
SH
    chmod 700 "$file"
    : >"$file.log"
}

# pinentry_use NAME: this home asks through it.
pinentry_use() {
    sed -i "s|^pinentry = .*|pinentry = $T/$1|" "$SIGNET_HOME/signet.conf"
}

# How often a PIN was asked for.
pinentry_asked() { grep -c '^GETPIN' "$T/$1.log"; }
