#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each section and key that a configuration may have is in signet.conf(5), and in its section.
set -eu
root=${1:-$(cd "$(dirname "$0")/.." && pwd)}
missing=$(sed -n 's/^    {"\([a-z]*\)", "\([a-z0-9-]*\)", is_.*/\1 \2/p' "$root/base/conf_schema.c" |
    while read -r kind key; do
        awk -v kind="$kind" -v key="*$key*" '
            /^# / { inside = index($0, "# [" kind "]") == 1 || index($0, "# [" kind " ") == 1 }
            inside && /^\*/ && index($0, key) { found = 1 }
            END { exit !found }' "$root/docs/signet.conf.5.scd" || echo "[$kind] $key"
    done)
[ -n "$(sed -n 's/^    {"key", "users".*/x/p' "$root/base/conf_schema.c")" ] || {
    echo "base/conf_schema.c is not as this test reads it" >&2
    exit 1
}
[ -z "$missing" ] || {
    printf 'docs/signet.conf.5.scd says nothing of:\n%s\n' "$missing" >&2
    exit 1
}
