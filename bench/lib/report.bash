# SPDX-License-Identifier: LGPL-2.1-or-later
# Tables on standard output, and the same figures as JSON: each section adds lines
# of JSON objects to $T/json.SECTION.

# value LINE KEY: a number or string of a flat JSON object.
value() { sed -n 's/.*"'"$2"'": "\{0,1\}\([^",}]*\).*/\1/p' <<<"$1"; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }

keep() { printf '%s\n' "$2" >>"$T/json.$1"; }

heading() { printf '\n%s\n' "$1"; printf '%s\n' "${1//?/-}"; }

# race_table SECTION LINE...: times of whole processes beside the first one's.
race_table() {
    local section=$1 line first=
    shift
    printf '%-24s %10s %10s %10s %8s %10s %9s\n' '' median best '90 %' '/Signet' memory failed
    for line; do
        keep "$section" "$line"
        first=${first:-$(value "$line" median_ms)}
        printf '%-24s %7.2f ms %7.2f ms %7.2f ms %8s %7s KB %9s\n' \
            "$(title "$(value "$line" name)")" "$(value "$line" median_ms)" \
            "$(value "$line" best_ms)" "$(value "$line" p90_ms)" \
            "$(ratio "$(value "$line" median_ms)" "$first")" \
            "$(value "$line" peak_kib)" "$(value "$line" failures)"
    done
}

report_json() {
    local file name
    printf '{"time": "%s", "cpu": "%s", "cores": %s, "kernel": "%s",\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(nproc)" "$(uname -r)"
    printf ' "commit": "%s", "openssl": "%s", "absent": "%s",\n' \
        "$(git -C "$ROOT" describe --always --dirty 2>/dev/null)" "$(openssl version)" "$ABSENT"
    printf ' "sections": {'
    local comma=
    for file in "$T"/json.*; do
        [ -e "$file" ] || continue
        name=${file##*/json.}
        printf '%s\n  "%s": [\n    ' "$comma" "$name"
        sed '$!s/$/,/; 2,$s/^/    /' "$file" | sed '$!b' | tr -d '\000'
        printf '  ]'
        comma=,
    done
    printf '\n }}\n'
}
